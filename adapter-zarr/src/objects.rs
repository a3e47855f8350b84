//! The medium: objects under keys, whole or in ranges, changed only under a condition.
//!
//! Everything above this module speaks of keys and versions and knows neither clouds nor files.

pub(crate) mod at_hand;
pub(crate) mod body;
#[cfg(test)]
mod contract_tests;
pub(crate) mod failure;
#[cfg(test)]
pub(crate) mod faulty;
mod key;
pub(crate) mod local;
pub(crate) mod patient;
pub(crate) mod probe;
pub(crate) mod remote;
pub(crate) mod single_writer;
mod spans;

use std::fmt::{self, Debug};
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use hyperslab_core::{Durability, Error, Result, WriterScope};
use hyperslab_engine::{ObjectId, Outgoing};

use self::at_hand::AtHand;
use self::body::Body;
use crate::compute::all;
use crate::edit::Piece;

/// One state of one object: an ETag, a generation, or the identity of a file.
///
/// Two states with different bytes never share a version. Two states with the same bytes may, unless the medium promises
/// [`distinct versions`](Promises::distinct_versions): an ETag of S3 is a hash of the content. So a swap can succeed although the
/// object was changed and changed back in between. That is harmless where the bytes say everything; a record whose holder matters
/// has a nonce in it that is new with each put.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Version(Arc<str>);

impl Version {
    pub(crate) fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Debug for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Version({})", self.0)
    }
}

/// A whole object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(crate) version: Version,
}

/// What must hold for a put to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Nothing: only for keys that nobody else writes.
    None,
    /// There is no such object.
    Absent,
    /// The object is in this state.
    Is(Version),
}

/// What became of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Put {
    /// The object has the new bytes, and this version.
    Done(Version),
    /// The condition did not hold; nothing was changed.
    Refused,
}

/// Ranges of one state of an object.
#[derive(Debug, Clone)]
pub(crate) enum Ranges {
    /// The bytes of each range, in the order asked for.
    Found { parts: Vec<Bytes>, version: Version },
    /// There is no such object.
    Absent,
    /// The object is in another state than the one asked for.
    Changed,
}

/// The last bytes of an object.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    /// As many as were asked for, or all there are.
    pub(crate) bytes: Bytes,
    /// The size of the whole object in bytes.
    pub(crate) size: u64,
    pub(crate) version: Version,
}

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) key: String,
    /// In bytes.
    pub(crate) size: u64,
}

/// What lies directly under a prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Level {
    /// The next part of the keys that go on after it, sorted.
    pub(crate) folders: Vec<String>,
    /// The objects, with their full keys, sorted.
    pub(crate) objects: Vec<Listed>,
}

/// What a medium promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Promises {
    /// Whose conditional puts exclude each other.
    pub(crate) writers: WriterScope,
    /// Whether [`Objects::delete_if`] can be used.
    pub(crate) conditional_delete: bool,
    /// Whether two puts of the same bytes have different versions.
    pub(crate) distinct_versions: bool,
    /// Whether the objects outlive the process.
    pub(crate) persistent: bool,
}

/// A medium.
///
/// *Contract.* Keys are parts joined with `/`, no part is empty, `.` or `..`. A reader sees whole objects. What `Put::Done`
/// acknowledged is seen by every later call of every process, and safe as the durability says. Of several conditional puts
/// on one state at most one is done, and a call that says `Refused` has changed nothing, also when an answer was lost and
/// the call tried again. Errors are `Denied`, `Unavailable` (after retries, within the deadline; a put may have happened),
/// `InvalidInput` for a key that cannot be, `NotFound` only when the medium itself (the bucket) is not there; they name the
/// object and never a secret.
#[async_trait]
pub(crate) trait Objects: Debug + Send + Sync + 'static {
    /// Where this is, as a URL without secrets and without a `/` at the end.
    fn url(&self) -> &str;

    /// What this medium promises.
    fn promises(&self) -> Promises;

    /// What tells this medium from every other one that the process uses: two with one identity have the same objects.
    fn identity(&self) -> ObjectId;

    /// The same objects for whoever may block, where that is short: on a disk. A medium that waits, tries again or fails on
    /// purpose has none, so that all of its reads go through the calls below.
    fn at_hand(&self) -> Option<Arc<dyn AtHand>> {
        None
    }

    /// The whole object, in one request.
    async fn get(&self, key: &str) -> Result<Option<Object>>;

    /// Some ranges of an object, neighbours merged into one request, none of them past its end; of one state of it, and of
    /// this one if it is given. `Corrupt` when the object is shorter.
    async fn get_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges>;

    /// The last `length` bytes of an object, or all if it is shorter, in one request.
    async fn get_tail(&self, key: &str, length: u64) -> Result<Option<Tail>>;

    /// The state of an object, without its bytes.
    async fn version(&self, key: &str) -> Result<Option<Version>>;

    /// Puts a whole object.
    async fn put(
        &self,
        key: &str,
        bytes: Bytes,
        condition: Condition,
        durability: Durability,
    ) -> Result<Put>;

    /// Puts whole new objects whose keys nobody else has yet, in any order. Some may be there when this fails. A request that
    /// arrives late, when others write them already, changes nothing.
    async fn put_new(&self, objects: Vec<(String, Body)>, durability: Durability) -> Result<()> {
        let puts = objects.into_iter().map(|(key, body)| async move {
            let bytes = body.into_bytes();
            match self.put(&key, bytes, Condition::Absent, durability).await? {
                Put::Done(_) => Ok(()),
                Put::Refused => Err(Error::conflict(format!(
                    "{}/{key} is there already, and was to be new",
                    self.url()
                ))),
            }
        });
        all(puts).await.map(drop)
    }

    /// Deletes objects, in any order; those that are absent count as deleted.
    async fn delete(&self, keys: Vec<String>, durability: Durability) -> Result<()>;

    /// Deletes an object in this state; false when it is in another one. Only where [`Promises::conditional_delete`].
    async fn delete_if(&self, key: &str, version: &Version, durability: Durability)
    -> Result<bool>;

    /// Every object whose key begins with the prefix and `/`, in any order, page by page. Empty means all.
    fn list(&self, prefix: &str) -> BoxStream<'_, Result<Listed>>;

    /// What lies directly under the prefix. Empty means the root.
    async fn list_level(&self, prefix: &str) -> Result<Level>;

    /// What can be done beside if the objects are files of this machine.
    fn files(&self) -> Option<&dyn Files> {
        None
    }
}

/// Objects that are files of this machine, so that one can be made of another without its bytes passing through the process.
///
/// *Contract.* A put is what [`Objects::put`] says.
#[async_trait]
pub(crate) trait Files: Debug + Send + Sync {
    /// The whole object, in a buffer that can become another one.
    async fn read(&self, key: &str) -> Result<Option<(Outgoing, Version)>>;

    /// Puts the object `from` under another key as well, where nobody changes it either. Putting it where it is already changes
    /// nothing and is done. `None` when there is no such object, or the file system has no such call.
    async fn link(
        &self,
        from: &str,
        key: &str,
        condition: &Condition,
        durability: Durability,
    ) -> Result<Option<Put>>;

    /// Puts an object in the place of one in the state `base`, some of whose bytes it keeps.
    async fn splice(
        &self,
        key: &str,
        pieces: Vec<Piece>,
        base: &Version,
        durability: Durability,
    ) -> Result<Put>;
}
