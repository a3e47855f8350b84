//! Reading.
//!
//! A read of one object is one request. A read of several looks at the head when all have come, while they are still being
//! decoded: if it is still in the generation it had before, no write into several objects came between; a change that is
//! under way is laid over what was read.

use std::ops::Range;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures::stream::{self, FuturesUnordered};
use futures::{StreamExt, TryFutureExt, TryStreamExt};
use hyperslab_core::chunk::{CopyAxis, copy_cells};
use hyperslab_core::copy::{copy_box, scatter_scalar};
use hyperslab_core::{
    ArrayBuf, AxisSlab, Durability, Error, Hyperslab, Result, WriteData, WriteOptions,
};

use super::Shared;
use crate::chunks::{ObjectPart, Part};
use crate::compute::{IN_FLIGHT, compute};
use crate::document::{ArrayHead, Change};
use crate::head::Seen;
use crate::objects::{Ranges, Version};
use crate::pause::Backoff;
use crate::shard::{self, ShardIndex};

/// How often a read is repeated because of writes that came between, before it makes them wait.
const ATTEMPTS: usize = 4;

/// The decoded cells of the chunks of one object that a read wants; `None` for those that are not stored.
type Decoded = Vec<(Part, Option<Vec<u8>>)>;

impl Shared {
    pub(super) async fn read_into(&self, slab: &Hyperslab, mut out: ArrayBuf) -> Result<ArrayBuf> {
        let objects = self.codec.layout.objects_of(slab);
        match objects.as_slice() {
            [] => return self.look().await.map(|_| out),
            // A change that was under way when the array was opened may have been left by a crash, and is laid over.
            [object] if self.last_seen().head.change.is_none() => {
                let decoded = self.decoding(object).await?.await?;
                if decoded.iter().all(|(_, cells)| cells.is_none()) {
                    // Nothing is stored: either nothing was written, or there is no array.
                    self.look().await?;
                }
                self.place(slab, &decoded, &mut out);
                return Ok(out);
            }
            _ => {}
        }
        for _ in 0..ATTEMPTS {
            if self.read_once(slab, &objects, &mut out).await? {
                return Ok(out);
            }
        }
        self.read_while_others_wait(slab, &objects, out).await
    }

