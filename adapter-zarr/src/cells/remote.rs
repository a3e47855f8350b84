//! Reading from a server: objects side by side, decoded as they come.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, FuturesUnordered};
use futures::{StreamExt, TryStreamExt};
use hyperslab_core::{Error, Result};
use hyperslab_engine::{ChunkKey, Destination, ObjectId, Scratch, Slot, StoredChunk};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Cells, Filled, Known, Request, Wanted, chunk_key, state};
use crate::compute::{IN_FLIGHT, compute};
use crate::objects::Ranges;

/// The most stored bytes of one request that are on their way or wait to be decoded, as far as is known before they are asked for.
/// One object may have more.
const BYTES_IN_FLIGHT: usize = 48 << 20;

/// Parts of a chunk with no more than this between them are fetched together: so many bytes take as long as one more request.
const GAP_BYTES_MAX: usize = 1 << 20;

/// Parts are no longer than this, so that long ones come through several connections.
const SPAN_BYTES_MAX: usize = 16 << 20;

/// A permit is for so many bytes.
const PERMIT_BYTES: usize = 1 << 10;

/// Stored bytes, or cells, with where they belong.
#[derive(Debug)]
enum Piece {
    /// A chunk that is not stored.
    Absent(Vec<Slot>),
    /// A chunk that was decoded before.
    Cached(Arc<Scratch>, Vec<Slot>),
    /// A chunk as it is stored, and what its cells are kept under.
    Whole(Bytes, Option<ChunkKey>, Vec<Slot>),
    /// Parts of a raw chunk.
    Parts(Vec<(Bytes, Slot)>),
}

/// How a chunk is fetched.
enum Way {
    Absent,
    Cached(Arc<Scratch>),
    Whole,
    /// In parts, each from its own range.
    Parts(Vec<Range<u64>>),
}

/// A chunk that is wanted: its number, and the slots that want parts of it.
type Chunk = (usize, Vec<Slot>);

impl Cells {
    /// Fills a request, and waits for `last`, which begins when everything has been fetched.
    pub(crate) async fn fetch<T>(
        self: &Arc<Self>,
        request: Request,
        last: impl Future<Output = Result<T>>,
    ) -> Result<(Filled, T)> {
        let Request {
            destination,
            wanted,
        } = request;
        let room = room();
        let fetches: Vec<_> = wanted
            .into_iter()
            .map(|wanted| self.decoding_of(wanted, &room))
            .collect();
        let mut fetches = stream::iter(fetches).buffer_unordered(IN_FLIGHT);
        let mut decodings = FuturesUnordered::new();
        let mut is_stored = false;
        loop {
            tokio::select! {
                Some(decoded) = decodings.next() => is_stored |= decoded?,
                fetched = fetches.try_next() => match fetched? {
                    Some(decoding) => decodings.push(decoding),
                    None => break,
                },
            }
        }
        drop(fetches);
        let rest = async {
            while let Some(stored) = decodings.try_next().await? {
                is_stored |= stored;
            }
            Ok(())
        };
        let (last, ()) = futures::try_join!(last, rest)?;
        let out = Destination::finish(destination)?;
        Ok((Filled { out, is_stored }, last))
    }

    /// Fetches what is wanted of one object, and begins to decode it. Says in the end whether any of it is stored.
    async fn decoding_of(
        self: &Arc<Self>,
        wanted: Wanted,
        room: &Arc<Semaphore>,
    ) -> Result<impl Future<Output = Result<bool>> + Send + use<>> {
        let Wanted { key, place, slots } = wanted;
        let chunks: Vec<Chunk> = slots
            .into_iter()
            .map(|(number, slot)| (number, self.parts(slot)))
            .collect();
        let (pieces, permit) = match self.form.index {
            None => self.fetch_chunk(&key, place, chunks, room).await?,
            Some(_) => self.fetch_shard(&key, place, chunks, room).await?,
        };
        let cells = Arc::clone(self);
        let is_stored = pieces
            .iter()
            .any(|piece| !matches!(piece, Piece::Absent(_)));
        let bytes: usize = pieces.iter().map(|piece| self.cost(piece)).sum();
        Ok(compute(bytes, move || {
            let each = bytes / pieces.len().max(1);
            let put = |piece| cells.put(piece);
            let done = cells.engine.each(pieces, each, put);
            drop(permit);
            done.map_err(|error| cells.of_object(&key, error))?;
            Ok(is_stored)
        }))
    }

