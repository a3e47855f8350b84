//! Attachments: files beside the arrays of a store. Logs, figures, configurations and raw instrument files are attached to the store, to
//! a collection or to an array, each under a path; and what an array was made from is written down as the keys of these inputs.
//!
//! - `manifest`: what is attached to one owner, a small document.
//! - `owner`: to whom.
//! - `documents`: where manifests lie, and how one is changed by several at once.
//! - `naming`: putting objects and naming them, in an order that loses neither.
//! - `copying`: into another store.
//! - `collecting`, `checking`: the care of what they name.
//!
//! The content lies in a repository of [blobs] in the store, `.attachments/blobs`: a container on a disk, one object for each
//! content in a bucket. `docs/format/attachments.md` has it all. The calls block; from async code they belong on a thread that may
//! (`tokio::task::spawn_blocking`).

mod checking;
mod collecting;
mod copying;
mod documents;
#[cfg(test)]
mod interposed;
mod manifest;
mod naming;
mod owner;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyperslab_core::name::ATTACHMENTS;
use hyperslab_core::{Error, ErrorKind, Result};
use tokio::runtime::Handle;
use uuid::Uuid;

pub use self::copying::{AttachmentDifference, AttachmentsCopy};
use self::documents::Documents;
pub use self::manifest::{AttachedFile, Manifest};
pub use self::owner::Owner;
use crate::blobs::{
    self, BlobKey, BlobReader, ContainerBlobs, ContainerOptions, KeyFormat, Repository,
};
use crate::location::{Location, Place};

/// How long others are waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// The attachments of a store.
///
/// ```
/// use hyperslab::attachments::{Attachments, Owner};
/// use hyperslab::blocking::Store;
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let url = folder.path().join("store").display().to_string();
/// Store::create(&url)?;
/// let attachments = Attachments::open(&url)?;
/// attachments.attach(&Owner::Store, "logs/run.log", &mut &b"it went well"[..], None)?;
/// let mut log = attachments.read(&Owner::Store, "logs/run.log")?;
/// assert_eq!(std::io::read_to_string(&mut log).unwrap(), "it went well");
/// # Ok::<(), hyperslab::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Attachments {
    place: RepositoryPlace,
    repository: Arc<Mutex<Option<Repository>>>,
    documents: Arc<dyn Documents>,
    runtime: Handle,
    patience: Duration,
}

/// Where the objects are.
#[derive(Debug, Clone)]
enum RepositoryPlace {
    /// In a folder, which is made with the first.
    Disk(PathBuf),
    /// In a bucket, or in memory.
    Bucket(Arc<dyn object_store::ObjectStore>, object_store::path::Path),
}

impl RepositoryPlace {
    /// Whether nothing is there, so that nothing was ever attached.
    fn is_free(&self) -> Result<bool> {
        match self {
            Self::Disk(path) => ContainerBlobs::is_free(path),
            // It is there with the one document that is made first.
            Self::Bucket(..) => Ok(true),
        }
    }
}

impl Attachments {
    /// Those of the store at a URL. Nothing is made before something is attached.
    ///
    /// # Errors
    /// `Unsupported` for a file of another program, which has none, and for a cloud that is not built in; `InvalidInput` for a URL
    /// that makes no sense.
    pub fn open(url: &str) -> Result<Self> {
        let runtime = crate::blocking::threads()?;
        match Location::parse(url)?.place {
            Place::Memory => Ok(Self::in_bucket(
                Arc::new(object_store::memory::InMemory::new()),
                object_store::path::Path::default(),
                runtime,
            )),
            Place::Disk(path) if path.is_file() => Err(Error::unsupported(format!(
                "{} is a file of another program, to which nothing is attached; import it into a store first",
                path.display()
            ))),
            Place::Disk(path) => {
                let folder = path.join(ATTACHMENTS);
                Ok(Self {
                    place: RepositoryPlace::Disk(folder.join(blobs::FOLDER)),
                    repository: Arc::default(),
                    documents: Arc::new(documents::OnDisk::new(folder)),
                    runtime,
                    patience: PATIENCE,
                })
            }
            Place::Bucket(url) => Self::at_bucket(&url, runtime),
        }
    }

    #[cfg(feature = "cloud")]
    fn at_bucket(url: &str, runtime: Handle) -> Result<Self> {
        let (clients, prefix) = blobs::clients(url)?;
        Ok(Self::in_bucket(
            clients.patient,
            prefix.join(ATTACHMENTS),
            runtime,
        ))
    }

    #[cfg(not(feature = "cloud"))]
    fn at_bucket(_url: &str, _runtime: Handle) -> Result<Self> {
        Err(Error::unsupported(
            "this build cannot reach a bucket; build with the feature `aws`, `gcp` or `azure`",
        ))
    }

    fn in_bucket(
        store: Arc<dyn object_store::ObjectStore>,
        folder: object_store::path::Path,
        runtime: Handle,
    ) -> Self {
        let documents =
            documents::InBucket::new(Arc::clone(&store), folder.clone(), runtime.clone());
        Self {
            place: RepositoryPlace::Bucket(store, folder.join(blobs::FOLDER)),
            repository: Arc::default(),
            documents: Arc::new(documents),
            runtime,
            patience: PATIENCE,
        }
    }

