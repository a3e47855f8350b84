//! The folders of a store, and what is done in them. Everything here blocks; the adapter runs it on threads for that.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyperslab_core::name::check_collection_name;
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayLocator, ArrayMeta, Attributes, CollectionMeta, Durability, Error,
    ErrorKind, LocalLockManager, Result, Usage,
};
use uuid::Uuid;

use crate::cache::{FileCache, FileIdentity};
use crate::cf;
use crate::chunk::StoragePlan;
use crate::disk::{self, Fence, TempFile};
use crate::document::{self, CollectionDocument};
use crate::file::{ArrayFile, VariableCells, VariableStorage};
use crate::ids::{Fact, IdIndex};
use crate::image::{self, Edit};
use crate::name::{EXTENSION, ParsedName, parse_stem, stem};

/// The folder of machinery in a store or a collection.
pub(crate) const MACHINERY: &str = ".hyperslab";
pub(crate) const STORE_DOCUMENT: &str = "hyperslab.json";
pub(crate) const COLLECTION_DOCUMENT: &str = "collection.json";
pub(crate) const ARRAYS: &str = "arrays";
pub(crate) const IDS: &str = "ids";
pub(crate) const TEMPORARIES: &str = "tmp";
pub(crate) const LOCKS: &str = "locks";

/// The folders of one collection.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    root: PathBuf,
}

impl Folders {
    /// The collection in this folder.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn document(&self) -> PathBuf {
        self.root.join(COLLECTION_DOCUMENT)
    }

    pub(crate) fn arrays(&self) -> PathBuf {
        self.root.join(ARRAYS)
    }

    pub(crate) fn ids(&self) -> PathBuf {
        self.root.join(MACHINERY).join(IDS)
    }

    pub(crate) fn temporaries(&self) -> PathBuf {
        self.root.join(MACHINERY).join(TEMPORARIES)
    }

    /// The file of the array of that stem.
    pub(crate) fn array(&self, stem: &str) -> PathBuf {
        self.root.join(ARRAYS).join(format!("{stem}{EXTENSION}"))
    }
}

/// An open store.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) root: PathBuf,
    pub(crate) id: Uuid,
    pub(crate) locks: Arc<LocalLockManager>,
    pub(crate) cache: FileCache,
    pub(crate) ids: IdIndex,
    /// Identities of collections by name, with that of the document they were read from.
    known: Mutex<HashMap<String, (FileIdentity, Uuid)>>,
}

/// A collection as a call sees it: its folders, and what its files are like.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) folders: Folders,
    pub(crate) plan: StoragePlan,
    pub(crate) variable: String,
}

impl Store {
    pub(crate) fn new(root: PathBuf, id: Uuid) -> Self {
        Self {
            locks: Arc::new(LocalLockManager::new(&root)),
            root,
            id,
            cache: FileCache::default(),
            ids: IdIndex::default(),
            known: Mutex::default(),
        }
    }

    /// The folder of machinery of the store itself.
    pub(crate) fn temporaries(&self) -> PathBuf {
        self.root.join(MACHINERY).join(TEMPORARIES)
    }

    pub(crate) fn folders(&self, name: &str) -> Folders {
        Folders::new(self.root.join(name))
    }

    fn missing(&self, name: &str) -> Error {
        Error::not_found(format!(
            "collection '{name}' does not exist in {}",
            self.root.display()
        ))
    }

