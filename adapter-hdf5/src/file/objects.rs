//! Objects of an HDF5 file of another program, as far as a plain one has them: groups of either kind, object headers of either
//! version. What is anything else is `None`, and the HDF5 library reads the file.
//!
//! The format is that of "HDF5 File Format Specification Version 3.0". Nothing is believed: each read is within the file, and each
//! walk ends.

use super::checksum::metadata_checksum;
use super::fields::Fields;
use super::superblock::SIGNATURE;

/// So much of the front of a file is read at once: all of a small one.
const FRONT_BYTES: usize = 16 << 10;

/// No part of the metadata of a plain file is larger.
const PART_BYTES_MAX: u64 = 16 << 20;

/// The most blocks of one object header, and the most nodes of one tree.
const STEPS_MAX: usize = 1 << 16;

const CONTINUATION: u8 = 0x10;
const SYMBOL_TABLE: u8 = 0x11;
const LINK: u8 = 0x06;

/// Reads bytes of a file at an address.
pub(super) type ReadAt<'a> = &'a dyn Fn(u64, &mut [u8]) -> Option<()>;

/// A file whose metadata are read piece by piece.
pub(super) struct Metadata<'a> {
    read_at: ReadAt<'a>,
    length: u64,
    front: Vec<u8>,
}

/// A message of an object header.
pub(super) struct Message {
    pub(super) kind: u8,
    pub(super) body: Vec<u8>,
}

impl<'a> Metadata<'a> {
    /// The metadata of a file of this length.
    pub(super) fn new(read_at: ReadAt<'a>, length: u64) -> Option<Self> {
        let mut front = vec![0; crate::index(length.min(FRONT_BYTES as u64))];
        read_at(0, &mut front)?;
        Some(Self {
            read_at,
            length,
            front,
        })
    }

    /// Bytes of the file.
    pub(super) fn bytes(&self, address: u64, size: u64) -> Option<Vec<u8>> {
        let end = address.checked_add(size)?;
        if end > self.length || size > PART_BYTES_MAX {
            return None;
        }
        if let Some(bytes) = self.front.get(crate::index(address)..crate::index(end)) {
            return Some(bytes.to_vec());
        }
        let mut bytes = vec![0; crate::index(size)];
        (self.read_at)(address, &mut bytes)?;
        Some(bytes)
    }

    /// Bytes of the file, fewer where it ends.
    pub(super) fn bytes_up_to(&self, address: u64, most: u64) -> Option<Vec<u8>> {
        self.bytes(address, most.min(self.length.checked_sub(address)?))
    }

    /// Where the root group is. Addresses count from the first byte, and the file ends where it says.
    pub(super) fn root(&self) -> Option<u64> {
        let front = self.bytes(0, 96)?;
        let mut fields = Fields(&front);
        if fields.take(8)? != SIGNATURE {
            return None;
        }
        match fields.u8()? {
            0 => {
                fields.take(4)?;
                if fields.take(2)? != [8, 8] {
                    return None;
                }
                fields.take(9)?;
                let base = fields.uint(8)?;
                fields.take(8)?;
                let end = fields.uint(8)?;
                fields.take(16)?;
                let root = fields.uint(8)?;
                (base == 0 && end == self.length).then_some(root)
            }
            2 => {
                if fields.take(3)? != [8, 8, 0] {
                    return None;
                }
                let (base, _, end) = (fields.uint(8)?, fields.uint(8)?, fields.uint(8)?);
                let root = fields.uint(8)?;
                checked(&front[..48])?;
                (base == 0 && end == self.length).then_some(root)
            }
            _ => None,
        }
    }

    /// The objects of a group by name.
    pub(super) fn members(&self, group: u64) -> Option<Vec<(String, u64)>> {
        let messages = self.messages(group)?;
        let mut members = Vec::new();
        for message in &messages {
            match message.kind {
                LINK => members.push(link(Fields(&message.body))?),
                SYMBOL_TABLE => {
                    let mut fields = Fields(&message.body);
                    let (tree, heap) = (fields.uint(8)?, fields.uint(8)?);
                    members.extend(self.symbols(tree, heap)?);
                }
                _ => {}
            }
        }
        Some(members)
    }

    /// The messages of an object header, in all its blocks.
    pub(super) fn messages(&self, address: u64) -> Option<Vec<Message>> {
        if self.bytes(address, 4)? == b"OHDR" {
            self.messages_of_2(address)
        } else {
            self.messages_of_1(address)
        }
    }

    fn messages_of_1(&self, address: u64) -> Option<Vec<Message>> {
        let prefix = self.bytes(address, 16)?;
        let mut fields = Fields(&prefix);
        if fields.take(2)? != [1, 0] {
            return None;
        }
        fields.take(6)?;
        let mut blocks = vec![(address.checked_add(16)?, fields.uint(4)?)];
        let (mut found, mut next) = (Vec::new(), 0);
        while let Some(&(address, size)) = blocks.get(next) {
            next += 1;
            let block = self.bytes(address, size)?;
            let mut rest = Fields(&block);
            while rest.left() >= 8 {
                let kind = u8::try_from(rest.uint(2)?).ok()?;
                let size = rest.size(2)?;
                let flags = rest.u8()?;
                rest.take(3)?;
                let body = rest.take(size)?;
                take_message((kind, flags, body), &mut blocks, &mut found)?;
            }
            if blocks.len() > STEPS_MAX {
                return None;
            }
        }
        Some(found)
    }

