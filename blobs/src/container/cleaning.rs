//! What is left behind: loose files of packed objects, files of writers that were killed, packs without objects.

use std::fs::File;
use std::path::Path;
use std::time::{Duration, SystemTime};

use hyperslab_core::{Error, Result};
use rayon::prelude::*;
use serde::Serialize;

use super::index::Row;
use super::locks::PackerLock;
use super::{ContainerBlobs, WORTH_A_THREAD, loose};
use crate::BlobKey;
use crate::files::is_absent;

/// So many loose objects are looked up at a time.
const BATCH: usize = 1 << 12;

/// How cleaning is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanOptions {
    /// Files of writers that nobody has touched for so long are taken for left behind, and so are packs without objects.
    pub age: Duration,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

impl Default for CleanOptions {
    /// Of a day, done.
    fn default() -> Self {
        Self {
            age: Duration::from_secs(24 * 60 * 60),
            dry_run: false,
        }
    }
}

/// What cleaning did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CleanReport {
    /// Loose files of objects that are packed, and sound there.
    pub loose: u64,
    /// Files of writers that were killed.
    pub abandoned: u64,
    /// Packs without objects.
    pub packs: Vec<i64>,
    /// Bytes of all these.
    pub freed_bytes: u64,
    /// Objects that were damaged in their pack, and are packed anew from their loose file.
    pub healed: Vec<BlobKey>,
}

impl ContainerBlobs {
    /// Removes loose files of objects that are packed, after their packed bytes were read and made safe; files that writers who were killed have
    /// left; and packs that hold no object any more. An object that is damaged in its pack is packed anew from its loose file.
    ///
    /// # Errors
    /// `Locked` when objects are being packed; what the medium says.
    pub fn clean(&self, options: &CleanOptions) -> Result<CleanReport> {
        let _lock = PackerLock::acquire(&self.folders, self.patience)?;
        let mut report = CleanReport::default();
        // What lies there now is read, and no file that has lost its name.
        self.packs.close();
        if !options.dry_run {
            self.mend_unended()?;
        }
        let mut damaged = Vec::new();
        for batch in loose::list(&self.folders, &self.config)?.chunks(BATCH) {
            let packed = self.packed_of(batch)?;
            if !options.dry_run {
                let sound = packed.iter().filter(|(.., sound)| *sound);
                self.make_safe(sound.map(|(_, row, _)| *row))?;
            }
            let (sound, unsound): (Vec<_>, Vec<_>) =
                packed.into_iter().partition(|(.., sound)| *sound);
            damaged.extend(unsound.iter().map(|(key, ..)| *key));
            let sound: Vec<(BlobKey, Row)> =
                sound.iter().map(|(key, row, _)| (*key, *row)).collect();
            let (count, bytes) = match options.dry_run {
                true => self.count_packed(&sound)?,
                false => self.remove_packed(&sound)?,
            };
            report.loose += count;
            report.freed_bytes += bytes;
        }
        self.abandoned(options, &mut report)?;
        self.packs_without_objects(options, &mut report)?;
        self.heal(damaged, options, &mut report)?;
        if !options.dry_run {
            // All but the last line of each object say nothing.
            self.forget_leases(Duration::MAX)?;
        }
        Ok(report)
    }

    /// Removes the loose files of objects that are packed, and sound there: how many, and their bytes. One that was deleted meanwhile, and
    /// put again, may have no other.
    pub(super) fn remove_packed(&self, rows: &[(BlobKey, Row)]) -> Result<(u64, u64)> {
        let mut removed = (0, 0);
        for batch in rows.chunks(BATCH) {
            let _gate = self.close_gate()?;
            let keys: Vec<BlobKey> = batch.iter().map(|(key, _)| *key).collect();
            for ((key, row), now) in batch.iter().zip(self.index.find(&keys)?) {
                let path = self.loose_path(key);
                let Some(size) = loose::size(&path)?.filter(|_| now == Some(*row)) else {
                    continue;
                };
                loose::remove(&path)?;
                removed = (removed.0 + 1, removed.1 + size);
            }
        }
        Ok(removed)
    }

    fn count_packed(&self, rows: &[(BlobKey, Row)]) -> Result<(u64, u64)> {
        let sizes = rows
            .iter()
            .map(|(key, _)| loose::size(&self.loose_path(key)));
        let sizes: Vec<Option<u64>> = sizes.collect::<Result<_>>()?;
        let sizes = sizes.into_iter().flatten();
        Ok((sizes.clone().count() as u64, sizes.sum()))
    }

    /// Those of these objects that are packed, their rows, and whether they are sound there.
    fn packed_of(&self, keys: &[BlobKey]) -> Result<Vec<(BlobKey, Row, bool)>> {
        let rows = self.index.find(keys)?;
        let packed: Vec<_> = keys
            .iter()
            .zip(rows)
            .filter_map(|(key, row)| Some((*key, row?)))
            .collect();
        let read = packed.into_par_iter().with_min_len(WORTH_A_THREAD);
        let read = read.map(|(key, row)| (key, row, self.holds_packed(&key, row).unwrap_or(false)));
        Ok(read.collect())
    }

    /// Packs objects anew whose loose file is sound.
    fn heal(
        &self,
        damaged: Vec<BlobKey>,
        options: &CleanOptions,
        report: &mut CleanReport,
    ) -> Result<()> {
        let mut sound = damaged;
        sound.retain(|key| self.holds_loose(key));
        if !options.dry_run && !sound.is_empty() {
            self.pack_anew(&sound)?;
        }
        report.healed = sound;
        Ok(())
    }

    fn abandoned(&self, options: &CleanOptions, report: &mut CleanReport) -> Result<()> {
        let folder = self.folders.sandbox();
        let fail = |source| Error::io("list", folder.display(), source);
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            let Some(bytes) = untouched(&path, options.age)? else {
                continue;
            };
            report.abandoned += 1;
            report.freed_bytes += bytes;
            if !options.dry_run {
                loose::remove(&path)?;
            }
        }
        Ok(())
    }

    fn packs_without_objects(
        &self,
        options: &CleanOptions,
        report: &mut CleanReport,
    ) -> Result<()> {
        for pack in self.folders.packs()? {
            if self.index.holds_pack(pack)? {
                continue;
            }
            let path = self.folders.pack(pack);
            let Some(bytes) = untouched(&path, options.age)? else {
                continue;
            };
            report.packs.push(pack);
            report.freed_bytes += bytes;
            if !options.dry_run {
                loose::remove(&path)?;
            }
        }
        Ok(())
    }
}

/// The bytes of a file that nobody has changed for so long.
fn untouched(path: &Path, age: Duration) -> Result<Option<u64>> {
    let fail = |source| Error::io("read", path.display(), source);
    let found = match File::open(path).and_then(|file| file.metadata()) {
        Err(error) if is_absent(&error) => return Ok(None),
        found => found.map_err(fail)?,
    };
    let changed = found.modified().map_err(fail)?;
    let passed = SystemTime::now()
        .duration_since(changed)
        .unwrap_or_default();
    Ok((found.is_file() && passed >= age).then_some(found.len()))
}
