//! The care of a repository: what is found when all of it is read, and what is put in order.

use std::io;
use std::time::Duration;

use hyperslab_core::{Error, Result};
use serde::Serialize;

use crate::convenience::read_failed;
use crate::hashing::KeyHash;
use crate::{BlobKey, BlobRepository, CleanReport, Compress, PackReport, RepackReport};

/// Is told how far a long task has come: so many objects of so many.
pub type Watch<'a> = dyn Fn(u64, u64) + Send + Sync + 'a;

/// For tasks that nobody watches.
pub const UNWATCHED: &Watch<'static> = &|_, _| ();

/// What is wrong with an object, or with what lies beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum BlobFault {
    /// What lies by itself under a key is not what the key says.
    LooseDamaged,
    /// The bytes in a pack are not what the key says.
    PackedDamaged,
    /// The pack of an object is not there.
    PackLost,
    /// The index says that two objects share bytes.
    Overlap,
    /// The index has a key that is none, or numbers that make no sense.
    InvalidRow,
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
    /// Whether another copy in the repository is sound, so that nothing is lost yet.
    pub has_copy: bool,
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Objects that were read; one that is loose and packed counts twice.
    pub read: u64,
    /// Bytes of their content.
    pub content_bytes: u64,
    /// Bytes in packs that belong to no object, which repacking frees.
    pub unused_bytes: u64,
    /// How many faults were found.
    pub faults: u64,
}

/// What is to be put in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaintainPlan {
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Pack what is loose.
    pub pack: bool,
    /// Copy packs with gaps into new ones.
    pub repack: bool,
    /// Remove what nobody needs any more.
    pub clean: bool,
    /// Put the index together anew.
    pub vacuum: bool,
    /// What is compressed when it is packed.
    pub compress: Compress,
    /// What is left behind, or was replaced, is taken for needed for so long.
    pub age: Duration,
}

impl MaintainPlan {
    /// What may be done while others read and write: packing and cleaning. What was left behind within a day stays.
    #[must_use]
    pub fn live() -> Self {
        Self {
            dry_run: false,
            pack: true,
            repack: false,
            clean: true,
            vacuum: false,
            compress: Compress::Never,
            age: Duration::from_secs(24 * 60 * 60),
        }
    }

    /// All of it, for a repository that nobody else uses at the time. With others at work nothing is lost; who has the file of a
    /// pack under its name only, as `disk-objectstore` has, may miss it.
    #[must_use]
    pub fn offline() -> Self {
        Self {
            repack: true,
            vacuum: true,
            age: Duration::ZERO,
            ..Self::live()
        }
    }
}

/// What was put in order; `None` for what was not asked for, or has no meaning in this repository.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MaintainReport {
    /// What packing did.
    pub packed: Option<PackReport>,
    /// What repacking did.
    pub repacked: Option<RepackReport>,
    /// What cleaning did.
    pub cleaned: Option<CleanReport>,
    /// Bytes by which the index got smaller.
    pub vacuumed_bytes: Option<u64>,
}

/// Whether an object is what its key says, which is known of keys of content only, and its size.
pub(crate) fn holds(key: &BlobKey, reader: &mut dyn io::Read, size: u64) -> io::Result<bool> {
    if !key.format().is_of_content() {
        return Ok(io::copy(reader, &mut io::sink())? == size);
    }
    let mut hash = KeyHash::new(key.format());
    let read = hash.take_all(reader)?;
    Ok(read == size && hash.finish() == *key)
}

/// Reads every object of a repository that has each in one place.
pub(crate) fn verify_each<R: BlobRepository + ?Sized>(
    repository: &R,
    tell: &mut dyn FnMut(BlobFinding),
    watch: &Watch<'_>,
) -> Result<VerifyReport> {
    let mut report = VerifyReport::default();
    let keys: Vec<BlobKey> = repository.list()?.collect::<Result<_>>()?;
    for key in &keys {
        watch(report.read, keys.len() as u64);
        let (size, why) = match repository.open(key) {
            // Deleted meanwhile.
            Err(error) if error.kind() == hyperslab_core::ErrorKind::NotFound => continue,
            Err(error) if error.kind() == hyperslab_core::ErrorKind::Corrupt => (0, error),
            Err(error) => return Err(error),
            Ok(mut reader) => {
                let size = reader.size();
                match holds(key, &mut reader, size) {
                    Ok(true) => {
                        report.read += 1;
                        report.content_bytes += size;
                        continue;
                    }
                    Ok(false) => (size, Error::corrupt(format!("object {key} is damaged"))),
                    Err(error) => (size, read_failed(key, error)),
                }
            }
        };
        report.read += 1;
        report.content_bytes += size;
        report.faults += 1;
        tell(BlobFinding {
            fault: BlobFault::LooseDamaged,
            key: key.to_string(),
            message: why.message().to_owned(),
            has_copy: false,
        });
    }
    watch(report.read, report.read);
    Ok(report)
}
