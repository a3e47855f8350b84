//! Objects straight into packs: many of them are safe for the price of one.
//!
//! Small ones are gathered first, so that they are hashed on all cores and looked up together; a large one streams to the end of the
//! pack, and is taken back when it turns out to be there already.

use std::collections::HashSet;
use std::io::Read;

use hyperslab_core::{Error, Result};

use super::appender::Appender;
use super::locks::{PackMark, PackerLock};
use super::packing::{Compress, PATIENCE};
use super::{ContainerBlobs, loose};
use crate::hashing::{KeyHash, Sha256Digest};
use crate::{BlobKey, KeyFormat, Put, Sources};

/// What is longer is not gathered.
const SMALL_BYTES: usize = 64 << 10;

/// How much is gathered.
const GATHERED_BYTES: usize = 8 << 20;

/// How many are gathered.
const GATHERED_MAX: usize = 1 << 13;

/// So many objects are worth a thread of their own.
const WORTH_A_THREAD: usize = 256;

/// Small objects, one behind the other, and the beginning of a large one.
#[derive(Default)]
struct Gathered<'a> {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// What comes after them: what was read of it, and the rest.
    large: Option<(Vec<u8>, Box<dyn Read + 'a>)>,
}

impl<'a> Gathered<'a> {
    fn from(sources: &mut Sources<'a>) -> Result<Self> {
        let mut gathered = Self::default();
        while gathered.large.is_none()
            && gathered.bytes.len() < GATHERED_BYTES
            && gathered.ends.len() < GATHERED_MAX
        {
            let Some(source) = sources.next() else { break };
            gathered.take(source?)?;
        }
        Ok(gathered)
    }

    fn take(&mut self, mut source: Box<dyn Read + 'a>) -> Result<()> {
        let first = self.bytes.len();
        let mut limited = Read::take(&mut source, SMALL_BYTES as u64 + 1);
        let read = limited.read_to_end(&mut self.bytes);
        read.map_err(|error| Error::io("read", "the source", error))?;
        if self.bytes.len() - first > SMALL_BYTES {
            self.large = Some((self.bytes.split_off(first), source));
        } else {
            self.ends.push(self.bytes.len());
        }
        Ok(())
    }

    /// The content of each, in their order.
    fn contents(&self) -> Vec<&[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let pairs = starts.zip(&self.ends);
        pairs
            .map(|(start, end)| self.bytes.get(start..*end).unwrap_or_default())
            .collect()
    }
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
        let mut gathered = Gathered::from(sources)?;
        let mut pack = 0;
        while !gathered.ends.is_empty() || gathered.large.is_some() {
            pack = self.next_pack(pack)?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            let mut appended = HashSet::new();
            while !appender.is_full() && (!gathered.ends.is_empty() || gathered.large.is_some()) {
                self.append_small(&gathered, compress, &mut appender, &mut appended, &mut puts)?;
                if let Some((begun, rest)) = gathered.large.take() {
                    let mut whole = Read::chain(begun.as_slice(), rest);
                    let put = self.append_large(&mut whole, compress, &mut appender, &mut appended);
                    puts.push(put?);
                }
                gathered = Gathered::from(sources)?;
            }
            let rows = appender.finish()?;
            self.index.insert(&rows)?;
        }
        Ok(puts)
    }

    fn append_small(
        &self,
        gathered: &Gathered<'_>,
        compress: Compress,
        appender: &mut Appender<'_>,
        appended: &mut HashSet<BlobKey>,
        puts: &mut Vec<Put>,
    ) -> Result<()> {
        let contents = gathered.contents();
        let hashed = hash_all(&contents, self.config.hash_type);
        let keys: Vec<BlobKey> = hashed.iter().map(|(key, _)| *key).collect();
        let known = self.index.find(&keys)?;
        for ((content, (key, sha256)), known) in contents.into_iter().zip(hashed).zip(known) {
            let is_packed = known.is_some() || !appended.insert(key);
            let existed = is_packed || loose::size(&self.loose_path(&key))?.is_some();
            if !is_packed {
                appender.append_bytes(&key, content, compress)?;
            }
            puts.push(Put {
                key,
                size: content.len() as u64,
                sha256,
                existed,
            });
        }
        Ok(())
    }

    fn append_large(
        &self,
        source: &mut dyn Read,
        compress: Compress,
        appender: &mut Appender<'_>,
        appended: &mut HashSet<BlobKey>,
    ) -> Result<Put> {
        let (key, row, sha256) = appender.append_stream(source, compress)?;
        let is_packed = !appended.insert(key) || self.index.find_one(&key)?.is_some();
        if is_packed {
            appender.withdraw()?;
        }
        let existed = is_packed || loose::size(&self.loose_path(&key))?.is_some();
        Ok(Put {
            key,
            size: row.size,
            sha256,
            existed,
        })
    }
}

/// The keys and hashes of small objects, on all cores if there are many.
fn hash_all(contents: &[&[u8]], format: KeyFormat) -> Vec<(BlobKey, Sha256Digest)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = threads.min(contents.len().div_ceil(WORTH_A_THREAD)).max(1);
    let hash =
        |part: &[&[u8]]| -> Vec<_> { part.iter().map(|one| hash_one(one, format)).collect() };
    let mut parts = contents.chunks(contents.len().div_ceil(threads).max(1));
    let Some(ours) = parts.next() else {
        return Vec::new();
    };
    std::thread::scope(|scope| {
        let others: Vec<_> = parts
            .map(|part| (part, scope.spawn(move || hash(part))))
            .collect();
        let mut hashed = hash(ours);
        for (part, other) in others {
            // One whose thread failed is hashed here.
            hashed.extend(other.join().unwrap_or_else(|_| hash(part)));
        }
        hashed
    })
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
