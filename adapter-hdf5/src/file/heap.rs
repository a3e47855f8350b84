//! Global heaps: where HDF5 keeps text and lists of any length.

use super::header::Bytes;

const COLLECTION_SIZE_MIN: usize = 4096;
const COLLECTION_SIZE_FULL: usize = 65536;
const COLLECTION_HEADER_SIZE: usize = 16;
const OBJECT_HEADER_SIZE: usize = 16;

/// Collections of objects under construction, laid one after the other from `base`.
#[derive(Debug)]
pub(super) struct Heap {
    base: u64,
    closed: Vec<u8>,
    open: Vec<u8>,
    count: u16,
}

impl Heap {
    /// An empty heap at address `base`.
    pub(super) fn new(base: u64) -> Self {
        Self {
            base,
            closed: Vec::new(),
            open: Vec::new(),
            count: 0,
        }
    }

    /// Stores `object` and returns the 16 bytes that stand for it: `length` (items, for a list), address, index.
    pub(super) fn insert(&mut self, object: &[u8], length: u32) -> [u8; 16] {
        if self.open.len() + object.len() > COLLECTION_SIZE_FULL && !self.open.is_empty() {
            self.close();
        }
        self.count += 1;
        let mut bytes = Bytes::new();
        bytes.u16(self.count);
        bytes.u16(0);
        bytes.u32(0);
        bytes.u64(object.len() as u64);
        self.open.extend_from_slice(&bytes.into_vec());
        self.open.extend_from_slice(object);
        self.open.resize(self.open.len().next_multiple_of(8), 0);

        let mut reference = [0; 16];
        reference[..4].copy_from_slice(&length.to_le_bytes());
        let address = self.base + self.closed.len() as u64;
        reference[4..12].copy_from_slice(&address.to_le_bytes());
        reference[12..].copy_from_slice(&u32::from(self.count).to_le_bytes());
        reference
    }

    /// Stores text. Text of no length is stored as one NUL, because readers take a length of 0 for no text at all.
    pub(super) fn insert_text(&mut self, text: &str) -> [u8; 16] {
        let bytes = if text.is_empty() {
            b"\0"
        } else {
            text.as_bytes()
        };
        self.insert(bytes, u32::try_from(bytes.len()).unwrap_or(u32::MAX))
    }

    /// Ends the open collection with an object of free space.
    fn close(&mut self) {
        let used = COLLECTION_HEADER_SIZE + self.open.len();
        let size = (used + OBJECT_HEADER_SIZE).max(COLLECTION_SIZE_MIN);
        let mut bytes = Bytes::new();
        bytes.raw(b"GCOL");
        bytes.u32(1);
        bytes.u64(size as u64);
        bytes.raw(&self.open);
        bytes.u64(0);
        bytes.u64((size - used) as u64);
        self.closed.extend_from_slice(&bytes.into_vec());
        let padding = size - used - OBJECT_HEADER_SIZE;
        self.closed.resize(self.closed.len() + padding, 0);
        self.open.clear();
        self.count = 0;
    }

    /// All collections.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if !self.open.is_empty() {
            self.close();
        }
        self.closed
    }
}
