//! The contract with adapter authors: small, object safe, no convenience, no default bodies that hide errors.
//!
//! The conformance suite in `hyperslab-testkit` says in tests what each *Contract* paragraph says in words.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::check::{CheckRequest, FindingSink};
use crate::{
    ArrayBuf, Attributes, Hyperslab, LockManager, Result, Scalar, Schema, StorageExplanation,
};

/// Options that only the adapter understands: chunk shape, codecs. Checked by the adapter when a collection is created.
pub type StorageOptions = Map<String, Value>;

/// A collection as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollectionMeta {
    /// The name, unique in the store.
    pub name: String,
    /// The identity, which a collection of the same name created later does not share.
    pub id: Uuid,
    /// What the arrays look like.
    pub schema: Schema,
    /// What the adapter was told.
    #[serde(default)]
    pub storage: StorageOptions,
}

/// An array as it is stored, without its cells.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayMeta {
    /// The identity.
    pub id: Uuid,
    /// Every key attribute, in schema order.
    pub key: Attributes,
    /// The custom attributes that are set, in schema order.
    pub custom: Attributes,
}

/// What a listing knows of an array without opening it.
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayEntry {
    /// Every key attribute, in schema order.
    pub key: Attributes,
    /// The identity; always known for a collection without key attributes.
    pub id: Option<Uuid>,
}

/// How an array is named.
#[derive(Debug, Clone, PartialEq)]
pub enum ArrayLocator {
    /// By its full key, checked by [`Schema::check_key`].
    Key(Attributes),
    /// By its identity.
    Id(Uuid),
}

impl ArrayEntry {
    /// The locator of this entry: the id of a keyless array, else the key.
    #[must_use]
    pub fn locator(&self) -> ArrayLocator {
        match self.id {
            Some(id) if self.key.is_empty() => ArrayLocator::Id(id),
            _ => ArrayLocator::Key(self.key.clone()),
        }
    }
}

impl ArrayMeta {
    /// The locator of this array: the id of a keyless array, else the key.
    #[must_use]
    pub fn locator(&self) -> ArrayLocator {
        if self.key.is_empty() {
            return ArrayLocator::Id(self.id);
        }
        ArrayLocator::Key(self.key.clone())
    }
}

/// When an acknowledged write is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// From a crash of the machine: synced to the medium before the call returns.
    #[default]
    Synced,
    /// From a crash of the process only; the operating system writes it out later.
    Relaxed,
    /// Not before [`ArrayHandle::flush`], which makes it as safe as `Synced`: the cells of an acknowledged write may be kept in
    /// memory, where this handle sees them and no other does, and be lost with the process. An adapter that keeps none, and
    /// every change but one of cells, is `Synced`.
    Buffered,
}

impl Durability {
    /// Whether a change that is published is synced to the medium.
    #[must_use]
    pub const fn syncs(self) -> bool {
        !matches!(self, Self::Relaxed)
    }
}

/// How changes are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriteOptions {
    /// When an acknowledged change is safe.
    pub durability: Durability,
    /// How long to wait for a lock before giving up with `Locked`.
    pub lock_timeout: Duration,
    /// How often to look again at a lock that another program holds and tells nobody when it lets go. Locks of hyperslab itself
    /// are waited for without looking.
    pub lock_interval: Duration,
}

impl WriteOptions {
    /// What the default is, for constants.
    pub const DEFAULT: Self = Self {
        durability: Durability::Synced,
        lock_timeout: Duration::from_secs(60),
        lock_interval: Duration::from_millis(10),
    };
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The cells of a write.
#[derive(Debug, Clone, PartialEq)]
pub enum WriteData {
    /// Every selected cell becomes this value.
    Scalar(Scalar),
    /// One value per selected cell, in C order of the hyperslab.
    Cells(ArrayBuf),
}

/// What a store is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoreInfo {
    /// Where it lies, without secrets.
    pub url: String,
    /// The adapter's name.
    pub adapter: &'static str,
    /// The identity of the store.
    pub id: Uuid,
    /// The version of the layout.
    pub format_version: u32,
}