    fn messages_of_2(&self, address: u64) -> Option<Vec<Message>> {
        let head = self.bytes(address, 6)?;
        let (version, flags) = (head[4], head[5]);
        if version != 2 {
            return None;
        }
        let times = if flags & 0x20 == 0 { 0 } else { 16 };
        let phase = if flags & 0x10 == 0 { 0 } else { 4 };
        let width = 1_u64 << (flags & 3);
        let head = 6 + times + phase;
        let size = self.bytes(address.checked_add(head)?, width)?;
        let size = Fields(&size).uint(crate::index(width))?;
        let first = size.checked_add(head + width + 4)?;
        let mut blocks = vec![(address, first)];
        let (mut found, mut next) = (Vec::new(), 0);
        while let Some(&(address, size)) = blocks.get(next) {
            let block = self.bytes(address, size)?;
            let before = match next {
                0 => crate::index(head + width),
                _ if block.starts_with(b"OCHK") => 4,
                _ => return None,
            };
            next += 1;
            let message_head = if flags & 4 == 0 { 4 } else { 6 };
            let mut rest = Fields(checked(&block)?.get(before..)?);
            // What is shorter than a message is a gap.
            while rest.left() >= message_head {
                let kind = rest.u8()?;
                let size = rest.size(2)?;
                let message_flags = rest.u8()?;
                rest.take(message_head - 4)?;
                let body = rest.take(size)?;
                take_message((kind, message_flags, body), &mut blocks, &mut found)?;
            }
            if blocks.len() > STEPS_MAX {
                return None;
            }
        }
        Some(found)
    }

    /// The members of a group that are kept in a tree of tables.
    fn symbols(&self, tree: u64, heap: u64) -> Option<Vec<(String, u64)>> {
        let head = self.bytes(heap, 32)?;
        let mut fields = Fields(&head);
        if fields.take(8)? != b"HEAP\0\0\0\0" {
            return None;
        }
        let size = fields.uint(8)?;
        fields.take(8)?;
        let names = self.bytes(fields.uint(8)?, size)?;
        let mut members = Vec::new();
        for table in self.leaves(tree, 0, 8)? {
            let head = self.bytes(table.1, 8)?;
            let mut fields = Fields(&head);
            if fields.take(6)? != b"SNOD\x01\0" {
                return None;
            }
            let count = fields.uint(2)?;
            let entries = self.bytes(table.1 + 8, count * 40)?;
            let mut entries = Fields(&entries);
            for _ in 0..count {
                let (name, address) = (entries.size(8)?, entries.uint(8)?);
                let kind = entries.uint(4)?;
                entries.take(20)?;
                // 2 is a symbolic link.
                if kind == 2 {
                    return None;
                }
                let name = names.get(name..)?;
                let end = name.iter().position(|byte| *byte == 0)?;
                let name = std::str::from_utf8(&name[..end]).ok()?;
                members.push((name.to_owned(), address));
            }
        }
        Some(members)
    }

    /// What a tree of version 1 leads to: each leaf with the key before it, which has so many bytes.
    pub(super) fn leaves(&self, root: u64, kind: u8, key: u64) -> Option<Vec<(Vec<u8>, u64)>> {
        let (mut nodes, mut found, mut next) = (vec![root], Vec::new(), 0);
        while let Some(&node) = nodes.get(next) {
            next += 1;
            let head = self.bytes(node, 24)?;
            let mut fields = Fields(&head);
            if fields.take(4)? != b"TREE" || fields.u8()? != kind {
                return None;
            }
            let (level, count) = (fields.u8()?, fields.uint(2)?);
            let body = self.bytes(node + 24, count * (key + 8))?;
            let mut fields = Fields(&body);
            for _ in 0..count {
                let key = fields.take(crate::index(key))?.to_vec();
                let child = fields.uint(8)?;
                if level == 0 {
                    found.push((key, child));
                } else {
                    nodes.push(child);
                }
            }
            if nodes.len() > STEPS_MAX {
                return None;
            }
        }
        Some(found)
    }
}

/// Bytes without the checksum at their end, if that holds.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (body, checksum) = bytes.split_last_chunk::<4>()?;
    (metadata_checksum(body) == u32::from_le_bytes(*checksum)).then_some(body)
}

/// Takes a message: one that leads to another block, or one to be looked at. A shared one lies elsewhere.
fn take_message(
    (kind, flags, body): (u8, u8, &[u8]),
    blocks: &mut Vec<(u64, u64)>,
    found: &mut Vec<Message>,
) -> Option<()> {
    if flags & 2 != 0 {
        return None;
    }
    if kind == CONTINUATION {
        let mut fields = Fields(body);
        blocks.push((fields.uint(8)?, fields.uint(8)?));
        return Some(());
    }
    found.push(Message {
        kind,
        body: body.to_vec(),
    });
    Some(())
}

/// A hard link of a group that keeps its links in its header.
fn link(mut fields: Fields<'_>) -> Option<(String, u64)> {
    if fields.u8()? != 1 {
        return None;
    }
    let flags = fields.u8()?;
    if flags & 8 != 0 && fields.u8()? != 0 {
        return None;
    }
    if flags & 4 != 0 {
        fields.take(8)?;
    }
    if flags & 16 != 0 {
        fields.take(1)?;
    }
    let length = fields.size(1 << (flags & 3))?;
    let name = std::str::from_utf8(fields.take(length)?).ok()?.to_owned();
    Some((name, fields.uint(8)?))
}
