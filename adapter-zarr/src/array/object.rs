//! One object: read as an edit needs it, made anew, and put if it is still as it was.

use std::sync::Arc;

use hyperslab_core::{Durability, Error, Result};

use super::Shared;
use super::write::{Edited, ObjectWrite};
use crate::compute::compute;
use crate::document::Change;
use crate::edit::{ChunkEdit, NewObject, ObjectEdit, OldObject, Piece};
use crate::objects::{Condition, Put, Ranges, Version};
use crate::shard;
use crate::staged::{self, StagedObject};
use crate::stored;

/// An object as it was before an edit.
#[derive(Debug)]
pub(super) struct Base {
    old: OldObject,
    condition: Condition,
    /// The object after the edit, where that is known already.
    made: Option<Made>,
}

/// An object that was made before its change was decided.
#[derive(Debug)]
enum Made {
    Here(NewObject),
    /// It is on the disk, under this key.
    Prepared(String),
}

impl Base {
    fn new(found: Option<(OldObject, Version)>) -> Self {
        let (old, condition) = match found {
            None => (OldObject::Absent, Condition::Absent),
            Some((old, version)) => (old, Condition::Is(version)),
        };
        Self {
            old,
            condition,
            made: None,
        }
    }
}

impl Shared {
    /// An object as an edit needs it: its bytes only where some of them stay.
    pub(super) async fn base(&self, edit: &ObjectEdit) -> Result<Base> {
        let key = self.object_key(edit.object);
        if edit.is_whole {
            // Whether there was one decides whether an object of nothing but fill has to be put.
            let version = self.objects().version(&key).await?;
            return Ok(Base::new(
                version.map(|version| (OldObject::Replaced, version)),
            ));
        }
        let Some(files) = self.objects().files() else {
            let object = self.objects().get(&key).await?;
            let found = object.map(|object| (OldObject::Bytes(object.bytes), object.version));
            return Ok(Base::new(found));
        };
        if self.codec.layout.is_sharded() {
            return self.shard_base(edit, &key).await.map(Base::new);
        }
        let found = files.read(&key).await?;
        let found = found.map(|(bytes, version)| (OldObject::Buffer(bytes), version));
        Ok(Base::new(found))
    }

    /// Of a shard on a disk, the index and the chunks that an edit touches.
    async fn shard_base(
        &self,
        edit: &ObjectEdit,
        key: &str,
    ) -> Result<Option<(OldObject, Version)>> {
        let count = self.codec.layout.chunks_per_object();
        let length = shard::index_length(count);
        while let Some(tail) = self.objects().get_tail(key, length).await? {
            let index = shard::parse_index(&tail.bytes, count, tail.size)
                .map_err(|error| error.context(format!("{}/{key}", self.objects().url())))?;
            // A chunk that is written over is not looked at.
            let range = |chunk: &ChunkEdit| match chunk.is_whole {
                true => None,
                false => index.get(chunk.number).cloned().flatten(),
            };
            let ranges: Vec<_> = edit.chunks.iter().map(range).collect();
            let wanted: Vec<_> = ranges.iter().flatten().cloned().collect();
            let mut parts = if wanted.is_empty() {
                Vec::new().into_iter()
            } else {
                let version = Some(&tail.version);
                match self.objects().get_ranges(key, &wanted, version).await? {
                    Ranges::Found { parts, .. } => parts.into_iter(),
                    Ranges::Absent => return Ok(None),
                    Ranges::Changed => continue,
                }
            };
            let touched = ranges.iter().map(|range| {
                let _ = range.as_ref()?;
                parts.next()
            });
            let touched = touched.collect();
            let index = Arc::new(index);
            return Ok(Some((OldObject::Shard { index, touched }, tail.version)));
        }
        Ok(None)
    }

