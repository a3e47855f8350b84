//! Decoded chunks, kept within a budget of bytes.
//!
//! A chunk is known by the state of the object that it was decoded from, so one that was changed is never found: nobody has to
//! take it away. What is used once does not push out what is used again (the cache is `quick_cache`, which keeps what was seen
//! more than once in a part of its own), and a chunk that several threads want is decoded by one of them.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use hyperslab_core::Result;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::Scratch;

/// What a chunk is thought to weigh before any is known.
const CHUNK_BYTES_USUAL: u64 = 256 << 10;

/// An entry takes so many bytes beside its cells.
const ENTRY_BYTES: u64 = 128;

/// One state of one object, among all that a process ever sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ObjectId(u64, u64);

impl ObjectId {
    /// The identity of what these parts say: where the object is, and which state of it.
    ///
    /// Two hashes with keys that are new in each process: that two objects are ever taken for one is less likely than that the
    /// memory forgets a bit.
    pub fn of(parts: &impl Hash) -> Self {
        static KEYS: LazyLock<(RandomState, RandomState)> = LazyLock::new(Default::default);
        Self(KEYS.0.hash_one(parts), KEYS.1.hash_one(parts))
    }

    /// An identity that nothing else has: for one that is held open, and known by that.
    #[must_use]
    pub fn unique() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed), 0)
    }
}

/// One chunk of one state of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChunkKey {
    /// The object and its state.
    pub object: ObjectId,
    /// Which of its chunks.
    pub chunk: u64,
}

#[derive(Debug, Clone, Copy)]
struct Bytes;

impl Weighter<ChunkKey, Arc<Scratch>> for Bytes {
    fn weight(&self, _: &ChunkKey, cells: &Arc<Scratch>) -> u64 {
        cells.capacity() as u64 + ENTRY_BYTES
    }
}

/// A cache of so many bytes, in parts of which each holds its share and has a lock of its own. `usual` is what an entry weighs
/// before any is known.
#[must_use]
pub fn within_bytes<K, V, W>(budget: u64, usual: u64, parts: usize, weighter: W) -> Cache<K, V, W>
where
    K: Eq + Hash,
    V: Clone,
    W: Weighter<K, V> + Clone,
{
    let count = usize::try_from(budget / usual.max(1)).unwrap_or(usize::MAX);
    let count = count.clamp(16, 1 << 20);
    let options = OptionsBuilder::new()
        .estimated_items_capacity(count)
        .weight_capacity(budget)
        .shards(parts)
        .build();
    match options {
        Ok(options) => Cache::with_options(
            options,
            weighter,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        ),
        // Everything that could be missing was said.
        Err(_) => Cache::with_weighter(count, budget, weighter),
    }
}

/// Decoded chunks, within a budget of bytes.
#[derive(Debug)]
pub struct ChunkCache {
    chunks: Cache<ChunkKey, Arc<Scratch>, Bytes>,
    budget: u64,
}

impl ChunkCache {
    /// A cache of so many bytes; with none nothing is kept.
    #[must_use]
    pub fn new(budget: u64) -> Self {
        // Few parts: each holds its share of the budget, and a chunk must fit one.
        let parts = if budget >= 1 << 30 { 4 } else { 1 };
        let chunks = within_bytes(budget, CHUNK_BYTES_USUAL, parts, Bytes);
        Self { chunks, budget }
    }

    /// The most bytes that are kept.
    #[must_use]
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// The bytes that are kept now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.chunks.weight()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.chunks.clear();
    }

    pub(crate) fn is_on(&self) -> bool {
        self.budget > 0
    }

    /// The cells of a chunk, if they are there.
    pub(crate) fn get(&self, key: &ChunkKey) -> Option<Arc<Scratch>> {
        self.chunks.get(key)
    }

    /// The cells of a chunk, decoded now unless they are there or another thread is about it.
    pub(crate) fn get_or_decode(
        &self,
        key: &ChunkKey,
        decode: impl FnOnce() -> Result<Scratch>,
    ) -> Result<Arc<Scratch>> {
        self.chunks
            .get_or_insert_with(key, || decode().map(Arc::new))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    fn key(chunk: u64) -> ChunkKey {
        ChunkKey {
            object: ObjectId::of(&("a", 1)),
            chunk,
        }
    }

    fn cells(length: usize) -> Result<Scratch> {
        Ok(Scratch::new(length))
    }

    #[test]
    fn the_budget_holds() {
        let cache = ChunkCache::new(1 << 20);
        for chunk in 0..1000 {
            cache.get_or_decode(&key(chunk), || cells(10_000)).unwrap();
            assert!(cache.bytes() <= 1 << 20);
        }
        assert!(cache.bytes() > 1 << 19);
        // One that does not fit is not kept, and does no harm.
        cache.get_or_decode(&key(5000), || cells(2 << 20)).unwrap();
        assert!(cache.get(&key(5000)).is_none());
        let none = ChunkCache::new(0);
        none.get_or_decode(&key(1), || cells(10)).unwrap();
        assert!(none.get(&key(1)).is_none());
    }

    #[test]
    fn a_scan_does_not_push_out_what_is_used_again() {
        let cache = ChunkCache::new(1 << 20);
        let hot = || (0..20).map(key);
        for _ in 0..3 {
            hot().for_each(|key| drop(cache.get_or_decode(&key, || cells(10_000)).unwrap()));
        }
        for chunk in 100..2000 {
            cache.get_or_decode(&key(chunk), || cells(10_000)).unwrap();
        }
        let left = hot().filter(|key| cache.get(key).is_some()).count();
        assert!(left >= 15, "{left} of 20 are left");
    }

    #[test]
    fn one_thread_decodes_for_all() {
        let cache = ChunkCache::new(1 << 20);
        let decoded = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for chunk in 0..50 {
                        let made = cache.get_or_decode(&key(chunk), || {
                            decoded.fetch_add(1, Ordering::Relaxed);
                            cells(100)
                        });
                        assert_eq!(made.unwrap().len(), 100);
                    }
                });
            }
        });
        assert_eq!(decoded.load(Ordering::Relaxed), 50);
    }

    #[test]
    fn a_chunk_that_does_not_decode_is_tried_again() {
        let cache = ChunkCache::new(1 << 20);
        let failed = cache.get_or_decode(&key(1), || Err(hyperslab_core::Error::corrupt("x")));
        assert!(failed.is_err());
        assert!(cache.get_or_decode(&key(1), || cells(1)).is_ok());
    }
}
