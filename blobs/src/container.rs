//! Containers of `disk-objectstore`, the format in which AiiDA keeps its files, opened in place and made.
//!
//! - `config`: what the container says of itself.
//! - `folders`: where its files lie.
//! - `loose`: objects by themselves, a file each.
//! - `index`: the table of packed objects.
//! - `extent`: objects in a pack as they are read.
//! - `packing`, `appender`, `locks`: objects into packs, by one packer at a time.
//! - `cleaning`, `repacking`, `verifying`: its care.
//!
//! The format is that of version 1, without anything of ours; `docs/format/container.md` has it.

mod appender;
mod cleaning;
mod config;
mod extent;
mod folders;
mod index;
mod locks;
mod loose;
mod packing;
mod repacking;
mod verifying;

use std::collections::HashSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use hyperslab_core::{Error, Result};
use uuid::Uuid;

pub use self::cleaning::{CleanOptions, CleanReport};
use self::config::Config;
pub use self::config::{Compression, ContainerOptions};
use self::folders::Folders;
use self::index::{Index, Row};
pub use self::packing::{Compress, PackOptions, PackReport};
pub use self::repacking::RepackReport;
pub use self::verifying::{BlobFault, BlobFinding, VerifyReport};
use crate::convenience::{absent, check_keys};
use crate::hashing::Sha256Digest;
use crate::visiting::{hash_of, one_by_one};
use crate::{
    BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage, Missing, Order,
    Placement, Put, Visit,
};

/// A container in a folder.
///
/// ```
/// use hyperslab_blobs::{Blobs, ContainerBlobs, ContainerOptions};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("container");
/// let blobs = ContainerBlobs::create(&path, &ContainerOptions::default())?;
/// let put = blobs.put_bytes(b"kept")?;
/// drop(blobs);
/// assert_eq!(ContainerBlobs::open(&path)?.content(&put.key)?, b"kept");
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ContainerBlobs {
    folders: Folders,
    config: Config,
    index: Index,
}

/// Where an object was found.
enum Found {
    Packed(Row),
    Loose(u64),
}

impl ContainerBlobs {
    /// Makes a container in a folder that is empty or not there.
    ///
    /// # Errors
    /// `AlreadyExists` when anything is in the folder; `InvalidInput` for options that the format does not have.
    pub fn create(root: &Path, options: &ContainerOptions) -> Result<Self> {
        let config = Config::new(options)?;
        let folders = Folders::make(root)?;
        Index::create(&folders.index())?;
        // The last, for with it the container is there.
        config.write(&folders)?;
        Self::open(root)
    }

    /// Opens a container.
    ///
    /// # Errors
    /// `NotFound` where there is none; `Unsupported` for one of a later version; `Corrupt` when what it says of itself makes no
    /// sense.
    pub fn open(root: &Path) -> Result<Self> {
        let folders = Folders::of(root)?;
        let config = Config::read(&folders)?;
        let index = Index::open(&folders.index())?;
        Ok(Self {
            folders,
            config,
            index,
        })
    }

    /// Whether there is a container in a folder. Makes nothing.
    #[must_use]
    pub fn is_container(root: &Path) -> bool {
        Folders::of(root).is_ok_and(|folders| Config::read(&folders).is_ok())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folders.root()
    }

    fn loose_path(&self, key: &BlobKey) -> PathBuf {
        self.folders
            .loose_file(key.as_str(), self.config.loose_prefix_len)
    }

    /// Where each object is: packed, if it is both; `None` for one that is not there.
    fn find(&self, keys: &[BlobKey]) -> Result<Vec<Option<Found>>> {
        let packed = self.index.find(keys)?;
        let mut found = Vec::with_capacity(keys.len());
        let mut unfound = Vec::new();
        for (place, (key, row)) in keys.iter().zip(packed).enumerate() {
            let here = match row {
                Some(row) => Some(Found::Packed(row)),
                None => loose::size(&self.loose_path(key))?.map(Found::Loose),
            };
            if here.is_none() {
                unfound.push(place);
            }
            found.push(here);
        }
        // One that was packed, and whose file was removed, between the two looks is in the index by now.
        let again: Vec<BlobKey> = unfound
            .iter()
            .filter_map(|&place| keys.get(place).cloned())
            .collect();
        for (place, row) in unfound.into_iter().zip(self.index.find(&again)?) {
            if let Some(slot) = found.get_mut(place) {
                *slot = row.map(Found::Packed);
            }
        }
        Ok(found)
    }