/// How far concurrent writers are kept apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WriterScope {
    /// Threads of one process.
    Process,
    /// Processes of one machine.
    Host,
    /// Any number of machines.
    Cluster,
}

/// What some code has to know of an adapter before it calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Capabilities {
    /// Who may write at the same time.
    pub writers: WriterScope,
    /// Whether what is written is there when the process has gone.
    pub persistent: bool,
    /// Whether every change is refused, because another program wrote what is there.
    pub read_only: bool,
}

/// What a collection takes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Usage {
    /// The number of arrays.
    pub array_count: u64,
    /// Bytes of the arrays as stored, with their metadata.
    pub stored_bytes: u64,
    /// Bytes of everything else: schema, index, locks.
    pub overhead_bytes: u64,
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            array_count: self.array_count.saturating_add(other.array_count),
            stored_bytes: self.stored_bytes.saturating_add(other.stored_bytes),
            overhead_bytes: self.overhead_bytes.saturating_add(other.overhead_bytes),
        }
    }
}

/// What a read will touch.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ReadPlan {
    /// Each file or object, and the bytes that will be read from it.
    pub objects: Vec<(String, u64)>,
    /// Chunks that are stored and will be decoded.
    pub chunk_count: u64,
    /// Chunks that were never written and read as the fill value.
    pub absent_chunk_count: u64,
    /// The shape of one chunk.
    pub chunk_shape: Vec<u64>,
    /// The codecs of a chunk, in the order of writing.
    pub codecs: Vec<String>,
}

/// What reading cells has cost. What is not counted is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ReadStats {
    /// Requests to the medium for bytes of chunks and of their index: reads of a file, or requests to a server.
    pub requests: u64,
    /// Bytes that came of them.
    pub bytes_fetched: u64,
    /// Chunks that were decoded.
    pub chunks_decoded: u64,
    /// Bytes of cells that came of that.
    pub bytes_decoded: u64,
    /// Time spent decoding, of all threads together.
    pub decode_time: Duration,
    /// Chunks that were found decoded.
    pub cache_hits: u64,
    /// Chunks that were looked for and not found.
    pub cache_misses: u64,
}

impl ReadStats {
    /// What was added since an earlier moment.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(earlier.requests),
            bytes_fetched: self.bytes_fetched.saturating_sub(earlier.bytes_fetched),
            chunks_decoded: self.chunks_decoded.saturating_sub(earlier.chunks_decoded),
            bytes_decoded: self.bytes_decoded.saturating_sub(earlier.bytes_decoded),
            decode_time: self.decode_time.saturating_sub(earlier.decode_time),
            cache_hits: self.cache_hits.saturating_sub(earlier.cache_hits),
            cache_misses: self.cache_misses.saturating_sub(earlier.cache_misses),
        }
    }
}

