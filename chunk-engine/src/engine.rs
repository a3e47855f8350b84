//! From stored bytes to cells in their place.

use std::sync::{Arc, LazyLock};

use hyperslab_core::{Error, Result, memory_of_machine};
use rayon::prelude::*;

use crate::codec::Decode;
use crate::pages::PAGE_BYTES;
use crate::touched::Touched;
use crate::{ChunkCache, ChunkKey, Scratch, Slot, Stats, StoredChunk};

/// Parts of a raw chunk with a larger gap between them are read by themselves. With a page between them they have none in common.
pub(crate) const GAP_BYTES_MAX: usize = PAGE_BYTES;

/// A read takes as long as copying so many bytes.
const REQUEST_BYTES: usize = 4 << 10;

/// A raw chunk is kept when it was read so many times over: fresh memory for it costs more than one more read.
const KEPT_AFTER: usize = 2;

/// The most bytes of a raw chunk that are read at once.
pub(crate) const SPAN_BYTES_MAX: usize = 4 << 20;

/// A request for less than this is done by the thread that asks: waking others costs more.
const PARALLEL_BYTES_MIN: usize = 256 << 10;

/// The same for bytes that are copied, which is faster than decoding.
pub(crate) const PARALLEL_RAW_BYTES_MIN: usize = 512 << 10;

/// How the chunks of an array are decoded.
#[derive(Debug, Clone, Copy)]
pub struct Decoding<'a> {
    /// What they went through.
    pub codecs: &'a dyn Decode,
    /// Which of the codecs this chunk did not go through, a bit each.
    pub mask: u32,
    /// Bytes of the cells of one chunk.
    pub chunk_bytes: usize,
    /// Whether the chunks are their cells with a checksum behind them, and their pages have checksums too.
    pub has_sums: bool,
}

impl Decoding<'_> {
    /// Whether a part of a chunk can be read without the rest.
    pub(crate) fn has_parts(&self) -> bool {
        self.codecs.is_raw() || self.has_sums
    }

    /// Bytes that one of these chunks costs on average: to be decoded, or to be copied.
    pub fn cost<'s>(&self, slots: impl IntoIterator<Item = &'s Slot>) -> usize {
        if !self.has_parts() {
            return self.chunk_bytes;
        }
        let sum = |(count, bytes), slot: &Slot| (count + 1, bytes + slot.byte_count());
        let (count, bytes) = slots.into_iter().fold((0_usize, 0_usize), sum);
        bytes / count.max(1)
    }
}

/// Decodes chunks, keeps some of them, and counts.
///
/// All stores of a process share one, so that there is one budget; a store may have its own.
#[derive(Debug)]
pub struct Engine {
    cache: ChunkCache,
    touched: Touched,
    stats: Stats,
}

impl Engine {
    /// An engine that keeps decoded chunks of so many bytes; of none with 0.
    #[must_use]
    pub fn new(cache_bytes: u64) -> Arc<Self> {
        Arc::new(Self {
            cache: ChunkCache::new(cache_bytes),
            touched: Touched::default(),
            stats: Stats::default(),
        })
    }

