//! Reads all of a container, to see whether every object is what its key says. A fault ends nothing: all are told.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};

use hyperslab_core::{Error, ErrorKind, Result};

use super::index::Row;
use super::{ContainerBlobs, extent, loose};
use crate::care::holds;
use crate::{BlobFault, BlobFinding, BlobKey, VerifyReport, Watch};

/// So many objects are taken at a time by a thread that reads.
const BATCH: usize = 64;

/// What was found, or read, from the threads that do.
enum Told {
    Finding(BlobFinding),
    Read { bytes: u64 },
}

impl ContainerBlobs {
    /// Reads every object, packed ones in the order in which they lie, with a thread for each core.
    pub(super) fn verify_all(
        &self,
        tell: &mut dyn FnMut(BlobFinding),
        watch: &Watch<'_>,
    ) -> Result<VerifyReport> {
        let mut report = VerifyReport::default();
        let mut counted = |finding| {
            report.faults += 1;
            tell(finding);
        };
        // What lies there now is read, and no file that has lost its name.
        self.packs.close();
        let rows = self.rows_in_order(&mut counted)?;
        let loose = loose::list(&self.folders, &self.config)?;
        let stored = self.folders.pack_bytes()?;
        let unused = stored.saturating_sub(overlaps(&rows, &mut counted));
        let (mut read, mut content_bytes) = (0, 0);
        let total = (rows.len() + loose.len()) as u64;
        let mut heard = |told| match told {
            Told::Finding(finding) => counted(finding),
            Told::Read { bytes } => {
                read += 1;
                content_bytes += bytes;
                watch(read, total);
            }
        };
        for_all(&rows, &mut heard, |(key, row), told| {
            self.verify_packed(key, *row, told)
        })?;
        for_all(&loose, &mut heard, |key, told| self.verify_loose(key, told))?;
        Ok(VerifyReport {
            read,
            content_bytes,
            unused_bytes: unused,
            ..report
        })
    }

    /// All rows with keys, in the order of their bytes.
    fn rows_in_order(&self, tell: &mut dyn FnMut(BlobFinding)) -> Result<Vec<(BlobKey, Row)>> {
        let mut rows = Vec::new();
        self.index.each(|text, row| {
            match BlobKey::parse(self.config.hash_type, &text) {
                Ok(key) => rows.push((key, row)),
                Err(error) => tell(BlobFinding {
                    fault: BlobFault::InvalidKey,
                    key: text,
                    message: error.to_string(),
                    has_copy: false,
                }),
            }
            Ok(())
        })?;
        rows.sort_unstable_by_key(|(_, row)| (row.pack, row.offset, row.length));
        Ok(rows)
    }

    fn verify_packed(&self, key: &BlobKey, row: Row, told: &Sender<Told>) -> Result<()> {
        let sound = self.holds_packed(key, row);
        told_to(told, Told::Read { bytes: row.size });
        let (fault, why) = match sound {
            Ok(true) => return Ok(()),
            // Deleted, or repacked, meanwhile.
            _ if self.index.find_one(key)? != Some(row) => return Ok(()),
            Ok(false) => (
                BlobFault::PackedDamaged,
                "it has another content".to_owned(),
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (BlobFault::PackLost, error.to_string())
            }
            Err(error) => (BlobFault::PackedDamaged, error.to_string()),
        };
        told_to(
            told,
            Told::Finding(BlobFinding {
                fault,
                key: key.to_string(),
                message: format!("object {key} in pack {}: {why}", row.pack),
                has_copy: self.holds_loose(key),
            }),
        );
        Ok(())
    }

    /// Whether the packed bytes are what the key says.
    pub(super) fn holds_packed(&self, key: &BlobKey, row: Row) -> Result<bool> {
        let mut reader = extent::open(&self.packs, &self.folders, key, row)?;
        holds(key, &mut reader, row.size)
            .map_err(|source| Error::io("read", format_args!("object {key}"), source))
    }

    /// Whether there is a loose file with what the key says.
    pub(super) fn holds_loose(&self, key: &BlobKey) -> bool {
        loose::open(&self.loose_path(key)).is_ok_and(|mut reader| {
            let size = reader.size();
            holds(key, &mut reader, size).unwrap_or(false)
        })
    }

    fn verify_loose(&self, key: &BlobKey, told: &Sender<Told>) -> Result<()> {
        let path = self.loose_path(key);
        let mut reader = match loose::open(&path) {
            // Deleted, or packed, meanwhile.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            reader => reader?,
        };
        let bytes = reader.size();
        let read = holds(key, &mut reader, bytes);
        told_to(told, Told::Read { bytes });
        let why = match read {
            Ok(true) => return Ok(()),
            Ok(false) => "it has another content than its name says".to_owned(),
            Err(error) => error.to_string(),
        };
        let row = self.index.find_one(key)?;
        let has_copy = row.is_some_and(|row| self.holds_packed(key, row).unwrap_or(false));
        told_to(
            told,
            Told::Finding(BlobFinding {
                fault: BlobFault::LooseDamaged,
                key: key.to_string(),
                message: format!("{}: {why}", path.display()),
                has_copy,
            }),
        );
        Ok(())
    }
}

fn told_to(told: &Sender<Told>, what: Told) {
    // Who listens does so until all have told.
    let _ = told.send(what);
}

/// Does something for each, on all cores, and hears what it tells on this thread.
fn for_all<T: Sync>(
    all: &[T],
    hear: &mut dyn FnMut(Told),
    each: impl Fn(&T, &Sender<Told>) -> Result<()> + Sync,
) -> Result<()> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(all.len().div_ceil(BATCH));
    std::thread::scope(|scope| {
        let (told, heard) = channel();
        let work = || {
            let told = told.clone();
            let (next, each) = (&next, &each);
            move || -> Result<()> {
                loop {
                    let first = next.fetch_add(BATCH, Ordering::Relaxed);
                    let batch = all.get(first..).unwrap_or_default();
                    if batch.is_empty() {
                        return Ok(());
                    }
                    for one in batch.iter().take(BATCH) {
                        each(one, &told)?;
                    }
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work())).collect();
        drop(told);
        heard.into_iter().for_each(hear);
        workers.into_iter().try_for_each(|worker| {
            let ended = worker.join();
            ended.unwrap_or_else(|_| Err(Error::internal("a thread that verifies panicked")))
        })
    })
}

/// Tells objects that share bytes; how many bytes of packs belong to objects.
fn overlaps(rows: &[(BlobKey, Row)], tell: &mut dyn FnMut(BlobFinding)) -> u64 {
    let mut claimed = 0_u64;
    let (mut pack, mut end) = (0, 0);
    for (key, row) in rows {
        if row.pack != pack {
            (pack, end) = (row.pack, 0);
        }
        let last = row.offset.saturating_add(row.length);
        if row.offset < end && row.length > 0 {
            tell(BlobFinding {
                fault: BlobFault::Overlap,
                key: key.to_string(),
                message: format!(
                    "object {key} begins at byte {} of pack {pack}, where another one goes on to byte {end}",
                    row.offset
                ),
                has_copy: false,
            });
        }
        claimed = claimed.saturating_add(last.saturating_sub(end.max(row.offset)));
        end = end.max(last);
    }
    claimed
}
