//! Opens an array file and reads its cells.
mod foreign;
mod verify;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hyperslab_cf::NamedAttribute;
use hyperslab_core::{ArrayBuf, DType, Error, ErrorKind, Hyperslab, Result, Scalar};
use hyperslab_engine::{
    ChunkKey, Decoding, Destination, Engine, ObjectId, Scratch, Slot, StoredChunk,
};

use super::footer::{FOOTER_SIZE, Footer};
use super::index::ChunkLocation;
use super::{library, parse};
use crate::cache::FileIdentity;
use crate::chunk::{ChunkGrid, CodecChain};
use crate::index;

pub(crate) use foreign::changed;

/// The largest chunk that is decoded here; HDF5 allows 4 GiB.
const CHUNK_BYTES_MAX: u64 = 1 << 30;

/// Where the cells of a variable are.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum VariableCells {
    /// In memory already.
    Inline(Vec<u8>),
    /// In chunks that this crate can decode.
    Chunked {
        /// How the array is cut.
        grid: ChunkGrid,
        /// What each chunk went through.
        codecs: CodecChain,
        /// Where each chunk lies.
        chunks: Vec<ChunkLocation>,
    },
    /// As they are in memory, in one piece.
    Contiguous {
        /// The parts of it that are read at a time: each follows the one before it.
        parts: ChunkGrid,
        /// The first byte in the file.
        address: u64,
    },
    /// Stored in a way that only the HDF5 library reads.
    Library,
}

/// A variable as the file describes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredVariable {
    /// The element type; `bool` is stored as `uint8`.
    pub(crate) dtype: DType,
    /// The length along each axis.
    pub(crate) shape: Vec<u64>,
    /// Attributes, without those of netCDF's machinery.
    pub(crate) attributes: Vec<NamedAttribute>,
    /// Where the cells are.
    pub(crate) cells: VariableCells,
    /// Bytes of the numbers whose bytes are to be turned when they were read; 0 for none.
    pub(crate) swapped: u32,
}

/// What a file says before its cells are read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FileHeader {
    /// Attributes of the file as a whole.
    pub(crate) attributes: Vec<NamedAttribute>,
    /// The data variable.
    pub(crate) variable: StoredVariable,
}

/// An open array file. The file is immutable, so it stays readable as it was when another image takes its name.
#[derive(Debug)]
pub(crate) struct ArrayFile {
    path: PathBuf,
    variable: String,
    file: File,
    length: u64,
    identity: FileIdentity,
    /// What its chunks are known by in the cache.
    id: ObjectId,
    footer: Option<Footer>,
    /// The cell that stands for those never written, as another program's file says; empty for one of ours.
    fill: Vec<u8>,
    header: FileHeader,
}

impl ArrayFile {
    /// Opens the file and reads the header of one variable.
    ///
    /// # Errors
    /// `NotFound`, `Denied`; `Corrupt` for a file that is damaged, `Unsupported` for one of a newer version.
    pub(crate) fn open(path: &Path, variable: &str) -> Result<Self> {
        let fail = |source| Error::io("open", path.display(), source);
        // Opening a pipe would wait for somebody to write into it.
        if !std::fs::metadata(path).map_err(fail)?.is_file() {
            return Err(Error::corrupt(format!(
                "{} is not a file; remove it, or restore the file from a copy",
                path.display()
            )));
        }
        let file = File::open(path).map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        let length = metadata.len();
        let footer = read_footer(&file, length).map_err(|error| error.context(path.display()))?;
        let own = match &footer {
            Some(footer) if footer.metadata_length > 0 => {
                let metadata = read_metadata(&file, footer);
                parse::parse(
                    &metadata.map_err(|error| error.context(path.display()))?,
                    variable,
                )
            }
            _ => None,
        };
        let header = match own {
            Some(header) => header,
            None => library::read_header(path, variable)?,
        };
        let opened = Self {
            path: path.to_owned(),
            variable: variable.to_owned(),
            file,
            length,
            identity: FileIdentity::of(&metadata),
            id: ObjectId::unique(),
            footer,
            fill: Vec::new(),
            header,
        };
        opened.check_extent()?;
        Ok(opened)
    }

    /// What the file says before its cells are read.
    pub(crate) fn header(&self) -> &FileHeader {
        &self.header
    }

    /// Whether the file ends in a footer: no other program has changed it.
    pub(crate) fn is_stamped(&self) -> bool {
        self.footer.is_some()
    }

    /// What tells this file from the next one of its name.
    pub(crate) fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// The variable that was opened.
    pub(crate) fn variable(&self) -> &str {
        &self.variable
    }

