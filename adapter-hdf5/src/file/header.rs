//! Object headers (version 2) and the messages in them.

use hyperslab_core::{Error, Result};

use super::checksum::metadata_checksum;
use crate::chunk::{CodecChain, filters_of};

/// The address of nothing.
pub(super) const UNDEFINED: u64 = u64::MAX;

pub(super) const DATASPACE: u8 = 0x01;
pub(super) const LINK_INFO: u8 = 0x02;
pub(super) const DATATYPE: u8 = 0x03;
pub(super) const FILL_VALUE: u8 = 0x05;
pub(super) const LINK: u8 = 0x06;
pub(super) const LAYOUT: u8 = 0x08;
pub(super) const GROUP_INFO: u8 = 0x0a;
pub(super) const FILTERS: u8 = 0x0b;
pub(super) const ATTRIBUTE: u8 = 0x0c;
pub(super) const ATTRIBUTE_INFO: u8 = 0x15;

/// Flag of a message that never changes as long as the object lives.
pub(super) const CONSTANT: u8 = 1;

/// Bytes before the messages: signature, version, flags, phase change of attributes, size of the messages.
pub(super) const PREFIX_SIZE: usize = 14;

/// Size in four bytes; attribute order tracked and indexed; phase change stored.
pub(super) const HEADER_FLAGS: u8 = 0x1e;

/// Little-endian bytes under construction.
#[derive(Debug, Default)]
pub(super) struct Bytes(Vec<u8>);

impl Bytes {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(64))
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(super) fn u16(&mut self, value: u16) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn u32(&mut self, value: u32) {
        self.raw(&value.to_le_bytes());
    }

    pub(super) fn u64(&mut self, value: u64) {
        self.raw(&value.to_le_bytes());
    }

    /// The lowest `width` bytes of `value`.
    pub(super) fn uint(&mut self, value: u64, width: usize) {
        self.raw(&value.to_le_bytes()[..width.min(8)]);
    }

    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Appends the checksum of everything before it.
    pub(super) fn checksum(&mut self) {
        let checksum = metadata_checksum(&self.0);
        self.u32(checksum);
    }

    pub(super) fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

/// An object header under construction.
#[derive(Debug, Default)]
pub(super) struct ObjectHeader {
    messages: Bytes,
    attribute_count: u16,
}

impl ObjectHeader {
    /// A header with room for `attribute_count` attributes.
    pub(super) fn new(attribute_count: usize) -> Result<Self> {
        let mut header = Self::default();
        let count = u16::try_from(attribute_count)
            .map_err(|_| Error::too_large(format!("{attribute_count} attributes do not fit")))?;
        let mut info = Bytes::new();
        info.u8(0);
        info.u8(3);
        info.u16(count);
        info.u64(UNDEFINED);
        info.u64(UNDEFINED);
        info.u64(UNDEFINED);
        header.message(ATTRIBUTE_INFO, 0, &info.into_vec())?;
        Ok(header)
    }

    /// Appends a message.
    pub(super) fn message(&mut self, kind: u8, flags: u8, body: &[u8]) -> Result<()> {
        self.ordered(kind, flags, body, 0)
    }

    fn ordered(&mut self, kind: u8, flags: u8, body: &[u8], order: u16) -> Result<()> {
        let size = u16::try_from(body.len()).map_err(|_| {
            Error::too_large(format!(
                "a header message of {} bytes does not fit in an HDF5 file (at most 65535); use fewer values",
                body.len()
            ))
        })?;
        self.messages.u8(kind);
        self.messages.u16(size);
        self.messages.u8(flags);
        self.messages.u16(order);
        self.messages.raw(body);
        Ok(())
    }

    /// Appends an attribute: datatype and dataspace as messages, then the data.
    pub(super) fn attribute(
        &mut self,
        name: &str,
        datatype: &[u8],
        dataspace: &[u8],
        data: &[u8],
    ) -> Result<()> {
        let short = |length: usize| {
            u16::try_from(length).map_err(|_| Error::too_large(format!("attribute '{name}'")))
        };
        let mut body = Bytes::new();
        body.u8(3);
        body.u8(0);
        body.u16(short(name.len() + 1)?);
        body.u16(short(datatype.len())?);
        body.u16(short(dataspace.len())?);
        body.u8(u8::from(!name.is_ascii()));
        body.raw(name.as_bytes());
        body.u8(0);
        body.raw(datatype);
        body.raw(dataspace);
        body.raw(data);
        let order = self.attribute_count;
        self.attribute_count = order.saturating_add(1);
        self.ordered(ATTRIBUTE, 0, &body.into_vec(), order)
            .map_err(|error| error.context(format!("attribute '{name}'")))
    }

