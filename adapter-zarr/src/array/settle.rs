//! Changes that are under way: waiting for those of others, finishing those whose writer has gone.

use std::time::Duration;

use hyperslab_core::{Durability, Error, ErrorKind, Result, WriteData};
use tokio::time::Instant;
use uuid::Uuid;

use super::Shared;
use super::write::Edited;
use crate::compute::every;
use crate::document::{ArrayHead, Change};
use crate::edit::ObjectEdit;
use crate::head::Seen;
use crate::pause::Backoff;
use crate::staged;

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
        let Some(edits) = self.edits_of(change).await? else {
            return self.check_finished(change).await;
        };
        let put = |edit| self.put_edit_again(edit, Some(change.id), durability);
        let edited = every(edits.iter().map(put)).await;
        let concluded = self.conclude_with(seen, &edits, edited, durability).await;
        if !matches!(&concluded, Err(error) if error.kind() != ErrorKind::Corrupt) {
            let staging = self.place.staged_of(change.id, &change.writer);
            staged::clear(self.objects(), &staging, &edits).await;
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

    /// The edits of a change, from what it has staged; `None` when that is no longer there.
    pub(super) async fn edits_of(&self, change: &Change) -> Result<Option<Vec<ObjectEdit>>> {
        let slab = change.slab(self.codec.layout.shape())?;
        let scalar = change.scalar(&self.collection().schema)?;
        let value = scalar.unwrap_or(self.codec.fill);
        let mut edits = self.codec.edits(&slab, &WriteData::Scalar(value))?;
        if scalar.is_some() {
            return Ok(Some(edits));
        }
        let staging = self.place.staged_of(change.id, &change.writer);
        for edit in &mut edits {
            let (dtype, shape) = (self.codec.fill.dtype(), edit.slab.shape());
            let cells = staged::get(self.objects(), &staging, edit.object, dtype, &shape).await?;
            let Some(cells) = cells else {
                return Ok(None);
            };
            edit.cells = WriteData::Cells(cells);
        }
        Ok(Some(edits))
    }

    /// Puts an edited object until it is put, or the change it belongs to is finished.
    ///
    /// The object is read before the head: if the change is still under way after that, nobody has written over it in the
    /// state that was read, and a put that finds this state cannot undo a later write.
    pub(super) async fn put_edit_again(
        &self,
        edit: &ObjectEdit,
        change: Option<Uuid>,
        durability: Durability,
    ) -> Result<Edited> {
        let mut backoff = Backoff::new(PERSISTENCE);
        loop {
            let trouble = match self.try_edit(edit, change, durability).await {
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
        edit: &ObjectEdit,
        change: Option<Uuid>,
        durability: Durability,
    ) -> Result<Edited> {
        let base = self.base(edit).await?;
        let now = match self.head.read().await? {
            Some(seen) if seen.head.folder == self.folder => seen.head.change,
            _ => None,
        };
        if now.map(|change| change.id) != change {
            return Ok(Edited::Nothing);
        }
        self.put_edit(edit, base, durability).await
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