    fn corrupt(&self, why: &str) -> Error {
        Error::corrupt(format!(
            "{}: {why}; run `check` and restore the file from a copy",
            self.path.display()
        ))
    }

    /// Chunks must lie inside the file and be of a size that can be held.
    fn check_extent(&self) -> Result<()> {
        let variable = &self.header.variable;
        let inside = |address: u64, size: u64| {
            let end = address.checked_add(size);
            end.is_some_and(|end| end <= self.length)
        };
        let all_inside = match &variable.cells {
            VariableCells::Inline(_) | VariableCells::Library => true,
            VariableCells::Contiguous { address, .. } => {
                let size = hyperslab_core::box_bytes(&variable.shape, variable.dtype.size());
                inside(*address, size)
            }
            VariableCells::Chunked { grid, chunks, .. } => {
                if grid.chunk_bytes(variable.dtype.size()) > CHUNK_BYTES_MAX {
                    return Err(Error::too_large(format!(
                        "{}: chunks of {:?} cells are too large",
                        self.path.display(),
                        grid.chunk_shape()
                    )));
                }
                chunks
                    .iter()
                    .all(|chunk| chunk.is_absent() || inside(chunk.address, chunk.size))
            }
        };
        if all_inside {
            return Ok(());
        }
        Err(self.corrupt("a chunk lies behind the end of the file"))
    }

    /// Reads cells into `out`, whose shape is that of the hyperslab and whose element type is that of the variable.
    ///
    /// # Errors
    /// `Corrupt` when a chunk does not decode.
    pub(crate) fn read_into(
        &self,
        engine: &Engine,
        slab: &Hyperslab,
        fill: Scalar,
        out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        self.read_filled(engine, slab, &fill.to_bytes(), out)
    }

    fn read_filled(
        &self,
        engine: &Engine,
        slab: &Hyperslab,
        fill: &[u8],
        out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let variable = &self.header.variable;
        if slab.is_empty() {
            return Ok(out);
        }
        let number_size = variable.swapped as usize;
        let mut fill = fill.to_vec();
        foreign::turn(&mut fill, number_size);
        let mut out = self.read_stored(engine, slab, &fill, out)?;
        foreign::turn(out.bytes_mut(), number_size);
        Ok(out)
    }

    /// Reads cells as they are before their bytes are turned.
    fn read_stored(
        &self,
        engine: &Engine,
        slab: &Hyperslab,
        fill: &[u8],
        out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let variable = &self.header.variable;
        let cell_size = variable.dtype.size();
        let raw = CodecChain::default();
        let (grid, codecs) = match &variable.cells {
            VariableCells::Inline(bytes) => {
                let grid = ChunkGrid::new(&variable.shape, &variable.shape);
                let (destination, slots) = Destination::new(&grid, slab, out);
                slots.into_iter().try_for_each(|slot| slot.put(bytes))?;
                return Destination::finish(destination);
            }
            VariableCells::Library => return self.read_by_library(slab, out),
            VariableCells::Chunked { grid, codecs, .. } => (grid, codecs),
            VariableCells::Contiguous { parts, .. } => (parts, &raw),
        };
        let chunk_bytes = index(grid.chunk_bytes(cell_size));
        let (destination, slots) = Destination::new(grid, slab, out);
        engine.each(slots, chunk_bytes, |slot| {
            match self.location(slot.chunk()) {
                Some(location) => self.put_chunk(engine, codecs, location, chunk_bytes, slot),
                None => slot.fill(fill),
            }
        })?;
        Destination::finish(destination)
    }

    fn read_by_library(&self, slab: &Hyperslab, mut out: ArrayBuf) -> Result<ArrayBuf> {
        let (path, name) = (self.path.clone(), self.variable.clone());
        let bytes = library::read_cells(path, name, slab.clone(), self.header.variable.dtype)?;
        if bytes.len() != out.bytes().len() {
            return Err(Error::internal(format!("cells of shape {:?}", out.shape())));
        }
        out.bytes_mut().copy_from_slice(&bytes);
        Ok(out)
    }

    /// Where a chunk, or a part of cells that lie in one piece, is; `None` when it was never written.
    fn location(&self, chunk: u64) -> Option<ChunkLocation> {
        let variable = &self.header.variable;
        match &variable.cells {
            VariableCells::Chunked { chunks, .. } => {
                let location = chunks.get(index(chunk)).copied();
                location.filter(|location| !location.is_absent())
            }
            VariableCells::Contiguous { parts, address } => {
                let cell_size = variable.dtype.size() as u64;
                part_location(parts, &variable.shape, cell_size, chunk).map(|part| ChunkLocation {
                    address: address + part.address,
                    ..part
                })
            }
            VariableCells::Inline(_) | VariableCells::Library => None,
        }
    }

