//! Writing.
//!
//! A write into one object reads it, changes it, and puts it back if it has not changed meanwhile. A write into several
//! goes through the head: what it needs is staged, the head is swapped for one that names the change - from then on it has
//! happened, and whoever reads sees it - and then every object gets its part, and the head is swapped again. Whoever
//! finds a change whose writer has gone finishes it. What a change keeps of an old object is decoded before it is decided, so
//! that a damaged chunk refuses the write and not all that come after.

use std::sync::{Arc, PoisonError};

use hyperslab_core::{Durability, Error, ErrorKind, Hyperslab, Result, WriteOptions};
use hyperslab_engine::SlabWrite;

use super::Shared;
use super::object::Base;
use super::settle::patience;
use crate::compute::{in_flight, some, some_to_their_end};
use crate::document::{ArrayHead, Change};
use crate::edit::ObjectEdit;
use crate::head::Seen;
use crate::moment::Moment;
use crate::objects::Put;
use crate::pause::Backoff;
use crate::staged::StagedObject;
use crate::{staged, stored};

/// What one object gets, and where that is staged as a whole object, if it is.
#[derive(Debug, Clone)]
pub(super) struct ObjectWrite {
    pub(super) edit: Arc<ObjectEdit>,
    pub(super) staged: Option<StagedObject>,
}

impl From<Arc<ObjectEdit>> for ObjectWrite {
    fn from(edit: Arc<ObjectEdit>) -> Self {
        Self { edit, staged: None }
    }
}

/// A change that was decided: the head that says so, the objects as they were, and when that was.
struct Decided {
    seen: Seen,
    bases: Vec<Base>,
    at: Moment,
}

/// What became of an attempt to write one object alone.
enum Attempt {
    Done,
    /// The head that was seen names a change.
    Pending(Box<Seen>),
    /// It was no longer as it had been read.
    Refused,
}

/// What became of an edit of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edited {
    /// It is stored with the new cells.
    Stored,
    /// There was nothing to do: all of it is fill and none of it is stored, or somebody else has done it.
    Nothing,
    /// It is no longer as it was.
    Refused,
}

impl Edited {
    pub(super) fn of(put: &Put) -> Self {
        match put {
            Put::Done(_) => Self::Stored,
            Put::Refused => Self::Refused,
        }
    }
}

impl Shared {
    /// Writes one after the other, of which readers see all or none.
    pub(super) async fn write_all(
        &self,
        writes: &[Arc<SlabWrite>],
        options: &WriteOptions,
    ) -> Result<()> {
        let edits = self.codec.edits(writes);
        match edits.as_slice() {
            [] => self.look().await.map(drop),
            [edit] => self.write_one(Arc::clone(edit), options).await,
            _ => self.write_several(writes, edits, options).await,
        }
    }

    /// A write of one object, without waiting for anybody; false when it would have to.
    pub(super) async fn write_at_once(
        &self,
        write: &Arc<SlabWrite>,
        options: &WriteOptions,
    ) -> Result<bool> {
        match self.codec.edits(std::slice::from_ref(write)).as_slice() {
            [edit] => {
                let write = ObjectWrite::from(Arc::clone(edit));
                Ok(matches!(
                    self.try_one(&write, options).await?,
                    Attempt::Done
                ))
            }
            _ => Ok(false),
        }
    }

