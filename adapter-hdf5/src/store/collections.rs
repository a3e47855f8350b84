//! Collections as they come and go.

use std::io;
use std::path::Path;

use hyperslab_core::name::check_collection_name;
use hyperslab_core::{CollectionMeta, Durability, Error, ErrorKind, Result};

use super::tiles::TILES;
use super::{ARRAYS, Folders, IDS, MACHINERY, Store};
use crate::chunk::StoragePlan;
use crate::disk::{self, Fence};
use crate::document::{self, CollectionDocument};

impl Store {
    pub(crate) fn create_collection(&self, collection: &CollectionMeta) -> Result<()> {
        check_collection_name(&collection.name)?;
        collection.schema.check_names()?;
        StoragePlan::of(collection)?;
        let exists = || {
            Error::already_exists(format!(
                "collection '{}' exists already in {}",
                collection.name,
                self.root.display()
            ))
        };
        let target = self.root.join(&collection.name);
        if std::fs::symlink_metadata(&target).is_ok() {
            return Err(exists());
        }
        let hidden = self.temporaries().join(disk::temporary_name());
        let built = self.build_collection(collection, &hidden).and_then(|()| {
            disk::rename_new(&hidden, &target).map_err(|source| match source.kind() {
                io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => exists(),
                _ => Error::io("create", target.display(), source),
            })
        });
        if let Err(error) = built {
            // What cannot be removed is found by a check.
            let _ = std::fs::remove_dir_all(&hidden);
            return Err(error);
        }
        disk::sync_folder(&self.root, Durability::Synced)
    }

    fn build_collection(&self, collection: &CollectionMeta, hidden: &Path) -> Result<()> {
        let folders = Folders::new(hidden.to_owned());
        for folder in [folders.arrays(), folders.ids(), folders.temporaries()] {
            std::fs::create_dir_all(&folder)
                .map_err(|source| Error::io("create", folder.display(), source))?;
        }
        if collection.schema.tile_shape().is_some() {
            std::fs::create_dir(folders.tiles())
                .map_err(|source| Error::io("create", folders.tiles().display(), source))?;
        }
        let document = CollectionDocument::new(collection);
        let durability = Durability::Synced;
        let target = folders.document();
        document::write(&document, &folders.temporaries(), &target, durability)?;
        for folder in [folders.root().join(MACHINERY), folders.root().to_owned()] {
            disk::sync_folder(&folder, durability)?;
        }
        Ok(())
    }

    pub(crate) fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        if check_collection_name(name).is_err() {
            return Err(self.missing(name));
        }
        let path = self.folders(name).document();
        CollectionDocument::read(&path, name).map_err(|error| match error.kind() {
            ErrorKind::NotFound => self.missing(name),
            _ => error.context(format!("collection '{name}'")),
        })
    }

    pub(crate) fn list_collections(&self) -> Result<Vec<String>> {
        let names = disk::list(&self.root)?;
        let collections = names.into_iter().filter(|name| {
            check_collection_name(name).is_ok() && self.folders(name).document().is_file()
        });
        Ok(collections.collect())
    }

    /// Takes the collection out of sight, then removes it.
    pub(crate) fn delete_collection(&self, name: &str) -> Result<()> {
        self.read_document_exists(name)?;
        let temporaries = self.temporaries();
        std::fs::create_dir_all(&temporaries)
            .map_err(|source| Error::io("create", temporaries.display(), source))?;
        let hidden = temporaries.join(disk::temporary_name());
        let folder = self.root.join(name);
        let fence = Fence::exclusive(&folder)?;
        std::fs::rename(&folder, &hidden).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => self.missing(name),
            _ => Error::io("delete", folder.display(), source),
        })?;
        drop(fence);
        disk::sync_folder(&self.root, Durability::Synced)?;
        // It is gone; what is left of it is found by a check.
        let _ = std::fs::remove_dir_all(&hidden);
        Ok(())
    }

    fn read_document_exists(&self, name: &str) -> Result<()> {
        let valid = check_collection_name(name).is_ok();
        if valid && self.folders(name).document().exists() {
            Ok(())
        } else {
            Err(self.missing(name))
        }
    }

    /// Takes all arrays out of sight at once, then removes them.
    pub(crate) fn clear_collection(&self, collection: &CollectionMeta) -> Result<()> {
        let opened = self.open(collection)?;
        let folders = &opened.folders;
        let hidden = folders.temporaries().join(disk::temporary_name());
        let (ids, arrays) = (hidden.join(IDS), hidden.join(ARRAYS));
        for folder in [&ids, &arrays] {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::io("create", folder.display(), source))?;
        }
        let tiles = hidden.join(TILES);
        let fence = self.fenced(collection, Fence::exclusive)?;
        // The index first: until the arrays go, they are only found the long way.
        let cleared = disk::exchange(&ids, &folders.ids())
            .and_then(|()| disk::exchange(&arrays, &folders.arrays()));
        // Arrays that are gone have no use for them, and arrays to come do not know them.
        if cleared.is_ok() && opened.grid.is_some() {
            let _ = std::fs::rename(folders.tiles(), &tiles);
        }
        drop(fence);
        let cleared = cleared.and_then(|()| {
            disk::sync_folder(folders.root(), Durability::Synced)?;
            disk::sync_folder(&folders.root().join(MACHINERY), Durability::Synced)
        });
        // They are gone; what is left of them is found by a check.
        let _ = std::fs::remove_dir_all(&hidden);
        self.ids.forget(&folders.ids());
        cleared
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::{DType, Dimension, Schema, StorageOptions};
    use hyperslab_engine::Engine;
    use uuid::Uuid;

    #[test]
    fn nothing_is_published_in_a_collection_that_was_made_anew() {
        let root = tempfile::tempdir().unwrap();
        let store = || Store::new(root.path().to_owned(), Uuid::nil(), Engine::new(0));
        let schema = Schema::builder(DType::Int8).dimension(Dimension::new("x", 4));
        let schema = schema.build().unwrap();
        let collection = |id| CollectionMeta {
            name: "c".to_owned(),
            id: Uuid::from_u128(id),
            schema: schema.clone(),
            storage: StorageOptions::new(),
        };
        let (old, new) = (collection(1), collection(2));
        let (store, other) = (store(), store());
        std::fs::create_dir_all(store.temporaries()).unwrap();
        store.create_collection(&old).unwrap();
        store.open(&old).unwrap();
        other.delete_collection("c").unwrap();
        other.create_collection(&new).unwrap();
        for fence in [Fence::shared, Fence::exclusive] {
            let refused = store.fenced(&old, fence).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::NotFound);
            store.fenced(&new, fence).unwrap();
        }
    }
}
