//! Collections as they come, are emptied, and go.

use futures::TryStreamExt;
use hyperslab_core::name::check_collection_name;
use hyperslab_core::{
    CollectionMeta, Durability, Error, LockGuard, LockKey, LockRequest, Result, Usage, WriteOptions,
};

use super::Store;
use crate::document::{CollectionDocument, to_bytes};
use crate::head::{Slot, retire};
use crate::layout::{self, Place};
use crate::nodes;
use crate::objects::{Condition, Put};
use crate::storage::StoragePlan;

impl Store {
    pub(crate) async fn create_collection(&self, collection: &CollectionMeta) -> Result<()> {
        check_collection_name(&collection.name)?;
        collection.schema.check_names()?;
        let plan = StoragePlan::new(&collection.storage, &collection.schema)?;
        nodes::object_codec(&collection.schema, &plan)?;
        let exists = || {
            Error::already_exists(format!(
                "collection '{}' exists already in {}",
                collection.name,
                self.objects.url()
            ))
        };
        let slot = self.collection_slot(&collection.name).await?;
        let condition = slot.vacancy().ok_or_else(exists)?;
        self.refuse_foreign(&collection.name).await?;
        let document = CollectionDocument::new(collection, layout::new_index());
        let key = layout::collection_document(&collection.name);
        let put = self
            .objects
            .put(&key, to_bytes(&document)?, condition, Durability::Synced);
        if put.await? == Put::Refused {
            return Err(exists());
        }
        self.put_group(collection).await
    }

    /// What another program has put under a name is not ours to write over. A deletion of ours leaves arrays at most.
    async fn refuse_foreign(&self, name: &str) -> Result<()> {
        let level = self.objects.list_level(name).await?;
        let objects = level.objects.into_iter().map(|listed| listed.key);
        let folders = level.folders.into_iter();
        let folders = folders.filter(|folder| layout::tag_of(folder).is_none());
        let folders = folders.map(|folder| format!("{name}/{folder}"));
        match objects.chain(folders).next() {
            None => Ok(()),
            Some(key) => Err(Error::already_exists(format!(
                "collection '{name}' cannot be made in {0}: {key} is there already; choose another name, or look at it with \
                 `hyperslab ls {0}/{name}`",
                self.objects.url()
            ))),
        }
    }

    async fn put_group(&self, collection: &CollectionMeta) -> Result<()> {
        let key = layout::metadata(&collection.name);
        let group = nodes::collection_group(collection)?;
        self.objects
            .put(&key, group, Condition::None, Durability::Synced)
            .await
            .map(drop)
    }

    pub(crate) async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        match self.collection_slot(name).await? {
            Slot::Held(document, version) => {
                self.remember(&document, version);
                Ok(document.meta())
            }
            Slot::Absent | Slot::Retired(_) => Err(self.missing(name)),
        }
    }

    pub(crate) async fn list_collections(&self) -> Result<Vec<String>> {
        let level = self.objects.list_level(layout::COLLECTIONS).await?;
        let held = level.objects.iter().filter(|listed| listed.size > 0);
        let names = held.filter_map(|listed| layout::document_name(&listed.key));
        let mut names: Vec<String> = names.map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    pub(crate) async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        let key = layout::collection_document(name);
        if check_collection_name(name).is_err() || self.objects.version(&key).await?.is_none() {
            return Err(self.missing(name));
        }
        let request = LockRequest::exclusive(LockKey::collection(name), options.lock_timeout);
        let guard = self.locks.acquire(request).await?;
        let deleted = self.delete_locked(name, &key, options, &guard).await;
        self.locks.release(guard).await;
        deleted
    }

    async fn delete_locked(
        &self,
        name: &str,
        key: &str,
        options: &WriteOptions,
        guard: &LockGuard,
    ) -> Result<()> {
        let group = || vec![layout::metadata(name)];
        let mut is_first = true;
        let place = loop {
            let object = self.objects.get(key).await?;
            let object = object.filter(|object| !object.bytes.is_empty());
            let Some(object) = object else {
                return Err(self.missing(name));
            };
            if std::mem::take(&mut is_first) {
                // Before the document: what has a group and no document was lost, not deleted.
                guard.ensure_valid()?;
                self.objects.delete(group(), options.durability).await?;
            }
            // One that is damaged can still be deleted; what it held is found by a check.
            let document = CollectionDocument::parse(&object.bytes, key).ok();
            let version = object.version;
            guard.ensure_valid()?;
            if retire(&*self.objects, key, &version, options.durability).await? {
                break document.map(|document| document.place());
            }
        };
        if let Some(place) = place {
            self.clean(&place).await?;
        }
        // A repair may have made it again meanwhile.
        match self.collection_slot(name).await? {
            Slot::Held(..) => Ok(()),
            Slot::Absent | Slot::Retired(_) => {
                self.objects.delete(group(), Durability::Relaxed).await
            }
        }
    }

    pub(crate) async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()> {
        let request =
            LockRequest::exclusive(LockKey::collection(&collection.name), options.lock_timeout);
        let guard = self.locks.acquire(request).await?;
        let cleared = self.clear_locked(collection, options, &guard).await;
        self.locks.release(guard).await;
        cleared
    }

    async fn clear_locked(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
        guard: &LockGuard,
    ) -> Result<()> {
        let key = layout::collection_document(&collection.name);
        loop {
            let Slot::Held(old, version) = self.collection_slot(&collection.name).await? else {
                return Err(self.missing(&collection.name));
            };
            if old.id != collection.id {
                return Err(self.missing(&collection.name));
            }
            let next = CollectionDocument::new(&old.meta(), layout::new_index());
            guard.ensure_valid()?;
            let put = self.objects.put(
                &key,
                to_bytes(&next)?,
                Condition::Is(version),
                options.durability,
            );
            if put.await? != Put::Refused {
                return self.clean(&old.place()).await;
            }
        }
    }

    /// Removes all that was made under an index that is no longer in use.
    pub(crate) async fn clean(&self, place: &Place) -> Result<()> {
        // Heads first: without them the rest is nobody's.
        let prefixes = [
            place.heads(),
            place.ids(),
            place.staged(),
            place.all_marks(),
            place.makers(),
            place.removers(),
        ];
        for prefix in prefixes {
            self.sweep(&prefix, Durability::Relaxed).await?;
        }
        let level = self.objects.list_level(&place.collection).await?;
        for folder in level.folders.iter().filter(|folder| place.owns(folder)) {
            let group = place.group(folder);
            self.sweep(&group, Durability::Relaxed).await?;
        }
        Ok(())
    }

    pub(crate) async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        let place = self.open(collection).await?;
        let mut usage = Usage::default();
        let mut groups = self.objects.list(&place.collection);
        while let Some(listed) = groups.try_next().await? {
            if listed.key == layout::metadata(&place.collection) {
                usage.overhead_bytes += listed.size;
            } else {
                usage.stored_bytes += listed.size;
            }
        }
        for prefix in [place.heads(), place.ids(), place.staged()] {
            let mut machinery = self.objects.list(&prefix);
            while let Some(listed) = machinery.try_next().await? {
                usage.overhead_bytes += listed.size;
                usage.array_count += u64::from(listed.size > 0 && prefix == place.heads());
            }
        }
        Ok(usage)
    }
}