/// A place that holds collections of arrays.
///
/// *Contract.* All methods may be called from any number of tasks and, within [`Capabilities::writers`], processes at
/// once. A change is visible to every later call in every process when the method returns `Ok`, safe as
/// [`Durability`] says, and either whole or absent after a crash. An error means that nothing was changed, unless it is
/// `Unavailable`, after which the change may have been made.
#[async_trait]
pub trait StorageAdapter: Debug + Send + Sync + 'static {
    /// What this store is.
    fn info(&self) -> StoreInfo;

    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// What reading has cost so far, of all who read through the same engine.
    fn read_stats(&self) -> ReadStats;

    /// The locks of this store.
    fn locks(&self) -> Arc<dyn LockManager>;

    /// Creates a collection. *Contract.* Of several concurrent calls for one name exactly one succeeds, the others get
    /// `AlreadyExists`. Storage options it does not know are `InvalidInput`. What comes back is the collection as reading gives it:
    /// a format that has no room for an identity has one of its own.
    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta>;

    /// The schema of a collection as reading would give it if it were made: without what the format has no room for. Nothing is changed,
    /// and the collection need not exist.
    ///
    /// # Errors
    /// `InvalidInput` for a collection that cannot be made.
    fn schema_as_kept(&self, collection: &CollectionMeta) -> Result<Schema> {
        Ok(collection.schema.clone())
    }

    /// How the arrays of a collection lie, or would lie if it were made, and why. *Contract.* Nothing is changed, and the
    /// collection need not exist. What [`create_collection`](Self::create_collection) refuses as `InvalidInput` is refused
    /// here.
    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation>;

    /// Reads a collection, or `NotFound`. *Contract.* Any text may come as a name; one that no collection can have is
    /// `NotFound` or `InvalidInput`, and nothing outside the store is looked at.
    async fn read_collection(&self, name: &str) -> Result<CollectionMeta>;

    /// The names of all collections, sorted.
    async fn list_collections(&self) -> Result<Vec<String>>;

    /// Deletes a collection and all its arrays, or `NotFound`, for any name as reading does. *Contract.* It disappears at once: there is no moment at
    /// which it opens and some of its arrays are gone.
    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()>;

    /// Deletes all arrays of a collection.
    async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()>;

    /// Creates an array, with all its cells when `data` is given, else all fill. *Contract.* Of several concurrent calls
    /// for one key exactly one succeeds, the others get `AlreadyExists`; the same for one id. The array appears whole.
    async fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        options: &WriteOptions,
    ) -> Result<()>;

    /// All arrays of a collection, in any order. *Contract.* One listing of the medium; no array is opened. An array that
    /// exists during the whole listing is yielded once.
    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>>;

    /// Opens an array, or `NotFound`. *Contract.* A constant number of operations of the medium, however many arrays
    /// there are.
    async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>>;

    /// Deletes an array, or `NotFound`.
    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()>;

    /// What a collection takes up.
    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage>;

    /// Looks for faults up to a level and reports each. *Contract.* A fault never ends the check; an error is returned
    /// only when the store itself cannot be listed.
    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()>;
}

/// An open array.
///
/// *Contract.* A read sees each write whole or not at all, and at least everything that was acknowledged before it began.
/// After the array is deleted, calls fail with `NotFound`.
#[async_trait]
pub trait ArrayHandle: Debug + Send + Sync + 'static {
    /// Identity, key and custom attributes as last published.
    async fn meta(&self) -> Result<ArrayMeta>;

    /// Reads cells into `out`, whose dtype and shape are those of the array and the hyperslab, and gives it back.
    /// *Contract.* Every cell of `out` is set. The buffer is passed by value so that it can cross threads without a copy.
    async fn read_into(&self, slab: &Hyperslab, out: ArrayBuf) -> Result<ArrayBuf>;

    /// Writes cells. *Contract.* Dtype and shape have been checked by the caller. All cells of one call become visible at
    /// once.
    async fn write(&self, slab: &Hyperslab, data: WriteData, options: &WriteOptions) -> Result<()>;

    /// Sets the given custom attributes, removes those in `removed`, leaves all others.
    async fn update_attributes(
        &self,
        changed: &Attributes,
        removed: &[String],
        options: &WriteOptions,
    ) -> Result<ArrayMeta>;

    /// What reading this hyperslab will touch; reads no cell.
    async fn plan(&self, slab: &Hyperslab) -> Result<ReadPlan>;

    /// Publishes what was written with [`Durability::Buffered`] through this handle. *Contract.* All of it becomes visible at once,
    /// and safe as with [`Durability::Synced`], if that has not happened before. After an error it is still kept, and can be
    /// flushed again. An adapter may flush by itself, for room or after a while, and when a write that is not buffered, or the
    /// end of the handle, follows.
    async fn flush(&self) -> Result<()>;

    /// Forgets what was written with [`Durability::Buffered`] through this handle and is not published yet; says how many writes
    /// that were. A handle that keeps nothing has nothing to forget.
    async fn discard(&self) -> Result<usize> {
        Ok(0)
    }
}
