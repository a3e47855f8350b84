//! Reads back the metadata that [`super::metadata`] writes.
//!
//! Only what this crate writes is understood, and its checksum has been verified before. Anything else is `None`, and
//! the HDF5 library reads the file.

use std::borrow::Cow;

use hyperslab_cf::{AttributeContent, NamedAttribute};
use hyperslab_core::{ArrayBuf, DType};

use super::datatype;
use super::fields::Fields;
use super::header::{
    ATTRIBUTE, DATASPACE, DATATYPE, FILTERS, HEADER_FLAGS, LAYOUT, LINK, PREFIX_SIZE,
};
use super::index::ChunkLocation;
use super::reader::{FileHeader, StoredVariable, VariableCells};
use super::scales::{PROVENANCE, is_netcdf_machinery};
use super::superblock::SIGNATURE;
use crate::chunk::{ChunkGrid, CodecChain, Filter, chain_of};

/// One message of an object header.
struct Message<'a> {
    kind: u8,
    body: Fields<'a>,
}

/// Reads the attributes of the file and one variable of it.
pub(super) fn parse(metadata: &[u8], variable: &str) -> Option<FileHeader> {
    let mut superblock = Fields(metadata);
    if superblock.take(8)? != SIGNATURE || superblock.take(4)? != [3, 8, 8, 0] {
        return None;
    }
    superblock.take(24)?;
    let root = messages(metadata, superblock.uint(8)?)?;
    let address = root
        .iter()
        .filter(|message| message.kind == LINK)
        .find_map(|message| link_to(message.body, variable))?;
    Some(FileHeader {
        attributes: attributes(metadata, &root)?,
        variable: parse_variable(metadata, address)?,
    })
}

fn at(metadata: &[u8], address: u64) -> Option<Fields<'_>> {
    metadata.get(usize::try_from(address).ok()?..).map(Fields)
}

fn messages(metadata: &[u8], address: u64) -> Option<Vec<Message<'_>>> {
    let mut header = at(metadata, address)?;
    let mut prefix = Fields(header.take(PREFIX_SIZE)?);
    if prefix.take(6)? != [b'O', b'H', b'D', b'R', 2, HEADER_FLAGS] {
        return None;
    }
    prefix.take(4)?;
    let mut rest = Fields(header.take(prefix.size(4)?)?);
    let mut found = Vec::new();
    while !rest.0.is_empty() {
        let kind = rest.u8()?;
        let size = rest.size(2)?;
        rest.take(3)?;
        let body = Fields(rest.take(size)?);
        found.push(Message { kind, body });
    }
    Some(found)
}

fn link_to(mut link: Fields<'_>, name: &str) -> Option<u64> {
    if link.take(2)? != [1, 0x15] {
        return None;
    }
    link.take(9)?;
    let length = link.size(2)?;
    (link.take(length)? == name.as_bytes())
        .then(|| link.uint(8))
        .flatten()
}

fn shape(mut space: Fields<'_>) -> Option<Vec<u64>> {
    let [2, rank, 0, kind] = *space.take(4)? else {
        return None;
    };
    if kind > 1 {
        return None;
    }
    (0..rank).map(|_| space.uint(8)).collect()
}

fn number(bytes: &[u8]) -> Option<DType> {
    // `uint8` before `bool`, which looks the same.
    let mut known = DType::ALL.into_iter().filter(|dtype| *dtype != DType::Bool);
    known.find(|dtype| datatype::number(*dtype) == bytes)
}

