//! Loose objects into packs.
//!
//! The order is what keeps every object whole at every moment: bytes at the end of a pack, synced and read back; then their rows, in
//! one transaction; then, if that is wanted, the loose files away. Whoever is killed in between leaves bytes that belong to nothing,
//! or an object that is there twice.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering;

use hyperslab_core::{Error, Result};
use rayon::prelude::*;
use serde::Serialize;

use super::appender::{Appender, SMALL_BYTES, in_use};
use super::index::Row;
use super::locks::{PackMark, PackerLock};
use super::{ContainerBlobs, loose};
use crate::files::{self, is_absent};
use crate::hashing::KeyHash;
use crate::{BlobKey, Watch};

/// So many objects are made safe at a time, so that not all of their rows are in memory at once.
const ROWS_MAX: usize = 1 << 15;

/// So many loose objects are read, on all cores, before they are appended.
const READ_AHEAD: usize = 256;

/// So many objects are worth a thread.
pub(super) const WORTH_A_THREAD: usize = 64;

/// A loose object as it was found.
enum Loose {
    /// Deleted meanwhile.
    Gone,
    /// It is not what its name says.
    Damaged,
    Small(Vec<u8>),
    Large(File),
}

/// Appends what was found; false when it is damaged.
fn append(
    appender: &mut Appender<'_>,
    key: &BlobKey,
    loose: Loose,
    compress: Compress,
) -> Result<bool> {
    match loose {
        Loose::Gone => Ok(true),
        Loose::Damaged => Ok(false),
        Loose::Small(content) => appender
            .append_bytes(key, &content, compress)
            .map(|()| true),
        Loose::Large(mut file) => appender.append(key, &mut file, compress),
    }
}

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
        let mut left = unpacked.into_iter();
        let mut read = self.read_ahead(&mut left)?;
        while !read.is_empty() {
            let pack = self.next_pack()?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            while !appender.is_full() && appender.row_count() < ROWS_MAX {
                let Some((key, loose)) = read.pop_front() else {
                    break;
                };
                if !append(&mut appender, &key, loose, options.compress)? {
                    report.damaged.push(key);
                }
                if read.is_empty() {
                    read = self.read_ahead(&mut left)?;
                }
            }
            let (rows, _) = appender.finish()?;
            self.verify_rows(&rows)?;
            self.index.insert(&rows)?;
            self.packed(&rows, options, &mut report)?;
            watch(report.packed, total);
        }
        Ok(report)
    }

    /// The next loose objects.
    fn read_ahead(
        &self,
        left: &mut impl Iterator<Item = BlobKey>,
    ) -> Result<VecDeque<(BlobKey, Loose)>> {
        let keys: Vec<BlobKey> = left.take(READ_AHEAD).collect();
        let read = keys.into_par_iter().with_min_len(WORTH_A_THREAD);
        read.map(|key| self.read_loose(key)).collect()
    }

    /// The content of a loose object, checked if it is small.
    fn read_loose(&self, key: BlobKey) -> Result<(BlobKey, Loose)> {
        let path = self.loose_path(&key);
        let fail = |source| Error::io("read", path.display(), source);
        let file = match files::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((key, Loose::Gone)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Ok((key, Loose::Damaged));
            }
            file => file.map_err(fail)?,
        };
        let bytes = file.metadata().map_err(fail)?.len();
        if bytes > SMALL_BYTES {
            return Ok((key, Loose::Large(file)));
        }
        let mut content = vec![0; usize::try_from(bytes).unwrap_or_default()];
        file.read_exact_at(&mut content, 0).map_err(fail)?;
        let mut hash = KeyHash::new(key.format());
        hash.update(&content);
        match hash.finish() == key {
            true => Ok((key, Loose::Small(content))),
            false => Ok((key, Loose::Damaged)),
        }
    }

    /// Packs objects once more from their loose files, and leads their rows there. At no moment is one without a row.
    pub(super) fn pack_anew(&self, keys: &[BlobKey]) -> Result<()> {
        let mut left = keys.iter().copied();
        let mut read = self.read_ahead(&mut left)?;
        while !read.is_empty() {
            let pack = self.next_pack()?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            while !appender.is_full() {
                let Some((key, loose)) = read.pop_front() else {
                    break;
                };
                append(&mut appender, &key, loose, Compress::Never)?;
                if read.is_empty() {
                    read = self.read_ahead(&mut left)?;
                }
            }
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
        for (key, row) in rows {
            report.packed += 1;
            report.content_bytes += row.size;
            report.stored_bytes += row.length;
            if options.clean {
                loose::remove(&self.loose_path(key))?;
                report.cleaned += 1;
            }
        }
        Ok(())
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

    /// Reads back what is about to get rows: another program that does not know our lock may have written there.
    pub(super) fn verify_rows(&self, rows: &[(BlobKey, Row)]) -> Result<()> {
        self.packs.close();
        let rows = rows.par_iter().with_min_len(WORTH_A_THREAD);
        rows.try_for_each(|(key, row)| match self.holds_packed(key, *row)? {
            true => Ok(()),
            false => Err(in_use(row.pack)),
        })
    }
}
