//! Opens an array file.

mod cells;
mod foreign;
mod plan;
mod verify;

use std::fs::{File, Metadata};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use hyperslab_cf::NamedAttribute;
use hyperslab_core::{Begun, DType, Error, ErrorKind, Result};
use hyperslab_engine::{ObjectId, PAGE_BYTES, Scratch, StoredChunk};

use super::footer::Footer;
use super::index::ChunkLocation;
use super::{library, parse};
use crate::cache::FileIdentity;
use crate::chunk::{ChunkGrid, CodecChain};
use crate::index;

pub(crate) use cells::part_location;
pub(crate) use foreign::changed;

/// The largest chunk that is decoded here; HDF5 allows 4 GiB.
const CHUNK_BYTES_MAX: u64 = 1 << 30;

/// Metadata of so many bytes are parsed sooner than another thread wakes up.
const METADATA_BYTES_SMALL: u32 = 16 << 10;

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
    /// In other files: those of tiles.
    Elsewhere,
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

/// A file that is open, and has not said yet what is in it.
struct Unread {
    path: PathBuf,
    variable: String,
    file: File,
    metadata: Metadata,
    footer: Option<Footer>,
}

impl Unread {
    fn is_small(&self) -> bool {
        let footer = self.footer.as_ref();
        footer.is_some_and(|footer| (1..=METADATA_BYTES_SMALL).contains(&footer.metadata_length))
    }

    fn read(self) -> Result<ArrayFile> {
        match self.parse()? {
            Some(header) => self.with(header),
            None => self.read_by_library(),
        }
    }

    /// What the file says, if it is one of ours.
    fn parse(&self) -> Result<Option<FileHeader>> {
        match &self.footer {
            Some(footer) if footer.metadata_length > 0 => {
                let metadata = footer.metadata(&self.file);
                let metadata = metadata.map_err(|error| error.context(self.path.display()))?;
                Ok(parse::parse(&metadata, &self.variable))
            }
            _ => Ok(None),
        }
    }

    fn read_by_library(self) -> Result<ArrayFile> {
        let header = library::read_header(&self.path, &self.variable)?;
        // The library has opened it again, by its name.
        let named = std::fs::metadata(&self.path)
            .map_err(|source| Error::io("open", self.path.display(), source))?;
        if FileIdentity::of(&named) != FileIdentity::of(&self.metadata) {
            return Err(changed(&self.path));
        }
        self.with(header)
    }

    fn with(self, header: FileHeader) -> Result<ArrayFile> {
        let opened = ArrayFile {
            path: self.path,
            variable: self.variable,
            file: self.file,
            length: self.metadata.len(),
            identity: FileIdentity::of(&self.metadata),
            id: ObjectId::unique(),
            footer: self.footer,
            fill: Vec::new(),
            header,
        };
        opened.check_extent()?;
        Ok(opened)
    }
}

impl ArrayFile {
    /// Opens the file and reads the header of one variable: at once, if it is a small one of ours.
    ///
    /// # Errors
    /// `NotFound`, `Denied`; `Corrupt` for a file that is damaged, `Unsupported` for one of a newer version.
    pub(crate) fn begin_open(path: &Path, variable: &str) -> Result<Begun<Self>> {
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
        let footer = Footer::read(&file, metadata.len());
        let footer = footer.map_err(|error| error.context(path.display()))?;
        if footer.is_none() {
            Footer::ensure_none(&file, metadata.len())
                .map_err(|error| error.context(path.display()))?;
        }
        let unread = Unread {
            path: path.to_owned(),
            variable: variable.to_owned(),
            file,
            metadata,
            footer,
        };
        if !unread.is_small() {
            return Ok(Begun::nothing(move || unread.read()));
        }
        match unread.parse()? {
            Some(header) => unread.with(header).map(Begun::Done),
            None => Ok(Begun::nothing(move || unread.read_by_library())),
        }
    }

    /// Where it was when it was opened.
    pub(crate) fn path(&self) -> &Path {
        &self.path
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
            VariableCells::Inline(_) | VariableCells::Library | VariableCells::Elsewhere => true,
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

    fn stored(&self, location: ChunkLocation) -> StoredChunk<'_> {
        StoredChunk::File {
            file: &self.file,
            path: &self.path,
            offset: location.address,
            length: index(location.size),
            sums: self.sums_of(location),
        }
    }

    /// Where the checksums of the pages of a chunk are, if there are some.
    fn sums_of(&self, location: ChunkLocation) -> Option<u64> {
        let footer = self.footer.as_ref().filter(|_| self.has_sums())?;
        footer.sums_of(location).filter(|_| location.mask == 0)
    }

    /// Whether chunks are their cells with a checksum behind them, and their pages have checksums too.
    fn has_sums(&self) -> bool {
        let is_raw = || match &self.header.variable.cells {
            VariableCells::Chunked { codecs, .. } => codecs.is_raw_with_checksum(),
            _ => false,
        };
        self.footer.is_some_and(|footer| footer.sums_length > 0) && is_raw()
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

    /// Decodes a chunk into `cells`, past what is kept of it.
    fn decode(&self, codecs: &CodecChain, location: ChunkLocation, cells: &mut [u8]) -> Result<()> {
        let mut encoded = Scratch::new(index(location.size));
        self.read_raw(location, &mut encoded)?;
        codecs
            .decode(&encoded, location.mask, cells)
            .map_err(|error| self.damaged(location, error))
    }

    /// Decodes one chunk into `cells`; false when it was never written or the cells are not in chunks.
    pub(crate) fn chunk_cells(&self, number: u64, cells: &mut [u8]) -> Result<bool> {
        match (&self.header.variable.cells, self.location(number)) {
            (VariableCells::Chunked { codecs, .. }, Some(location)) => {
                self.decode(codecs, location, cells).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    /// The file, and where the first cell is, of cells that lie in one piece.
    ///
    /// # Errors
    /// `Internal` for other cells.
    pub(crate) fn contiguous(&self) -> Result<(&File, u64)> {
        match self.header.variable.cells {
            VariableCells::Contiguous { address, .. } => Ok((&self.file, address)),
            _ => Err(Error::internal("cells that lie in several pieces")),
        }
    }

    /// The checksums of the pages of a chunk as they are stored; none when there are none.
    pub(crate) fn page_sums_of(&self, location: ChunkLocation) -> Result<Vec<u32>> {
        let Some(place) = self.sums_of(location) else {
            return Ok(Vec::new());
        };
        let mut bytes = vec![0; index(location.size).div_ceil(PAGE_BYTES) * 4];
        self.file
            .read_exact_at(&mut bytes, place)
            .map_err(|source| Error::io("read", self.path.display(), source))?;
        let (sums, _) = bytes.as_chunks::<4>();
        Ok(sums.iter().copied().map(u32::from_le_bytes).collect())
    }

    /// Whether a chunk decodes.
    pub(crate) fn is_sound(&self, location: ChunkLocation, stored: &[u8]) -> bool {
        let VariableCells::Chunked { grid, codecs, .. } = &self.header.variable.cells else {
            return false;
        };
        let mut cells = Scratch::new(index(grid.chunk_bytes(self.header.variable.dtype.size())));
        codecs.decode(stored, location.mask, &mut cells).is_ok()
    }

    /// The bytes of a chunk as they are stored, into `out`, which has their length.
    pub(crate) fn read_raw(&self, location: ChunkLocation, out: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(out, location.address)
            .map_err(|source| Error::io("read", self.path.display(), source))
    }
}