    /// The finished header.
    pub(super) fn finish(self) -> Result<Vec<u8>> {
        let messages = self.messages.into_vec();
        let size = u32::try_from(messages.len())
            .map_err(|_| Error::too_large("the attributes do not fit in an HDF5 file"))?;
        let mut bytes = Bytes::new();
        bytes.raw(b"OHDR");
        bytes.u8(2);
        bytes.u8(HEADER_FLAGS);
        // However many attributes there are, they stay in the header.
        bytes.u16(u16::MAX);
        bytes.u16(0);
        bytes.u32(size);
        bytes.raw(&messages);
        bytes.checksum();
        Ok(bytes.into_vec())
    }
}

/// The dataspace of `shape`; one cell when it is empty.
pub(super) fn dataspace(shape: &[u64]) -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.u8(2);
    bytes.u8(u8::try_from(shape.len()).unwrap_or(u8::MAX));
    bytes.u8(0);
    bytes.u8(u8::from(!shape.is_empty()));
    shape.iter().for_each(|&length| bytes.u64(length));
    bytes.into_vec()
}

/// A hard link, the `order`-th of its group.
pub(super) fn link(name: &str, order: u64, address: u64) -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.u8(1);
    // Creation order and character set are given; the length of the name takes two bytes.
    bytes.u8(0x15);
    bytes.u64(order);
    bytes.u8(u8::from(!name.is_ascii()));
    bytes.u16(u16::try_from(name.len()).unwrap_or(u16::MAX));
    bytes.raw(name.as_bytes());
    bytes.u64(address);
    bytes.into_vec()
}

/// Links are kept in the header, in the order of creation.
pub(super) fn link_info(count: u64) -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.u8(0);
    bytes.u8(3);
    bytes.u64(count);
    bytes.u64(UNDEFINED);
    bytes.u64(UNDEFINED);
    bytes.u64(UNDEFINED);
    bytes.into_vec()
}

/// However many links there are, they stay in the header.
pub(super) fn group_info() -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.u8(0);
    bytes.u8(1);
    bytes.u16(u16::MAX);
    bytes.u16(0);
    bytes.into_vec()
}

/// When space is set aside for cells, and what they are before they are written.
pub(super) fn fill_value(chunked: bool, value: Option<&[u8]>) -> Vec<u8> {
    let allocation = if chunked { 3 } else { 2 };
    let write_if_set = 2 << 2;
    let mut bytes = Bytes::new();
    bytes.u8(3);
    match value {
        None => bytes.u8(allocation | write_if_set),
        Some(value) => {
            bytes.u8(allocation | write_if_set | 0x20);
            bytes.u32(u32::try_from(value.len()).unwrap_or(0));
            bytes.raw(value);
        }
    }
    bytes.into_vec()
}

/// All cells lie in one place.
pub(super) fn contiguous_layout(address: u64, size: u64) -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.u8(3);
    bytes.u8(1);
    bytes.u64(if size == 0 { UNDEFINED } else { address });
    bytes.u64(size);
    bytes.into_vec()
}

/// What a chunk goes through.
pub(super) fn filters(codecs: &CodecChain) -> Vec<u8> {
    let short = |number: usize| u16::try_from(number).unwrap_or(u16::MAX);
    let mut bytes = Bytes::new();
    bytes.u8(2);
    bytes.u8(u8::try_from(codecs.codecs().len()).unwrap_or(u8::MAX));
    for filter in filters_of(codecs) {
        bytes.u16(filter.id);
        // Filters of HDF5 itself have no name; the others have one of length 0.
        if filter.id >= 256 {
            bytes.u16(0);
        }
        bytes.u16(filter.flags);
        bytes.u16(short(filter.values.len()));
        filter.values.iter().for_each(|&value| bytes.u32(value));
    }
    bytes.into_vec()
}
