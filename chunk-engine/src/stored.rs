//! The bytes of a chunk as they are stored.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hyperslab_core::{Error, Result};

/// Where the stored bytes of a chunk are.
#[derive(Debug, Clone, Copy)]
pub enum StoredChunk<'a> {
    /// They were fetched.
    Memory(&'a [u8]),
    /// In an open file.
    File {
        /// The file.
        file: &'a File,
        /// How messages call it.
        path: &'a Path,
        /// Where the chunk begins, in bytes.
        offset: u64,
        /// How many bytes it has.
        length: usize,
    },
}

impl StoredChunk<'_> {
    /// How many bytes there are.
    #[must_use]
    pub fn length(&self) -> usize {
        match self {
            Self::Memory(bytes) => bytes.len(),
            Self::File { length, .. } => *length,
        }
    }

    /// Reads the bytes from `first` on into `out`.
    ///
    /// # Errors
    /// `Corrupt` when the chunk or the file ends before; `Unavailable`, `Denied`.
    pub(crate) fn read_at(&self, first: usize, out: &mut [u8]) -> Result<()> {
        let short = || Error::corrupt("a chunk is shorter than it should be");
        let end = first
            .checked_add(out.len())
            .filter(|&end| end <= self.length());
        let end = end.ok_or_else(short)?;
        match self {
            Self::Memory(bytes) => out.copy_from_slice(bytes.get(first..end).ok_or_else(short)?),
            Self::File {
                file, path, offset, ..
            } => {
                let at = offset.checked_add(first as u64).ok_or_else(short)?;
                file.read_exact_at(out, at)
                    .map_err(|source| match source.kind() {
                        std::io::ErrorKind::UnexpectedEof => Error::corrupt(format!(
                            "{} ends within a chunk; run `check` and restore the file from a copy",
                            path.display()
                        )),
                        _ => Error::io("read", path.display(), source),
                    })?;
            }
        }
        Ok(())
    }
}
