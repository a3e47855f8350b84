//! Packs that another program has written: `disk-objectstore` does not sync them, so whoever answers, or removes another copy, because
//! an object is there makes it safe first.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};

use hyperslab_core::{Error, Result};

use super::ContainerBlobs;
use super::folders;
use super::index::Row;
use crate::BlobKey;

/// The file of each pack that was synced, and how long it was then. What is not longer is not synced again.
#[derive(Debug, Default)]
pub(super) struct Synced(Mutex<HashMap<i64, (u64, u64)>>);

impl ContainerBlobs {
    /// Makes the bytes safe that rows lead to.
    ///
    /// # Errors
    /// What the medium says; for a pack that is not there, too.
    pub(super) fn make_safe(&self, rows: impl IntoIterator<Item = Row>) -> Result<()> {
        let mut ends = BTreeMap::<i64, u64>::new();
        for row in rows {
            let end = ends.entry(row.pack).or_default();
            *end = row.offset.saturating_add(row.length).max(*end);
        }
        let mut fresh = Vec::new();
        for (pack, end) in ends {
            fresh.extend(self.sync_pack(pack, end)?.map(|file| (pack, file)));
        }
        if !fresh.is_empty() {
            folders::sync(&self.folders.pack_folder())?;
            self.synced().extend(fresh);
        }
        Ok(())
    }

    /// Those of these objects that are packed are safe when this returns.
    ///
    /// # Errors
    /// As [`make_safe`](Self::make_safe).
    pub(super) fn make_packed_safe(&self, keys: &[BlobKey]) -> Result<()> {
        self.make_safe(self.index.find(keys)?.into_iter().flatten())
    }

    /// Syncs a pack of which that much has not been: its file, and how long it was.
    fn sync_pack(&self, pack: i64, end: u64) -> Result<Option<(u64, u64)>> {
        let path = self.folders.pack(pack);
        let fail = |source| Error::io("sync", path.display(), source);
        let file = File::open(&path).map_err(fail)?;
        let found = file.metadata().map_err(fail)?;
        let is_safe = |(inode, bytes): &(u64, u64)| *inode == found.ino() && *bytes >= end;
        if self.synced().get(&pack).is_some_and(is_safe) {
            return Ok(None);
        }
        file.sync_all().map_err(fail)?;
        Ok(Some((found.ino(), found.len())))
    }

    fn synced(&self) -> std::sync::MutexGuard<'_, HashMap<i64, (u64, u64)>> {
        self.synced.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