    /// Makes sure that the collection is still the one of this name.
    pub(crate) fn open(&self, collection: &CollectionMeta) -> Result<Opened> {
        let folders = self.folders(&collection.name);
        let path = folders.document();
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.missing(&collection.name));
            }
            Err(error) => return Err(Error::io("open", path.display(), error)),
        };
        let identity = FileIdentity::of(&metadata);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let id = match known.get(&collection.name) {
            Some((found, id)) if *found == identity => *id,
            _ => {
                let read = CollectionDocument::read(&path, &collection.name)?;
                known.insert(collection.name.clone(), (identity, read.id));
                read.id
            }
        };
        drop(known);
        if id != collection.id {
            return Err(self.missing(&collection.name));
        }
        let schema = &collection.schema;
        let plan = StoragePlan::new(&collection.storage, &schema.shape(), schema.dtype())?;
        Ok(Opened {
            folders,
            variable: cf::variable_name(collection, &plan),
            plan,
        })
    }

    pub(crate) fn create_collection(&self, collection: &CollectionMeta) -> Result<()> {
        check_collection_name(&collection.name)?;
        let schema = &collection.schema;
        StoragePlan::new(&collection.storage, &schema.shape(), schema.dtype())?;
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

    pub(crate) fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<&ArrayBuf>,
        durability: Durability,
    ) -> Result<()> {
        let schema = &collection.schema;
        let opened = self.open(collection)?;
        let folders = &opened.folders;
        if let Some(data) = data
            && (data.dtype() != schema.dtype() || data.shape() != schema.shape())
        {
            return Err(Error::invalid(format!(
                "cells of {} {:?} given for an array of {} {:?}",
                data.dtype(),
                data.shape(),
                schema.dtype(),
                schema.shape()
            )));
        }
        let stem = stem(&array.key, array.id);
        let target = folders.array(&stem);
        let exists = || {
            Error::already_exists(format!(
                "array {} exists already in collection '{}'",
                describe(&array.key, array.id),
                collection.name
            ))
        };
        if target.exists() {
            return Err(exists());
        }
        let storage = opened.plan.storage(&schema.shape(), schema.dtype());
        let content = cf::content(collection, array, &opened.variable, storage)?;
        let temporary = TempFile::create(&folders.temporaries())?;
        image::write_first(&content, data, temporary.file())
            .map_err(|error| error.context(target.display()))?;
        temporary.sync(&target, durability)?;
        let publish = |temporary: TempFile| {
            temporary
                .publish_new(&target)
                .map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => exists(),
                    ErrorKind::NotFound => self.missing(&collection.name),
                    _ => error,
                })
        };
        let _fence = Fence::shared(folders.root())?;
        if array.key.is_empty() {
            publish(temporary)?;
        } else {
            let mut shard = IdIndex::hold(&folders.ids(), array.id)?;
            if let Some(other) = shard.find(&self.ids, array.id)?
                && folders.array(&other).exists()
            {
                return Err(exists());
            }
            publish(temporary)?;
            shard
                .add(Fact::Published, array.id, &stem, durability)
                .map_err(|error| {
                    Error::unavailable(format!(
                        "array {stem} was created but not entered in the index ({error}); run `check` with repair"
                    ))
                    .with_source(error)
                })?;
        }
        disk::sync_folder(&folders.arrays(), durability)
    }

    /// What each name in the folder of arrays says; `None` for a name that is none of ours.
    pub(crate) fn list_names(
        &self,
        collection: &CollectionMeta,
        folders: &Folders,
    ) -> Result<Vec<(String, Option<ParsedName>)>> {
        let names = disk::list(&folders.arrays())?;
        let parse = |name: String| {
            let stem = name.strip_suffix(EXTENSION);
            let parsed = stem.and_then(|stem| parse_stem(&collection.schema, stem));
            (stem.unwrap_or(&name).to_owned(), parsed)
        };
        Ok(names.into_iter().map(parse).collect())
    }

    pub(crate) fn list_arrays(&self, collection: &CollectionMeta) -> Result<Vec<ArrayEntry>> {
        let opened = self.open(collection)?;
        let mut entries = Vec::new();
        for (stem, parsed) in self.list_names(collection, &opened.folders)? {
            entries.push(match parsed {
                None => continue,
                Some(ParsedName::Key(key)) => ArrayEntry { key, id: None },
                Some(ParsedName::Id(id)) => ArrayEntry {
                    key: Attributes::new(),
                    id: Some(id),
                },
                Some(ParsedName::Hashed) => match self.load(collection, &opened, &stem) {
                    Ok((_, meta)) => ArrayEntry {
                        key: meta.key,
                        id: Some(meta.id),
                    },
                    Err(error) if error.kind() == ErrorKind::NotFound => continue,
                    Err(error) => return Err(error),
                },
            });
        }
        Ok(entries)
    }

    /// Opens the file of a stem and reads whose it is.
    pub(crate) fn load(
        &self,
        collection: &CollectionMeta,
        opened: &Opened,
        stem: &str,
    ) -> Result<(Arc<ArrayFile>, ArrayMeta)> {
        let path = opened.folders.array(stem);
        let file =
            self.cache
                .open(&path, &opened.variable)
                .map_err(|error| match error.kind() {
                    ErrorKind::NotFound => Error::not_found(format!(
                        "array {stem} does not exist in collection '{}'",
                        collection.name
                    )),
                    _ => error,
                })?;
        if let Some(why) = cf::disagreement(&collection.schema, file.header()) {
            return Err(Error::corrupt(format!(
                "{}: {why}; run `check`",
                path.display()
            )));
        }
        let meta = cf::array_meta(&collection.schema, file.header())
            .map_err(|error| error.context(path.display()))?;
        Ok((file, meta))
    }

    /// The stem and the identity of an array.
    pub(crate) fn locate(
        &self,
        collection: &CollectionMeta,
        opened: &Opened,
        locator: &ArrayLocator,
    ) -> Result<(String, ArrayMeta)> {
        let keyless = collection.schema.key_attributes().next().is_none();
        let stem = match locator {
            ArrayLocator::Key(key) if !keyless => stem(key, Uuid::nil()),
            ArrayLocator::Key(_) => {
                return Err(Error::invalid(format!(
                    "arrays of collection '{}' have no key; name the array by its id",
                    collection.name
                )));
            }
            ArrayLocator::Id(id) if keyless => stem(&Attributes::new(), *id),
            ArrayLocator::Id(id) => return self.locate_id(collection, opened, *id),
        };
        let (_, meta) = self.load(collection, opened, &stem)?;
        let fits = match locator {
            ArrayLocator::Key(key) => meta.key == *key,
            ArrayLocator::Id(id) => meta.id == *id,
        };
        if fits {
            return Ok((stem, meta));
        }
        Err(Error::corrupt(format!(
            "the file {stem}{EXTENSION} of collection '{}' holds the array {}; run `check`",
            collection.name,
            describe(&meta.key, meta.id)
        )))
    }

    /// Finds an array with a key by its id: in the index, else among the files that the index does not know.
    fn locate_id(
        &self,
        collection: &CollectionMeta,
        opened: &Opened,
        id: Uuid,
    ) -> Result<(String, ArrayMeta)> {
        let ids = opened.folders.ids();
        if let Some(stem) = self.ids.find(&ids, id)? {
            match self.load(collection, opened, &stem) {
                Ok((_, meta)) if meta.id == id => return Ok((stem, meta)),
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                // Another array has the name now, or none.
                _ => {}
            }
        }
        let known = self.ids.all_names(&ids)?;
        for (stem, parsed) in self.list_names(collection, &opened.folders)? {
            if parsed.is_none() || known.contains(&stem) {
                continue;
            }
            let Ok((_, meta)) = self.load(collection, opened, &stem) else {
                continue;
            };
            // A store that can only be read keeps its gaps.
            let _ = IdIndex::hold(&ids, meta.id).and_then(|mut shard| {
                shard.add(Fact::Published, meta.id, &stem, Durability::Relaxed)
            });
            if meta.id == id {
                return Ok((stem, meta));
            }
        }
        Err(Error::not_found(format!(
            "there is no array with id {id} in collection '{}'",
            collection.name
        )))
    }

    /// Builds the next image of an array and puts it in place of the last one. The caller holds the array's lock.
    pub(crate) fn update_array(
        &self,
        collection: &CollectionMeta,
        (stem, id): (&str, Uuid),
        edit: Option<Edit<'_>>,
        change: impl FnOnce(&mut ArrayMeta) -> Result<()>,
        durability: Durability,
    ) -> Result<ArrayMeta> {
        let opened = self.open(collection)?;
        let (last, mut meta) = self.load(collection, &opened, stem)?;
        if meta.id != id {
            return Err(Error::not_found(format!(
                "array {stem} of collection '{}' was deleted; another one has its key",
                collection.name
            )));
        }
        change(&mut meta)?;
        let schema = &collection.schema;
        // What is stored stays as it is stored, whatever the options say.
        let storage = match &last.header().variable.cells {
            VariableCells::Chunked { grid, codecs, .. } => VariableStorage::Chunked {
                chunk_shape: grid.chunk_shape().to_vec(),
                codecs: codecs.clone(),
            },
            _ => opened.plan.storage(&schema.shape(), schema.dtype()),
        };
        let mut content = cf::content(collection, &meta, &opened.variable, storage)?;
        cf::keep_foreign(schema, last.header(), &mut content);
        let target = opened.folders.array(stem);
        let temporary = TempFile::create(&opened.folders.temporaries())?;
        image::write_next(&last, &content, edit, temporary.file())
            .map_err(|error| error.context(target.display()))?;
        temporary.sync(&target, durability)?;
        self.replace_array(&opened, &last, temporary, &target, durability)?;
        Ok(meta)
    }

    /// Puts the next image in place of the last one, unless that was taken away with the whole collection.
    fn replace_array(
        &self,
        opened: &Opened,
        last: &ArrayFile,
        next: TempFile,
        target: &Path,
        durability: Durability,
    ) -> Result<()> {
        let fence = Fence::shared(opened.folders.root())?;
        let current = std::fs::metadata(target)
            .map_err(|source| Error::io("replace", target.display(), source))?;
        if FileIdentity::of(&current) != last.identity() {
            return Err(Error::conflict(format!(
                "{} was changed by another program meanwhile; try again",
                target.display()
            )));
        }
        next.replace(target)?;
        drop(fence);
        disk::sync_parent(target, durability)
    }

    /// Gives the file of an array that another program has written a footer. The caller holds the array's lock.
    pub(crate) fn stamp_array(
        &self,
        collection: &CollectionMeta,
        stem: &str,
        durability: Durability,
    ) -> Result<()> {
        let opened = self.open(collection)?;
        let (last, _) = self.load(collection, &opened, stem)?;
        let target = opened.folders.array(stem);
        let temporary = TempFile::create(&opened.folders.temporaries())?;
        last.copy_stamped(temporary.file())
            .map_err(|error| error.context(target.display()))?;
        temporary.sync(&target, durability)?;
        self.replace_array(&opened, &last, temporary, &target, durability)
    }

    /// Takes all arrays out of sight at once, then removes them.
    pub(crate) fn clear_collection(&self, collection: &CollectionMeta) -> Result<()> {
        let folders = self.open(collection)?.folders;
        let hidden = folders.temporaries().join(disk::temporary_name());
        let (ids, arrays) = (hidden.join(IDS), hidden.join(ARRAYS));
        for folder in [&ids, &arrays] {
            std::fs::create_dir_all(folder)
                .map_err(|source| Error::io("create", folder.display(), source))?;
        }
        let fence = Fence::exclusive(folders.root())?;
        // The index first: until the arrays go, they are only found the long way.
        let cleared = disk::exchange(&ids, &folders.ids())
            .and_then(|()| disk::exchange(&arrays, &folders.arrays()));
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

    /// Removes an array. The caller holds its lock.
    pub(crate) fn delete_array(
        &self,
        collection: &CollectionMeta,
        (stem, id): (&str, Uuid),
        durability: Durability,
    ) -> Result<()> {
        let opened = self.open(collection)?;
        let (_, meta) = self.load(collection, &opened, stem)?;
        if meta.id != id {
            return Err(Error::not_found(format!(
                "array {stem} of collection '{}' was deleted already",
                collection.name
            )));
        }
        self.remove_file(&opened, &meta, stem, durability)
    }

    fn remove_file(
        &self,
        opened: &Opened,
        meta: &ArrayMeta,
        stem: &str,
        durability: Durability,
    ) -> Result<()> {
        let path = opened.folders.array(stem);
        let _fence = Fence::shared(opened.folders.root())?;
        if !meta.key.is_empty() {
            let mut shard = IdIndex::hold(&opened.folders.ids(), meta.id)?;
            shard.add(Fact::Removed, meta.id, stem, durability)?;
        }
        std::fs::remove_file(&path)
            .map_err(|source| Error::io("delete", path.display(), source))?;
        disk::sync_folder(&opened.folders.arrays(), durability)
    }

    pub(crate) fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        let opened = self.open(collection)?;
        let mut usage = Usage::default();
        for (stem, parsed) in self.list_names(collection, &opened.folders)? {
            if parsed.is_some()
                && let Ok(metadata) = std::fs::metadata(opened.folders.array(&stem))
            {
                usage.array_count += 1;
                usage.stored_bytes += metadata.len();
            }
        }
        usage.overhead_bytes = folder_bytes(&opened.folders.root().join(MACHINERY))
            + std::fs::metadata(opened.folders.document()).map_or(0, |found| found.len());
        Ok(usage)
    }
}

/// Bytes of all files below a folder; what cannot be looked at counts nothing.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => folder_bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// How an array is called in messages.
pub(crate) fn describe(key: &Attributes, id: Uuid) -> String {
    if key.is_empty() {
        format!("id={id}")
    } else {
        key.to_string()
    }
}
