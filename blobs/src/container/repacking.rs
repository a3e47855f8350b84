//! Packs without gaps: what lives is copied into a new pack, and its rows are switched in one transaction.
//!
//! At every moment each row leads to sound bytes, so whoever is killed leaves nothing worse than a pack that nobody needs. The old
//! packs stay for whoever still reads an old state of the index; cleaning removes them when they are old enough.

use std::fs::{File, FileTimes};
use std::time::SystemTime;

use hyperslab_core::{Error, Result};
use serde::Serialize;

use super::appender::Appender;
use super::folders::{self, UNENDED};
use super::index::Row;
use super::locks::{PackMark, PackerLock};
use super::packing::Compress;
use super::{ContainerBlobs, loose};
use crate::repository::sum;
use crate::{BlobKey, Watch};

/// How packs are repacked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RepackOptions {
    /// Compress anew, in this way; `None` leaves each object as it is.
    pub compress: Option<Compress>,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What repacking did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RepackReport {
    /// Packs of which nothing is needed any more.
    pub replaced: Vec<i64>,
    /// Objects that were copied.
    pub copied: u64,
    /// Bytes of the packs that are not needed any more.
    pub before_bytes: u64,
    /// Bytes of the new ones.
    pub after_bytes: u64,
    /// Objects that are damaged. Their packs stay as they are.
    pub damaged: Vec<BlobKey>,
}

impl ContainerBlobs {
    /// Copies what lives in packs with gaps into new ones; in all packs, if it is to be compressed anew.
    ///
    /// # Errors
    /// `Locked` when objects are being packed; what the medium says.
    pub fn repack(&self, options: &RepackOptions, watch: &Watch<'_>) -> Result<RepackReport> {
        let _lock = PackerLock::acquire(&self.folders, self.patience)?;
        let mut report = RepackReport::default();
        if !options.dry_run {
            self.mend_unended()?;
        }
        let packs = self.folders.packs()?;
        let total = packs.len() as u64;
        for (done, pack) in packs.into_iter().enumerate() {
            watch(done as u64, total);
            let bytes = self.folders.bytes_of(pack)?;
            let rows = self.index.rows_of(pack, self.config.hash_type)?;
            let live = sum(rows.iter().map(|(_, row)| row.length));
            if rows.is_empty() || (live == bytes && options.compress.is_none()) {
                continue;
            }
            if options.dry_run {
                report.replaced.push(pack);
                report.copied += rows.len() as u64;
                report.before_bytes += bytes;
                report.after_bytes = report.after_bytes.saturating_add(live);
                continue;
            }
            self.repack_one(pack, &rows, options.compress, &mut report)?;
        }
        Ok(report)
    }

    /// Gives a pack a name of its own that `disk-objectstore` was killed over while it repacked another: it finds none of the objects
    /// in it until then.
    pub(super) fn mend_unended(&self) -> Result<()> {
        let mut rows = self.index.rows_of(UNENDED, self.config.hash_type)?;
        if rows.is_empty() {
            // Of a file that nobody needs cleaning takes care.
            return Ok(());
        }
        let new = self.next_name()?;
        let (from, to) = (self.folders.pack(UNENDED), self.folders.pack(new));
        if !from.is_file() {
            // What it held is lost, as verifying tells.
            return Ok(());
        }
        std::fs::hard_link(&from, &to)
            .map_err(|source| Error::io("link", from.display(), source))?;
        folders::sync(to.parent().unwrap_or(self.folders.root()))?;
        rows.iter_mut().for_each(|(_, row)| row.pack = new);
        self.index.switch(UNENDED, &rows)?;
        loose::remove(&from)
    }

    /// A number that no pack has had.
    fn next_name(&self) -> Result<i64> {
        let last = self.folders.packs()?.last().copied().unwrap_or(-1);
        last.checked_add(1)
            .ok_or_else(|| Error::internal("no number is left for a pack"))
    }

    fn repack_one(
        &self,
        pack: i64,
        rows: &[(BlobKey, Row)],
        compress: Option<Compress>,
        report: &mut RepackReport,
    ) -> Result<()> {
        let new = self.next_name()?;
        let _marks = [
            PackMark::make(&self.folders, pack)?,
            PackMark::make(&self.folders, new)?,
        ];
        let mut appender = Appender::open(&self.folders, &self.config, new)?;
        for (key, row) in rows {
            let wanted = compress.unwrap_or(match row.compressed {
                true => Compress::Always,
                false => Compress::Never,
            });
            let copied = self
                .open_extent(key, *row, false)
                .and_then(|mut reader| appender.append_stream(&mut *reader, wanted));
            if !copied.is_ok_and(|(found, ..)| found == *key) {
                // A pack with damage stays whole, for whoever can make more of it.
                report.damaged.push(*key);
                drop(appender);
                return loose::remove(&self.folders.pack(new));
            }
        }
        let (moved, _) = appender.finish()?;
        self.verify_rows(&moved)?;
        self.index.switch(pack, &moved)?;
        report.replaced.push(pack);
        report.copied += moved.len() as u64;
        report.before_bytes += self.folders.bytes_of(pack)?;
        report.after_bytes += sum(moved.iter().map(|(_, row)| row.length));
        // Its age is that of its being replaced.
        let path = self.folders.pack(pack);
        let times = FileTimes::new().set_modified(SystemTime::now());
        File::options()
            .append(true)
            .open(&path)
            .and_then(|file| file.set_times(times))
            .map_err(|source| Error::io("mark", path.display(), source))
    }
}
