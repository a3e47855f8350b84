//! Loose objects into packs.
//!
//! The order is what keeps every object whole at every moment: bytes at the end of a pack, synced and read back; then their rows, in
//! one transaction; then, if that is wanted, the loose files away. Whoever is killed in between leaves bytes that belong to nothing,
//! or an object that is there twice.

use std::io;
use std::sync::atomic::Ordering;

use hyperslab_core::{Error, Result};
use serde::Serialize;

use super::appender::Appender;
use super::index::Row;
use super::locks::{PackMark, PackerLock};
use super::read_ahead::Reading;
use super::{ContainerBlobs, loose};
use crate::files::is_absent;
use crate::{BlobKey, Watch};

/// Which objects are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compress {
    /// None.
    #[default]
    Never,
    /// All that get smaller by it.
    Always,
    /// Those whose first part gets smaller by a tenth.
    WhereWorthIt,
}

/// How loose objects are packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackOptions {
    /// Which objects are compressed.
    pub compress: Compress,
    /// Remove the loose files of objects that are packed, once their rows are safe.
    pub clean: bool,
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
}

/// What packing did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackReport {
    /// Objects that were packed.
    pub packed: u64,
    /// Bytes of their content.
    pub content_bytes: u64,
    /// Bytes that they take in packs.
    pub stored_bytes: u64,
    /// Loose files that were removed.
    pub cleaned: u64,
    /// Objects whose file does not hold what its name says. They stay as they are.
    pub damaged: Vec<BlobKey>,
}

impl ContainerBlobs {
    /// Packs all loose objects, in the order of their keys.
    ///
    /// # Errors
    /// `Locked` when another packer is at work; what the medium says. What was packed until then is packed.
    pub fn pack_loose(&self, options: &PackOptions, watch: &Watch<'_>) -> Result<PackReport> {
        let _lock = PackerLock::acquire(&self.folders, self.patience)?;
        let mut report = PackReport::default();
        let unpacked = self.unpacked()?;
        if options.dry_run {
            for key in &unpacked {
                report.packed += 1;
                report.content_bytes += loose::size(&self.loose_path(key))?.unwrap_or(0);
            }
            return Ok(report);
        }
        let total = unpacked.len() as u64;
        let mut reading = Reading::begin(self, unpacked.into_iter())?;
        while !reading.is_ended() {
            let pack = self.next_pack()?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            let damaged = reading.append_to(&mut appender, options.compress)?;
            report.damaged.extend(damaged);
            let (rows, _) = appender.finish()?;
            self.verify_rows(&rows)?;
            let rows = self.insert_unless_deleted(rows)?;
            self.packed(&rows, options, &mut report)?;
            watch(report.packed, total);
        }
        Ok(report)
    }

    /// Packs objects once more from their loose files, and leads their rows there. At no moment is one without a row.
    pub(super) fn pack_anew(&self, keys: &[BlobKey]) -> Result<()> {
        let mut reading = Reading::begin(self, keys.iter().copied())?;
        while !reading.is_ended() {
            let pack = self.next_pack()?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            reading.append_to(&mut appender, Compress::Never)?;
            let (rows, _) = appender.finish()?;
            self.verify_rows(&rows)?;
            self.index.replace(&rows)?;
        }
        Ok(())
    }

    /// What is done with objects whose rows are safe.
    fn packed(
        &self,
        rows: &[(BlobKey, Row)],
        options: &PackOptions,
        report: &mut PackReport,
    ) -> Result<()> {
        for (_, row) in rows {
            report.packed += 1;
            report.content_bytes += row.size;
            report.stored_bytes += row.length;
        }
        if options.clean {
            report.cleaned += self.remove_packed(rows)?.0;
        }
        Ok(())
    }

    /// Makes the rows of loose objects that are packed: of those that are there. Whoever deletes one meanwhile has taken its file away
    /// before, or takes its row away afterwards.
    fn insert_unless_deleted(&self, rows: Vec<(BlobKey, Row)>) -> Result<Vec<(BlobKey, Row)>> {
        let _gate = self.close_gate()?;
        let keys: Vec<BlobKey> = rows.iter().map(|(key, _)| *key).collect();
        let there = loose::there(&self.folders, &self.config, &keys)?;
        let rows = rows.into_iter().zip(there);
        let rows: Vec<(BlobKey, Row)> = rows
            .filter_map(|(row, is_there)| is_there.then_some(row))
            .collect();
        self.index.insert(&rows)?;
        Ok(rows)
    }

    /// The loose objects that have no row, in the order of their keys.
    fn unpacked(&self) -> Result<Vec<BlobKey>> {
        let mut keys = loose::list(&self.folders, &self.config)?;
        keys.sort_unstable();
        self.index.retain_absent(&mut keys)?;
        Ok(keys)
    }

    /// The first pack that is not full, and not about to go because nothing in it is needed. One that gets room again once others
    /// were filled is found by the next who opens the container.
    pub(super) fn next_pack(&self) -> Result<i64> {
        let pack = self.pack_with_room(self.last_pack.load(Ordering::Relaxed))?;
        self.last_pack.store(pack, Ordering::Relaxed);
        Ok(pack)
    }

    fn pack_with_room(&self, first: i64) -> Result<i64> {
        for pack in first.. {
            let path = self.folders.pack(pack);
            match std::fs::metadata(&path) {
                Ok(found) if found.len() >= self.config.pack_size_target => {}
                Ok(found) if found.len() > 0 && !self.index.holds_pack(pack)? => {}
                Ok(_) => return Ok(pack),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(pack),
                // A link that leads nowhere: nothing can be put there.
                Err(error) if is_absent(&error) => {}
                Err(source) => return Err(Error::io("read", path.display(), source)),
            }
        }
        Err(Error::internal("no number is left for a pack"))
    }
}
