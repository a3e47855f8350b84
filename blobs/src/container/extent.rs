//! Objects in a pack.

use std::fs::File;
use std::sync::Arc;

use hyperslab_core::{Error, Result};

use super::folders::Folders;
use super::index::Row;
use crate::extent::{Encoding, Extent};
use crate::{BlobKey, BlobReader};

/// Opens an object.
///
/// # Errors
/// `NotFound` when the pack is not there; `Corrupt` when it ends before the object does.
pub(super) fn open(folders: &Folders, key: &BlobKey, row: Row) -> Result<Box<dyn BlobReader>> {
    let path = folders.pack(row.pack);
    let fail = |source| Error::io("open", path.display(), source);
    let file = File::open(&path).map_err(fail)?;
    let end = row.offset.checked_add(row.length);
    let bytes = file.metadata().map_err(fail)?.len();
    if end.is_none_or(|end| end > bytes) || (!row.compressed && row.length != row.size) {
        return Err(Error::corrupt(format!(
            "object {key} is said to be {} bytes from {} on in {}, which has {bytes}; restore it from a copy",
            row.length,
            row.offset,
            path.display()
        )));
    }
    let encoding = match row.compressed {
        true => Encoding::Zlib,
        false => Encoding::None,
    };
    Ok(Extent::new(Arc::new(file), row.offset, row.length).reader(encoding, row.size))
}
