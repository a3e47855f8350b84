//! Objects straight into packs: many of them are safe for the price of one.
//!
//! Small ones are gathered first, so that they are hashed on all cores and looked up together; a large one streams to the end of the
//! pack, and is taken back when it turns out to be there already.

use std::collections::{HashSet, VecDeque};
use std::io::Read;
use std::ops::Range;

use hyperslab_core::{Error, Result};
use rayon::prelude::*;

use super::appender::{Appender, SMALL_BYTES};
use super::index::Row;
use super::locks::{PackMark, PackerLock};
use super::packing::Compress;
use super::{ContainerBlobs, WORTH_A_THREAD, loose};
use crate::hashing::{Broken, KeyHash, Sha256Digest};
use crate::{BlobKey, KeyFormat, Put, Sources};

/// How much is gathered.
const GATHERED_BYTES: usize = 8 << 20;

/// How many are gathered.
const GATHERED_MAX: usize = 1 << 13;

/// What is to be put next: small objects, and a large one behind them.
#[derive(Default)]
struct Gathered<'a> {
    /// The small ones, one behind the other.
    bytes: Vec<u8>,
    small: VecDeque<Small>,
    /// What was read of the large one, and the rest.
    large: Option<(Vec<u8>, Box<dyn Read + 'a>)>,
}

/// A small object.
struct Small {
    place: Range<usize>,
    key: BlobKey,
    sha256: Sha256Digest,
    row: Known,
}

/// What is known of an object that is to be put.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// It is not packed.
    New,
    /// It is packed, and sound there.
    Sound,
    /// It is packed, and damaged there: its row is led to where it is put now.
    Damaged,
}

impl<'a> Gathered<'a> {
    /// The next ones.
    fn from(sources: &mut Sources<'a>, blobs: &ContainerBlobs) -> Result<Self> {
        let mut gathered = Self::default();
        let mut places = Vec::new();
        while gathered.large.is_none()
            && gathered.bytes.len() < GATHERED_BYTES
            && places.len() < GATHERED_MAX
        {
            let Some(source) = sources.next() else { break };
            places.extend(gathered.take(source?)?);
        }
        let format = blobs.config.hash_type;
        let content = |place: &Range<usize>| gathered.bytes.get(place.clone()).unwrap_or_default();
        let hashed = places.par_iter().with_min_len(WORTH_A_THREAD);
        let hashed: Vec<_> = hashed
            .map(|place| hash_one(content(place), format))
            .collect();
        let keys: Vec<BlobKey> = hashed.iter().map(|(key, _)| *key).collect();
        let rows = blobs.index.find(&keys)?;
        let rows: Vec<Known> = keys
            .par_iter()
            .zip(rows)
            .map(|(key, row)| blobs.known(key, row))
            .collect();
        let small = places.into_iter().zip(hashed).zip(rows);
        gathered.small = small
            .map(|((place, (key, sha256)), row)| Small {
                place,
                key,
                sha256,
                row,
            })
            .collect();
        Ok(gathered)
    }

    /// Where a source lies that is small.
    fn take(&mut self, mut source: Box<dyn Read + 'a>) -> Result<Option<Range<usize>>> {
        let first = self.bytes.len();
        let mut limited = Read::take(&mut source, SMALL_BYTES + 1);
        let read = limited.read_to_end(&mut self.bytes);
        let kept = |error| Error::io("keep", "an object", error);
        read.map_err(|error| Broken::Source(error).error(kept))?;
        if (self.bytes.len() - first) as u64 <= SMALL_BYTES {
            return Ok(Some(first..self.bytes.len()));
        }
        self.large = Some((self.bytes.split_off(first), source));
        Ok(None)
    }

    fn is_empty(&self) -> bool {
        self.small.is_empty() && self.large.is_none()
    }
}

/// What is there beside the rows of the index.
struct Beside {
    loose: loose::Names,
    /// Objects at the end of the pack that have no rows yet.
    appended: HashSet<BlobKey>,
    /// Those of them whose old rows lead to damage.
    replaced: HashSet<BlobKey>,
}

