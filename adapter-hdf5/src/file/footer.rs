//! The footer: 32 bytes after the end of the HDF5 file that vouch for every byte before them; and between the two, if parts of
//! chunks can be read, the checksums of their pages.
//!
//! HDF5 ignores what lies behind the end it has recorded, and cuts it off when it writes. So a footer that is there is
//! ours, and a file that another program has changed has none.

use std::fs::File;
use std::os::unix::fs::FileExt;

use hyperslab_core::{Error, Result};
use hyperslab_engine::PAGE_BYTES;

use super::index::ChunkLocation;
use super::superblock;
use crate::index;

/// Bytes of a footer.
pub(crate) const FOOTER_SIZE: usize = 32;

const MAGIC: [u8; 7] = *b"hyslab\x1a";

/// The version of a footer right behind the HDF5 file.
const PLAIN: u8 = 1;

/// The version of a footer with checksums of pages before it, and the newest.
const WITH_SUMS: u8 = 2;

/// Bytes of a checksum.
const SUM_BYTES: u64 = 4;

/// What a footer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Footer {
    /// Bytes of the HDF5 file.
    pub(crate) length: u64,
    /// Bytes of the checksums of pages, and of one of their own behind them; 0 when there are none.
    pub(crate) sums_length: u64,
    /// Bytes of metadata at the start of the file; 0 when they lie anywhere, as another program has put them.
    pub(crate) metadata_length: u32,
    /// The CRC-32C of the metadata.
    pub(crate) metadata_crc: u32,
    /// The CRC-32C of all bytes of the HDF5 file.
    pub(crate) crc: u32,
}

impl Footer {
    /// The bytes of the footer.
    pub(crate) fn to_bytes(self) -> [u8; FOOTER_SIZE] {
        let mut bytes = [0; FOOTER_SIZE];
        bytes[..7].copy_from_slice(&MAGIC);
        bytes[7] = if self.sums_length == 0 {
            PLAIN
        } else {
            WITH_SUMS
        };
        bytes[8..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.metadata_length.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.metadata_crc.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.crc.to_le_bytes());
        let own = crc32c::crc32c(&bytes[..28]);
        bytes[28..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    /// Reads the footer of a file of `length` bytes, if it has one.
    ///
    /// # Errors
    /// As [`from_bytes`](Self::from_bytes), and when the file cannot be read.
    pub(crate) fn read(file: &File, length: u64) -> Result<Option<Self>> {
        let Some(start) = length.checked_sub(FOOTER_SIZE as u64) else {
            return Ok(None);
        };
        let mut bytes = [0; FOOTER_SIZE];
        file.read_exact_at(&mut bytes, start)
            .map_err(|source| Error::io("read", "the footer", source))?;
        Self::from_bytes(&bytes, length)
    }

    /// Makes sure that a file of `length` bytes without a footer is one that another program has written. Such a program leaves
    /// nothing behind the end that the file says it has; what is there is a footer that was lost, and with it maybe more.
    ///
    /// # Errors
    /// `Corrupt` when there is something; `Unavailable` when the file cannot be read.
    pub(crate) fn ensure_none(file: &File, length: u64) -> Result<()> {
        let mut block = [0; superblock::SIZE];
        if length < superblock::SIZE as u64 {
            return Ok(());
        }
        file.read_exact_at(&mut block, 0)
            .map_err(|source| Error::io("read", "the superblock", source))?;
        match superblock::end_of_file(&block) {
            Some(end) if end < length => Err(Error::corrupt(format!(
                "the file should end after {end} bytes and a footer, and has {length} bytes; its end is damaged, restore it from a copy"
            ))),
            _ => Ok(()),
        }
    }

    /// Where the checksums of the pages of a chunk are, if its pages have some. All chunks of such a file are of one size and
    /// follow each other, and so do the checksums.
    pub(crate) fn sums_of(&self, chunk: ChunkLocation) -> Option<u64> {
        let before = chunk.address.checked_sub(self.metadata_length.into())?;
        if self.sums_length == 0 || chunk.size == 0 || !before.is_multiple_of(chunk.size) {
            return None;
        }
        let bytes = chunk
            .size
            .div_ceil(PAGE_BYTES as u64)
            .checked_mul(SUM_BYTES)?;
        let skipped = (before / chunk.size).checked_mul(bytes)?;
        let end = skipped.checked_add(bytes)?;
        (end <= self.sums_length - SUM_BYTES).then(|| self.length + skipped)
    }

    /// Makes sure that the checksums of pages are what was written.
    ///
    /// # Errors
    /// `Corrupt` when they are not; `Unavailable`.
    pub(crate) fn verify_sums(&self, file: &File) -> Result<()> {
        let mut bytes = vec![0; index(self.sums_length)];
        file.read_exact_at(&mut bytes, self.length)
            .map_err(|source| Error::io("read", "the checksums", source))?;
        let Some((sums, own)) = bytes.split_last_chunk::<4>() else {
            return Ok(());
        };
        if crc32c::crc32c(sums) == u32::from_le_bytes(*own) {
            return Ok(());
        }
        Err(Error::corrupt("the checksums of pages are damaged"))
    }

    /// Reads the metadata at the start of its file.
    ///
    /// # Errors
    /// `Corrupt` when their checksum does not hold.
    pub(crate) fn metadata(&self, file: &File) -> Result<Vec<u8>> {
        // The footer's own checksum holds, and it says that the metadata are no longer than the file.
        let mut metadata = vec![0; self.metadata_length as usize];
        file.read_exact_at(&mut metadata, 0)
            .map_err(|source| Error::io("read", "the metadata", source))?;
        if crc32c::crc32c(&metadata) == self.metadata_crc {
            return Ok(metadata);
        }
        Err(Error::corrupt(
            "the metadata are damaged; run `check` and restore the file from a copy",
        ))
    }

    /// Reads the last bytes of a file of `file_length` bytes. `None` when they are no footer.
    ///
    /// # Errors
    /// `Unsupported` for a footer of a newer version, `Corrupt` for a damaged one.
    pub(crate) fn from_bytes(bytes: &[u8; FOOTER_SIZE], file_length: u64) -> Result<Option<Self>> {
        let field = |range: std::ops::Range<usize>| {
            let mut wide = [0; 8];
            wide[..range.len()].copy_from_slice(&bytes[range]);
            u64::from_le_bytes(wide)
        };
        let narrow = |start: usize| u32::try_from(field(start..start + 4)).unwrap_or(0);
        if bytes[..7] != MAGIC {
            return Ok(None);
        }
        let length = field(8..16);
        let sums_length = file_length
            .checked_sub(FOOTER_SIZE as u64)
            .and_then(|end| end.checked_sub(length));
        let footer = Self {
            length,
            sums_length: sums_length.unwrap_or(0),
            metadata_length: narrow(16),
            metadata_crc: narrow(20),
            crc: narrow(24),
        };
        let whole = crc32c::crc32c(&bytes[..28]) == narrow(28);
        if whole && bytes[7] > WITH_SUMS {
            return Err(Error::unsupported(format!(
                "the file has layout version {}, this program reads up to {}; update hyperslab",
                bytes[7], WITH_SUMS
            )));
        }
        let fits = sums_length.is_some()
            && u64::from(footer.metadata_length) <= footer.length
            && match bytes[7] {
                PLAIN => footer.sums_length == 0,
                _ => footer.sums_length > SUM_BYTES && footer.sums_length.is_multiple_of(SUM_BYTES),
            };
        if whole && fits {
            return Ok(Some(footer));
        }
        Err(Error::corrupt("the footer is damaged"))
    }
}
