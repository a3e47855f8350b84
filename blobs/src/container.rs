//! Containers of `disk-objectstore`, the format in which AiiDA keeps its files, opened in place and made.
//!
//! - `config`: what the container says of itself.
//! - `folders`: where its files lie.
//! - `loose`: objects by themselves, a file each.
//! - `index`: the table of packed objects.
//! - `packs`, `extent`: objects in a pack as they are read.
//! - `reading`: an object, wherever it is, checked, and from its other copy if one is damaged.
//! - `packing`, `direct`, `appender`, `locks`: objects into packs, by one packer at a time.
//! - `durable`: packs of a program that does not sync them.
//! - `cleaning`, `repacking`, `verifying`, `collecting`: its care.
//! - `loosening`, `backup`: copies of objects, and of all of it.
//!
//! The format is that of version 1, which `disk-objectstore` opens; what we add, `docs/format/container.md` has.

mod appender;
mod backup;
mod cleaning;
mod collecting;
mod config;
mod direct;
mod durable;
mod encoding;
mod extent;
mod folders;
mod index;
mod locks;
mod loose;
mod loosening;
mod packing;
mod packs;
mod read_ahead;
mod read_back;
mod reading;
mod repacking;
mod verifying;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use hyperslab_core::{Error, Result};

pub use self::backup::BackupReport;
pub use self::cleaning::{CleanOptions, CleanReport};
use self::config::Config;
pub use self::config::{Compression, ContainerOptions};
use self::durable::Synced;
use self::folders::Folders;
use self::index::{Index, Row};
use self::locks::PackerLock;
pub use self::packing::{Compress, PackOptions, PackReport};
use self::packs::Packs;
use self::reading::Found;
pub use self::repacking::{RepackOptions, RepackReport};
use crate::convenience::{check_keys, those_there};
use crate::hashing::Sha256Digest;
use crate::visiting::hash_of;
use crate::{
    BlobFinding, BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage,
    CollectPlan, CollectReport, MaintainPlan, MaintainReport, Missing, Named, Order, Placement,
    Put, Sources, Verification, VerifyReport, Visit, Watch,
};

/// So many objects are worth a thread.
const WORTH_A_THREAD: usize = 64;

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
    packs: Packs,
    synced: Synced,
    verification: Verification,
    /// How long another packer is waited for.
    patience: Duration,
    /// The pack that was written last: those before it are full.
    last_pack: AtomicI64,
}

impl ContainerBlobs {
    /// How long another packer is waited for, if [nothing else](Self::with_patience) is said.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// Makes a container in a folder that is empty or not there.
    ///
    /// # Errors
    /// `AlreadyExists` when anything is in the folder; `InvalidInput` for options that the format does not have.
    pub fn create(root: &Path, options: &ContainerOptions) -> Result<Self> {
        let config = Config::new(options)?;
        let folders = Folders::new(root)?;
        // Of several who make it at once one does.
        let _lock = PackerLock::of_maker(&folders, Self::PATIENCE)?;
        folders.check_new()?;
        folders.make()?;
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
            packs: Packs::default(),
            synced: Synced::default(),
            verification: Verification::default(),
            patience: Self::PATIENCE,
            last_pack: AtomicI64::default(),
        })
    }

    /// The same, which waits so long while another packs: [`PATIENCE`](Self::PATIENCE) if not set.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The same, with content checked when it is read, or not.
    #[must_use]
    pub fn with_verification(mut self, verification: Verification) -> Self {
        self.verification = verification;
        self
    }

    /// Whether there is a container in a folder. Makes nothing.
    #[must_use]
    pub fn is_container(root: &Path) -> bool {
        Folders::of(root).is_ok_and(|folders| Config::read(&folders).is_ok())
    }

    /// Whether a container can be made in a folder: it is not there, is empty, or has what whoever was killed over making one has left.
    ///
    /// # Errors
    /// What the medium says.
    pub fn is_free(root: &Path) -> Result<bool> {
        Folders::is_free(root)
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folders.root()
    }

    fn loose_path(&self, key: &BlobKey) -> PathBuf {
        self.folders
            .loose_file(&key.text(), self.config.loose_prefix_len)
    }
}

impl BlobRepository for ContainerBlobs {
    fn info(&self) -> BlobInfo {
        BlobInfo {
            id: Some(self.config.container_id),
            key_format: self.config.hash_type,
            read_only: self.index.is_read_only(),
        }
    }

