//! The stored bytes of chunks, and how many there are.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::{Error, Result};
use hyperslab_engine::ObjectId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::remote::{permit, room, total};
use super::{Cells, Known};
use crate::chunks::ObjectPart;
use crate::objects::Ranges;

/// How often a shard of another program is read anew because it was replaced meanwhile.
const ATTEMPTS: usize = 4;

impl Cells {
    /// Ranges of one state of a shard, chosen by its index, and that state; `None` when there is no shard. The ranges have the
    /// permit for as long as they are in memory.
    pub(super) async fn fetch_ranges(
        &self,
        (key, place): (&str, ObjectId),
        room: &Arc<Semaphore>,
        mut plan: impl FnMut(&Known) -> Vec<Range<u64>>,
    ) -> Result<Option<(Arc<Known>, Vec<Bytes>, OwnedSemaphorePermit)>> {
        let Some(at) = self.form.index else {
            return Err(Error::internal("a chunk was taken for a shard"));
        };
        let mut attempts = 0;
        loop {
            let kept = self.known.get(place);
            let is_kept = kept.is_some();
            let known = match kept {
                Some(known) => known,
                None => match self.fetch_index(key, place, at).await? {
                    Some(known) => known,
                    None => return Ok(None),
                },
            };
            let ranges = plan(&known);
            if ranges.is_empty() {
                if !is_kept || self.objects.version(key).await?.as_ref() == Some(&known.version) {
                    return Ok(Some((known, Vec::new(), permit(room, 0).await?)));
                }
            } else {
                let permit = permit(room, total(&ranges)).await?;
                let found = self.objects.get_ranges(key, &ranges, Some(&known.version));
                if let Ranges::Found { parts, .. } = found.await? {
                    return Ok(Some((known, parts, permit)));
                }
            }
            self.known.forget(place, &known);
            attempts += 1;
            if attempts == ATTEMPTS && !self.form.is_ours {
                return Err(Error::conflict(format!(
                    "{}/{key} is being replaced again and again; try later",
                    self.objects.url()
                )));
            }
        }
    }

    /// The stored bytes of the chunks of one object, in the order of its parts.
    pub(crate) async fn stored(&self, object: &ObjectPart) -> Result<Vec<Option<Bytes>>> {
        let room = room();
        let key = self.key(object.object);
        if self.form.index.is_none() {
            let found = self.objects.get(&key).await?;
            return Ok(vec![found.map(|found| found.bytes); object.parts.len()]);
        }
        let numbers = || object.parts.iter().map(|part| part.number);
        let plan = |known: &Known| numbers().filter_map(|number| known.range(number)).collect();
        let place = self.place_of(&key);
        let found = self.fetch_ranges((&key, place), &room, plan);
        let Some((known, parts, _)) = found.await? else {
            return Ok(vec![None; object.parts.len()]);
        };
        let mut parts = parts.into_iter();
        Ok(numbers()
            .map(|number| known.range(number).and_then(|_| parts.next()))
            .collect())
    }

    /// How many chunks of an object are stored, and how many bytes a read of them moves.
    pub(crate) async fn count_stored(&self, object: &ObjectPart) -> Result<(u64, u64)> {
        let key = self.key(object.object);
        let Some(at) = self.form.index else {
            let tail = self.objects.get_tail(&key, 1).await?;
            return Ok(tail.map_or((0, 0), |tail| (1, tail.size)));
        };
        let Some(known) = self.fetch_index(&key, self.place_of(&key), at).await? else {
            return Ok((0, 0));
        };
        let numbers = object.parts.iter().map(|part| part.number);
        let ranges = numbers.filter_map(|number| known.range(number));
        Ok(ranges.fold((0, 0), |(count, bytes), range| {
            (count + 1, bytes + (range.end - range.start))
        }))
    }
}
