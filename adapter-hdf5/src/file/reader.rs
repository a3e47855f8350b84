//! Opens an array file and reads its cells.
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
        let VariableCells::Chunked { grid, chunks, .. } = &self.header.variable.cells else {
            return Ok(());
        };
        if grid.chunk_bytes(self.header.variable.dtype.size()) > CHUNK_BYTES_MAX {
            return Err(Error::too_large(format!(
                "{}: chunks of {:?} cells are too large",
                self.path.display(),
                grid.chunk_shape()
            )));
        }
        let outside = chunks.iter().any(|chunk| {
            let end = chunk.address.checked_add(chunk.size);
            !chunk.is_absent() && end.is_none_or(|end| end > self.length)
        });
        if outside {
            return Err(self.corrupt("a chunk lies behind the end of the file"));
        }
        Ok(())
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
        mut out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let variable = &self.header.variable;
        if slab.is_empty() {
            return Ok(out);
        }
        match &variable.cells {
            VariableCells::Inline(bytes) => {
                let grid = ChunkGrid::new(&variable.shape, &variable.shape);
                let (destination, slots) = Destination::new(&grid, slab, out);
                slots.into_iter().try_for_each(|slot| slot.put(bytes))?;
                Destination::finish(destination)
            }
            VariableCells::Chunked {
                grid,
                codecs,
                chunks,
            } => {
                let cell_size = variable.dtype.size();
                let chunk_bytes = index(grid.chunk_bytes(cell_size));
                let (fill, codecs) = (fill.to_bytes(), codecs);
                let (destination, slots) = Destination::new(grid, slab, out);
                engine.each(slots, chunk_bytes, |slot| {
                    match chunks.get(index(slot.chunk())) {
                        Some(location) if !location.is_absent() => {
                            self.put_chunk(engine, codecs, *location, chunk_bytes, slot)
                        }
                        _ => slot.fill(&fill),
                    }
                })?;
                Destination::finish(destination)
            }
            VariableCells::Library => {
                let shape = out.shape().to_vec();
                let (path, name) = (self.path.clone(), self.variable.clone());
                let bytes = library::read_cells(path, name, slab.clone(), variable.dtype)?;
                if bytes.len() != out.bytes().len() {
                    return Err(Error::internal(format!("cells of shape {shape:?}")));
                }
                out.bytes_mut().copy_from_slice(&bytes);
                Ok(out)
            }
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
        engine
            .put(Some(&key), decoding, self.stored(location), slot)
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
    pub(crate) fn chunk_cells(&self, number: u64) -> Result<Option<Vec<u8>>> {
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
                self.decode(codecs, *location, bytes)
                    .map(|cells| Some(cells.to_vec()))
            }
            _ => Ok(None),
        }
    }

    /// The bytes of a chunk as they are stored.
    pub(crate) fn read_raw(&self, location: ChunkLocation) -> Result<Vec<u8>> {
        let mut encoded = vec![0; index(location.size)];
        self.file
            .read_exact_at(&mut encoded, location.address)
            .map_err(|source| Error::io("read", self.path.display(), source))?;
        Ok(encoded)
    }
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