    /// The engine that all share who ask for no other. It keeps up to a quarter of the memory of the machine.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Engine>> =
            LazyLock::new(|| Engine::new(memory_of_machine() / 4));
        Arc::clone(&SHARED)
    }

    /// The decoded chunks.
    #[must_use]
    pub fn cache(&self) -> &ChunkCache {
        &self.cache
    }

    /// What was done so far.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Runs `work` for each slot, or whatever else holds slots, on all threads if there is enough to do: `bytes` of cells each.
    ///
    /// # Errors
    /// The first that `work` gives.
    pub fn each<T: Send>(
        &self,
        slots: Vec<T>,
        bytes: usize,
        work: impl Fn(T) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        if slots.len() < 2 || slots.len().saturating_mul(bytes) < PARALLEL_BYTES_MIN {
            return slots.into_iter().try_for_each(work);
        }
        slots.into_par_iter().with_max_len(1).try_for_each(work)
    }

    /// The cells of a chunk, if they are there decoded.
    #[must_use]
    pub fn cached(&self, key: &ChunkKey) -> Option<Arc<Scratch>> {
        if !self.cache.is_on() {
            return None;
        }
        let found = self.cache.get(key);
        self.stats.looked_up(found.is_some());
        found
    }

    /// Puts the cells that a slot wants of a chunk to their place, if the chunk is there decoded; gives the slot back if not.
    ///
    /// # Errors
    /// `Internal` when the chunk that is kept is of another size.
    pub fn put_cached(&self, key: &ChunkKey, slot: Slot) -> Result<Option<Slot>> {
        match self.cached(key) {
            Some(cells) => slot.put(&cells).map(|()| None),
            None => Ok(Some(slot)),
        }
    }

    /// Fetches and decodes a chunk, and puts the cells that a slot wants to their place. A chunk of which only a part is wanted
    /// is kept under its key, if it has one, for the next who wants another part.
    ///
    /// # Errors
    /// `Corrupt` when it does not decode; `Unavailable`, `Denied`.
    pub fn put(
        &self,
        key: Option<&ChunkKey>,
        decoding: Decoding<'_>,
        stored: StoredChunk<'_>,
        slot: Slot,
    ) -> Result<()> {
        // Nobody needs a whole chunk again soon, and what is needed again would have to make room.
        let key = key.filter(|_| self.cache.is_on() && !slot.is_whole());
        if decoding.codecs.is_raw() && matches!(stored, StoredChunk::File { .. }) {
            return self.put_raw(key, decoding, stored, slot);
        }
        if stored.has_sums() && is_worth_cutting(&slot, decoding.chunk_bytes) {
            return self.put_parts(key, decoding, stored, slot);
        }
        self.put_whole(key, decoding, stored, slot)
    }

    fn put_whole(
        &self,
        key: Option<&ChunkKey>,
        decoding: Decoding<'_>,
        stored: StoredChunk<'_>,
        slot: Slot,
    ) -> Result<()> {
        let Some(key) = key else {
            return self.put_decoded(decoding, stored, slot);
        };
        let cells = self
            .cache
            .get_or_decode(key, || self.whole(decoding, stored))?;
        slot.put(&cells)
    }

    fn put_decoded(
        &self,
        decoding: Decoding<'_>,
        stored: StoredChunk<'_>,
        mut slot: Slot,
    ) -> Result<()> {
        if let Some(place) = slot.as_bytes_mut(decoding.chunk_bytes) {
            return self.decode(decoding, stored, place);
        }
        let mut cells = Scratch::new(decoding.chunk_bytes);
        self.decode(decoding, stored, &mut cells)?;
        slot.put(&cells)
    }

    /// Decodes a chunk into `out`, which has the size of its cells.
    ///
    /// # Errors
    /// As [`put`](Self::put).
    pub fn decode(
        &self,
        decoding: Decoding<'_>,
        stored: StoredChunk<'_>,
        out: &mut [u8],
    ) -> Result<()> {
        let Decoding { codecs, mask, .. } = decoding;
        if let StoredChunk::Memory(bytes) = stored {
            return self
                .stats
                .decoding(out.len(), || codecs.decode(bytes, mask, out));
        }
        let mut bytes = Scratch::new(stored.length());
        stored.read_at(0, &mut bytes)?;
        self.stats.fetched(bytes.len());
        self.stats
            .decoding(out.len(), || codecs.decode(&bytes, mask, out))
    }

    /// Puts the cells of a chunk that went through no codec: a whole one straight to its place.
    fn put_raw(
        &self,
        key: Option<&ChunkKey>,
        decoding: Decoding<'_>,
        stored: StoredChunk<'_>,
        mut slot: Slot,
    ) -> Result<()> {
        let (length, chunk_bytes) = (stored.length(), decoding.chunk_bytes);
        if length != chunk_bytes {
            return Err(Error::corrupt(format!(
                "a chunk has {length} bytes, not {chunk_bytes}"
            )));
        }
        if let Some(place) = slot.as_bytes_mut(length) {
            let spans = place.par_chunks_mut(SPAN_BYTES_MAX).enumerate();
            return spans.try_for_each(|(number, span)| {
                self.stats.fetched(span.len());
                stored.read_at(number * SPAN_BYTES_MAX, span)
            });
        }
        self.put_parts(key, decoding, stored, slot)
    }

    /// Reads no more of a chunk than is wanted, and what is near together. One that was read several times over is kept like any
    /// other.
    fn put_parts(
        &self,
        key: Option<&ChunkKey>,
        decoding: Decoding<'_>,
        stored: StoredChunk<'_>,
        slot: Slot,
    ) -> Result<()> {
        let parts = slot.cut(GAP_BYTES_MAX, SPAN_BYTES_MAX);
        let ranges = parts.iter().map(Slot::range_in_chunk);
        let bytes: usize = ranges.map(|range| stored.around(range).len()).sum();
        if let Some(key) = key.filter(|_| decoding.chunk_bytes <= SPAN_BYTES_MAX) {
            let cost = bytes + parts.len() * REQUEST_BYTES;
            let enough = decoding.chunk_bytes.saturating_mul(KEPT_AFTER);
            if self.touched.add(key, cost) >= enough {
                let cells = self
                    .cache
                    .get_or_decode(key, || self.whole(decoding, stored))?;
                return parts.into_iter().try_for_each(|part| part.put(&cells));
            }
        }
        let read = |part: Slot| {
            let (first, bytes) = stored.read_around(part.range_in_chunk())?;
            self.stats.fetched(bytes.len());
            part.put_from(first, &bytes)
        };
        if bytes < PARALLEL_RAW_BYTES_MIN {
            return parts.into_iter().try_for_each(read);
        }
        parts.into_par_iter().with_max_len(1).try_for_each(read)
    }

    /// The cells of a chunk, to be kept.
    fn whole(&self, decoding: Decoding<'_>, stored: StoredChunk<'_>) -> Result<Scratch> {
        let mut cells = Scratch::fitting(decoding.chunk_bytes);
        if decoding.codecs.is_raw() {
            stored.read_at(0, &mut cells)?;
            self.stats.fetched(cells.len());
        } else {
            self.decode(decoding, stored, &mut cells)?;
        }
        Ok(cells)
    }
}

/// Whether reading what a slot wants of a chunk page by page costs less than reading all of it.
fn is_worth_cutting(slot: &Slot, chunk_bytes: usize) -> bool {
    let (count, each) = slot.cuts(GAP_BYTES_MAX, SPAN_BYTES_MAX);
    let each = each.saturating_add(PAGE_BYTES + REQUEST_BYTES);
    count.saturating_mul(each) < chunk_bytes
}
