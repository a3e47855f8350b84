//! Reads all of a container, to see whether every object is what its key says. A fault ends nothing: all are told.

use std::collections::BTreeMap;
use std::io;

use hyperslab_core::{Error, Result};
use serde::Serialize;

use super::index::Row;
use super::{ContainerBlobs, extent, loose};
use crate::hashing::KeyHash;
use crate::{BlobKey, BlobReader};

/// What is wrong with an object, or with what lies beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlobFault {
    /// The file of a loose object does not hold what its name says.
    LooseDamaged,
    /// The bytes in a pack are not what the key says.
    PackedDamaged,
    /// The pack of an object is not there.
    PackLost,
    /// The index says that two objects share bytes.
    Overlap,
    /// The index has a key that is none.
    InvalidKey,
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlobFinding {
    /// Its kind.
    pub fault: BlobFault,
    /// The key as it stands there.
    pub key: String,
    /// What is wrong, and where.
    pub message: String,
    /// Whether another copy in the container is sound, so that nothing is lost yet.
    pub has_copy: bool,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Objects that were read, loose and packed ones each by themselves.
    pub read: u64,
    /// Bytes in packs that belong to no object, which repacking frees.
    pub unused_bytes: u64,
    /// What is wrong.
    pub findings: Vec<BlobFinding>,
}

impl ContainerBlobs {
    /// Reads every object.
    ///
    /// # Errors
    /// When the index cannot be read, or the folders.
    pub fn verify(&self) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        let mut used: BTreeMap<u64, Vec<(u64, u64, String)>> = BTreeMap::new();
        self.index.each(|text, row| {
            used.entry(row.pack)
                .or_default()
                .push((row.offset, row.length, text.clone()));
            match BlobKey::parse(self.config.hash_type, &text) {
                Ok(key) => self.verify_packed(&key, row, &mut report),
                Err(error) => report.findings.push(BlobFinding {
                    fault: BlobFault::InvalidKey,
                    key: text,
                    message: error.to_string(),
                    has_copy: false,
                }),
            }
            Ok(())
        })?;
        for key in loose::list(&self.folders, &self.config)? {
            self.verify_loose(&key, &mut report)?;
        }
        let stored = self.folders.pack_bytes()?;
        let claimed: u64 = overlaps(used, &mut report);
        report.unused_bytes = stored.saturating_sub(claimed);
        Ok(report)
    }

    fn verify_packed(&self, key: &BlobKey, row: Row, report: &mut VerifyReport) {
        report.read += 1;
        let opened = extent::open(&self.folders, key, row);
        let (fault, why) = match opened.map(|mut reader| holds(key, &mut *reader)) {
            Ok(Ok(true)) => return,
            Ok(Ok(false)) => (
                BlobFault::PackedDamaged,
                "it has another content".to_owned(),
            ),
            Ok(Err(error)) => (BlobFault::PackedDamaged, error.to_string()),
            Err(error) if error.kind() == hyperslab_core::ErrorKind::NotFound => {
                (BlobFault::PackLost, error.to_string())
            }
            Err(error) => (BlobFault::PackedDamaged, error.to_string()),
        };
        let copy = loose::open(&self.loose_path(key));
        let has_copy = copy.is_ok_and(|mut reader| holds(key, &mut *reader).unwrap_or(false));
        report.findings.push(BlobFinding {
            fault,
            key: key.to_string(),
            message: format!("object {key} in pack {}: {why}", row.pack),
            has_copy,
        });
    }

    fn verify_loose(&self, key: &BlobKey, report: &mut VerifyReport) -> Result<()> {
        let path = self.loose_path(key);
        let mut reader = match loose::open(&path) {
            // Deleted, or packed, meanwhile.
            Err(error) if error.kind() == hyperslab_core::ErrorKind::NotFound => return Ok(()),
            reader => reader?,
        };
        report.read += 1;
        if holds(key, &mut *reader).map_err(|source| Error::io("read", path.display(), source))? {
            return Ok(());
        }
        let row = self.index.find(std::slice::from_ref(key))?.pop().flatten();
        let has_copy = row.is_some_and(|row| {
            extent::open(&self.folders, key, row)
                .is_ok_and(|mut reader| holds(key, &mut *reader).unwrap_or(false))
        });
        report.findings.push(BlobFinding {
            fault: BlobFault::LooseDamaged,
            key: key.to_string(),
            message: format!("{} has another content than its name says", path.display()),
            has_copy,
        });
        Ok(())
    }
}

/// Whether an object is what its key says.
pub(super) fn holds(key: &BlobKey, reader: &mut dyn BlobReader) -> io::Result<bool> {
    let mut hash = KeyHash::new(key.format());
    let size = reader.size();
    let mut limited: Box<dyn io::Read> = Box::new(reader);
    let read = hash.take_all(&mut limited)?;
    Ok(read == size && hash.finish() == *key)
}

/// Tells objects that share bytes; how many bytes of packs belong to objects.
fn overlaps(used: BTreeMap<u64, Vec<(u64, u64, String)>>, report: &mut VerifyReport) -> u64 {
    let mut claimed = 0_u64;
    for (pack, mut extents) in used {
        extents.sort_unstable();
        let mut end = 0_u64;
        for (offset, length, key) in extents {
            let last = offset.saturating_add(length);
            if offset < end && length > 0 {
                report.findings.push(BlobFinding {
                    fault: BlobFault::Overlap,
                    message: format!(
                        "object {key} begins at byte {offset} of pack {pack}, where another one goes on to byte {end}"
                    ),
                    key,
                    has_copy: false,
                });
            }
            claimed = claimed.saturating_add(last.saturating_sub(end.max(offset)));
            end = end.max(last);
        }
    }
    claimed
}
