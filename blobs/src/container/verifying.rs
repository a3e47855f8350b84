//! Reads all of a container, to see whether every object is what its key says. A fault ends nothing: all are told.

use hyperslab_core::{Error, ErrorKind, Result};
use rayon::prelude::*;

use super::index::Row;
use super::{ContainerBlobs, loose};
use crate::care::holds;
use crate::{BlobFault, BlobFinding, BlobKey, VerifyReport, Watch};

/// So many objects are read, on all cores, before what was found is told.
const BATCH: usize = 1 << 12;

/// What was read of an object, and what is wrong with it.
#[derive(Default)]
struct Told {
    read: bool,
    bytes: u64,
    finding: Option<BlobFinding>,
}

impl ContainerBlobs {
    /// Reads every object, packed ones in the order in which they lie, on all cores.
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
        let total = (rows.len() + loose.len()) as u64;
        let mut sum = VerifyReport {
            unused_bytes: unused,
            ..VerifyReport::default()
        };
        let mut hear = |told: Told| {
            sum.read += u64::from(told.read);
            sum.content_bytes += told.bytes;
            told.finding.into_iter().for_each(&mut counted);
        };
        let mut done = 0;
        for batch in rows.chunks(BATCH) {
            watch(done, total);
            let told = batch
                .par_iter()
                .map(|(key, row)| self.verify_packed(key, *row));
            let told: Vec<Told> = told.collect::<Result<_>>()?;
            told.into_iter().for_each(&mut hear);
            done += batch.len() as u64;
        }
        for batch in loose.chunks(BATCH) {
            watch(done, total);
            let told = batch.par_iter().map(|key| self.verify_loose(key));
            let told: Vec<Told> = told.collect::<Result<_>>()?;
            told.into_iter().for_each(&mut hear);
            done += batch.len() as u64;
        }
        watch(total, total);
        Ok(VerifyReport {
            faults: report.faults,
            ..sum
        })
    }

    /// All rows with keys, in the order of their bytes.
    fn rows_in_order(&self, tell: &mut dyn FnMut(BlobFinding)) -> Result<Vec<(BlobKey, Row)>> {
        let mut rows = Vec::new();
        self.index.each(|text, row| {
            let key = BlobKey::parse(self.config.hash_type, &text);
            let message = match (&key, row) {
                (Ok(key), Some(row)) => return rows.push((*key, row)),
                (Err(error), _) => error.to_string(),
                (Ok(key), None) => {
                    format!("object {key} has a row in the index whose numbers make no sense")
                }
            };
            tell(BlobFinding {
                fault: BlobFault::InvalidRow,
                key: text,
                message,
                has_copy: key.is_ok_and(|key| self.holds_loose(&key)),
            });
        })?;
        rows.sort_unstable_by_key(|(_, row)| (row.pack, row.offset, row.length));
        Ok(rows)
    }

    fn verify_packed(&self, key: &BlobKey, row: Row) -> Result<Told> {
        let sound = self.holds_packed(key, row);
        let mut told = Told {
            read: true,
            bytes: row.size,
            finding: None,
        };
        let (fault, why) = match sound {
            Ok(true) => return Ok(told),
            // Deleted, or repacked, meanwhile.
            _ if self.index.find_one(key)? != Some(row) => return Ok(told),
            Ok(false) => (
                BlobFault::PackedDamaged,
                "it has another content".to_owned(),
            ),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                (BlobFault::PackLost, error.to_string())
            }
            Err(error) => (BlobFault::PackedDamaged, error.to_string()),
        };
        told.finding = Some(BlobFinding {
            fault,
            key: key.to_string(),
            message: format!("object {key} in pack {}: {why}", row.pack),
            has_copy: self.holds_loose(key),
        });
        Ok(told)
    }

    /// Whether the packed bytes are what the key says.
    pub(super) fn holds_packed(&self, key: &BlobKey, row: Row) -> Result<bool> {
        match self.holds_in_open_pack(key, row) {
            Ok(true) => Ok(true),
            // The file that is open may be another one than has the name by now.
            _ => {
                self.packs.forget(row.pack);
                self.holds_in_open_pack(key, row)
            }
        }
    }

    fn holds_in_open_pack(&self, key: &BlobKey, row: Row) -> Result<bool> {
        let mut reader = self.open_extent(key, row, true)?;
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

    fn verify_loose(&self, key: &BlobKey) -> Result<Told> {
        let path = self.loose_path(key);
        let mut reader = match loose::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => match path.is_symlink() {
                true => Err("it is a link that leads nowhere".to_owned()),
                // Deleted, or packed, meanwhile.
                false => return Ok(Told::default()),
            },
            Err(error) if error.kind() == ErrorKind::Corrupt => Err(error.message().to_owned()),
            reader => Ok(reader?),
        };
        let mut told = Told {
            read: true,
            ..Told::default()
        };
        let read = reader
            .as_mut()
            .map_err(|why| why.clone())
            .and_then(|reader| {
                told.bytes = reader.size();
                let sound = holds(key, reader, told.bytes).map_err(|error| error.to_string())?;
                match sound {
                    true => Ok(()),
                    false => Err("it has another content than its name says".to_owned()),
                }
            });
        let Err(why) = read else {
            return Ok(told);
        };
        let row = self.index.find_one(key)?;
        let has_copy = row.is_some_and(|row| self.holds_packed(key, row).unwrap_or(false));
        told.finding = Some(BlobFinding {
            fault: BlobFault::LooseDamaged,
            key: key.to_string(),
            message: format!("{}: {why}", path.display()),
            has_copy,
        });
        Ok(told)
    }
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