    /// The same, which waits so long for others who change what is attached: 60 s if not set.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What is attached to an owner; nothing if nothing is.
    ///
    /// # Errors
    /// `Corrupt`, `Unsupported` for a document that makes no sense, or of a later version; what the medium says.
    pub fn manifest(&self, owner: &Owner) -> Result<Manifest> {
        let found = self.manifest_of(&owner.name())?;
        Ok(found.map(|(_, manifest)| manifest).unwrap_or_default())
    }

    /// What is attached to everybody, in the order of the owners; behind it what is wrong with documents that cannot be read.
    ///
    /// # Errors
    /// What the medium says.
    pub fn manifests(&self) -> Result<Vec<Result<(Owner, Manifest)>>> {
        let mut found = Vec::new();
        for name in self.names(None)? {
            found.extend(self.manifest_of(&name).transpose());
        }
        found.sort_by_key(|manifest| match manifest {
            Ok((owner, _)) => (false, Some(*owner)),
            Err(_) => (true, None),
        });
        Ok(found)
    }

    /// What a document says; `None` for one that was removed meanwhile.
    fn manifest_of(&self, name: &str) -> Result<Option<(Owner, Manifest)>> {
        match self.documents.read(name)? {
            None => Ok(None),
            Some((text, _)) => Manifest::parse(name, &text).map(Some),
        }
    }

    /// The names of all documents, or of those of a collection and its arrays.
    fn names(&self, only: Option<Uuid>) -> Result<Vec<String>> {
        let mut names = self.documents.list()?;
        if let Some(id) = only.map(|id| id.to_string()) {
            names.retain(|name| name.contains(&id));
        }
        Ok(names)
    }

    /// Opens what is attached under a path.
    ///
    /// # Errors
    /// `NotFound` when nothing is; `Corrupt` when its object is not there.
    pub fn read(&self, owner: &Owner, path: &str) -> Result<Box<dyn BlobReader>> {
        let manifest = self.manifest(owner)?;
        let file = manifest.file(path)?;
        let opened = self.needed()?.open(&file.key);
        opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound => lost(Some(path), &file.key).with_source(error),
            _ => error,
        })
    }

    /// The repository of their objects, if anything was ever attached.
    ///
    /// # Errors
    /// `Corrupt` when it is damaged; as [`Repository::open`].
    pub fn repository(&self) -> Result<Option<Repository>> {
        let mut known = self
            .repository
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if known.is_none() {
            *known = self.open_if_there()?;
        }
        Ok(known.clone())
    }

    fn open_if_there(&self) -> Result<Option<Repository>> {
        let mut opened = self.open_repository();
        for _ in 0..2 {
            match opened {
                Err(error) if error.kind() == ErrorKind::NotFound && self.place.is_free()? => {
                    return Ok(None);
                }
                // Made between the two looks, if it is sound.
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    opened = self.open_repository();
                }
                opened => return opened.map(Some),
            }
        }
        opened.map(Some).map_err(|error| {
            Error::corrupt(format!(
                "the repository of what is attached does not open: {}; restore it from a copy",
                error.message()
            ))
            .with_source(error)
        })
    }

    /// The repository, where something is named that must be in it.
    fn needed(&self) -> Result<Repository> {
        self.repository()?.ok_or_else(|| {
            Error::corrupt(
                "the repository of what is attached is not there; restore it from a copy",
            )
        })
    }

    fn open_repository(&self) -> Result<Repository> {
        match &self.place {
            RepositoryPlace::Disk(path) => ContainerBlobs::open(path)
                .map(|container| Repository::container(container.with_patience(self.patience))),
            RepositoryPlace::Bucket(store, prefix) => {
                crate::blobs::open_in(Arc::clone(store), prefix.clone(), self.runtime.clone())
            }
        }
    }

    /// The repository, which is made.
    fn made(&self) -> Result<Repository> {
        if let Some(repository) = self.repository()? {
            return Ok(repository);
        }
        let making = self.documents.making(self.patience)?;
        // Another one may have been faster.
        if let Some(repository) = self.repository()? {
            return Ok(repository);
        }
        let made = match &self.place {
            RepositoryPlace::Disk(path) => {
                ContainerBlobs::create(path, &ContainerOptions::default())
                    .map(Repository::container)
            }
            RepositoryPlace::Bucket(store, prefix) => {
                blobs::create_in(Arc::clone(store), prefix.clone(), self.runtime.clone())
            }
        };
        drop(making);
        match made {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
            // Made by another one meanwhile, in a bucket; else it is there and does not open.
            made => self.repository()?.ok_or_else(|| {
                let why = made.err().map_or_else(String::new, |error| error.to_string());
                Error::corrupt(format!(
                    "the objects of what is attached are there, and their repository does not open: {why}; restore it from a copy"
                ))
            }),
        }
    }
}

/// What is said of an object that is named under a path, or as an input, and is not there.
fn lost(path: Option<&str>, key: &BlobKey) -> Error {
    let what = match path {
        Some(path) => format!("'{path}' is attached, and its object {key} is not there"),
        None => format!("an input, object {key}, is not there"),
    };
    Error::corrupt(format!("{what}; restore it from a copy"))
}

/// The keys of attachments are SHA-256.
const KEYS: KeyFormat = KeyFormat::Sha256;
