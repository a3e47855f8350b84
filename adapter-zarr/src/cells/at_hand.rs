//! Reading from a disk: one section that may block for the whole request, and none for a small one.

use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyperslab_core::{Begun, Error, ErrorKind, Result};
use hyperslab_engine::{Destination, ObjectId, Slot, StoredChunk, quick};

use super::{Cells, Filled, IndexPlace, Known, Request, Wanted, chunk_key, state};
use crate::objects::Version;
use crate::objects::at_hand::{AtHand, Opened};
use crate::shard;

/// The most objects of a request that is begun on the thread that asks.
const BEGUN_OBJECTS: usize = 16;

/// The most chunks of a shard whose index is read there.
const BEGUN_INDEX_CHUNKS: usize = 4096;

/// The state of an object that was looked at after all others.
type Stamp = Option<Version>;

/// Chunks of an open object that are still to be read.
#[derive(Debug)]
struct Rest {
    key: String,
    opened: Opened,
    /// What its decoded chunks are kept under.
    state: Option<ObjectId>,
    chunks: Vec<(Range<u64>, usize, Slot)>,
}

impl Cells {
    /// Begins to fill a request, and then looks at the state of one more object.
    pub(crate) fn begin_at_hand(
        self: &Arc<Self>,
        disk: Arc<dyn AtHand>,
        request: Request,
        last: Option<String>,
    ) -> Result<Begun<(Filled, Stamp)>> {
        let cells = Arc::clone(self);
        if !request.is_small() || self.has_large_index() {
            return Ok(Begun::nothing(move || {
                let filled = cells.read_now(&*disk, request)?;
                Ok((filled, look(&*disk, last.as_deref())?))
            }));
        }
        let (mut rests, mut is_stored) = (Vec::new(), false);
        let Request {
            destination,
            wanted,
        } = request;
        for wanted in wanted {
            let (rest, stored) = self.begin(&*disk, wanted)?;
            rests.extend(rest);
            is_stored |= stored;
        }
        let is_quick = self.is_quick(&rests);
        let finish = move || {
            let bytes = rests.iter().map(|rest| cells.bytes_left(rest));
            let each = bytes.sum::<usize>() / rests.len().max(1);
            cells.engine.each(rests, each, |rest| cells.finish(rest))?;
            let out = Destination::finish(destination)?;
            let filled = Filled { out, is_stored };
            Ok((filled, look(&*disk, last.as_deref())?))
        };
        if is_quick {
            return finish().map(Begun::Done);
        }
        Ok(Begun::nothing(finish))
    }

    /// Fills a request on this thread and those of rayon.
    pub(crate) fn read_now(&self, disk: &dyn AtHand, request: Request) -> Result<Filled> {
        let is_stored = AtomicBool::new(false);
        let chunks: usize = request.wanted.iter().map(|wanted| wanted.slots.len()).sum();
        let bytes = self.form.chunk_bytes.saturating_mul(chunks) / request.wanted.len().max(1);
        self.engine.each(request.wanted, bytes, |wanted| {
            let (rest, stored) = self.begin(disk, wanted)?;
            if stored {
                is_stored.store(true, Ordering::Relaxed);
            }
            rest.map_or(Ok(()), |rest| self.finish(rest))
        })?;
        Ok(Filled {
            out: Destination::finish(request.destination)?,
            is_stored: is_stored.into_inner(),
        })
    }

    /// Opens an object, and puts to their place what is known of the state it is in: chunks that are decoded already, and fill for
    /// those that are not stored. Gives back the rest, and whether any of the chunks is stored.
    fn begin(&self, disk: &dyn AtHand, wanted: Wanted) -> Result<(Option<Rest>, bool)> {
        let Wanted { key, place, slots } = wanted;
        let Some(opened) = disk.open(&key)? else {
            self.fill(slots.into_iter().map(|(_, slot)| slot))?;
            return Ok((None, false));
        };
        let index = match self.form.index {
            Some(at) => Some(self.index_at_hand(&key, place, at, &opened)?),
            None => None,
        };
        let state = (self.form.is_ours || opened.settled).then(|| match &index {
            Some(index) => index.state,
            None => state(place, &opened.version),
        });
        let (mut chunks, mut is_stored) = (Vec::new(), false);
        for (number, slot) in slots {
            let range = match &index {
                Some(index) => index.range(number),
                None => Some(0..opened.size),
            };
            let Some(range) = range else {
                self.fill([slot])?;
                continue;
            };
            is_stored = true;
            let left = match state {
                Some(state) if !self.form.codecs.is_raw() => {
                    self.engine.put_cached(&chunk_key(state, number), slot)?
                }
                _ => Some(slot),
            };
            chunks.extend(left.map(|slot| (range, number, slot)));
        }
        let rest = Rest {
            key,
            opened,
            state,
            chunks,
        };
        Ok(((!rest.chunks.is_empty()).then_some(rest), is_stored))
    }