    async fn write_one(&self, edit: Arc<ObjectEdit>, options: &WriteOptions) -> Result<()> {
        let write = ObjectWrite::from(edit);
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            match self.try_one(&write, options).await? {
                Attempt::Done => return Ok(()),
                Attempt::Pending(seen) => self.settle(*seen, &mut backoff).await?,
                Attempt::Refused => backoff.wait(|| self.busy(None)).await?,
            }
        }
    }

    async fn try_one(&self, write: &ObjectWrite, options: &WriteOptions) -> Result<Attempt> {
        let (seen, base) = futures::try_join!(self.look(), self.base(&write.edit))?;
        if seen.head.change.is_some() {
            return Ok(Attempt::Pending(Box::new(seen)));
        }
        match self.put_edit(write, base, options.durability).await? {
            Edited::Stored => self.mark(&seen.head, &[write.edit.object]).await?,
            Edited::Nothing => {}
            Edited::Refused => return Ok(Attempt::Refused),
        }
        Ok(Attempt::Done)
    }

    async fn write_several(
        &self,
        writes: &[Arc<SlabWrite>],
        edits: Vec<Arc<ObjectEdit>>,
        options: &WriteOptions,
    ) -> Result<()> {
        let scalar = match writes {
            [write] => write.scalar(),
            _ => None,
        };
        let slabs = writes.iter().map(|write| &write.slab);
        let cell_count: u64 = slabs.clone().map(Hyperslab::cell_count).sum();
        let bytes = cell_count * self.codec.fill.dtype().size() as u64;
        let change = Change::new(slabs, scalar, bytes);
        let writes = self.stage(&change, edits, options.durability).await?;
        let decided = match self.decide(&change, &writes, options).await {
            Ok(decided) => decided,
            Err(error) => {
                // An answer that was lost may have been a yes; then the cells are still needed.
                if error.kind() != ErrorKind::Unavailable {
                    self.unstage(&change, &writes).await;
                }
                return Err(error);
            }
        };
        self.apply(decided, &writes, options.durability).await?;
        self.unstage(&change, &writes).await;
        Ok(())
    }

    async fn stage(
        &self,
        change: &Change,
        edits: Vec<Arc<ObjectEdit>>,
        durability: Durability,
    ) -> Result<Vec<ObjectWrite>> {
        if change.value.is_some() {
            return Ok(edits.into_iter().map(ObjectWrite::from).collect());
        }
        let staging = self.place.staged_of(change.id, &change.writer);
        let staged = staged::put(self.objects(), &self.codec, &staging, &edits, durability).await?;
        let writes = edits.into_iter().zip(staged);
        Ok(writes
            .map(|(edit, staged)| ObjectWrite { edit, staged })
            .collect())
    }

    pub(super) async fn unstage(&self, change: &Change, writes: &[ObjectWrite]) {
        if change.value.is_none() {
            let staging = self.place.staged_of(change.id, &change.writer);
            let prepares = self.prepares(change);
            let keys = writes.iter().flat_map(|write| {
                let (edit, object) = (&write.edit, write.edit.object);
                let next = (prepares && !edit.is_whole).then(|| staged::next_key(&staging, object));
                std::iter::once(staged::key(&staging, object)).chain(next)
            });
            staged::clear(self.objects(), keys.collect()).await;
        }
    }

    /// Makes a change happen: from now on readers see it.
    async fn decide(
        &self,
        change: &Change,
        writes: &[ObjectWrite],
        options: &WriteOptions,
    ) -> Result<Decided> {
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let seen = self.look().await?;
            if seen.head.change.is_some() {
                self.settle(seen, &mut backoff).await?;
                continue;
            }
            let tries = writes.iter();
            let tries = tries.map(|write| self.tried(&write.edit, change));
            let bases = some(self.at_a_time(), tries).await?;
            let at = Moment::now();
            let next = ArrayHead {
                generation: seen.head.generation + 1,
                change: Some(change.clone()),
                ..seen.head
            };
            let swapped = self.head.swap(&seen.version, &next, options.durability);
            if let Some(version) = swapped.await? {
                let seen = Seen {
                    head: next,
                    version,
                };
                self.remember(seen.clone());
                return Ok(Decided { seen, bases, at });
            }
            backoff.wait(|| self.busy(None)).await?;
        }
    }

    /// Brings a change that has been decided into every object.
    async fn apply(
        &self,
        decided: Decided,
        writes: &[ObjectWrite],
        durability: Durability,
    ) -> Result<()> {
        let Decided { seen, bases, at } = decided;
        // Nobody else finishes it before twice this time. Whoever has slept for longer does not know what others have done, and
        // an object may have come back to the bytes it had.
        let head_start = seen.head.change.as_ref().map(|change| patience(change) / 2);
        let is_sure = self.objects().promises().distinct_versions;
        let change = seen.head.change.as_ref().map(|change| change.id);
        let puts = writes.iter().zip(bases).map(|(write, base)| async move {
            if is_sure || Some(at.elapsed()) < head_start {
                match self.put_edit(write, base, durability).await {
                    Ok(Edited::Refused) => {}
                    // It was decided, so a store that does not answer is asked again.
                    Err(error) if error.kind() == ErrorKind::Unavailable => {}
                    done => return done,
                }
            }
            self.put_edit_again(write, change, durability).await
        });
        let edited = some_to_their_end(self.at_a_time(), puts).await;
        self.conclude_with(seen, writes, edited, durability).await
    }

    /// Concludes a change after its edits. One of a damaged object is left out, and told when all others are done: its chunk
    /// stays unreadable, and the array does not.
    pub(super) async fn conclude_with(
        &self,
        seen: Seen,
        writes: &[ObjectWrite],
        edited: Vec<Result<Edited>>,
        durability: Durability,
    ) -> Result<()> {
        let (mut stored, mut damage) = (Vec::new(), None);
        for (write, edited) in writes.iter().zip(edited) {
            match edited {
                Ok(Edited::Stored) => stored.push(write.edit.object),
                Ok(Edited::Nothing | Edited::Refused) => {}
                Err(error) if error.kind() == ErrorKind::Corrupt => damage = Some(error),
                Err(error) => return Err(error),
            }
        }
        self.conclude(seen, &stored, durability).await?;
        damage.map_or(Ok(()), Err)
    }

    /// Records that objects hold cells, unless the head says so or this handle has done it.
    pub(super) async fn mark(&self, head: &ArrayHead, objects: &[u64]) -> Result<()> {
        let marked = || self.marked.lock().unwrap_or_else(PoisonError::into_inner);
        let unknown = {
            let marked = marked();
            let unknown = |object: &u64| !head.stored.contains(*object) && !marked.contains(object);
            objects.iter().copied().filter(unknown).collect::<Vec<_>>()
        };
        stored::mark(self.objects(), &self.place, &self.folder, &unknown).await?;
        marked().extend(unknown);
        Ok(())
    }

    /// How many objects are read, made and put at a time.
    pub(super) fn at_a_time(&self) -> usize {
        in_flight(self.objects(), self.codec.object_bytes())
    }

    pub(super) fn busy(&self, change: Option<&Change>) -> Error {
        let name = self.name();
        Error::locked(match change {
            Some(change) => format!(
                "{name} is being written by {}; wait longer or end that process",
                change.writer
            ),
            None => {
                format!("{name} is being changed by others all the time; wait longer or try again")
            }
        })
    }
}