fn attributes(metadata: &[u8], messages: &[Message<'_>]) -> Option<Vec<NamedAttribute>> {
    let mut found = Vec::new();
    for message in messages.iter().filter(|message| message.kind == ATTRIBUTE) {
        let mut body = message.body;
        if body.take(2)? != [3, 0] {
            return None;
        }
        let (name, kind, space) = (body.size(2)?, body.size(2)?, body.size(2)?);
        body.take(1)?;
        let name = std::str::from_utf8(body.take(name)?.strip_suffix(b"\0")?).ok()?;
        let kind = body.take(kind)?;
        let shape = shape(Fields(body.take(space)?))?;
        // Who made it is in files of ours only where it says something of a part.
        if is_netcdf_machinery(name) && name != PROVENANCE {
            continue;
        }
        let value = if kind == datatype::text() {
            texts(metadata, body, &shape)?
        } else if shape.is_empty()
            && u32::try_from(body.0.len()).is_ok_and(|size| kind == datatype::exact_text(size))
        {
            AttributeContent::Text(std::str::from_utf8(body.0).ok()?.to_owned())
        } else {
            let dtype = number(kind)?;
            AttributeContent::Numbers(ArrayBuf::from_bytes(dtype, &shape, body.0).ok()?)
        };
        found.push((name.to_owned(), value));
    }
    Some(found)
}

fn texts(metadata: &[u8], mut references: Fields<'_>, shape: &[u64]) -> Option<AttributeContent> {
    let mut texts = Vec::new();
    while !references.0.is_empty() {
        let length = references.size(4)?;
        let object = heap_object(metadata, references.uint(8)?, references.uint(4)?)?;
        let text = std::str::from_utf8(object.get(..length)?).ok()?;
        texts.push(text.trim_end_matches('\0').to_owned());
    }
    match shape {
        [] => texts.pop().map(AttributeContent::Text),
        _ => Some(AttributeContent::Texts(texts)),
    }
}

fn heap_object(metadata: &[u8], address: u64, index: u64) -> Option<&[u8]> {
    let mut collection = at(metadata, address)?;
    if collection.take(8)? != b"GCOL\x01\0\0\0" {
        return None;
    }
    let size = collection.size(8)?.checked_sub(16)?;
    let mut objects = Fields(collection.take(size)?);
    // Objects are numbered in order, so the search ends at the one that is sought, or at the free space.
    loop {
        let number = objects.uint(2)?;
        objects.take(6)?;
        let length = objects.size(8)?;
        if number == 0 {
            return None;
        }
        let object = objects.take(length)?;
        objects.take(length.next_multiple_of(8) - length)?;
        if number == index {
            return Some(object);
        }
    }
}

fn parse_variable(metadata: &[u8], address: u64) -> Option<StoredVariable> {
    let messages = messages(metadata, address)?;
    let find = |kind| {
        let message = messages.iter().find(|message| message.kind == kind);
        message.map(|message| message.body)
    };
    let dtype = number(find(DATATYPE)?.0)?;
    let shape = shape(find(DATASPACE)?)?;
    let codecs = match find(FILTERS) {
        Some(body) => chain_of(&filters(body)?)?,
        None => CodecChain::default(),
    };
    let mut layout = find(LAYOUT)?;
    let cells = match layout.take(2)? {
        [3, 1] => {
            let (address, size) = (layout.uint(8)?, layout.size(8)?);
            let bytes = match size {
                0 => &[],
                _ => at(metadata, address)?.take(size)?,
            };
            VariableCells::Inline(bytes.to_vec())
        }
        [4, 3] => VariableCells::Elsewhere,
        [4, 2] => {
            let index = |address, _| at(metadata, address).map(|index| Cow::Borrowed(index.0));
            chunked(index, layout, &shape, dtype, codecs)?
        }
        _ => return None,
    };
    Some(StoredVariable {
        dtype,
        shape,
        attributes: attributes(metadata, &messages)?,
        cells,
        swapped: 0,
    })
}

fn filters(mut body: Fields<'_>) -> Option<Vec<Filter>> {
    if body.u8()? != 2 {
        return None;
    }
    let count = body.u8()?;
    (0..count)
        .map(|_| {
            let id = u16::try_from(body.uint(2)?).ok()?;
            if id >= 256 && body.uint(2)? != 0 {
                return None;
            }
            let flags = u16::try_from(body.uint(2)?).ok()?;
            let values = body.size(2)?;
            let values = (0..values).map(|_| body.u32()).collect::<Option<_>>()?;
            Some(Filter { id, flags, values })
        })
        .collect()
}

/// The chunks of a layout of version 4. `index` gives the bytes at an address, at least so many where the file has them.
pub(super) fn chunked<'a>(
    index: impl FnOnce(u64, u64) -> Option<Cow<'a, [u8]>>,
    mut layout: Fields<'_>,
    shape: &[u64],
    dtype: DType,
    codecs: CodecChain,
) -> Option<VariableCells> {
    let (_, rank, width) = (layout.u8()?, layout.u8()?, layout.size(1)?);
    let chunk_shape: Vec<u64> = (1..rank)
        .map(|_| layout.uint(width).filter(|&length| length > 0))
        .collect::<Option<_>>()?;
    if layout.size(width)? != dtype.size() || chunk_shape.len() != shape.len() {
        return None;
    }
    let grid = ChunkGrid::new(shape, &chunk_shape);
    let filtered = !codecs.codecs().is_empty();
    let plain_size = grid.chunk_bytes(dtype.size());
    let chunks = match layout.u8()? {
        1 => {
            let (size, mask) = match filtered {
                true => (layout.uint(8)?, layout.u32()?),
                false => (plain_size, 0),
            };
            let location = ChunkLocation {
                address: layout.uint(8)?,
                size,
                mask,
            };
            vec![if location.is_absent() {
                ChunkLocation::ABSENT
            } else {
                location
            }]
        }
        3 => {
            let page_bits = layout.u8()?;
            let count = grid.chunk_count();
            // An entry has at most 20 bytes, and a page of them 4 more and a bit.
            let most = count.checked_mul(25)?.checked_add(128)?;
            let index = index(layout.uint(8)?, most)?;
            fixed_array(Fields(&index), page_bits, count, plain_size, filtered)?
        }
        _ => return None,
    };
    (chunks.len() as u64 == grid.chunk_count()).then_some(VariableCells::Chunked {
        grid,
        codecs,
        chunks,
    })
}

fn fixed_array(
    mut index: Fields<'_>,
    page_bits: u8,
    count: u64,
    plain_size: u64,
    filtered: bool,
) -> Option<Vec<ChunkLocation>> {
    let mut header = Fields(index.take(28)?);
    if header.take(6)? != [b'F', b'A', b'H', b'D', 0, u8::from(filtered)] {
        return None;
    }
    let entry_size = header.size(1)?;
    header.take(1)?;
    if header.uint(8)? != count {
        return None;
    }
    // The data block follows: signature, version, client, address of the header.
    index.take(14)?;
    let page = 1_u64.checked_shl(u32::from(page_bits))?;
    let paged = count > page;
    if paged {
        let page_count = usize::try_from(count.div_ceil(page)).ok()?;
        index.take(page_count.div_ceil(8) + 4)?;
    }
    let size_width = entry_size.checked_sub(if filtered { 12 } else { 8 })?;
    let count = usize::try_from(count).ok()?;
    let mut chunks = Vec::with_capacity(count.min(index.0.len() / 8 + 1));
    for number in 0..count {
        if paged && number > 0 && (number as u64).is_multiple_of(page) {
            index.take(4)?;
        }
        let address = index.uint(8)?;
        let (size, mask) = match filtered {
            true => (index.uint(size_width)?, index.u32()?),
            false => (plain_size, 0),
        };
        let location = ChunkLocation {
            address,
            size,
            mask,
        };
        chunks.push(if location.is_absent() {
            ChunkLocation::ABSENT
        } else {
            location
        });
    }
    Some(chunks)
}
