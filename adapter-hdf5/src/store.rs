//! The folders of a store, and what is done in them. Everything here blocks; the adapter runs it on threads for that.

mod changes;
mod collections;
pub(crate) mod tiles;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyperslab_core::{
    ArrayEntry, ArrayLocator, ArrayMeta, Attributes, Begun, CollectionMeta, Error, ErrorKind,
    LocalLockManager, Pace, ParsedStem, Result, Usage, parse_stem, stem,
};
use hyperslab_engine::Engine;
use rayon::prelude::*;
use uuid::Uuid;

use crate::cache::{FileCache, FileIdentity};
use crate::cf;
use crate::chunk::{ChunkGrid, StoragePlan};
use crate::disk::{self, Fence};
use crate::document::CollectionDocument;
use crate::file::{ArrayFile, VariableCells};
use crate::ids::IdIndex;

/// The folder of machinery in a store or a collection.
pub(crate) const MACHINERY: &str = ".hyperslab";
/// The end of the name of an array file.
pub(crate) const EXTENSION: &str = ".nc";
pub(crate) const STORE_DOCUMENT: &str = "hyperslab.json";
pub(crate) const COLLECTION_DOCUMENT: &str = "collection.json";
pub(crate) const ARRAYS: &str = "arrays";
pub(crate) const IDS: &str = "ids";
pub(crate) const TEMPORARIES: &str = "tmp";
pub(crate) const LOCKS: &str = "locks";

/// Fewer names than this are parsed by one thread: waking another costs more.
const NAMES_PER_TASK: usize = 1000;

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
    pub(crate) cache: Arc<FileCache>,
    pub(crate) pace: Pace,
    pub(crate) ids: IdIndex,
    pub(crate) engine: Arc<Engine>,
    /// Identities of collections by name, with that of the document they were read from.
    known: Mutex<HashMap<String, (FileIdentity, Uuid)>>,
}

/// A collection as a call sees it: its folders, and what its files are like.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) folders: Folders,
    /// How an array, or each of its tiles, is stored.
    pub(crate) plan: StoragePlan,
    pub(crate) variable: String,
    /// The tiles, if arrays have them.
    pub(crate) grid: Option<ChunkGrid>,
}

/// An array that was found: its stem, its file and its facts.
pub(crate) type Located = (String, Arc<ArrayFile>, ArrayMeta);

