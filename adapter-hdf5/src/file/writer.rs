//! Writes an image: chunks as they come, metadata in front of them, the footer behind.

use std::fs::File;
use std::os::unix::fs::FileExt;

use hyperslab_core::{Error, Result};
use hyperslab_engine::{Outgoing, PAGE_BYTES, page_sums};

use super::content::{ImageContent, VariableContent, VariableStorage};
use super::footer::Footer;
use super::index::ChunkLocation;
use super::metadata::{StoredCells, filled};
use crate::chunk::{ChunkGrid, CodecChain};
use crate::index;

/// How much of an image is gathered in memory before it goes to its file.
const BUFFER_BYTES: usize = 16 << 20;

/// A chunk of this size goes to its file by itself.
const DIRECT_BYTES: usize = 256 << 10;

/// Bytes of the checksum behind the cells of a chunk.
const CHECKSUM_BYTES: usize = 4;

/// The most chunks of one variable: 24 bytes each must fit in memory.
const CHUNK_COUNT_MAX: u64 = 1 << 26;

/// A chunk as it is stored.
#[derive(Debug)]
pub(crate) struct EncodedChunk {
    bytes: Outgoing,
    /// CRC-32C of the bytes, and of each page of them, taken while they are at hand.
    crc: u32,
    sums: Vec<u32>,
    mask: u32,
}

impl EncodedChunk {
    /// A chunk of these bytes. Bit `i` of `mask` says that codec `i` was left out.
    pub(crate) fn new(bytes: Outgoing, mask: u32) -> Self {
        let (sums, crc) = page_sums(&bytes);
        Self {
            bytes,
            crc,
            sums,
            mask,
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether the checksums of its pages are these.
    pub(crate) fn has_sums(&self, sums: &[u32]) -> bool {
        self.sums == sums
    }

    /// The chunk with checksums that hold for none of its pages.
    pub(crate) fn not_vouched_for(mut self) -> Self {
        self.sums.iter_mut().for_each(|sum| *sum = !*sum);
        self
    }
}

/// An image under construction, in memory or, when it grows, in a file.
#[derive(Debug)]
pub(crate) struct ImageWriter<'a> {
    content: &'a dyn ImageContent,
    cells: Vec<StoredCells>,
    metadata_length: u64,
    file: Option<&'a File>,
    /// Bytes of `file` that are written; the rest is in `buffer`.
    flushed: u64,
    buffer: Vec<u8>,
    /// CRC-32C of the chunks so far.
    crc: u32,
    sums: Sums,
}

/// Whether pages of chunks with so many bytes of cells get checksums.
pub(crate) fn are_paged(codecs: &CodecChain, chunk_bytes: usize) -> bool {
    codecs.is_raw_with_checksum() && chunk_bytes > PAGE_BYTES
}

/// Checksums of the pages of chunks that follow each other.
#[derive(Debug)]
enum Sums {
    /// Parts of the chunks cannot be read, or are not worth it.
    None,
    /// Of chunks of this size.
    Of { chunk: usize, sums: Vec<u32> },
}

impl Sums {
    /// Those of the chunks of a file, which are its only ones, and hold their cells with a checksum behind them.
    fn of(variables: &[VariableContent]) -> Self {
        let chunked = variables
            .iter()
            .filter_map(|variable| match &variable.storage {
                VariableStorage::Chunked {
                    chunk_shape,
                    codecs,
                } => Some((variable, chunk_shape, codecs)),
                _ => None,
            });
        let only: Vec<_> = chunked.collect();
        match only.as_slice() {
            [(variable, chunk_shape, codecs)] => {
                let size = variable.fill.dtype().size();
                let bytes = index(hyperslab_core::box_bytes(chunk_shape, size));
                match are_paged(codecs, bytes) {
                    true => Self::Of {
                        chunk: bytes + CHECKSUM_BYTES,
                        sums: Vec::new(),
                    },
                    false => Self::None,
                }
            }
            _ => Self::None,
        }
    }

    fn add(&mut self, encoded: &EncodedChunk) {
        match self {
            Self::Of { chunk, sums } if encoded.bytes.len() == *chunk && encoded.mask == 0 => {
                sums.extend_from_slice(&encoded.sums);
            }
            // They would not be found.
            _ => *self = Self::None,
        }
    }

    /// As they stand in the file, with a checksum of their own; nothing when there are none.
    fn to_bytes(&self) -> Vec<u8> {
        let Self::Of { sums, .. } = self else {
            return Vec::new();
        };
        let mut bytes: Vec<u8> = sums.iter().copied().flat_map(u32::to_le_bytes).collect();
        if !bytes.is_empty() {
            let own = crc32c::crc32c(&bytes);
            bytes.extend_from_slice(&own.to_le_bytes());
        }
        bytes
    }
}

impl<'a> ImageWriter<'a> {
    /// Starts an image of `content`. It goes to `file`, which is empty, or stays in memory.
    ///
    /// # Errors
    /// `InvalidInput` when the content contradicts itself, `TooLarge` when it does not fit in an HDF5 file.
    pub(crate) fn new(content: &'a dyn ImageContent, file: Option<&'a File>) -> Result<Self> {
        content.check()?;
        let mut cells = Vec::with_capacity(content.variables().len());
        for variable in content.variables() {
            let shape = content.shape(variable);
            cells.push(match &variable.storage {
                VariableStorage::Whole => StoredCells::Inline(filled(
                    variable.fill,
                    shape.iter().product(),
                )?),
                VariableStorage::Contiguous => StoredCells::Chunks(vec![ChunkLocation::ABSENT]),
                VariableStorage::Tiles(_) => StoredCells::Elsewhere,
                VariableStorage::Chunked { chunk_shape, .. } => {
                    let count = ChunkGrid::new(&shape, chunk_shape).chunk_count();
                    if count > CHUNK_COUNT_MAX {
                        return Err(Error::too_large(format!(
                            "variable '{}' would have {count} chunks, more than {CHUNK_COUNT_MAX}; choose larger chunks",
                            variable.name
                        )));
                    }
                    StoredCells::Chunks(vec![ChunkLocation::ABSENT; index(count)])
                }
            });
        }
        let length = content.metadata(&cells, 0)?.len();
        Ok(Self {
            content,
            cells,
            metadata_length: length as u64,
            file,
            flushed: 0,
            buffer: vec![0; length],
            crc: 0,
            sums: Sums::of(content.variables()),
        })
    }

