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
use super::locks::{PackMark, PackerLock};
use super::packing::{Compress, PATIENCE, WORTH_A_THREAD};
use super::{ContainerBlobs, loose};
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
    has_row: bool,
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
        let small = places.into_iter().zip(hashed).zip(rows);
        gathered.small = small
            .map(|((place, (key, sha256)), row)| Small {
                place,
                key,
                sha256,
                has_row: row.is_some(),
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
struct Known {
    loose: loose::Names,
    /// Objects at the end of the pack that have no rows yet.
    appended: HashSet<BlobKey>,
}

impl ContainerBlobs {
    /// Puts many objects straight into packs. They are safe, all of them, when this returns, for the price of one; those of a pack
    /// that is full are so before. An object that is packed already is not put again.
    ///
    /// # Errors
    /// `Locked` when another packer is at work; what the sources and the medium say. What was put until then in packs that are full
    /// stays.
    pub fn put_packed(&self, sources: &mut Sources<'_>, compress: Compress) -> Result<Vec<Put>> {
        let _lock = PackerLock::acquire(&self.folders, PATIENCE)?;
        let mut puts = Vec::new();
        let mut gathered = Gathered::from(sources, self)?;
        let mut known = Known {
            loose: loose::Names::now(&self.folders, &self.config)?,
            appended: HashSet::new(),
        };
        while !gathered.is_empty() {
            let pack = self.next_pack()?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            while !appender.is_full() && !gathered.is_empty() {
                puts.push(self.append_next(&mut gathered, compress, &mut appender, &mut known)?);
                if gathered.is_empty() {
                    gathered = Gathered::from(sources, self)?;
                }
            }
            let rows = appender.finish()?;
            self.index.insert(&rows)?;
            // Rows that were looked up before these were made.
            for small in &mut gathered.small {
                small.has_row |= known.appended.contains(&small.key);
            }
            known.appended.clear();
        }
        let existed = puts.iter().filter(|put| put.existed);
        let existed: Vec<BlobKey> = existed.map(|put| put.key).collect();
        // Whoever deletes what nothing names holds the packers' lock, too.
        self.renew(&existed)?;
        Ok(puts)
    }

    fn append_next(
        &self,
        gathered: &mut Gathered<'_>,
        compress: Compress,
        appender: &mut Appender<'_>,
        known: &mut Known,
    ) -> Result<Put> {
        let (key, size, sha256, is_packed) = if let Some(small) = gathered.small.pop_front() {
            let content = gathered.bytes.get(small.place).unwrap_or_default();
            let is_packed = small.has_row || !known.appended.insert(small.key);
            if !is_packed {
                appender.append_bytes(&small.key, content, compress)?;
            }
            (small.key, content.len() as u64, small.sha256, is_packed)
        } else if let Some((begun, rest)) = gathered.large.take() {
            let mut whole = Read::chain(begun.as_slice(), rest);
            let (key, row, sha256) = appender.append_stream(&mut whole, compress)?;
            let is_packed = !known.appended.insert(key) || self.index.find_one(&key)?.is_some();
            if is_packed {
                appender.withdraw()?;
            }
            (key, row.size, sha256, is_packed)
        } else {
            return Err(Error::internal("nothing is to be put"));
        };
        Ok(Put {
            key,
            size,
            sha256,
            existed: is_packed || known.loose.has(&key)?,
        })
    }
}

fn hash_one(content: &[u8], format: KeyFormat) -> (BlobKey, Sha256Digest) {
    let sha256 = Sha256Digest::of(content);
    if format == KeyFormat::Sha256 {
        return (BlobKey::of_digest(format, &sha256.0), sha256);
    }
    let mut hash = KeyHash::new(format);
    hash.update(content);
    (hash.finish(), sha256)
}