    fn fill(&self, slots: impl IntoIterator<Item = Slot>) -> Result<()> {
        let mut slots = slots.into_iter();
        slots.try_for_each(|slot| slot.fill(&self.form.fill))
    }

    /// Reads and decodes what is left of an object.
    fn finish(&self, rest: Rest) -> Result<()> {
        let Rest {
            key,
            opened,
            state,
            chunks,
        } = rest;
        let bytes = self.decoding().cost(chunks.iter().map(|(.., slot)| slot));
        self.engine.each(chunks, bytes, |(range, number, slot)| {
            let length = usize::try_from(range.end - range.start).map_err(|_| {
                Error::too_large(format!("a chunk of {key} does not fit in memory"))
            })?;
            let stored = StoredChunk::File {
                file: &opened.file,
                path: &opened.path,
                offset: range.start,
                length,
                sums: None,
            };
            let chunk = state.map(|state| chunk_key(state, number));
            self.engine
                .put(chunk.as_ref(), self.decoding(), stored, slot)
                .map_err(|error| match error.kind() {
                    ErrorKind::Corrupt => self.of_object(&key, error),
                    _ => error,
                })
        })
    }

    /// The index of an open shard.
    fn index_at_hand(
        &self,
        key: &str,
        place: ObjectId,
        at: IndexPlace,
        opened: &Opened,
    ) -> Result<Arc<Known>> {
        if let Some(known) = self.known.get(place)
            && known.version == opened.version
        {
            return Ok(known);
        }
        let length = shard::index_length(self.chunk_count()).min(opened.size);
        let start = match at {
            IndexPlace::Start => 0,
            IndexPlace::End => opened.size - length,
        };
        let length = usize::try_from(length)
            .map_err(|_| Error::too_large(format!("the index of {key} does not fit in memory")))?;
        let mut bytes = vec![0; length];
        (opened.file.read_exact_at(&mut bytes, start))
            .map_err(|source| Error::io("read", opened.path.display(), source))?;
        self.engine.stats().fetched(length);
        let index = self.parse(key, &bytes, opened.size)?;
        let known = self.seen(place, opened.version.clone(), Some(index));
        if self.form.is_ours || opened.settled {
            self.known.keep(place, &known);
        }
        Ok(known)
    }

    /// Whether it takes long to read and parse the index of a shard.
    fn has_large_index(&self) -> bool {
        self.form.index.is_some() && self.chunk_count() > BEGUN_INDEX_CHUNKS
    }

    /// Whether the rest of a small request is read sooner than another thread wakes up.
    fn is_quick(&self, rests: &[Rest]) -> bool {
        let chunks = rests.iter().flat_map(|rest| &rest.chunks);
        quick::is_quick(self.decoding(), chunks.map(|(.., slot)| slot))
    }

    fn bytes_left(&self, rest: &Rest) -> usize {
        let slots = rest.chunks.iter().map(|(.., slot)| slot);
        let cost = self.decoding().cost(slots);
        cost.saturating_mul(rest.chunks.len())
    }
}

impl Request {
    fn is_small(&self) -> bool {
        let slots = self.wanted.iter().flat_map(|wanted| &wanted.slots);
        let bytes = slots.map(|(_, slot)| slot.byte_count()).sum();
        self.wanted.len() <= BEGUN_OBJECTS && quick::is_small(bytes)
    }
}

fn look(disk: &dyn AtHand, key: Option<&str>) -> Result<Stamp> {
    key.map_or(Ok(None), |key| disk.state(key))
}
