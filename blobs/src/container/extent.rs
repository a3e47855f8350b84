//! Objects in a pack.

use hyperslab_core::{Error, Result};

use super::Compression;
use super::folders::Folders;
use super::index::Row;
use super::packs::Packs;
use crate::extent::{Encoding, Extent};
use crate::{BlobKey, BlobReader};

/// Opens an object.
///
/// # Errors
/// `NotFound` when the pack is not there; `Corrupt` when it ends before the object does.
pub(super) fn open(
    packs: &Packs,
    folders: &Folders,
    key: &BlobKey,
    row: Row,
    compression: Compression,
    believing: bool,
) -> Result<Box<dyn BlobReader>> {
    if row == Row::SENSELESS {
        return Err(Error::corrupt(format!(
            "object {key} has a row in the index whose numbers make no sense; restore it from a copy, or put it again"
        )));
    }
    let end = row.offset.checked_add(row.length);
    let (file, bytes) = packs.open(folders, row.pack, end.unwrap_or(u64::MAX), believing)?;
    if end.is_none_or(|end| end > bytes) || (!row.compressed && row.length != row.size) {
        return Err(Error::corrupt(format!(
            "object {key} is said to be {} bytes from {} on in {}, which has {bytes}; restore it from a copy",
            row.length,
            row.offset,
            folders.pack(row.pack).display()
        )));
    }
    let encoding = match (row.compressed, compression) {
        (false, _) => Encoding::None,
        (true, Compression::Zlib(_)) => Encoding::Zlib,
        (true, Compression::Zstd(_)) => Encoding::Zstd,
    };
    Ok(Extent::new(file, row.offset, row.length).reader(encoding, row.size))
}