    /// A slot as it is read: of a raw chunk in parts that are near together.
    fn parts(&self, slot: Slot) -> Vec<Slot> {
        if self.form.codecs.is_raw() && !slot.is_whole() {
            return slot.cut(GAP_BYTES_MAX, SPAN_BYTES_MAX);
        }
        vec![slot]
    }

    /// Whether less than half of a chunk is worth a request of its own, and then which ranges of it, counted from `start`.
    fn ranges(&self, parts: &[Slot], start: u64) -> Option<Vec<Range<u64>>> {
        if !self.form.codecs.is_raw() {
            return None;
        }
        let ranges = parts.iter().map(Slot::range_in_chunk);
        let ranges: Vec<Range<usize>> = ranges.collect();
        let bytes = ranges.iter().map(Range::len).sum::<usize>();
        (bytes < self.form.chunk_bytes / 2).then(|| {
            let ranges = ranges.into_iter();
            ranges
                .map(|range| start + range.start as u64..start + range.end as u64)
                .collect()
        })
    }

    /// One chunk that is an object of its own.
    async fn fetch_chunk(
        &self,
        key: &str,
        place: ObjectId,
        chunks: Vec<Chunk>,
        room: &Arc<Semaphore>,
    ) -> Result<(Vec<Piece>, OwnedSemaphorePermit)> {
        let slots: Vec<Slot> = chunks.into_iter().flat_map(|(_, slots)| slots).collect();
        if let Some(known) = self.known.get(place)
            && let Some(cells) = self.engine.cached(&chunk_key(known.state, 0))
        {
            let permit = permit(room, 0).await?;
            let found = self.objects.version(key).await?;
            if found.as_ref() == Some(&known.version) {
                return Ok((vec![Piece::Cached(cells, slots)], permit));
            }
            self.known.forget(place, &known);
        }
        if let Some(ranges) = self.ranges(&slots, 0) {
            let permit = permit(room, total(&ranges)).await?;
            let piece = match self.objects.get_ranges(key, &ranges, None).await? {
                Ranges::Found { parts, .. } => {
                    self.count(&parts);
                    Piece::Parts(parts.into_iter().zip(slots).collect())
                }
                Ranges::Absent | Ranges::Changed => Piece::Absent(slots),
            };
            return Ok((vec![piece], permit));
        }
        let permit = permit(room, self.stored_bytes_usual()).await?;
        let Some(object) = self.objects.get(key).await? else {
            return Ok((vec![Piece::Absent(slots)], permit));
        };
        self.engine.stats().fetched(object.bytes.len());
        let chunk = chunk_key(state(place, &object.version), 0);
        if slots.iter().any(|slot| !slot.is_whole()) {
            let known = self.seen(place, object.version, None);
            self.known.keep(place, &known);
        }
        Ok((vec![Piece::Whole(object.bytes, Some(chunk), slots)], permit))
    }

    /// Chunks of one shard: all of the state that its index is of.
    async fn fetch_shard(
        &self,
        key: &str,
        place: ObjectId,
        chunks: Vec<Chunk>,
        room: &Arc<Semaphore>,
    ) -> Result<(Vec<Piece>, OwnedSemaphorePermit)> {
        let mut ways = Vec::new();
        let plan = |known: &Known| {
            let way = |(number, slots): &Chunk| self.way(known, *number, slots);
            ways = chunks.iter().map(way).collect();
            let ranges = chunks.iter().zip(&ways);
            ranges
                .flat_map(|((number, _), way)| match way {
                    Way::Absent | Way::Cached(_) => Vec::new(),
                    Way::Whole => known.range(*number).into_iter().collect(),
                    Way::Parts(ranges) => ranges.clone(),
                })
                .collect()
        };
        let found = self.fetch_ranges((key, place), room, plan).await?;
        let Some((known, parts, permit)) = found else {
            let slots = chunks.into_iter().flat_map(|(_, slots)| slots);
            return Ok((vec![Piece::Absent(slots.collect())], permit(room, 0).await?));
        };
        self.count(&parts);
        let mut parts = parts.into_iter();
        let pieces = chunks.into_iter().zip(ways).map(|((number, slots), way)| {
            let chunk = chunk_key(known.state, number);
            match way {
                Way::Absent => Piece::Absent(slots),
                Way::Cached(cells) => Piece::Cached(cells, slots),
                Way::Whole => Piece::Whole(parts.next().unwrap_or_default(), Some(chunk), slots),
                Way::Parts(_) => {
                    // The slots first: a part that none of them takes would be lost.
                    let pairs = slots.into_iter().zip(parts.by_ref());
                    Piece::Parts(pairs.map(|(slot, bytes)| (bytes, slot)).collect())
                }
            }
        });
        Ok((pieces.collect(), permit))
    }