impl Store {
    pub(crate) fn new(root: PathBuf, id: Uuid, engine: Arc<Engine>) -> Self {
        Self {
            locks: Arc::new(LocalLockManager::new(&root)),
            root,
            id,
            cache: Arc::default(),
            pace: Pace::default(),
            ids: IdIndex::default(),
            engine,
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

    fn known(&self) -> MutexGuard<'_, HashMap<String, (FileIdentity, Uuid)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes sure that the collection is still the one of this name.
    fn ensure(&self, collection: &CollectionMeta) -> Result<()> {
        let path = self.folders(&collection.name).document();
        let metadata = match std::fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.missing(&collection.name));
            }
            Err(error) => return Err(Error::io("open", path.display(), error)),
        };
        let identity = FileIdentity::of(&metadata);
        let known = self.known().get(&collection.name).copied();
        let id = match known.filter(|(found, _)| *found == identity) {
            Some((_, id)) => id,
            None => {
                let read = CollectionDocument::read(&path, &collection.name)?;
                self.known()
                    .insert(collection.name.clone(), (identity, read.id));
                read.id
            }
        };
        if id == collection.id {
            return Ok(());
        }
        Err(self.missing(&collection.name))
    }

    /// Keeps the collection from being taken away, or the others out. It is looked at again: one that was deleted may have been
    /// made anew since it was opened, and what is published now would come into that.
    pub(crate) fn fenced(
        &self,
        collection: &CollectionMeta,
        fence: fn(&Path) -> Result<Fence>,
    ) -> Result<Fence> {
        let fence = fence(self.folders(&collection.name).root())?;
        self.ensure(collection).map(|()| fence)
    }

    /// The collection, if it is still the one of this name.
    pub(crate) fn open(&self, collection: &CollectionMeta) -> Result<Opened> {
        self.ensure(collection)?;
        let folders = self.folders(&collection.name);
        let plan = StoragePlan::of(collection)?;
        Ok(Opened {
            folders,
            grid: collection.schema.tile_grid(),
            variable: hyperslab_cf::variable_name(collection, plan.variable.as_deref()),
            plan,
        })
    }

    /// What each name in the folder of arrays says; `None` for a name that is none of ours.
    pub(crate) fn list_names(
        &self,
        collection: &CollectionMeta,
        folders: &Folders,
    ) -> Result<Vec<(String, Option<ParsedStem>)>> {
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
        let names = disk::list_in_any_order(&opened.folders.arrays())?;
        let entries = names
            .into_par_iter()
            .with_min_len(NAMES_PER_TASK)
            .filter_map(|name| {
                let stem = name.strip_suffix(EXTENSION)?;
                let parsed = parse_stem(&collection.schema, stem)?;
                self.entry(collection, &opened, stem, parsed).transpose()
            });
        entries.collect()
    }

    /// The entry of a name, or nothing when the array was deleted since it was listed.
    fn entry(
        &self,
        collection: &CollectionMeta,
        opened: &Opened,
        stem: &str,
        parsed: ParsedStem,
    ) -> Result<Option<ArrayEntry>> {
        let (key, id) = match parsed {
            ParsedStem::Key(key) => (key, None),
            ParsedStem::Id(id) => (Attributes::new(), Some(id)),
            ParsedStem::Hashed => match self.load(collection, opened, stem) {
                Ok((_, meta)) => (meta.key, Some(meta.id)),
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(error),
            },
        };
        Ok(Some(ArrayEntry { key, id }))
    }

    /// Which document a collection has at this moment.
    pub(crate) fn document_identity(&self, name: &str) -> Option<FileIdentity> {
        let found = std::fs::metadata(self.folders(name).document()).ok()?;
        Some(FileIdentity::of(&found))
    }

    /// Opens the file of a stem and reads whose it is.
    pub(crate) fn load(
        &self,
        collection: &CollectionMeta,
        opened: &Opened,
        stem: &str,
    ) -> Result<(Arc<ArrayFile>, ArrayMeta)> {
        let path = opened.folders.array(stem);
        let file = self.cache.open(&path, &opened.variable);
        facts(
            collection,
            file.map_err(|error| absent(collection, stem, error))?,
        )
    }

    /// The same of one array: another one may have its name by now.
    pub(crate) fn load_array(
        &self,
        collection: &CollectionMeta,
        opened: &Opened,
        (stem, id): (&str, Uuid),
    ) -> Result<(Arc<ArrayFile>, ArrayMeta)> {
        let (file, meta) = self.load(collection, opened, stem)?;
        if meta.id == id {
            return Ok((file, meta));
        }
        Err(Error::not_found(format!(
            "array {stem} of collection '{}' was deleted; another one has its key",
            collection.name
        )))
    }

    /// Begins to find an array: its stem, its file and its facts.
    pub(crate) fn begin_locate(
        self: &Arc<Self>,
        collection: &Arc<CollectionMeta>,
        opened: Opened,
        locator: ArrayLocator,
    ) -> Result<Begun<Located>> {
        let keyless = collection.schema.key_attributes().next().is_none();
        let stem = match &locator {
            ArrayLocator::Key(key) if !keyless => stem(key, Uuid::nil()),
            ArrayLocator::Key(_) => {
                return Err(Error::invalid(format!(
                    "arrays of collection '{}' have no key; name the array by its id",
                    collection.name
                )));
            }
            ArrayLocator::Id(id) if keyless => stem(&Attributes::new(), *id),
            &ArrayLocator::Id(id) => {
                let (store, collection) = (Arc::clone(self), Arc::clone(collection));
                return Ok(Begun::nothing(move || {
                    store.locate_id(&collection, &opened, id)
                }));
            }
        };
        let path = opened.folders.array(&stem);
        let file = self.cache.begin_open(&path, &opened.variable);
        let (wanted, name) = (Arc::clone(collection), stem.clone());
        let file = Begun::map_err(file, move |error| absent(&wanted, &name, error))?;
        let collection = Arc::clone(collection);
        file.and_then(move |file| {
            let (file, meta) = facts(&collection, file)?;
            let fits = match &locator {
                ArrayLocator::Key(key) => meta.key == *key,
                ArrayLocator::Id(id) => meta.id == *id,
            };
            if fits {
                return Ok((stem, file, meta));
            }
            Err(Error::corrupt(format!(
                "the file {stem}{EXTENSION} of collection '{}' holds the array {}; run `check`",
                collection.name,
                describe(&meta.key, meta.id)
            )))
        })
    }

    /// Finds an array with a key by its id: in the index, else among the files that the index does not know.
    ///
    /// The index is not mended here: a file that it does not know may be about to be removed.
    fn locate_id(&self, collection: &CollectionMeta, opened: &Opened, id: Uuid) -> Result<Located> {
        let ids = opened.folders.ids();
        if let Some(stem) = self.ids.find(&ids, id)? {
            match self.load(collection, opened, &stem) {
                Ok((file, meta)) if meta.id == id => return Ok((stem, file, meta)),
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
            let Ok((file, meta)) = self.load(collection, opened, &stem) else {
                continue;
            };
            if meta.id == id {
                return Ok((stem, file, meta));
            }
        }
        Err(Error::not_found(format!(
            "there is no array with id {id} in collection '{}'",
            collection.name
        )))
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
        usage.stored_bytes += folder_bytes(&opened.folders.tiles());
        usage.overhead_bytes = folder_bytes(&opened.folders.root().join(MACHINERY))
            + std::fs::metadata(opened.folders.document()).map_or(0, |found| found.len());
        Ok(usage)
    }
}

/// A file, if it is what the schema says, and its facts.
fn facts(collection: &CollectionMeta, file: Arc<ArrayFile>) -> Result<(Arc<ArrayFile>, ArrayMeta)> {
    if let Some(why) = cf::disagreement(&collection.schema, file.header()) {
        return Err(Error::corrupt(format!(
            "{}: {why}; run `check`",
            file.path().display()
        )));
    }
    let is_tiled = collection.schema.tile_shape().is_some();
    if file.header().variable.cells == VariableCells::Elsewhere && !is_tiled {
        return Err(file.names_others());
    }
    let meta = cf::array_meta(&collection.schema, file.header())
        .map_err(|error| error.context(file.path().display()))?;
    Ok((file, meta))
}

/// What it means that a file is not there.
fn absent(collection: &CollectionMeta, stem: &str, error: Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::not_found(format!(
            "array {stem} does not exist in collection '{}'",
            collection.name
        )),
        _ => error,
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
