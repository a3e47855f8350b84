//! Loose objects into packs.
//!
//! The order is what keeps every object whole at every moment: bytes at the end of a pack, synced and read back; then their rows, in
//! one transaction; then, if that is wanted, the loose files away. Whoever is killed in between leaves bytes that belong to nothing,
//! or an object that is there twice.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::time::Duration;

use hyperslab_core::{Error, Result};
use serde::Serialize;

use super::appender::Appender;
use super::extent;
use super::index::Row;
use super::locks::{PackMark, PackerLock};
use super::{ContainerBlobs, loose};
use crate::hashing::KeyHash;
use crate::{BlobKey, BlobRepository, Put};

/// How long a packer waits for another.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

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
    pub fn pack_loose(&self, options: &PackOptions) -> Result<PackReport> {
        let _lock = PackerLock::acquire(&self.folders, PATIENCE)?;
        let mut report = PackReport::default();
        let mut keys = loose::list(&self.folders, &self.config)?;
        keys.sort_unstable();
        let mut left = self.unpacked(keys)?.into_iter().peekable();
        let mut pack = 0;
        while left.peek().is_some() {
            pack = self.next_pack(pack)?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            while !appender.is_full() {
                let Some(key) = left.next() else { break };
                let mut file = match File::open(self.loose_path(&key)) {
                    // Deleted meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    file => file.map_err(|source| {
                        Error::io("open", self.loose_path(&key).display(), source)
                    })?,
                };
                if !appender.append(&key, &mut file, options.compress)? {
                    report.damaged.push(key);
                }
            }
            let rows = appender.finish()?;
            self.verify_rows(&rows)?;
            self.index.insert(&rows)?;
            for (key, row) in &rows {
                report.packed += 1;
                report.content_bytes += row.size;
                report.stored_bytes += row.length;
                if options.clean {
                    loose::remove(&self.loose_path(key))?;
                    report.cleaned += 1;
                }
            }
        }
        Ok(report)
    }

    /// Puts many objects straight into packs. They are safe, all of them, when this returns, for the price of one; those of a pack
    /// that is full are so before. An object that is there, loose or packed, is not put again.
    ///
    /// # Errors
    /// `Locked` when another packer is at work; what the sources and the medium say. What was put until then in packs that are full
    /// stays.
    pub fn put_packed(
        &self,
        sources: &mut dyn Iterator<Item = Result<Box<dyn Read + '_>>>,
        compress: Compress,
    ) -> Result<Vec<Put>> {
        let _lock = PackerLock::acquire(&self.folders, PATIENCE)?;
        let mut puts = Vec::new();
        let mut sources = sources.peekable();
        let mut pack = 0;
        while sources.peek().is_some() {
            pack = self.next_pack(pack)?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            let mut appended = HashSet::new();
            while !appender.is_full() {
                let Some(source) = sources.next() else { break };
                let (key, row, sha256) = appender.append_stream(&mut *source?, compress)?;
                let existed = appended.contains(&key) || self.index.has(&key)?;
                if existed {
                    appender.withdraw()?;
                }
                appended.insert(key.clone());
                puts.push(Put {
                    key,
                    size: row.size,
                    sha256,
                    existed,
                });
            }
            let rows = appender.finish()?;
            self.index.insert(&rows)?;
        }
        Ok(puts)
    }

    /// Those of these keys that have no row.
    fn unpacked(&self, keys: Vec<BlobKey>) -> Result<Vec<BlobKey>> {
        let rows = self.index.find(&keys)?;
        let pairs = keys.into_iter().zip(rows);
        Ok(pairs
            .filter_map(|(key, row)| row.is_none().then_some(key))
            .collect())
    }

    /// The first pack from this one on that is not full, and not about to go because nothing in it is needed.
    fn next_pack(&self, first: u64) -> Result<u64> {
        for pack in first.. {
            let path = self.folders.pack(pack);
            match std::fs::metadata(&path) {
                Ok(found) if found.len() >= self.config.pack_size_target => {}
                Ok(found) if found.len() > 0 && !self.index.holds_pack(pack)? => {}
                Ok(_) => return Ok(pack),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(pack),
                Err(source) => return Err(Error::io("read", path.display(), source)),
            }
        }
        Err(Error::internal("no number is left for a pack"))
    }

    /// Reads back what is about to get rows: another program that does not know our lock may have written there.
    pub(super) fn verify_rows(&self, rows: &[(BlobKey, Row)]) -> Result<()> {
        for (key, row) in rows {
            let mut reader = extent::open(&self.folders, key, *row)?;
            let mut hash = KeyHash::new(self.info().key_format);
            let read = hash.take_all(&mut reader);
            read.map_err(|source| Error::io("read", format_args!("object {key}"), source))?;
            if hash.finish() != *key {
                return Err(Error::conflict(format!(
                    "pack {} was written by another program at the same time; run nothing else that packs, and try again",
                    row.pack
                )));
            }
        }
        Ok(())
    }
}