    fn put_chunk(
        &self,
        engine: &Engine,
        codecs: &CodecChain,
        location: ChunkLocation,
        chunk_bytes: usize,
        slot: Slot,
    ) -> Result<()> {
        let key = ChunkKey {
            object: self.id,
            chunk: slot.chunk(),
        };
        let decoding = Decoding {
            codecs,
            mask: location.mask,
            chunk_bytes,
        };
        // What others wrote they may change in place, and twice at one moment.
        let key = (self.is_stamped() || self.identity.is_settled()).then_some(&key);
        engine
            .put(key, decoding, self.stored(location), slot)
            .map_err(|error| self.damaged(location, error))
    }

    fn stored(&self, location: ChunkLocation) -> StoredChunk<'_> {
        StoredChunk::File {
            file: &self.file,
            path: &self.path,
            offset: location.address,
            length: index(location.size),
        }
    }

    fn damaged(&self, location: ChunkLocation, error: Error) -> Error {
        if error.kind() != ErrorKind::Corrupt {
            return error;
        }
        self.corrupt(&format!(
            "the chunk at byte {} is damaged ({error})",
            location.address
        ))
        .with_source(error)
    }

    fn decode(
        &self,
        codecs: &CodecChain,
        location: ChunkLocation,
        chunk_bytes: u64,
    ) -> Result<Scratch> {
        let mut cells = Scratch::new(index(chunk_bytes));
        let mut encoded = Scratch::new(index(location.size));
        self.file
            .read_exact_at(&mut encoded, location.address)
            .map_err(|source| Error::io("read", self.path.display(), source))?;
        codecs
            .decode(&encoded, location.mask, &mut cells)
            .map_err(|error| self.damaged(location, error))?;
        Ok(cells)
    }

    /// The decoded cells of one chunk; `None` when it was never written or the cells are not in chunks.
    pub(crate) fn chunk_cells(&self, number: u64) -> Result<Option<Scratch>> {
        let VariableCells::Chunked {
            grid,
            codecs,
            chunks,
        } = &self.header.variable.cells
        else {
            return Ok(None);
        };
        match chunks.get(index(number)) {
            Some(location) if !location.is_absent() => {
                let bytes = grid.chunk_bytes(self.header.variable.dtype.size());
                self.decode(codecs, *location, bytes).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The bytes of a chunk as they are stored.
    pub(crate) fn read_raw(&self, location: ChunkLocation) -> Result<Scratch> {
        let mut encoded = Scratch::new(index(location.size));
        self.file
            .read_exact_at(&mut encoded, location.address)
            .map_err(|source| Error::io("read", self.path.display(), source))?;
        Ok(encoded)
    }
}

/// Where a part of cells in one piece lies behind the first of them. Parts are cut along one axis at most, and are of length 1
/// along those before it.
fn part_location(
    parts: &ChunkGrid,
    shape: &[u64],
    cell_size: u64,
    part: u64,
) -> Option<ChunkLocation> {
    let position = parts.position(part);
    let first = position.iter().zip(parts.chunk_shape()).zip(shape);
    let (mut cell, mut count) = (0, 1);
    for ((&position, &length), &size) in first {
        let start = position * length;
        cell = cell * size + start;
        count *= length.min(size.checked_sub(start)?);
    }
    Some(ChunkLocation {
        address: cell * cell_size,
        size: count * cell_size,
        mask: 0,
    })
}

fn read_footer(file: &File, length: u64) -> Result<Option<Footer>> {
    let Some(start) = length.checked_sub(FOOTER_SIZE as u64) else {
        return Ok(None);
    };
    let mut bytes = [0; FOOTER_SIZE];
    file.read_exact_at(&mut bytes, start)
        .map_err(|source| Error::io("read", "the footer", source))?;
    Footer::from_bytes(&bytes, length)
}

fn read_metadata(file: &File, footer: &Footer) -> Result<Vec<u8>> {
    // The footer's own checksum holds, and it says that the metadata are no longer than the file.
    let mut metadata = vec![0; footer.metadata_length as usize];
    file.read_exact_at(&mut metadata, 0)
        .map_err(|source| Error::io("read", "the metadata", source))?;
    if crc32c::crc32c(&metadata) == footer.metadata_crc {
        Ok(metadata)
    } else {
        Err(Error::corrupt(
            "the metadata are damaged; run `check` and restore the file from a copy",
        ))
    }
}
