//! Writing.
//!
//! A write into one object reads it, changes it, and puts it back if it has not changed meanwhile. A write into several
//! goes through the head: its cells are staged, the head is swapped for one that names the change - from then on it has
//! happened, and whoever reads sees it - and then every object gets its part, and the head is swapped again. Whoever
//! finds a change whose writer has gone finishes it.

use std::sync::Arc;

use bytes::Bytes;
use hyperslab_core::{
    Durability, Error, ErrorKind, Hyperslab, Result, Scalar, WriteData, WriteOptions,
};

use super::Shared;
use crate::compute::{all, compute};
use crate::document::{ArrayHead, Change};
use crate::edit::ObjectEdit;
use crate::head::Seen;
use crate::objects::{Condition, Put};
use crate::pause::Backoff;
use crate::{staged, stored};

/// An object as it was before an edit.
#[derive(Debug, Clone)]
pub(super) struct Base {
    bytes: Option<Bytes>,
    condition: Condition,
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
            let is_new = base.condition == Condition::Absent;
            match self.put_edit(edit, base, options.durability).await? {
                Edited::Stored if is_new => return self.mark(&seen.head, &[edit.object]).await,
                Edited::Stored | Edited::Nothing => return Ok(()),
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
        let (seen, bases) = match self.decide(&change, edits, options).await {
            Ok(decided) => decided,
            Err(error) => {
                // An answer that was lost may have been a yes; then the cells are still needed.
                if error.kind() != ErrorKind::Unavailable {
                    self.unstage(&change, edits).await;
                }
                return Err(error);
            }
        };
        self.apply(seen, edits, bases, options.durability).await?;
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

    /// Makes a change happen: from now on readers see it. Returns the head that says so, and the objects as they were.
    async fn decide(
        &self,
        change: &Change,
        edits: &[ObjectEdit],
        options: &WriteOptions,
    ) -> Result<(Seen, Vec<Base>)> {
        let mut backoff = Backoff::new(options.lock_timeout);
        loop {
            let seen = self.look().await?;
            if seen.head.change.is_some() {
                self.settle(seen, &mut backoff).await?;
                continue;
            }
            let bases = all(edits.iter().map(|edit| self.base(edit))).await?;
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
                return Ok((seen, bases));
            }
            backoff.wait(|| self.busy(None)).await?;
        }
    }

    /// Brings a change that has been decided into every object.
    async fn apply(
        &self,
        seen: Seen,
        edits: &[ObjectEdit],
        bases: Vec<Base>,
        durability: Durability,
    ) -> Result<()> {
        let change = seen.head.change.as_ref().map(|change| change.id);
        let puts = edits.iter().zip(bases).map(|(edit, base)| async move {
            match self.put_edit(edit, base, durability).await {
                Ok(Edited::Refused) => {}
                // It was decided, so a store that does not answer is asked again.
                Err(error) if error.kind() == ErrorKind::Unavailable => {}
                done => return done,
            }
            self.put_edit_again(edit, change, durability).await
        });
        let stored = stored_of(edits, &all(puts).await?);
        self.conclude(seen, &stored, durability).await
    }

    /// Records that objects hold cells, unless the head says so.
    pub(super) async fn mark(&self, head: &ArrayHead, objects: &[u64]) -> Result<()> {
        let unknown = |object: &u64| !head.stored.contains(*object);
        let objects: Vec<u64> = objects.iter().copied().filter(unknown).collect();
        stored::mark(self.objects(), &self.place, &self.folder, &objects).await
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
        })
    }

    /// Puts an edited object, if it is still as it was.
    pub(super) async fn put_edit(
        &self,
        edit: &ObjectEdit,
        base: Base,
        durability: Durability,
    ) -> Result<Edited> {
        let key = self.object_key(edit.object);
        let (codec, edit, number) = (Arc::clone(&self.codec), edit.clone(), edit.object);
        let size = codec.codecs.byte_count();
        let old = base.bytes;
        let made = compute(size, move || codec.apply(&edit, old.as_ref())).await;
        let made =
            made.map_err(|error| error.context(format!("{}/{key}", self.objects().url())))?;
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

/// The numbers of the objects that are stored after their edits.
pub(super) fn stored_of(edits: &[ObjectEdit], edited: &[Edited]) -> Vec<u64> {
    let edits = edits.iter().zip(edited);
    edits
        .filter(|(_, edited)| **edited == Edited::Stored)
        .map(|(edit, _)| edit.object)
        .collect()
}
