//! The bytes of a chunk as they are stored.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hyperslab_core::{Error, Result};

use crate::Scratch;
use crate::pages::{self, PAGE_BYTES};

/// Bytes of the checksum of a page.
const SUM_BYTES: usize = 4;

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
        /// Where the checksums of its pages begin in the same file, if it has some: the CRC-32C of each, little-endian.
        sums: Option<u64>,
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

    /// Whether its pages have checksums.
    pub(crate) fn has_sums(&self) -> bool {
        matches!(self, Self::File { sums: Some(_), .. })
    }

    /// What is read for a range of its bytes: whole pages, if they have checksums.
    pub(crate) fn around(&self, range: Range<usize>) -> Range<usize> {
        if !self.has_sums() {
            return range;
        }
        let end = range.end.next_multiple_of(PAGE_BYTES);
        range.start / PAGE_BYTES * PAGE_BYTES..end.min(self.length())
    }

    /// Reads the bytes [`around`](Self::around) a range, and verifies their pages, if they have checksums.
    ///
    /// # Errors
    /// As [`read_at`](Self::read_at); `Corrupt` when a checksum does not hold.
    pub(crate) fn read_around(&self, range: Range<usize>) -> Result<(usize, Scratch)> {
        let range = self.around(range);
        let mut bytes = Scratch::new(range.len());
        self.read_at(range.start, &mut bytes)?;
        if let Self::File {
            file,
            path,
            sums: Some(sums),
            ..
        } = self
        {
            let skipped = range.start / PAGE_BYTES * SUM_BYTES;
            let mut known = Scratch::new(bytes.len().div_ceil(PAGE_BYTES) * SUM_BYTES);
            file.read_exact_at(&mut known, sums.saturating_add(skipped as u64))
                .map_err(|source| Error::io("read", path.display(), source))?;
            pages::verify(&bytes, &known)?;
        }
        Ok((range.start, bytes))
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
