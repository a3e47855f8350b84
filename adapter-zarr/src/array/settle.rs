//! Changes that are under way: waiting for those of others, finishing those whose writer has gone.

use std::sync::Arc;
use std::time::Duration;

use hyperslab_core::{Durability, Error, ErrorKind, Hyperslab, Result, Scalar, WriteData};
use hyperslab_engine::SlabWrite;
use tokio::time::Instant;
use uuid::Uuid;

use super::Shared;
use super::write::{Edited, ObjectWrite};
use crate::compute::some_to_their_end;
use crate::document::{ArrayHead, Change};
use crate::edit::{CellEdit, ObjectEdit};
use crate::head::Seen;
use crate::pause::Backoff;
use crate::staged::{self, StagedObject};

/// How long a writer may stay silent before others finish its change for it. Each measures that on its own clock.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a slow connection moves at least.
const BYTES_PER_SECOND: u64 = 1 << 20;

/// How long a change that was decided is tried to be finished.
const PERSISTENCE: Duration = Duration::from_secs(600);

/// How often the head is asked whether a change is concluded after no answer came to that.
const ANSWERS_LOST_MAX: usize = 3;

/// How long a change is left to its writer.
pub(super) fn patience(change: &Change) -> Duration {
    PATIENCE + Duration::from_secs(change.bytes / BYTES_PER_SECOND)
}

impl Shared {
    /// Waits until the change in a head is finished, or finishes it.
    ///
    /// # Errors
    /// `Locked` that names its writer when the time is up.
    pub(super) async fn settle(&self, mut seen: Seen, backoff: &mut Backoff) -> Result<()> {
        let since = Instant::now();
        let Some(change) = seen.head.change.clone() else {
            return Ok(());
        };
        loop {
            if change.writer.is_gone() || since.elapsed() > patience(&change) {
                return match self.finish(seen, &change).await {
                    // All else of it is done, and what comes next may well be the remedy.
                    Err(error)
                        if error.kind() == ErrorKind::Corrupt
                            && !self.is_pending(&change).await? =>
                    {
                        tracing::warn!(%error, "an interrupted write met a damaged chunk");
                        Ok(())
                    }
                    finished => finished,
                };
            }
            backoff.wait(|| self.busy(Some(&change))).await?;
            seen = self.look().await?;
            if seen.head.change.as_ref().map(|change| change.id) != Some(change.id) {
                backoff.hurry();
                return Ok(());
            }
        }
    }

    /// Whether the head names this change.
    async fn is_pending(&self, change: &Change) -> Result<bool> {
        let now = self.look().await?.head.change;
        Ok(now.is_some_and(|now| now.id == change.id))
    }

    /// Does what the writer of a change has not done.
    pub(crate) async fn finish(&self, seen: Seen, change: &Change) -> Result<()> {
        if change.is_pause() {
            return self.conclude(seen, &[], Durability::Synced).await;
        }
        tracing::info!(array = self.stem, writer = %change.writer, "finishing an interrupted write");
        // Its writer may have been asked for no less.
        let durability = Durability::Synced;
        let Some(writes) = self.writes_of(change).await? else {
            return self.check_finished(change).await;
        };
        let puts = writes.iter();
        let puts = puts.map(|write| self.put_edit_again(write, Some(change.id), durability));
        let edited = some_to_their_end(self.at_a_time(), puts).await;
        let concluded = self.conclude_with(seen, &writes, edited, durability).await;
        if !matches!(&concluded, Err(error) if error.kind() != ErrorKind::Corrupt) {
            self.unstage(change, &writes).await;
        }
        concluded
    }

    /// What a change needs is gone: somebody else has finished it meanwhile.
    ///
    /// # Errors
    /// `Corrupt` when the head still names it, so that its cells are lost.
    pub(super) async fn check_finished(&self, change: &Change) -> Result<()> {
        match self.look().await?.head.change {
            Some(other) if other.id == change.id => Err(Error::corrupt(format!(
                "{}: the cells of an interrupted write are lost; run `hyperslab check --repair`, then write them again",
                self.name()
            ))),
            _ => Ok(()),
        }
    }

    /// What a change does to each object, with one value for the cells that are staged, which is also given if it is meant.
    fn objects_of(&self, change: &Change) -> Result<(Vec<Arc<ObjectEdit>>, Option<Scalar>)> {
        let slabs = change.slabs(self.codec.layout.shape())?;
        let scalar = change.scalar(&self.collection().schema)?;
        let value = scalar.unwrap_or(self.codec.fill);
        let writes = slabs.iter();
        let writes = writes.map(|slab| SlabWrite::new(slab, WriteData::Scalar(value)));
        Ok((self.codec.edits(&writes.collect::<Vec<_>>()), scalar))
    }

    /// What a change has to do, from what it has staged; `None` when that is no longer there.
    async fn writes_of(&self, change: &Change) -> Result<Option<Vec<ObjectWrite>>> {
        let (edits, scalar) = self.objects_of(change)?;
        if scalar.is_some() {
            return Ok(Some(edits.into_iter().map(ObjectWrite::from).collect()));
        }
        let staging = self.place.staged_of(change.id, &change.writer);
        let mut writes = Vec::with_capacity(edits.len());
        for edit in edits {
            let write = if edit.is_whole {
                let key = staged::key(&staging, edit.object);
                let staged = match self.objects().get_tail(&key, 1).await? {
                    None => return Ok(None),
                    Some(tail) if tail.size == 0 => StagedObject::Fill,
                    Some(_) => StagedObject::There(key),
                };
                let staged = Some(staged);
                ObjectWrite { edit, staged }
            } else {
                match self.staged_cells(&staging, &edit).await? {
                    None => return Ok(None),
                    Some(cells) => self.codec.edit_of(cells)?.into(),
                }
            };
            writes.push(write);
        }
        Ok(Some(writes))
    }

