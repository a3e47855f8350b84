//! Reading.
//!
//! A read of one object is one request. A read of several looks at the head when all have come, while they are still being
//! decoded: if it is still in the generation it had before, no write into several objects came between; a change that is
//! under way is laid over what was read. Where the cells come from is the work of [`cells`](crate::cells).

use std::future::ready;
use std::sync::Arc;

use hyperslab_core::copy::{copy_box, scatter_scalar};
use hyperslab_core::{ArrayBuf, AxisSlab, Durability, Hyperslab, Result, WriteData, WriteOptions};

use super::Shared;
use crate::cells::{Filled, Request};
use crate::document::{ArrayHead, Change};
use crate::head::Seen;
use crate::objects::Version;
use crate::objects::at_hand::AtHand;
use crate::pause::Backoff;

/// How often a read is repeated because of writes that came between, before it makes them wait.
const ATTEMPTS: usize = 4;

impl Shared {
    pub(super) async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf> {
        let mut request = self.cells.request(slab, out);
        match request.object_count() {
            0 => {
                self.look().await?;
                return request.give_back();
            }
            // A change that was under way when the array was opened may have been left by a crash, and is laid over.
            1 if self.last_seen().head.change.is_none() => return self.read_one(request).await,
            _ => {}
        }
        for _ in 0..ATTEMPTS {
            let (out, is_done) = self.read_once(slab, request).await?;
            if is_done {
                return Ok(out);
            }
            request = self.cells.request(slab, out);
        }
        self.read_while_others_wait(slab, request.give_back()?)
            .await
    }

    /// Reads one object.
    async fn read_one(&self, request: Request) -> Result<ArrayBuf> {
        let filled = match self.objects().at_hand() {
            Some(disk) => self.read_at_hand(disk, request, None).await?.0,
            None => self.cells.fetch(request, ready(Ok(()))).await?.0,
        };
        if !filled.is_stored {
            // Nothing is stored: either nothing was written, or there is no array.
            self.look().await?;
        }
        Ok(filled.out)
    }

    /// Reads objects of a disk, and then looks at the state of one more.
    async fn read_at_hand(
        &self,
        disk: Arc<dyn AtHand>,
        request: Request,
        last: Option<String>,
    ) -> Result<(Filled, Option<Version>)> {
        let (cells, medium) = (Arc::clone(&self.cells), Arc::clone(&disk));
        let begin = move || cells.begin_at_hand(medium, request, last);
        disk.pace().run(begin).await
    }

    /// Reads several objects; false when a write into several came between.
    async fn read_once(&self, slab: &Hyperslab, request: Request) -> Result<(ArrayBuf, bool)> {
        let before = self.last_seen();
        let (mut out, after) = match self.objects().at_hand() {
            Some(disk) => {
                let head = Some(self.head.key.clone());
                let (filled, stamp) = self.read_at_hand(disk, request, head).await?;
                // In the state that is known it says what is known.
                let after = match stamp {
                    Some(version) if version == before.version => before.clone(),
                    _ => self.look().await?,
                };
                (filled.out, after)
            }
            None => {
                let (filled, after) = self.cells.fetch(request, self.look()).await?;
                (filled.out, after)
            }
        };
        if after.head.generation != before.head.generation {
            return Ok((out, false));
        }
        let is_done = match &after.head.change {
            None => true,
            Some(change) => self.lay_over(slab, change, &mut out).await?,
        };
        Ok((out, is_done))
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
        mut out: ArrayBuf,
    ) -> Result<ArrayBuf> {
        let options = WriteOptions::default();
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let seen = self.look().await?;
            if seen.head.change.is_some() {
                let is_done;
                (out, is_done) = self.read_once(slab, self.cells.request(slab, out)).await?;
                if is_done {
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
                let read = self.read_once(slab, self.cells.request(slab, out)).await;
                self.conclude(seen, &[], Durability::Synced).await?;
                let is_done;
                (out, is_done) = read?;
                if is_done {
                    return Ok(out);
                }
            }
            backoff.wait(|| self.busy(None)).await?;
        }
    }
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
