//! The contract of a repository.

use std::fmt::Debug;
use std::io::Read;
use std::ops::ControlFlow;

use hyperslab_core::{Error, Result};
use serde::Serialize;
use uuid::Uuid;

use crate::care::verify_each;
use crate::{
    BlobFinding, BlobKey, BlobReader, CollectPlan, CollectReport, KeyFormat, MaintainPlan,
    MaintainReport, Named, Sha256Digest, VerifyReport, Watch,
};

/// What a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobInfo {
    /// Its identity; those that do not last have none.
    pub id: Option<Uuid>,
    /// How its keys are made.
    pub key_format: KeyFormat,
    /// Whether it can only be read.
    pub read_only: bool,
}

/// What became of an object that was put.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Put {
    /// How it is called from now on.
    pub key: BlobKey,
    /// Bytes of its content.
    pub size: u64,
    /// The SHA-256 of its content.
    pub sha256: Sha256Digest,
    /// Whether it was there already.
    pub existed: bool,
}

/// What is known of an object without reading it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlobStat {
    /// Bytes of its content.
    pub size: u64,
    /// Where it lies.
    pub placement: Placement,
}

/// Where an object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Placement {
    /// The index has no sensible number for it: it is damaged, and its size is not known.
    Unknown,
    /// By itself.
    Loose,
    /// In a file with others.
    Packed {
        /// Which one, by its number.
        pack: i64,
        /// Bytes that it takes there.
        stored: u64,
        /// Whether it is compressed.
        compressed: bool,
    },
}

/// In which order many objects are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As they were asked for, each as often as it was.
    AsAsked,
    /// As they are read fastest, each once.
    AsStored,
}

/// What is done about a key that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nothing is done, and the error names all such keys.
    Fail,
    /// It is passed over, or visited as absent.
    Skip,
}

/// What a repository holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct BlobUsage {
    /// Objects, each counted once.
    pub objects: u64,
    /// Bytes of their content.
    pub content_bytes: u64,
    /// Bytes that they take, with what belongs to nothing.
    pub stored_bytes: u64,
}

/// Adds up sizes. Those that a damaged index claims may come to more than there is a number for: to the largest then.
pub(crate) fn sum(sizes: impl Iterator<Item = u64>) -> u64 {
    sizes.fold(0, u64::saturating_add)
}

/// What is to be put, one after the other.
pub type Sources<'a> = dyn Iterator<Item = Result<Box<dyn Read + 'a>>> + 'a;

/// Keys as they are listed.
pub type BlobKeys<'a> = Box<dyn Iterator<Item = Result<BlobKey>> + Send + 'a>;

/// Takes the objects that are visited, one after the other, and says whether to go on. The stream is `None` for one that is not
/// there.
pub type Visit<'a> =
    dyn FnMut(&BlobKey, Option<&mut dyn BlobReader>) -> Result<ControlFlow<()>> + 'a;

/// A repository of byte objects. Every one passes the same tests, those of [`MemoryBlobs`](crate::MemoryBlobs).
///
/// An object never changes. Whoever has put one may read it at once, and so may everybody else. A key of another format than that
/// of the repository is refused with `InvalidInput` by every call.
pub trait BlobRepository: Debug + Send + Sync + 'static {
    /// What it is.
    fn info(&self) -> BlobInfo;

    /// Puts what is left of a source, whole or not at all.
    ///
    /// # Errors
    /// `Denied` where it can only be read; `Unavailable` when the source or the medium fails.
    fn put(&self, source: &mut dyn Read) -> Result<Put>;

    /// Puts many objects. All are safe when this returns, which for many small ones is much faster than one after the other where a
    /// repository can make them so together.
    ///
    /// # Errors
    /// As [`put`](Self::put); some may have been put then.
    fn put_many(&self, sources: &mut Sources<'_>) -> Result<Vec<Put>> {
        sources.map(|source| self.put(&mut *source?)).collect()
    }

    /// What is known of each of these objects, in their order; `None` for one that is not there.
    ///
    /// # Errors
    /// What the medium says.
    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>>;

    /// Makes objects as young as if each had been put again, so that who [collects](Self::collect) from now on, or has begun to, leaves
    /// them: which of them are there. Whoever names objects that were put long ago renews them when they are named.
    ///
    /// # Errors
    /// `Denied` where it can only be read and somebody may collect; what the medium says.
    fn renew(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        Ok(self.stat_many(keys)?.iter().map(Option::is_some).collect())
    }

    /// Opens an object.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt`.
    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>>;

    /// Visits many objects.
    ///
    /// # Errors
    /// `NotFound` that names all keys that are not there, before the first visit, with [`Missing::Fail`]; what `visit` says.
    fn read_many(
        &self,
        keys: &[BlobKey],
        order: Order,
        missing: Missing,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        crate::visiting::one_by_one(self, keys, (order, missing), visit)
    }

    /// All keys, each once, in any order. What is put or deleted meanwhile may be among them or not; what is packed is.
    ///
    /// # Errors
    /// What the medium says.
    fn list(&self) -> Result<BlobKeys<'_>>;

    /// Deletes objects: how many there were. A key that is named twice counts once.
    ///
    /// # Errors
    /// `NotFound` that names all keys that are not there, before the first is deleted, with [`Missing::Fail`]; `Denied`.
    fn delete_many(&self, keys: &[BlobKey], missing: Missing) -> Result<u64>;

    /// The SHA-256 of the content of an object, read anew.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` when it is not what its key says.
    fn sha256(&self, key: &BlobKey) -> Result<Sha256Digest> {
        crate::visiting::hash_of(key, self.open(key)?)
    }

    /// Reads every object, and tells of each that is not what its key says. A fault ends nothing.
    ///
    /// # Errors
    /// When the objects cannot be listed.
    fn verify(&self, tell: &mut dyn FnMut(BlobFinding), watch: &Watch<'_>) -> Result<VerifyReport> {
        verify_each(self, tell, watch)
    }

    /// Deletes what nothing names and nobody has put for a while. Others may put, read and pack at the same time. What was put, or
    /// [renewed](Self::renew), since this began stays, however long it takes.
    ///
    /// # Errors
    /// `Unsupported` where it is not known when objects were put; `Denied`; `Locked`; what the medium says, and `named`.
    fn collect(&self, _plan: &CollectPlan, _named: &mut Named<'_>) -> Result<CollectReport> {
        Err(Error::unsupported(
            "this repository does not know when its objects were put; delete them by their keys",
        ))
    }

    /// Puts it in order, as far as there is anything to be put in order.
    ///
    /// # Errors
    /// `Denied`; `Locked` when somebody else does; what the medium says.
    fn maintain(&self, _plan: &MaintainPlan, _watch: &Watch<'_>) -> Result<MaintainReport> {
        Ok(MaintainReport::default())
    }

    /// What it holds.
    ///
    /// # Errors
    /// What the medium says.
    fn usage(&self) -> Result<BlobUsage>;

    /// Removes the repository with all that it has made; one that is gone is no error.
    ///
    /// # Errors
    /// `Denied`; what the medium says.
    fn erase(&self) -> Result<()>;
}