    /// The cells of a change, from what it has staged; `None` when that is no longer there.
    pub(super) async fn edits_of(&self, change: &Change) -> Result<Option<Vec<CellEdit>>> {
        let (edits, scalar) = self.objects_of(change)?;
        let staging = self.place.staged_of(change.id, &change.writer);
        let mut cells = Vec::with_capacity(edits.len());
        for edit in edits {
            let found = match scalar {
                Some(_) => Some(self.codec.cells_of(&edit)?),
                None => self.staged_cells(&staging, &edit).await?,
            };
            match found {
                None => return Ok(None),
                Some(found) => cells.extend(found),
            }
        }
        Ok(Some(cells))
    }

    async fn staged_cells(
        &self,
        staging: &str,
        edit: &ObjectEdit,
    ) -> Result<Option<Vec<CellEdit>>> {
        let (objects, object) = (self.objects(), edit.object);
        if edit.is_whole {
            let whole = Hyperslab::full(self.codec.layout.shape());
            let slab = self.codec.inside(&whole, object)?.0;
            let key = staged::key(staging, object);
            let Some(stored) = objects.get(&key).await? else {
                return Ok(None);
            };
            let cells = if stored.bytes.is_empty() {
                WriteData::Scalar(self.codec.fill)
            } else {
                let cells = self.codec.decode_object(&slab, &stored.bytes);
                WriteData::Cells(cells.map_err(|_| staged::damaged(objects, &key))?)
            };
            return Ok(Some(vec![CellEdit { slab, cells }]));
        }
        let slabs = edit.writes.iter();
        let slabs = slabs.map(|write| Ok(self.codec.inside(&write.slab, object)?.0));
        let slabs: Vec<Hyperslab> = slabs.collect::<Result<_>>()?;
        let dtype = self.codec.fill.dtype();
        let cells = staged::get(objects, staging, object, dtype, &slabs).await?;
        Ok(cells.map(|cells| {
            let edits = slabs.into_iter().zip(cells);
            edits
                .map(|(slab, cells)| CellEdit {
                    slab,
                    cells: WriteData::Cells(cells),
                })
                .collect()
        }))
    }

    /// Puts an edited object until it is put, or the change it belongs to is finished.
    ///
    /// The object is read before the head: if the change is still under way after that, nobody has written over it in the
    /// state that was read, and a put that finds this state cannot undo a later write.
    pub(super) async fn put_edit_again(
        &self,
        write: &ObjectWrite,
        change: Option<Uuid>,
        durability: Durability,
    ) -> Result<Edited> {
        let mut backoff = Backoff::new(PERSISTENCE);
        loop {
            let trouble = match self.try_edit(write, change, durability).await {
                Ok(done @ (Edited::Stored | Edited::Nothing)) => return Ok(done),
                Ok(Edited::Refused) => {
                    Error::unavailable(format!("{} is changed all the time", self.name()))
                }
                Err(error) if error.kind() == ErrorKind::Unavailable => error,
                Err(error) => return Err(error),
            };
            backoff.wait(|| trouble).await?;
        }
    }

    /// One attempt. There is nothing to do when the change is no longer under way.
    async fn try_edit(
        &self,
        write: &ObjectWrite,
        change: Option<Uuid>,
        durability: Durability,
    ) -> Result<Edited> {
        let base = self.base(&write.edit).await?;
        let now = match self.head.read().await? {
            Some(seen) if seen.head.folder == self.folder => seen.head.change,
            _ => None,
        };
        if now.map(|change| change.id) != change {
            return Ok(Edited::Nothing);
        }
        self.put_edit(write, base, durability).await
    }

    /// Says in the head that a change has reached every object, and which of them are stored.
    pub(super) async fn conclude(
        &self,
        mut seen: Seen,
        stored: &[u64],
        durability: Durability,
    ) -> Result<()> {
        let change = seen.head.change.as_ref().map(|change| change.id);
        let mut lost = 0;
        loop {
            let known = match seen.head.stored.with(stored) {
                Some(known) => known,
                None => {
                    self.mark(&seen.head, stored).await?;
                    seen.head.stored.clone()
                }
            };
            let next = ArrayHead {
                generation: seen.head.generation + 1,
                stored: known,
                change: None,
                ..seen.head.clone()
            };
            match self.head.swap(&seen.version, &next, durability).await {
                Ok(Some(version)) => {
                    self.remember(Seen {
                        head: next,
                        version,
                    });
                    return Ok(());
                }
                Ok(None) => {}
                // The head shows whether it was done, whoever did it.
                Err(error) if error.kind() == ErrorKind::Unavailable && lost < ANSWERS_LOST_MAX => {
                    lost += 1;
                }
                Err(error) => return Err(error),
            }
            // Attributes may have changed, or another one has concluded it, or the array is gone.
            match self.head.read().await? {
                Some(now)
                    if now.head.folder == self.folder
                        && now.head.change.as_ref().map(|change| change.id) == change =>
                {
                    seen = now;
                }
                _ => return Ok(()),
            }
        }
    }
}
