//! The chunk index: where each chunk of a variable lies.

use super::header::{Bytes, UNDEFINED};

/// Elements of the index on one page, as a power of two.
const PAGE_BITS: u8 = 10;

/// Where an encoded chunk lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ChunkLocation {
    /// The first byte in the file.
    pub(crate) address: u64,
    /// Bytes as stored.
    pub(crate) size: u64,
    /// Bit `i` is set when codec `i` was left out.
    pub(crate) mask: u32,
}

impl ChunkLocation {
    /// A chunk that was never written.
    pub(crate) const ABSENT: Self = Self {
        address: UNDEFINED,
        size: 0,
        mask: 0,
    };

    /// Whether the chunk was never written.
    pub(crate) fn is_absent(&self) -> bool {
        self.address == UNDEFINED
    }
}

/// How a variable is cut into chunks, as the layout message and the index need to know it.
#[derive(Debug)]
pub(super) struct IndexShape<'a> {
    pub(super) shape: &'a [u64],
    pub(super) chunk_shape: &'a [u64],
    /// Bytes of one cell.
    pub(super) cell_size: u64,
    pub(super) filtered: bool,
}

impl IndexShape<'_> {
    /// The only chunk is as large as the variable: it needs no index.
    fn is_single(&self) -> bool {
        self.shape == self.chunk_shape
    }

    /// Bytes that hold the stored size of a chunk.
    fn size_width(&self) -> usize {
        let bytes = self
            .chunk_shape
            .iter()
            .fold(self.cell_size, |product, &length| {
                product.saturating_mul(length)
            });
        let log2 = bytes.checked_ilog2().unwrap_or(0) as usize;
        (1 + (log2 + 8) / 8).min(8)
    }

    /// Bytes that hold the longest length of a chunk, as the library computes them.
    fn length_width(&self) -> usize {
        let lengths = self.chunk_shape.iter().chain([&self.cell_size]);
        let longest = lengths.copied().max().unwrap_or(1);
        (longest.checked_ilog2().unwrap_or(0) as usize + 8) / 8
    }

    /// The layout message of a chunked variable whose index lies at `index`.
    pub(super) fn layout(&self, index: u64, chunks: &[ChunkLocation]) -> Vec<u8> {
        let single = self.is_single();
        let mut bytes = Bytes::new();
        bytes.u8(4);
        bytes.u8(2);
        bytes.u8(if single && self.filtered { 2 } else { 0 });
        bytes.u8(u8::try_from(self.chunk_shape.len() + 1).unwrap_or(u8::MAX));
        let width = self.length_width();
        bytes.u8(u8::try_from(width).unwrap_or(u8::MAX));
        let lengths = self.chunk_shape.iter().chain([&self.cell_size]);
        lengths.for_each(|&length| bytes.uint(length, width));
        if single {
            let only = chunks.first().copied().unwrap_or(ChunkLocation::ABSENT);
            bytes.u8(1);
            if self.filtered {
                bytes.u64(only.size);
                bytes.u32(only.mask);
            }
            bytes.u64(only.address);
        } else {
            bytes.u8(3);
            bytes.u8(PAGE_BITS);
            bytes.u64(index);
        }
        bytes.into_vec()
    }

    /// The index to lie at `address`: the header of a fixed array and its data block. Empty for a single chunk.
    pub(super) fn index(&self, address: u64, chunks: &[ChunkLocation]) -> Vec<u8> {
        if self.is_single() {
            return Vec::new();
        }
        let size_width = self.size_width();
        let entry_size = if self.filtered { 8 + size_width + 4 } else { 8 };
        let mut header = Bytes::new();
        header.raw(b"FAHD");
        header.u8(0);
        header.u8(u8::from(self.filtered));
        header.u8(u8::try_from(entry_size).unwrap_or(u8::MAX));
        header.u8(PAGE_BITS);
        header.u64(chunks.len() as u64);
        let header_size = 28;
        header.u64(address + header_size);
        header.checksum();

        let mut block = Bytes::new();
        block.raw(b"FADB");
        block.u8(0);
        block.u8(u8::from(self.filtered));
        block.u64(address);
        let page = 1 << PAGE_BITS;
        let mut bytes = header.into_vec();
        if chunks.len() <= page {
            self.entries(&mut block, chunks, size_width);
            block.checksum();
            bytes.extend_from_slice(&block.into_vec());
            return bytes;
        }
        // One bit a page, the highest bit first: every page is there.
        let page_count = chunks.len().div_ceil(page);
        let mut present = vec![0_u8; page_count.div_ceil(8)];
        (0..page_count).for_each(|number| present[number / 8] |= 0x80 >> (number % 8));
        block.raw(&present);
        block.checksum();
        bytes.extend_from_slice(&block.into_vec());
        for chunks in chunks.chunks(page) {
            let mut entries = Bytes::new();
            self.entries(&mut entries, chunks, size_width);
            entries.checksum();
            bytes.extend_from_slice(&entries.into_vec());
        }
        bytes
    }

    fn entries(&self, bytes: &mut Bytes, chunks: &[ChunkLocation], size_width: usize) {
        for chunk in chunks {
            bytes.u64(chunk.address);
            if self.filtered {
                bytes.uint(chunk.size, size_width);
                bytes.u32(chunk.mask);
            }
        }
    }
}
