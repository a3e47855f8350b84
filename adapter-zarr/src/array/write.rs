//! Writing.
//!
//! A write into one object reads it, changes it, and puts it back if it has not changed meanwhile. A write into several
//! goes through the head: its cells are staged, the head is swapped for one that names the change - from then on it has
//! happened, and whoever reads sees it - and then every object gets its part, and the head is swapped again. Whoever
//! finds a change whose writer has gone finishes it. What a change keeps of an old object is decoded before it is decided, so
//! that a damaged chunk refuses the write and not all that come after.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use hyperslab_core::{
    Durability, Error, ErrorKind, Hyperslab, Result, Scalar, WriteData, WriteOptions,
};

use super::Shared;
use super::settle::patience;
use crate::compute::{all, compute, every};
use crate::document::{ArrayHead, Change};
use crate::edit::ObjectEdit;
use crate::head::Seen;
use crate::moment::Moment;
use crate::objects::{Condition, Put};
use crate::pause::Backoff;
use crate::{staged, stored};

/// An object as it was before an edit.
#[derive(Debug, Clone)]
pub(super) struct Base {
    bytes: Option<Bytes>,
    condition: Condition,
    /// The object after the edit, where that is known already.
    made: Option<Option<Bytes>>,
}

/// A change that was decided: the head that says so, the objects as they were, and when that was.
struct Decided {
    seen: Seen,
    bases: Vec<Base>,
    at: Moment,
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

impl Shared {
    pub(super) async fn write(
        &self,
        slab: &Hyperslab,
        data: WriteData,
        options: &WriteOptions,
    ) -> Result<()> {
        let (size, scalar) = match &data {
            WriteData::Scalar(value) => (0, Some(*value)),
            WriteData::Cells(cells) => (cells.bytes().len(), None),
        };
        let (codec, at) = (Arc::clone(&self.codec), slab.clone());
        let edits = compute(size, move || codec.edits(&at, &data)).await?;
        match edits.as_slice() {
            [] => self.look().await.map(drop),
            [edit] => self.write_one(edit, options).await,
            _ => self.write_several(slab, &edits, scalar, options).await,
        }
    }

    async fn write_one(&self, edit: &ObjectEdit, options: &WriteOptions) -> Result<()> {
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let (seen, base) = futures::try_join!(self.look(), self.base(edit))?;
            if seen.head.change.is_some() {
                self.settle(seen, &mut backoff).await?;
                continue;
            }
            match self.put_edit(edit, base, options.durability).await? {
                Edited::Stored => return self.mark(&seen.head, &[edit.object]).await,
                Edited::Nothing => return Ok(()),
                Edited::Refused => {}
            }
            backoff.wait(|| self.busy(None)).await?;
        }
    }

    async fn write_several(
        &self,
        slab: &Hyperslab,
        edits: &[ObjectEdit],
        scalar: Option<Scalar>,
        options: &WriteOptions,
    ) -> Result<()> {
        let bytes = slab.cell_count() * self.codec.fill.dtype().size() as u64;
        let change = Change::new(slab, scalar, bytes);
        let staging = self.place.staged_of(change.id, &change.writer);
        if scalar.is_none() {
            staged::put(self.objects(), &staging, edits, options.durability).await?;
        }
        let decided = match self.decide(&change, edits, options).await {
            Ok(decided) => decided,
            Err(error) => {
                // An answer that was lost may have been a yes; then the cells are still needed.
                if error.kind() != ErrorKind::Unavailable {
                    self.unstage(&change, edits).await;
                }
                return Err(error);
            }
        };
        self.apply(decided, edits, options.durability).await?;
        self.unstage(&change, edits).await;
        Ok(())
    }

    async fn unstage(&self, change: &Change, edits: &[ObjectEdit]) {
        if change.value.is_none() {
            staged::clear(
                self.objects(),
                &self.place.staged_of(change.id, &change.writer),
                edits,
            )
            .await;
        }
    }