    /// Adds the encoded chunk of that number. Each is added at most once; chunks that are not added read as fill.
    pub(crate) fn put_chunk(
        &mut self,
        variable: usize,
        chunk: u64,
        encoded: EncodedChunk,
    ) -> Result<()> {
        self.sums.add(&encoded);
        let EncodedChunk {
            bytes, crc, mask, ..
        } = encoded;
        let location = ChunkLocation {
            address: self.flushed + self.buffer.len() as u64,
            size: bytes.len() as u64,
            mask,
        };
        let slot = match self.cells.get_mut(variable) {
            Some(StoredCells::Chunks(chunks)) => chunks.get_mut(index(chunk)),
            _ => None,
        };
        *slot.ok_or_else(|| Error::internal(format!("there is no chunk {chunk}")))? = location;
        self.crc = crc32c::crc32c_combine(self.crc, crc, bytes.len());
        match self.file {
            // Gathering would be one more copy.
            Some(file) if bytes.len() >= DIRECT_BYTES => {
                self.flush()?;
                write_at(file, &bytes, self.flushed)?;
                self.flushed += bytes.len() as u64;
                Ok(())
            }
            _ => {
                self.buffer.extend_from_slice(&bytes);
                if self.buffer.len() > BUFFER_BYTES {
                    self.flush()?;
                }
                Ok(())
            }
        }
    }

    /// Sets room aside for the cells of a contiguous variable, which the caller puts into the file. Returns where.
    ///
    /// # Errors
    /// `Internal` for an image that stays in memory, or has a footer, which could not vouch for them.
    pub(crate) fn reserve(&mut self, variable: usize, byte_count: u64) -> Result<u64> {
        self.flush()?;
        let location = ChunkLocation {
            address: self.flushed,
            size: byte_count,
            mask: 0,
        };
        match (self.cells.get_mut(variable), self.file) {
            (Some(StoredCells::Chunks(only)), Some(_)) if !self.content.has_footer() => {
                *only = vec![location];
            }
            _ => return Err(Error::internal("cells that cannot be put in one piece")),
        }
        self.flushed += byte_count;
        Ok(location.address)
    }

    /// Sets all cells of a variable that is not chunked.
    pub(crate) fn put_whole(&mut self, variable: usize, bytes: &[u8]) -> Result<()> {
        match self.cells.get_mut(variable) {
            Some(StoredCells::Inline(inline)) if inline.len() == bytes.len() => {
                inline.copy_from_slice(bytes);
                Ok(())
            }
            _ => Err(Error::internal("these are not the cells of the variable")),
        }
    }

    fn flush(&mut self) -> Result<()> {
        if let Some(file) = self.file
            && !self.buffer.is_empty()
        {
            write_at(file, &self.buffer, self.flushed)?;
            self.flushed += self.buffer.len() as u64;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Ends the image. Returns its bytes when it has no file; else they are all written, not synced.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>> {
        let length = self.flushed + self.buffer.len() as u64;
        let metadata = self.content.metadata(&self.cells, length)?;
        if metadata.len() as u64 != self.metadata_length {
            return Err(Error::internal("the metadata of a file changed its size"));
        }
        let metadata_crc = crc32c::crc32c(&metadata);
        // Chunks that were written before the metadata were known have a checksum of their own.
        let crc = if self.flushed == 0 {
            self.buffer[..metadata.len()].copy_from_slice(&metadata);
            crc32c::crc32c_append(metadata_crc, &self.buffer[metadata.len()..])
        } else {
            let chunk_length = usize::try_from(length - self.metadata_length)
                .map_err(|_| Error::too_large("the file does not fit the address space"))?;
            crc32c::crc32c_combine(metadata_crc, self.crc, chunk_length)
        };
        self.end(length, &metadata, (metadata_crc, crc))?;
        if let Some(file) = self.file
            && self.flushed > 0
        {
            write_at(file, &metadata, 0)?;
        }
        self.flush()?;
        Ok(self.buffer)
    }

    /// Adds the footer, if there is to be one.
    fn end(&mut self, length: u64, metadata: &[u8], (metadata_crc, crc): (u32, u32)) -> Result<()> {
        if !self.content.has_footer() {
            return Ok(());
        }
        let sums = self.sums.to_bytes();
        self.buffer.extend_from_slice(&sums);
        let footer = Footer {
            length,
            sums_length: sums.len() as u64,
            metadata_length: u32::try_from(metadata.len())
                .map_err(|_| Error::too_large("the metadata of the file exceed 4 GiB"))?,
            metadata_crc,
            crc,
        };
        self.buffer.extend_from_slice(&footer.to_bytes());
        Ok(())
    }
}

fn write_at(file: &File, bytes: &[u8], offset: u64) -> Result<()> {
    file.write_all_at(bytes, offset)
        .map_err(|source| Error::io("write", "a temporary file", source))
}