    fn way(&self, known: &Known, number: usize, slots: &[Slot]) -> Way {
        let Some(range) = known.range(number) else {
            return Way::Absent;
        };
        if let Some(cells) = self.engine.cached(&chunk_key(known.state, number)) {
            return Way::Cached(cells);
        }
        let is_raw_chunk = range.end - range.start == self.form.chunk_bytes as u64;
        // One of another length is damaged, which shows when all of it has come.
        let ranges = is_raw_chunk
            .then(|| self.ranges(slots, range.start))
            .flatten();
        ranges.map_or(Way::Whole, Way::Parts)
    }

    /// Puts the cells of a piece to their place.
    fn put(&self, piece: Piece) -> Result<()> {
        match piece {
            Piece::Absent(slots) => slots
                .into_iter()
                .try_for_each(|slot| slot.fill(&self.form.fill)),
            Piece::Cached(cells, slots) => slots.into_iter().try_for_each(|slot| slot.put(&cells)),
            Piece::Whole(bytes, chunk, slots) => slots.into_iter().try_for_each(|slot| {
                let stored = StoredChunk::Memory(&bytes);
                self.engine
                    .put(chunk.as_ref(), self.decoding(), stored, slot)
            }),
            Piece::Parts(parts) => parts.into_iter().try_for_each(|(bytes, slot)| {
                let first = slot.range_in_chunk().start;
                slot.put_from(first, &bytes)
            }),
        }
    }

    /// What it costs to put a piece to its place, in bytes.
    fn cost(&self, piece: &Piece) -> usize {
        match piece {
            Piece::Whole(..) if !self.form.codecs.is_raw() => self.form.chunk_bytes,
            Piece::Parts(parts) => parts.iter().map(|(bytes, _)| bytes.len()).sum(),
            Piece::Whole(_, _, slots) | Piece::Absent(slots) | Piece::Cached(_, slots) => {
                slots.iter().map(Slot::byte_count).sum()
            }
        }
    }

    /// The stored bytes of a chunk, as long as nobody knows: compressed ones take less than their cells.
    fn stored_bytes_usual(&self) -> usize {
        if self.form.codecs.is_raw() {
            return self.form.chunk_bytes;
        }
        self.form.chunk_bytes / 4 * 3
    }

    fn count(&self, parts: &[Bytes]) {
        if !parts.is_empty() {
            let bytes = parts.iter().map(Bytes::len).sum();
            self.engine.stats().fetched(bytes);
        }
    }
}

/// The room for the stored bytes of one request.
pub(super) fn room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BYTES_IN_FLIGHT / PERMIT_BYTES))
}

/// Waits until there is room for so many bytes.
pub(super) async fn permit(room: &Arc<Semaphore>, bytes: usize) -> Result<OwnedSemaphorePermit> {
    let count = bytes.min(BYTES_IN_FLIGHT) / PERMIT_BYTES;
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    let permit = Arc::clone(room).acquire_many_owned(count).await;
    permit.map_err(|_| Error::internal("a read was closed"))
}

pub(super) fn total(ranges: &[Range<u64>]) -> usize {
    let bytes: u64 = ranges.iter().map(|range| range.end - range.start).sum();
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
