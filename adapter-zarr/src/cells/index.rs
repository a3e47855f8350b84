//! What is known of objects: the index of a shard, and the state it is of.

use std::ops::Range;
use std::sync::Arc;

use hyperslab_core::Result;
use hyperslab_engine::{ObjectId, within_bytes};
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::{Cells, state};
use crate::objects::{Ranges, Version};
use crate::shard::{self, ShardIndex};

/// The most bytes of indexes that one store keeps.
const MEMORY_BYTES: u64 = 16 << 20;

/// What an entry takes beside the ranges of its index, about.
const ENTRY_BYTES: u64 = 192;

/// What an index is thought to weigh before any is known.
const ENTRY_BYTES_USUAL: u64 = 2 << 10;

/// Where the index of a shard lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IndexPlace {
    Start,
    End,
}

/// One state of an object, and the index of the shard that it is; none where chunks are objects of their own.
#[derive(Debug)]
pub(crate) struct Known {
    pub(super) version: Version,
    /// What its chunks are known by.
    pub(super) state: ObjectId,
    pub(super) index: Option<ShardIndex>,
}

impl Known {
    /// Where a chunk lies; `None` when it is not stored.
    pub(super) fn range(&self, number: usize) -> Option<Range<u64>> {
        self.index.as_ref()?.get(number).cloned().flatten()
    }
}

#[derive(Debug, Clone, Copy)]
struct Bytes;

impl Weighter<ObjectId, Arc<Known>> for Bytes {
    fn weight(&self, _: &ObjectId, known: &Arc<Known>) -> u64 {
        let index = known.index.as_ref().map_or(0, Vec::capacity);
        let ranges = index * size_of::<Option<Range<u64>>>();
        (ranges + known.version.as_str().len()) as u64 + ENTRY_BYTES
    }
}

/// The states of objects as they were last seen, within a budget of bytes. Hints: each is compared with the object before anything
/// is believed of it.
#[derive(Debug)]
pub(crate) struct Memory(Cache<ObjectId, Arc<Known>, Bytes>);

impl Default for Memory {
    fn default() -> Self {
        // One part: an index must fit into it.
        Self(within_bytes(MEMORY_BYTES, ENTRY_BYTES_USUAL, 1, Bytes))
    }
}

impl Memory {
    pub(super) fn get(&self, place: ObjectId) -> Option<Arc<Known>> {
        self.0.get(&place)
    }

    pub(super) fn keep(&self, place: ObjectId, known: &Arc<Known>) {
        self.0.insert(place, Arc::clone(known));
    }

    /// Forgets a state that an object is no longer in.
    pub(super) fn forget(&self, place: ObjectId, known: &Arc<Known>) {
        self.0
            .remove_if(&place, |found| found.version == known.version);
    }

    #[cfg(test)]
    fn bytes(&self) -> u64 {
        self.0.weight()
    }
}

impl Cells {
    /// An object in the state that was seen just now.
    pub(super) fn seen(
        &self,
        place: ObjectId,
        version: Version,
        index: Option<ShardIndex>,
    ) -> Arc<Known> {
        Arc::new(Known {
            state: state(place, &version),
            version,
            index,
        })
    }

    /// The bytes of an index as ranges, for a shard of `size` bytes.
    pub(super) fn parse(&self, key: &str, bytes: &[u8], size: u64) -> Result<ShardIndex> {
        shard::parse_index(bytes, self.chunk_count(), size)
            .map_err(|error| self.of_object(key, error))
    }

    /// Fetches the index of a shard and keeps it; `None` when there is no shard.
    pub(super) async fn fetch_index(
        &self,
        key: &str,
        place: ObjectId,
        at: IndexPlace,
    ) -> Result<Option<Arc<Known>>> {
        let length = shard::index_length(self.chunk_count());
        let (bytes, size, version) = match at {
            IndexPlace::End => match self.objects.get_tail(key, length).await? {
                Some(tail) => (tail.bytes, tail.size, tail.version),
                None => return Ok(None),
            },
            IndexPlace::Start => {
                let first = Range {
                    start: 0,
                    end: length,
                };
                match self.objects.get_ranges(key, &[first], None).await? {
                    // The size is not known; a range beyond it is an error when it is read.
                    Ranges::Found { mut parts, version } => {
                        (parts.pop().unwrap_or_default(), u64::MAX, version)
                    }
                    Ranges::Absent | Ranges::Changed => return Ok(None),
                }
            }
        };
        self.engine.stats().fetched(bytes.len());
        let index = self.parse(key, &bytes, size)?;
        let known = self.seen(place, version, Some(index));
        self.known.keep(place, &known);
        Ok(Some(known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_holds_and_what_was_replaced_is_forgotten() {
        let memory = Memory::default();
        let known = |number: u64, version: &str, chunks: usize| {
            Arc::new(Known {
                version: Version::new(version),
                state: ObjectId::of(&(number, version)),
                index: Some(vec![Some(0..1); chunks]),
            })
        };
        let place = |number: u64| ObjectId::of(&number);
        for number in 0..100 {
            memory.keep(place(number), &known(number, "one", 20_000));
            assert!(memory.bytes() <= MEMORY_BYTES);
        }
        assert!(memory.bytes() > MEMORY_BYTES / 2);
        let (old, new) = (known(1, "one", 3), known(1, "two", 3));
        memory.keep(place(1), &old);
        memory.keep(place(1), &new);
        memory.forget(place(1), &old);
        assert_eq!(memory.get(place(1)).unwrap().version, Version::new("two"));
        memory.forget(place(1), &new);
        assert!(memory.get(place(1)).is_none());
    }
}