    /// The same, with the object that the edit makes of it if some of its bytes stay: then it may turn out to be damaged. Where
    /// files can be linked it is written already, so that it need not be kept in memory.
    pub(super) async fn tried(&self, edit: &Arc<ObjectEdit>, change: &Change) -> Result<Base> {
        let mut base = self.base(edit).await?;
        if matches!(base.old, OldObject::Absent | OldObject::Replaced) {
            return Ok(base);
        }
        let old = std::mem::replace(&mut base.old, OldObject::Replaced);
        let made = match self.make(edit, old).await? {
            NewObject::Bytes(bytes) if self.prepares(change) => {
                let staging = self.place.staged_of(change.id, &change.writer);
                let key = staged::next_key(&staging, edit.object);
                // It is synced when it gets its place.
                let relaxed = Durability::Relaxed;
                let put = self.objects().put(&key, bytes, Condition::None, relaxed);
                put.await?;
                Made::Prepared(key)
            }
            made => Made::Here(made),
        };
        base.made = Some(made);
        Ok(base)
    }

    /// Whether the objects of a change are written before it is decided.
    pub(super) fn prepares(&self, change: &Change) -> bool {
        change.value.is_none() && self.objects().files().is_some()
    }

    /// The object after an edit.
    async fn make(&self, edit: &Arc<ObjectEdit>, old: OldObject) -> Result<NewObject> {
        let (codec, edited) = (Arc::clone(&self.codec), Arc::clone(edit));
        let size = codec.codecs.byte_count() * edit.chunks.len();
        let made = compute(size, move || codec.apply(&edited, old)).await;
        made.map_err(|error| {
            let key = self.object_key(edit.object);
            error.context(format!("{}/{key}", self.objects().url()))
        })
    }

    /// Puts an edited object, if it is still as it was.
    pub(super) async fn put_edit(
        &self,
        write: &ObjectWrite,
        base: Base,
        durability: Durability,
    ) -> Result<Edited> {
        let (key, number) = (self.object_key(write.edit.object), write.edit.object);
        let was_there = !matches!(base.old, OldObject::Absent);
        let made = match (base.made, write.staged.clone()) {
            (Some(Made::Here(made)), _) => made,
            (Some(Made::Prepared(staged)), _) | (None, Some(StagedObject::There(staged))) => {
                return self
                    .put_staged(&staged, &key, base.condition, durability)
                    .await;
            }
            (None, Some(StagedObject::Bytes(bytes))) => NewObject::Bytes(bytes),
            (None, Some(StagedObject::Fill)) if was_there => {
                NewObject::Bytes(self.codec.all_fill()?)
            }
            (None, Some(StagedObject::Fill)) => NewObject::Nothing,
            (None, None) => self.make(&write.edit, base.old).await?,
        };
        let put = match made {
            NewObject::Bytes(bytes) => {
                let put = self.objects().put(&key, bytes, base.condition, durability);
                put.await?
            }
            NewObject::Pieces(pieces) => {
                self.put_pieces(&key, pieces, base.condition, durability)
                    .await?
            }
            // One that was lost is there again once its cells were written, whatever they are.
            NewObject::Nothing if self.was_stored(number).await? => {
                let bytes = self.codec.all_fill()?;
                let put = self.objects().put(&key, bytes, base.condition, durability);
                put.await?
            }
            NewObject::Nothing => return Ok(Edited::Nothing),
        };
        Ok(Edited::of(&put))
    }

    async fn put_pieces(
        &self,
        key: &str,
        pieces: Vec<Piece>,
        condition: Condition,
        durability: Durability,
    ) -> Result<Put> {
        match (self.objects().files(), condition) {
            (Some(files), Condition::Is(version)) => {
                files.splice(key, pieces, &version, durability).await
            }
            _ => Err(Error::internal(format!("{key}: parts of no object"))),
        }
    }

    /// Puts an object that was staged as it will be.
    async fn put_staged(
        &self,
        staged: &str,
        key: &str,
        condition: Condition,
        durability: Durability,
    ) -> Result<Edited> {
        let objects = self.objects();
        if let Some(files) = objects.files()
            && let Some(put) = files.link(staged, key, &condition, durability).await?
        {
            return Ok(Edited::of(&put));
        }
        match objects.get(staged).await? {
            Some(object) => {
                let put = objects.put(key, object.bytes, condition, durability);
                Ok(Edited::of(&put.await?))
            }
            // It is forgotten when the change is concluded.
            None => Ok(Edited::Nothing),
        }
    }

    /// Whether an object is recorded as stored.
    async fn was_stored(&self, object: u64) -> Result<bool> {
        if self.last_seen().head.stored.contains(object) {
            return Ok(true);
        }
        stored::is_marked(self.objects(), &self.place, &self.folder, object).await
    }
}
