//! How much of each chunk was read in parts of late.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::ChunkKey;

/// How many chunks are remembered. One that is forgotten is read in parts for longer, and no harm is done.
const COUNT: usize = 4096;

/// Bits of a word that count; the others say which chunk they count for.
const COUNT_BITS: u32 = 24;

/// Bytes by chunk, in a table of fixed size that any number of threads use without a lock.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    words: OnceLock<Box<[AtomicU64]>>,
    hasher: quick_cache::DefaultHashBuilder,
}

impl Touched {
    /// Adds the bytes that are read now; gives what was read of the chunk altogether, as far as it is known.
    pub(crate) fn add(&self, key: &ChunkKey, bytes: usize) -> usize {
        let words = self.words.get_or_init(|| {
            let zeros = std::iter::repeat_with(AtomicU64::default);
            zeros.take(COUNT).collect()
        });
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash % COUNT as u64).unwrap_or(0);
        let Some(word) = words.get(place) else {
            return bytes;
        };
        let (tag, mask) = (hash >> COUNT_BITS, (1 << COUNT_BITS) - 1);
        let known = word.load(Ordering::Relaxed);
        let before = if known >> COUNT_BITS == tag {
            known & mask
        } else {
            0
        };
        let sum = before.saturating_add(bytes as u64).min(mask);
        word.store(tag << COUNT_BITS | sum, Ordering::Relaxed);
        usize::try_from(sum).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ObjectId;

    #[test]
    fn what_is_read_adds_up_chunk_by_chunk() {
        let touched = Touched::default();
        let object = ObjectId::unique();
        let key = |chunk| ChunkKey { object, chunk };
        assert_eq!(touched.add(&key(1), 100), 100);
        assert_eq!(touched.add(&key(1), 50), 150);
        assert_eq!(touched.add(&key(2), 7), 7);
        assert_eq!(touched.add(&key(3), 1 << 40), (1 << COUNT_BITS) - 1);
    }
}
