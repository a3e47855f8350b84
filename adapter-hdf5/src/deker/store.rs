//! The folders of a storage of Deker, and what is done in them. Everything here blocks; the adapter runs it on threads for that.

mod arrays;
mod collections;
mod documents;
mod listing;
mod names;
pub(super) mod tiles;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyperslab_core::{
    CollectionMeta, Error, ErrorKind, LocalLockManager, LockGuard, LockManager, LockRequest, Pace,
    Result,
};
use hyperslab_engine::Engine;
use uuid::Uuid;

pub(super) use self::names::{entries_in, make_link, names_in, prune, walk};
use super::file::FileCache;
use super::folders::{Folders, Kind};
use super::guard::{self, Patience, patiently};
use super::schema::Layout;
use crate::cache::FileIdentity;

/// The folder of all collections.
pub(super) const COLLECTIONS: &str = "collections";

/// The folder of what is ours: locks, and files under construction. Deker does not look beside its collections.
pub(super) const MACHINERY: &str = ".hyperslab";
const TEMPORARIES: &str = "tmp";

/// A document that is made is whole sooner.
const DOCUMENT_PATIENCE: Patience = Patience::of_seconds(1);

/// A collection as its document describes it at this moment.
#[derive(Debug)]
pub(super) struct Known {
    identity: FileIdentity,
    pub(super) id: Uuid,
    pub(super) layout: Layout,
    /// What its tiles are, if it has some.
    pub(super) tiles: Option<Layout>,
    pub(super) folders: Folders,
}

impl Known {
    /// What the files of its arrays are.
    pub(super) fn kind(&self) -> Kind {
        if self.layout.is_virtual() {
            Kind::Virtual
        } else {
            Kind::Array
        }
    }
}

/// An open storage.
#[derive(Debug)]
pub(super) struct Store {
    /// Where it lies, whatever links it was named by and wherever they lead by now.
    pub(super) root: PathBuf,
    /// As it was named: what links say.
    named: PathBuf,
    pub(super) collections: PathBuf,
    pub(super) locks: Arc<LocalLockManager>,
    pub(super) pace: Pace,
    pub(super) engine: Arc<Engine>,
    pub(super) files: FileCache,
    /// How long a reader waits for writers of Deker.
    pub(super) patience: Patience,
    known: Mutex<HashMap<String, Arc<Known>>>,
}

impl Store {
    /// The storage in a folder, and how that was named.
    pub(super) fn new(
        (root, named): (PathBuf, PathBuf),
        engine: Arc<Engine>,
        patience: Patience,
    ) -> Self {
        Self {
            collections: root.join(COLLECTIONS),
            locks: Arc::new(LocalLockManager::new(
                root.join(MACHINERY).join(COLLECTIONS),
            )),
            pace: Pace::default(),
            engine,
            files: FileCache::default(),
            patience,
            known: Mutex::default(),
            root,
            named,
        }
    }

    /// Where it lies, and how it was named.
    pub(super) fn places(&self) -> (PathBuf, PathBuf) {
        (self.root.clone(), self.named.clone())
    }

    /// Where it lies.
    pub(super) fn url(&self) -> String {
        format!("file://{}", self.root.display())
    }

    /// The folder of files under construction.
    pub(super) fn temporaries(&self) -> PathBuf {
        self.root.join(MACHINERY).join(TEMPORARIES)
    }

    pub(super) fn folders(&self, name: &str) -> Folders {
        Folders::new(&self.collections, &self.named.join(COLLECTIONS), name)
    }

    /// What the collection of a name is now. Waits while Deker makes its document.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` and `Unsupported` when its document cannot be used.
    pub(super) fn look(&self, name: &str) -> Result<Arc<Known>> {
        patiently(DOCUMENT_PATIENCE, || self.look_at_once(name))
    }

    fn look_at_once(&self, name: &str) -> Result<Arc<Known>> {
        let missing = || {
            Error::not_found(format!(
                "there is no collection '{name}' in {}; `ls` lists those there are",
                self.root.display()
            ))
        };
        if !is_name(name) {
            return Err(missing());
        }
        let folders = self.folders(name);
        let path = folders.document();
        let absent = |source: std::io::Error| match source.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => missing(),
            _ => Error::io("read", path.display(), source),
        };
        let metadata = std::fs::metadata(&path).map_err(absent)?;
        let identity = FileIdentity::of(&metadata);
        let known = self.known().get(name).cloned();
        if let Some(known) = known.filter(|known| known.identity == identity) {
            return Ok(known);
        }
        let bytes = std::fs::read(&path).map_err(absent)?;
        self.describe(name, (&bytes, identity), &folders)
            .map_err(|error| match error.kind() {
                // Deker makes it without a lock, so it may not be whole yet.
                ErrorKind::Corrupt if identity.is_fresh() => guard::changing(&path),
                ErrorKind::Corrupt => error.context(format!("{} is damaged", path.display())),
                _ => error.context(format!("collection '{name}'")),
            })
    }

    fn describe(
        &self,
        name: &str,
        (document, identity): (&[u8], FileIdentity),
        folders: &Folders,
    ) -> Result<Arc<Known>> {
        let text = std::str::from_utf8(document)
            .map_err(|source| Error::corrupt("it is not UTF-8").with_source(source))?;
        let layout = Layout::from_document(text)?;
        let tiles = layout.is_virtual().then(|| layout.of_tiles()).transpose()?;
        let known = Arc::new(Known {
            identity,
            // The document is written once, so another one is that of another collection.
            id: Uuid::new_v5(
                &Uuid::NAMESPACE_URL,
                format!("{}#{name}#{}", self.url(), identity.mark()).as_bytes(),
            ),
            layout,
            tiles,
            folders: folders.clone(),
        });
        self.known().insert(name.to_owned(), Arc::clone(&known));
        Ok(known)
    }

    /// The collection that was opened, if it is still there. Waits as [`look`](Self::look) does.
    ///
    /// # Errors
    /// `NotFound` when it was deleted, or is another one of the same name by now.
    pub(super) fn open(&self, collection: &CollectionMeta) -> Result<Arc<Known>> {
        opened(self.look(&collection.name)?, collection)
    }

    /// The same without a pause.
    ///
    /// # Errors
    /// Also `Locked` when Deker makes its document.
    pub(super) fn open_at_once(&self, collection: &CollectionMeta) -> Result<Arc<Known>> {
        opened(self.look_at_once(&collection.name)?, collection)
    }

    /// Waits for locks among ourselves.
    ///
    /// # Errors
    /// `Locked` with the name of the holder; `Denied`.
    pub(super) async fn lock(&self, request: LockRequest) -> Result<LockGuard> {
        for key in &request.keys {
            let folder = self.locks.folder_of(&key.collection)?;
            std::fs::create_dir_all(&folder)
                .map_err(|source| Error::io("create", folder.display(), source))?;
        }
        self.locks.acquire(request).await
    }

    /// Where the locks of collections are.
    pub(super) fn lock_folder(&self) -> PathBuf {
        self.root.join(MACHINERY).join(COLLECTIONS)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Arc<Known>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn opened(known: Arc<Known>, collection: &CollectionMeta) -> Result<Arc<Known>> {
    if known.id == collection.id {
        return Ok(known);
    }
    Err(Error::not_found(format!(
        "collection '{}' was deleted and created anew; open it again",
        collection.name
    )))
}

/// Whether a collection may be called so.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}