    fn find_one(&self, key: &BlobKey) -> Result<Found> {
        let found = self.find(std::slice::from_ref(key))?.pop().flatten();
        match found {
            Some(found) => Ok(found),
            None => Err(absent([key])
                .err()
                .unwrap_or_else(|| Error::internal("no key"))),
        }
    }
}

impl BlobRepository for ContainerBlobs {
    fn info(&self) -> BlobInfo {
        BlobInfo {
            id: Some(self.config.id()),
            key_format: self.config.hash_type,
            read_only: false,
        }
    }

    fn put(&self, source: &mut dyn Read) -> Result<Put> {
        loose::put(&self.folders, &self.config, source)
    }

    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>> {
        check_keys(self, keys)?;
        let stat = |found: Option<Found>| {
            found.map(|found| match found {
                Found::Loose(size) => BlobStat {
                    size,
                    placement: Placement::Loose,
                },
                Found::Packed(row) => BlobStat {
                    size: row.size,
                    placement: Placement::Packed {
                        pack: row.pack,
                        stored: row.length,
                        compressed: row.compressed,
                    },
                },
            })
        };
        Ok(self.find(keys)?.into_iter().map(stat).collect())
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        // What is packed, or repacked, meanwhile is looked for again.
        const ATTEMPTS: usize = 3;
        check_keys(self, std::slice::from_ref(key))?;
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let opened = match self.find_one(key)? {
                Found::Loose(_) => loose::open(&self.loose_path(key)),
                Found::Packed(row) => extent::open(&self.folders, key, row),
            };
            match opened {
                Err(error) if error.kind() == hyperslab_core::ErrorKind::NotFound => {
                    last = Some(error);
                }
                opened => return opened,
            }
        }
        let why = last.map_or_else(String::new, |error| format!(": {error}"));
        Err(Error::corrupt(format!(
            "object {key} is in the index, and its bytes are not there{why}; restore the pack from a copy"
        )))
    }

    fn read_many(
        &self,
        keys: &[BlobKey],
        order: Order,
        missing: Missing,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        one_by_one(self, keys, (order, missing), visit)
    }

    fn list(&self) -> Result<BlobKeys<'_>> {
        let format = self.config.hash_type;
        // Loose ones first: one that is packed meanwhile is in the index afterwards.
        let loose = loose::list(&self.folders, &self.config)?;
        let packed = self.index.keys(format)?;
        let known: HashSet<BlobKey> = loose.iter().cloned().collect();
        let others = packed.filter(move |key| !key.as_ref().is_ok_and(|key| known.contains(key)));
        Ok(Box::new(loose.into_iter().map(Ok).chain(others)))
    }

    fn delete_many(&self, keys: &[BlobKey], missing: Missing) -> Result<u64> {
        check_keys(self, keys)?;
        let found = self.find(keys)?;
        let pairs = || keys.iter().zip(&found);
        if missing == Missing::Fail {
            absent(
                pairs()
                    .filter(|(_, found)| found.is_none())
                    .map(|(key, _)| key),
            )?;
        }
        let there: HashSet<&BlobKey> = pairs()
            .filter(|(_, found)| found.is_some())
            .map(|(key, _)| key)
            .collect();
        // A row counts before a file: with the file gone first, an old row would bring the object back.
        self.index.remove(there.iter().copied())?;
        for key in &there {
            loose::remove(&self.loose_path(key))?;
        }
        Ok(there.len() as u64)
    }

    fn sha256(&self, key: &BlobKey) -> Result<Sha256Digest> {
        hash_of(self, key)
    }

    fn usage(&self) -> Result<BlobUsage> {
        let (objects, content_bytes) = self.index.totals()?;
        let mut usage = BlobUsage {
            objects,
            content_bytes,
            stored_bytes: self.folders.pack_bytes()?,
        };
        let loose = loose::list(&self.folders, &self.config)?;
        for (key, row) in loose.iter().zip(self.index.find(&loose)?) {
            let Some(size) = loose::size(&self.loose_path(key))? else {
                continue;
            };
            usage.stored_bytes += size;
            if row.is_none() {
                usage.objects += 1;
                usage.content_bytes += size;
            }
        }
        Ok(usage)
    }

    fn erase(&self) -> Result<()> {
        self.index.close();
        match std::fs::remove_dir_all(self.folders.root()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("delete", self.folders.root().display(), error))
            }
            _ => Ok(()),
        }
    }
}

impl Config {
    fn id(&self) -> Uuid {
        self.container_id
    }
}