    /// Makes a change happen: from now on readers see it.
    async fn decide(
        &self,
        change: &Change,
        edits: &[ObjectEdit],
        options: &WriteOptions,
    ) -> Result<Decided> {
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let seen = self.look().await?;
            if seen.head.change.is_some() {
                self.settle(seen, &mut backoff).await?;
                continue;
            }
            let bases = all(edits.iter().map(|edit| self.tried(edit))).await?;
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
        edits: &[ObjectEdit],
        durability: Durability,
    ) -> Result<()> {
        let Decided { seen, bases, at } = decided;
        // Nobody else finishes it before twice this time. Whoever has slept for longer does not know what others have done, and
        // an object may have come back to the bytes it had.
        let head_start = seen.head.change.as_ref().map(|change| patience(change) / 2);
        let is_sure = self.objects().promises().distinct_versions;
        let change = seen.head.change.as_ref().map(|change| change.id);
        let puts = edits.iter().zip(bases).map(|(edit, base)| async move {
            if is_sure || Some(at.elapsed()) < head_start {
                match self.put_edit(edit, base, durability).await {
                    Ok(Edited::Refused) => {}
                    // It was decided, so a store that does not answer is asked again.
                    Err(error) if error.kind() == ErrorKind::Unavailable => {}
                    done => return done,
                }
            }
            self.put_edit_again(edit, change, durability).await
        });
        self.conclude_with(seen, edits, every(puts).await, durability)
            .await
    }

    /// Concludes a change after its edits. One of a damaged object is left out, and told when all others are done: its chunk
    /// stays unreadable, and the array does not.
    pub(super) async fn conclude_with(
        &self,
        seen: Seen,
        edits: &[ObjectEdit],
        edited: Vec<Result<Edited>>,
        durability: Durability,
    ) -> Result<()> {
        let (mut stored, mut damage) = (Vec::new(), None);
        for (edit, edited) in edits.iter().zip(edited) {
            match edited {
                Ok(Edited::Stored) => stored.push(edit.object),
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

    /// An object as an edit needs it: its bytes only where some of them stay.
    pub(super) async fn base(&self, edit: &ObjectEdit) -> Result<Base> {
        let key = self.object_key(edit.object);
        let (bytes, version) = if edit.whole {
            let version = self.objects().version(&key).await?;
            // Whether there was one decides whether an object of nothing but fill has to be put.
            (version.is_some().then(Bytes::new), version)
        } else {
            let object = self.objects().get(&key).await?;
            object.map_or((None, None), |object| {
                (Some(object.bytes), Some(object.version))
            })
        };
        Ok(Base {
            bytes,
            condition: version.map_or(Condition::Absent, Condition::Is),
            made: None,
        })
    }

    /// The same, with the object that the edit makes of it if some of its bytes stay: then it may turn out to be damaged.
    async fn tried(&self, edit: &ObjectEdit) -> Result<Base> {
        let mut base = self.base(edit).await?;
        if !edit.whole && base.bytes.is_some() {
            base.made = Some(self.make(edit, base.bytes.take()).await?);
        }
        Ok(base)
    }

    /// The object after an edit; `None` when it need not be stored.
    async fn make(&self, edit: &ObjectEdit, old: Option<Bytes>) -> Result<Option<Bytes>> {
        let (codec, edited) = (Arc::clone(&self.codec), edit.clone());
        let size = codec.codecs.byte_count();
        let made = compute(size, move || codec.apply(&edited, old.as_ref())).await;
        made.map_err(|error| {
            let key = self.object_key(edit.object);
            error.context(format!("{}/{key}", self.objects().url()))
        })
    }

    /// Puts an edited object, if it is still as it was.
    pub(super) async fn put_edit(
        &self,
        edit: &ObjectEdit,
        base: Base,
        durability: Durability,
    ) -> Result<Edited> {
        let (key, number) = (self.object_key(edit.object), edit.object);
        let made = match base.made {
            Some(made) => made,
            None => self.make(edit, base.bytes).await?,
        };
        let bytes = match made {
            Some(bytes) => bytes,
            // One that was lost is there again once its cells were written, whatever they are.
            None if self.was_stored(number).await? => self.codec.all_fill()?,
            None => return Ok(Edited::Nothing),
        };
        let put = self.objects().put(&key, bytes, base.condition, durability);
        Ok(match put.await? {
            Put::Done(_) => Edited::Stored,
            Put::Refused => Edited::Refused,
        })
    }

    /// Whether an object is recorded as stored.
    async fn was_stored(&self, object: u64) -> Result<bool> {
        if self.last_seen().head.stored.contains(object) {
            return Ok(true);
        }
        stored::is_marked(self.objects(), &self.place, &self.folder, object).await
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