    /// Reads several objects; false when a write into several came between.
    async fn read_once(
        &self,
        slab: &Hyperslab,
        objects: &[ObjectPart],
        out: &mut ArrayBuf,
    ) -> Result<bool> {
        let before = self.last_seen();
        let fetches: Vec<_> = objects.iter().map(|object| self.decoding(object)).collect();
        let mut fetches = stream::iter(fetches).buffer_unordered(IN_FLIGHT);
        let mut decodings = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(decoded) = decodings.next() => self.place(slab, &decoded?, out),
                fetched = fetches.try_next() => match fetched? {
                    Some(decoding) => decodings.push(decoding),
                    None => break,
                },
            }
        }
        drop(fetches);
        let rest = async {
            while let Some(decoded) = decodings.try_next().await? {
                self.place(slab, &decoded, out);
            }
            Ok(())
        };
        let (after, ()) = futures::try_join!(self.look(), rest)?;
        if after.head.generation != before.head.generation {
            return Ok(false);
        }
        match &after.head.change {
            None => Ok(true),
            Some(change) => self.lay_over(slab, change, out).await,
        }
    }

    /// Lays the cells of a change that is under way over those that were read; false when it is no longer under way.
    async fn lay_over(
        &self,
        slab: &Hyperslab,
        change: &Change,
        out: &mut ArrayBuf,
    ) -> Result<bool> {
        if change.is_pause() {
            return Ok(true);
        }
        let Some(edits) = self.edits_of(change).await? else {
            self.check_finished(change).await?;
            return Ok(false);
        };
        let shape = slab.shape();
        for edit in &edits {
            let Some((in_out, in_edit)) = common(slab, &edit.slab) else {
                continue;
            };
            let target = out.bytes_mut();
            match &edit.cells {
                WriteData::Cells(cells) => {
                    let source = (cells.bytes(), cells.shape(), &in_edit);
                    copy_box(cells.dtype().size(), source, (target, &shape, &in_out))?;
                }
                WriteData::Scalar(value) => {
                    scatter_scalar(&value.to_bytes(), target, &shape, &in_out)?;
                }
            }
        }
        Ok(true)
    }

    /// The last resort of a reader whom writers never leave alone: it keeps them waiting for as long as it reads.
    async fn read_while_others_wait(
        &self,
        slab: &Hyperslab,
        objects: &[ObjectPart],
        mut out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let options = WriteOptions::default();
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let seen = self.look().await?;
            if seen.head.change.is_some() {
                if self.read_once(slab, objects, &mut out).await? {
                    return Ok(out);
                }
                backoff.wait(|| self.busy(None)).await?;
                continue;
            }
            let bytes = slab.cell_count() * self.codec.fill.dtype().size() as u64;
            let next = ArrayHead {
                generation: seen.head.generation + 1,
                change: Some(Change::pause(bytes)),
                ..seen.head
            };
            // A head that was safe stays safe: nobody has asked this reader to risk it.
            let swapped = self.head.swap(&seen.version, &next, Durability::Synced);
            if let Some(version) = swapped.await? {
                let seen = Seen {
                    head: next,
                    version,
                };
                self.remember(seen.clone());
                let read = self.read_once(slab, objects, &mut out).await;
                self.conclude(seen, &[], Durability::Synced).await?;
                if read? {
                    return Ok(out);
                }
            }
            backoff.wait(|| self.busy(None)).await?;
        }
    }

    /// Copies decoded chunks to where they belong, and fill where nothing is stored.
    fn place(&self, slab: &Hyperslab, decoded: &Decoded, out: &mut ArrayBuf) {
        let fill = self.codec.fill.to_bytes();
        let shape = slab.shape();
        for (part, cells) in decoded {
            let grid = self.codec.layout.chunks();
            let copy = grid.copy_of(&part.piece, &shape, fill.len());
            match cells {
                Some(cells) => copy_cells(
                    &copy.axes,
                    fill.len(),
                    (cells, copy.in_chunk),
                    (out.bytes_mut(), copy.in_slab),
                ),
                None => {
                    let axes = copy.axes.into_iter();
                    let axes: Vec<CopyAxis> =
                        axes.map(|axis| CopyAxis { from: 0, ..axis }).collect();
                    copy_cells(
                        &axes,
                        fill.len(),
                        (&fill, 0),
                        (out.bytes_mut(), copy.in_slab),
                    );
                }
            }
        }
    }

    /// Fetches the chunks of one object, and begins to decode them.
    async fn decoding(
        &self,
        object: &ObjectPart,
    ) -> Result<impl Future<Output = Result<Decoded>> + Send> {
        let stored = self.fetched(object).await?;
        let parts = object.parts.iter().cloned().zip(stored);
        let codec = Arc::clone(&self.codec);
        let parts: Vec<(Part, Option<Bytes>)> = parts.collect();
        let size = codec.codecs.byte_count() * parts.len();
        let decoded = compute(size, move || {
            let decode = |(part, stored): (Part, Option<Bytes>)| {
                let cells = stored
                    .map(|bytes| codec.codecs.decode(&bytes))
                    .transpose()?;
                Ok((part, cells))
            };
            parts.into_iter().map(decode).collect()
        });
        let key = self.object_key(object.object);
        let place = format!("{}/{key}", self.objects().url());
        Ok(decoded.map_err(move |error: Error| error.context(place)))
    }

    /// The stored bytes of the chunks of one object, in the order of its parts.
    async fn fetched(&self, object: &ObjectPart) -> Result<Vec<Option<Bytes>>> {
        let key = self.object_key(object.object);
        if !self.codec.layout.is_sharded() {
            let found = self.objects().get(&key).await?;
            return Ok(vec![found.map(|found| found.bytes); object.parts.len()]);
        }
        loop {
            let Some((version, index)) = self.index_of(object.object, &key).await? else {
                return Ok(vec![None; object.parts.len()]);
            };
            let ranges = object
                .parts
                .iter()
                .map(|part| index.get(part.number).cloned().flatten());
            let ranges: Vec<Option<Range<u64>>> = ranges.collect();
            let wanted: Vec<Range<u64>> = ranges.iter().flatten().cloned().collect();
            if wanted.is_empty() {
                // As the index says that was just read, or was read before: then it may be another by now.
                if self.objects().version(&key).await? == Some(version) {
                    return Ok(vec![None; object.parts.len()]);
                }
            } else if let Ranges::Found { parts, .. } = self
                .objects()
                .get_ranges(&key, &wanted, Some(&version))
                .await?
            {
                let mut parts = parts.into_iter();
                return Ok(ranges
                    .iter()
                    .map(|range| range.as_ref().and_then(|_| parts.next()))
                    .collect());
            }
            self.forget_index();
        }
    }

    /// The index of a shard and the state of the shard it is of.
    async fn index_of(&self, object: u64, key: &str) -> Result<Option<(Version, Arc<ShardIndex>)>> {
        let cached = self
            .indexes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some((known, version, index)) = cached
            && known == object
        {
            return Ok(Some((version, index)));
        }
        let count = self.codec.layout.chunks_per_object();
        let Some(tail) = self
            .objects()
            .get_tail(key, shard::index_length(count))
            .await?
        else {
            return Ok(None);
        };
        let index = shard::parse_index(&tail.bytes, count, tail.size)
            .map_err(|error| error.context(format!("{}/{key}", self.objects().url())))?;
        let index = Arc::new(index);
        let entry = (object, tail.version.clone(), Arc::clone(&index));
        *self.indexes.lock().unwrap_or_else(PoisonError::into_inner) = Some(entry);
        Ok(Some((tail.version, index)))
    }

    fn forget_index(&self) {
        *self.indexes.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// How many chunks of an object are stored, and how many bytes a read of them moves.
pub(super) async fn stored(shared: &Shared, object: &ObjectPart) -> Result<(u64, u64)> {
    let key = shared.object_key(object.object);
    if !shared.codec.layout.is_sharded() {
        let tail = shared.objects().get_tail(&key, 1).await?;
        return Ok(tail.map_or((0, 0), |tail| (1, tail.size)));
    }
    let Some((_, index)) = shared.index_of(object.object, &key).await? else {
        return Ok((0, 0));
    };
    let ranges = object
        .parts
        .iter()
        .filter_map(|part| index.get(part.number)?.as_ref());
    Ok(ranges.fold((0, 0), |(count, bytes), range| {
        (count + 1, bytes + (range.end - range.start))
    }))
}

/// The cells that two hyperslabs of one array share, as positions in the buffer of either; `None` when there are none.
pub(super) fn common(one: &Hyperslab, other: &Hyperslab) -> Option<(Hyperslab, Hyperslab)> {
    let axes = one.axes().iter().zip(other.axes());
    let axes: Option<Vec<_>> = axes.map(|(a, b)| common_axis(a, b)).collect();
    let (in_one, in_other): (Vec<_>, Vec<_>) = axes?.into_iter().unzip();
    let in_one = Hyperslab::new(in_one, &one.shape()).ok()?;
    let in_other = Hyperslab::new(in_other, &other.shape()).ok()?;
    Some((in_one, in_other))
}

/// Two arithmetic progressions share one whose step is the least common multiple of theirs.
fn common_axis(one: &AxisSlab, other: &AxisSlab) -> Option<(AxisSlab, AxisSlab)> {
    let index_in = |axis: &AxisSlab, position: u64| {
        let offset = position.checked_sub(axis.start)?;
        let index = offset / axis.stride;
        (offset % axis.stride == 0 && index < axis.count).then_some(index)
    };
    let mut shared = (0..one.count).filter_map(|index| {
        let found = index_in(other, one.position(index))?;
        Some((index, found))
    });
    let first = shared.next()?;
    let (steps, count) = match shared.next() {
        Some(second) => (
            (second.0 - first.0, second.1 - first.1),
            2 + shared.count() as u64,
        ),
        None => ((1, 1), 1),
    };
    let axis = |start, stride| AxisSlab {
        start,
        count,
        stride,
    };
    Some((axis(first.0, steps.0), axis(first.1, steps.1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn shared_cells_are_found(
            a in (0..9_u64, 1..7_u64, 1..5_u64),
            b in (0..9_u64, 1..7_u64, 1..5_u64),
        ) {
            let axis = |(start, count, stride)| AxisSlab { start, count, stride };
            let (a, b) = (axis(a), axis(b));
            let positions = |axis: &AxisSlab| -> Vec<u64> {
                (0..axis.count).map(|index| axis.position(index)).collect()
            };
            let wanted: Vec<u64> =
                positions(&a).into_iter().filter(|at| positions(&b).contains(at)).collect();
            match common_axis(&a, &b) {
                None => prop_assert!(wanted.is_empty()),
                Some((in_a, in_b)) => {
                    let found = |axis: &AxisSlab, inner: &AxisSlab| -> Vec<u64> {
                        positions(inner).into_iter().map(|at| axis.position(at)).collect()
                    };
                    prop_assert_eq!(&found(&a, &in_a), &wanted);
                    prop_assert_eq!(&found(&b, &in_b), &wanted);
                }
            }
        }
    }
}
