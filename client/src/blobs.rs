//! Blobs: opaque byte objects under the hash of their content, in repositories that are opened by URL. The calls block; from async code
//! they belong on a thread that may (`tokio::task::spawn_blocking`).
//!
//! ```
//! use hyperslab::blobs::{Blobs, ContainerOptions, Repository};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let url = folder.path().join("objects").display().to_string();
//! let repository = Repository::create(&url, &ContainerOptions::default())?;
//! let put = repository.put_bytes(b"a log")?;
//! assert_eq!(Repository::open(&url)?.content(&put.key)?, b"a log");
//! # Ok::<(), hyperslab::Error>(())
//! ```

use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use hyperslab_blobs::*;
use hyperslab_core::name::ATTACHMENTS;
use hyperslab_core::{Error, ErrorKind, Result};
use object_store::ObjectStore;
use object_store::path::Path as Key;
use tokio::runtime::Handle;

use crate::location::{Location, Place};

/// The folder of their objects among the attachments of a store.
pub(crate) const FOLDER: &str = "blobs";

/// A repository by its URL.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Repository {
    /// A container of AiiDA, which has verbs of its own: [packing](ContainerBlobs::pack_loose), [copies](ContainerBlobs::backup).
    Container(Arc<ContainerBlobs>),
    /// Any other.
    Other(Arc<dyn BlobRepository>),
}

impl Repository {
    /// Opens the repository at a URL: a container's folder, an archive of AiiDA, or a bucket; or that of the
    /// [attachments](crate::attachments) of the store at a URL.
    ///
    /// # Errors
    /// `NotFound` where there is none; `Unsupported` for one of a later version, or a cloud that is not built in; `Corrupt`;
    /// `InvalidInput` for a URL that makes no sense.
    pub fn open(url: &str) -> Result<Self> {
        Self::open_with(url, ContainerBlobs::PATIENCE)
    }

    /// The same, where another packer of a container is waited for so long.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(url: &str, patience: Duration) -> Result<Self> {
        let container = |path: &Path| -> Result<Self> {
            let container = ContainerBlobs::open(path)?;
            Ok(Self::container(container.with_patience(patience)))
        };
        match place(url)? {
            Place::Memory => Ok(Self::other(MemoryBlobs::new())),
            Place::Disk(path) if path.is_file() => ArchiveBlobs::open(&path).map(Self::other),
            Place::Disk(path) => match container(&path) {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    container(&path.join(ATTACHMENTS).join(FOLDER)).map_err(|_| error)
                }
                opened => opened,
            },
            Place::Bucket(url) => bucket(&url, open_bucket),
        }
    }

    /// Makes a repository: a container in a folder that is empty or not there, or one in a bucket, for which the options have no
    /// meaning.
    ///
    /// # Errors
    /// `AlreadyExists`; `InvalidInput` for options that the format does not have; as [`open`](Self::open).
    pub fn create(url: &str, options: &ContainerOptions) -> Result<Self> {
        match place(url)? {
            Place::Memory => Ok(Self::other(MemoryBlobs::new())),
            Place::Disk(path) => ContainerBlobs::create(&path, options).map(Self::container),
            Place::Bucket(url) => bucket(&url, BucketBlobs::create),
        }
    }

    /// The container, if it is one.
    ///
    /// # Errors
    /// `Unsupported`, naming what only containers can do.
    pub fn as_container(&self, what: &str) -> Result<&ContainerBlobs> {
        match self {
            Self::Container(container) => Ok(container),
            Self::Other(_) => Err(Error::unsupported(format!(
                "only a container can {what}; this repository is none"
            ))),
        }
    }

    pub(crate) fn container(container: ContainerBlobs) -> Self {
        Self::Container(Arc::new(container))
    }

    fn other(repository: impl BlobRepository) -> Self {
        Self::Other(Arc::new(repository))
    }
}

impl Deref for Repository {
    type Target = dyn BlobRepository;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Container(container) => &**container,
            Self::Other(repository) => &**repository,
        }
    }
}

fn place(url: &str) -> Result<Place> {
    let location = Location::parse(url)?;
    match location.adapter {
        None => Ok(location.place),
        Some(_) => Err(Error::invalid(
            "a repository of blobs has no adapter; leave out '?adapter=' and 'deker+'",
        )),
    }
}

/// Opens the repository below a prefix, or that of the attachments of the store there.
fn open_bucket(store: Arc<dyn ObjectStore>, prefix: Key, runtime: Handle) -> Result<BucketBlobs> {
    match BucketBlobs::open(Arc::clone(&store), prefix.clone(), runtime.clone()) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let attached = prefix.join(ATTACHMENTS).join(FOLDER);
            BucketBlobs::open(store, attached, runtime).map_err(|_| error)
        }
        opened => opened,
    }
}

/// What opens, or makes, a repository in a bucket.
type Opened = fn(Arc<dyn ObjectStore>, Key, Handle) -> Result<BucketBlobs>;

#[cfg(feature = "cloud")]
fn bucket(url: &str, open: Opened) -> Result<Repository> {
    let (clients, prefix) = clients(url)?;
    let opened = open(clients.opening, prefix, crate::blocking::threads()?)?;
    Ok(Repository::other(opened.through(clients.patient)))
}

#[cfg(not(feature = "cloud"))]
fn bucket(_url: &str, _open: Opened) -> Result<Repository> {
    Err(Error::unsupported(
        "this build cannot reach a bucket; build with the feature `aws`, `gcp` or `azure`",
    ))
}

/// Clients of the bucket at a URL, and the prefix that the URL says.
#[cfg(feature = "cloud")]
pub(crate) fn clients(url: &str) -> Result<(hyperslab_zarr::BucketClients, Key)> {
    let clients = hyperslab_zarr::Medium::clients(url, &crate::config::defaults(url)?)?;
    let prefix = Key::parse(&clients.prefix)
        .map_err(|error| Error::invalid(format!("'{}' is no prefix: {error}", clients.prefix)))?;
    Ok((clients, prefix))
}

/// Opens the repository below a prefix.
pub(crate) fn open_in(
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    runtime: Handle,
) -> Result<Repository> {
    BucketBlobs::open(store, prefix, runtime).map(Repository::other)
}

/// Makes one.
pub(crate) fn create_in(
    store: Arc<dyn ObjectStore>,
    prefix: Key,
    runtime: Handle,
) -> Result<Repository> {
    BucketBlobs::create(store, prefix, runtime).map(Repository::other)
}