    fn put(&self, source: &mut dyn Read) -> Result<Put> {
        let spooled = loose::spool(&self.folders, &self.config, source)?;
        let _gate = self.enter()?;
        if self.is_packed(&spooled.key)? {
            self.note_put(&[spooled.key])?;
            return Ok(spooled.existing());
        }
        let put = spooled.publish(&self.folders, &self.config)?;
        if put.existed {
            self.renew_loose(&put.key)?;
        }
        Ok(put)
    }

    fn put_many(&self, sources: &mut Sources<'_>) -> Result<Vec<Put>> {
        self.put_packed(sources, Compress::Never)
    }

    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>> {
        check_keys(self, keys)?;
        let stat = |found: Option<Found>| {
            found.map(|found| match found {
                Found::Loose(size) => BlobStat {
                    size,
                    placement: Placement::Loose,
                },
                Found::Packed(Row::SENSELESS) => BlobStat {
                    size: 0,
                    placement: Placement::Unknown,
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
        match keys {
            // Without a transaction for all.
            [key] => Ok(vec![stat(self.look_for(key)?)]),
            keys => Ok(self.find(keys)?.into_iter().map(stat).collect()),
        }
    }

    fn renew(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        check_keys(self, keys)?;
        self.renew_all(keys)
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        check_keys(self, std::slice::from_ref(key))?;
        self.open_checked(key, self.verification)
    }

    fn read_many(
        &self,
        keys: &[BlobKey],
        order: Order,
        missing: Missing,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        check_keys(self, keys)?;
        self.visit_many(keys, (order, missing), visit)
    }

    fn list(&self) -> Result<BlobKeys<'_>> {
        let format = self.config.hash_type;
        // Loose ones first: one that is packed meanwhile is in the index afterwards.
        let mut loose = loose::list(&self.folders, &self.config)?;
        loose.sort_unstable();
        let loose = std::sync::Arc::new(loose);
        let known = std::sync::Arc::clone(&loose);
        let is_other = move |key: &Result<BlobKey>| {
            !key.as_ref()
                .is_ok_and(|key| known.binary_search(key).is_ok())
        };
        let packed = self.index.keys(format).filter(is_other);
        let loose = (0..loose.len()).filter_map(move |at| loose.get(at).copied());
        Ok(Box::new(loose.map(Ok).chain(packed)))
    }

    fn delete_many(&self, keys: &[BlobKey], missing: Missing) -> Result<u64> {
        check_keys(self, keys)?;
        // Whoever packs makes rows, and whoever cleans takes files away, before this or after it.
        let _gate = self.enter()?;
        let found = self.find(keys)?;
        let there = those_there(keys, &found, missing)?;
        // A row counts before a file: with the file gone first, an old row would bring the object back.
        self.index.remove(there.iter().copied())?;
        for key in &there {
            loose::remove(&self.loose_path(key))?;
        }
        Ok(there.len() as u64)
    }

    fn sha256(&self, key: &BlobKey) -> Result<Sha256Digest> {
        hash_of(key, self.open_checked(key, Verification::Never)?)
    }

    fn verify(&self, tell: &mut dyn FnMut(BlobFinding), watch: &Watch<'_>) -> Result<VerifyReport> {
        self.verify_all(tell, watch)
    }

    fn collect(&self, plan: &CollectPlan, named: &mut Named<'_>) -> Result<CollectReport> {
        self.collect_unnamed(plan, named)
    }

    fn maintain(&self, plan: &MaintainPlan, watch: &Watch<'_>) -> Result<MaintainReport> {
        let mut report = MaintainReport::default();
        if plan.pack {
            let options = PackOptions {
                compress: plan.compress,
                // Cleaning reads what is packed before it removes what is loose.
                clean: false,
                dry_run: plan.dry_run,
            };
            report.packed = Some(self.pack_loose(&options, watch)?);
        }
        if plan.repack {
            let options = RepackOptions {
                compress: None,
                dry_run: plan.dry_run,
            };
            report.repacked = Some(self.repack(&options, watch)?);
        }
        if plan.clean {
            let options = CleanOptions {
                age: plan.age,
                dry_run: plan.dry_run,
            };
            report.cleaned = Some(self.clean(&options)?);
        }
        if plan.vacuum {
            report.vacuumed_bytes = Some(match plan.dry_run {
                true => 0,
                false => self.index.vacuum()?,
            });
        }
        Ok(report)
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
                usage.content_bytes = usage.content_bytes.saturating_add(size);
            }
        }
        Ok(usage)
    }

    fn erase(&self) -> Result<()> {
        self.index.close();
        self.packs.close();
        match std::fs::remove_dir_all(self.folders.root()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("delete", self.folders.root().display(), error))
            }
            _ => Ok(()),
        }
    }
}