impl ContainerBlobs {
    /// Puts many objects straight into packs. They are safe, all of them, when this returns, for the price of one; those of a pack
    /// that is full are so before. An object that is packed already is not put again.
    ///
    /// # Errors
    /// `Locked` when another packer is at work; what the sources and the medium say. What was put until then in packs that are full
    /// stays.
    pub fn put_packed(&self, sources: &mut Sources<'_>, compress: Compress) -> Result<Vec<Put>> {
        let _lock = PackerLock::acquire(&self.folders, self.patience)?;
        let mut puts = Vec::new();
        let mut gathered = Gathered::from(sources, self)?;
        let mut beside = Beside {
            loose: loose::Names::now(&self.folders, &self.config)?,
            appended: HashSet::new(),
            replaced: HashSet::new(),
        };
        while !gathered.is_empty() {
            let pack = self.next_pack()?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            while !appender.is_full() && !gathered.is_empty() {
                puts.push(self.append_next(&mut gathered, compress, &mut appender, &mut beside)?);
                if gathered.is_empty() {
                    gathered = Gathered::from(sources, self)?;
                }
            }
            let (mut rows, alone) = appender.finish()?;
            if !alone {
                self.verify_rows(&rows)?;
            }
            self.index.insert(&rows)?;
            rows.retain(|(key, _)| beside.replaced.contains(key));
            self.index.replace(&rows)?;
            // Rows that were looked up before these were made.
            for small in &mut gathered.small {
                if beside.appended.contains(&small.key) {
                    small.row = Known::Sound;
                }
            }
            beside.appended.clear();
            beside.replaced.clear();
        }
        let existed = puts.iter().filter(|put| put.existed);
        let existed: Vec<BlobKey> = existed.map(|put| put.key).collect();
        self.make_packed_safe(&existed)?;
        // Whoever deletes what nothing names holds the packers' lock, too.
        self.note_put(&existed)?;
        Ok(puts)
    }

    fn append_next(
        &self,
        gathered: &mut Gathered<'_>,
        compress: Compress,
        appender: &mut Appender<'_>,
        beside: &mut Beside,
    ) -> Result<Put> {
        let (key, size, sha256, row) = if let Some(small) = gathered.small.pop_front() {
            let content = gathered.bytes.get(small.place).unwrap_or_default();
            let row = beside.note(&small.key, small.row);
            if row != Known::Sound {
                appender.append_bytes(&small.key, content, compress)?;
            }
            (small.key, content.len() as u64, small.sha256, row)
        } else if let Some((begun, rest)) = gathered.large.take() {
            let mut whole = Read::chain(begun.as_slice(), rest);
            let (key, appended, sha256) = appender.append_stream(&mut whole, compress)?;
            let known = self.known(&key, self.index.find_one(&key)?);
            let row = beside.note(&key, known);
            if row == Known::Sound {
                appender.withdraw()?;
            }
            (key, appended.size, sha256, row)
        } else {
            return Err(Error::internal("nothing is to be put"));
        };
        Ok(Put {
            key,
            size,
            sha256,
            existed: row == Known::Sound || beside.loose.has(&key)?,
        })
    }

    /// What is known of an object that has that row, if any: what is there already is read, so that nobody is told that damage is what he
    /// has put.
    fn known(&self, key: &BlobKey, row: Option<Row>) -> Known {
        match row {
            None => Known::New,
            Some(row) if self.holds_packed(key, row).unwrap_or(false) => Known::Sound,
            Some(_) => Known::Damaged,
        }
    }
}

impl Beside {
    /// Notes what is done about an object.
    fn note(&mut self, key: &BlobKey, row: Known) -> Known {
        if row == Known::Sound || !self.appended.insert(*key) {
            return Known::Sound;
        }
        if row == Known::Damaged {
            self.replaced.insert(*key);
        }
        row
    }
}

fn hash_one(content: &[u8], format: KeyFormat) -> (BlobKey, Sha256Digest) {
    let sha256 = Sha256Digest::of(content);
    if format == KeyFormat::Sha256 {
        return (BlobKey::of_digest(format, &sha256.0), sha256);
    }
    (KeyHash::of(format, content), sha256)
}
