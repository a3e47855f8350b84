//! A collection from one store to another, whatever adapters they use.
//!
//! *Whole or marked.* An array that fits the memory limit is created with its cells in one call, so it is there whole or not at
//! all. A larger one is written box by box, and while that lasts its identity stands in a collection beside the target,
//! `NAME.copying`; an array that stands there is written over by the next run. So a copy that was killed goes on where it
//! stopped.

mod markers;
mod steps;
mod transfer;
mod verify;

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use hyperslab_core::{
    Array, ArrayEntry, Collection, Error, ErrorKind, LockGuard, LockKey, LockRequest, Result,
    StorageOptions, Store,
};
use uuid::Uuid;

use self::steps::Steps;
pub(crate) use self::transfer::is_of_array;
use self::transfer::{Fate, Transfer};

/// How a collection is copied.
#[derive(Debug, Clone)]
pub struct CopyOptions {
    /// Storage options of the target, when it is made. Without them it gets those of the source if both stores have the same
    /// adapter, else what its adapter chooses.
    pub storage: Option<StorageOptions>,
    /// Read both sides when all is copied, and compare every cell bit by bit. Without it an array of the target with the same
    /// identity, key and custom attributes is taken for the same.
    pub verify: bool,
    /// Replace an array of the target that differs. Without it, it is reported and left alone.
    pub overwrite: bool,
    /// Leave out an array that cannot be read, or that the target cannot hold, and copy the others. Without it the copy ends
    /// there.
    pub keep_going: bool,
    /// How many arrays are under way at once, at least 1.
    pub concurrency: usize,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self {
            storage: None,
            verify: true,
            overwrite: false,
            keep_going: false,
            concurrency: 8,
        }
    }
}

/// What a copy does at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyPhase {
    /// Arrays are written.
    Copying,
    /// Both sides are read and compared.
    Verifying,
}

/// How far a copy has come. Sizes are those of the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyProgress {
    /// What is being done.
    pub phase: CopyPhase,
    /// Arrays done in this phase.
    pub arrays: u64,
    /// Arrays in all.
    pub array_count: u64,
    /// Bytes done in this phase.
    pub bytes: u64,
    /// Bytes in all.
    pub byte_count: u64,
}

/// An array of the target that is not as in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyDifference {
    /// The array, as a person calls it.
    pub array: String,
    /// Its identity; `None` for one that did not open, where a listing does not tell.
    pub id: Option<Uuid>,
    /// What differs, in a sentence.
    pub message: String,
}

/// What a copy did. Each array of the source counts once among copied, present, replaced, differences and
/// left out.
#[derive(Debug)]
pub struct CopyReport {
    /// The target.
    pub collection: Collection,
    /// Arrays that were not in the target, and now are.
    pub copied: u64,
    /// Arrays that were in the target already, and are the same.
    pub present: u64,
    /// Arrays of the target that differed and were replaced.
    pub replaced: u64,
    /// Bytes of the cells that were written.
    pub copied_bytes: u64,
    /// Arrays whose cells were compared bit by bit and found equal.
    pub verified: u64,
    /// Arrays of the target that differ and were left alone.
    pub differences: Vec<CopyDifference>,
    /// Arrays of the source that could not be copied, each with the reason.
    pub left_out: Vec<CopyDifference>,
}

/// Copies a collection into `to` under `name`, which is made with the same schema if it is not there: every array with the
/// same identity, key and custom attributes. A copy that was interrupted is resumed by the same call: what is there is
/// verified, not written again. `progress` is told of every step.
///
/// What is attached is copied by `attachments::Attachments::copy`, once the arrays are there.
///
/// Arrays of the target that the source does not have are left alone. An array that is written to meanwhile may be reported
/// as different.
///
/// # Errors
/// `InvalidInput` when the target has another schema or is the source itself; `Locked` when another copy into it goes on;
/// `Conflict` when this one slept for so long that another could begin; and as reading and writing do. What was copied until
/// then stays.
///
/// ```
/// use hyperslab::prelude::*;
/// use hyperslab::{CopyOptions, key};
///
/// # #[tokio::main]
/// # async fn main() -> hyperslab::Result<()> {
/// let from = Store::create("memory://").await?;
/// let schema = Schema::builder(DType::Int32).dimension(Dimension::new("x", 3)).build()?;
/// let series = from.create_collection("series", schema).await?;
/// let id = series.create(key! {}).await?.id();
///
/// let to = Store::create("memory://?adapter=zarr").await?;
/// let report = hyperslab::copy(&series, &to, "series", &CopyOptions::default(), &|_| {}).await?;
/// assert_eq!((report.copied, report.verified), (1, 1));
/// assert_eq!(report.collection.only().await?.id(), id);
/// # Ok(())
/// # }
/// ```
pub async fn copy(
    from: &Collection,
    to: &Store,
    name: &str,
    options: &CopyOptions,
    progress: &(dyn Fn(CopyProgress) + Send + Sync),
) -> Result<CopyReport> {
    refuse_itself(from, to, name)?;
    let target = open_or_create(from, to, name, options).await?;
    // One copy into a collection at a time: what is marked must not be another's work in progress.
    let lock = LockRequest::exclusive(
        LockKey::array(name, "copy"),
        to.options().write.lock_timeout,
    );
    let locks = to.locks();
    let guard = locks.acquire(lock).await?;
    let copied = Box::pin(copy_locked(from, target, options, &guard, progress)).await;
    locks.release(guard).await;
    copied
}

async fn copy_locked(
    from: &Collection,
    target: Collection,
    options: &CopyOptions,
    guard: &LockGuard,
    progress: &(dyn Fn(CopyProgress) + Send + Sync),
) -> Result<CopyReport> {
    let entries = from.find("").sorted().entries().await?;
    let steps = Steps::new(from, entries.len(), progress);
    let transfer = Transfer::new(from, &target, options, guard, &steps).await?;
    let fates = run_all(entries, options, |entry| {
        Box::pin(copy_one(&transfer, entry))
    })
    .await?;
    let fates = if options.verify {
        steps.begin(CopyPhase::Verifying);
        run_all(fates, options, |(array, fate)| {
            Box::pin(verify_one(&transfer, array, fate))
        })
        .await?
    } else {
        fates
    };
    transfer.finish().await?;
    let verified = if options.verify { same(&fates) } else { 0 };
    Ok(report(target.clone(), &fates, &transfer, verified))
}

/// Does something with each item, several at once, and keeps their order. What has vanished meanwhile is left out.
async fn run_all<'a, I, T>(
    items: Vec<I>,
    options: &CopyOptions,
    work: impl Fn(I) -> futures::future::BoxFuture<'a, Result<Option<T>>>,
) -> Result<Vec<T>> {
    stream::iter(items.into_iter().map(work))
        .buffered(options.concurrency.max(1))
        .try_filter_map(async |done| Ok(done))
        .try_collect()
        .await
}

/// Copies one array; `None` when it was deleted since it was listed.
async fn copy_one(transfer: &Transfer<'_>, entry: ArrayEntry) -> Result<Option<(Array, Fate)>> {
    let opened = match entry.id {
        Some(id) => transfer.from.get_by_id(id).await,
        None => transfer.from.get(entry.key.clone()).await,
    };
    let opened = match opened {
        Err(error) if transfer.keeps_going && is_of_array(&error) => {
            transfer.leave_out(&entry, &error);
            return Ok(None);
        }
        opened => opened,
    };
    let Some(array) = if_there(opened)? else {
        return Ok(None);
    };
    let brought = match transfer.keeps_going {
        true => transfer.try_bring(&array).await,
        false => transfer.bring(&array).await,
    };
    let fate = unless_deleted(&array, brought).await?;
    transfer.steps.array();
    Ok(fate.map(|fate| (array, fate)))
}

/// Compares one array with its copy, and replaces the copy if that was asked for.
async fn verify_one(
    transfer: &Transfer<'_>,
    array: Array,
    fate: Fate,
) -> Result<Option<(Array, Fate)>> {
    let fate = unless_deleted(&array, transfer.verify(&array, fate).await).await?;
    transfer.steps.array();
    Ok(fate.map(|fate| (array, fate)))
}

/// What became of an array; `None` when it was deleted from the source meanwhile. What is not found may as well be the target.
async fn unless_deleted(array: &Array, fate: Result<Fate>) -> Result<Option<Fate>> {
    match fate {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let still_there = if_there(array.clone().refresh().await)?;
            still_there.map_or(Ok(None), |()| Err(error))
        }
        fate => fate.map(Some),
    }
}

fn if_there<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn refuse_itself(from: &Collection, to: &Store, name: &str) -> Result<()> {
    let same_store = Arc::ptr_eq(from.store().adapter(), to.adapter())
        || (to.capabilities().persistent && from.store().info().url == to.info().url);
    if same_store && from.name() == name {
        return Err(Error::invalid(format!(
            "collection '{name}' cannot be copied onto itself; give the copy another name or another store"
        )));
    }
    Ok(())
}

async fn open_or_create(
    from: &Collection,
    to: &Store,
    name: &str,
    options: &CopyOptions,
) -> Result<Collection> {
    if let Some(there) = if_there(to.collection(name).await)? {
        return check_target(from, there, options);
    }
    let storage = match &options.storage {
        Some(given) => given.clone(),
        None if to.info().adapter == from.store().info().adapter => from.meta().storage.clone(),
        None => StorageOptions::new(),
    };
    let made = to.create_collection_with(name, from.schema().clone(), storage);
    match made.await {
        // Another copy was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            check_target(from, to.collection(name).await?, options)
        }
        made => made,
    }
}

fn check_target(from: &Collection, to: Collection, options: &CopyOptions) -> Result<Collection> {
    // As JSON, where NaN is equal to itself.
    let there = to.schema().to_json();
    let is_copy = || -> Result<bool> {
        let (schema, storage) = (from.schema().clone(), to.meta().storage.clone());
        let kept = to.store().schema_as_kept(to.name(), schema, storage)?;
        Ok(kept.to_json() == there)
    };
    if from.schema().to_json() != there && !is_copy().unwrap_or_default() {
        return Err(Error::invalid(format!(
            "collection '{}' is in {} already, with another schema; copy to another name",
            to.name(),
            to.store().info().url
        )));
    }
    match &options.storage {
        Some(wanted) if *wanted != to.meta().storage => Err(Error::invalid(format!(
            "collection '{}' is in {} already, with other storage options; leave them out, or copy to another name",
            to.name(),
            to.store().info().url
        ))),
        _ => Ok(to),
    }
}

fn same(fates: &[(Array, Fate)]) -> u64 {
    let same = fates
        .iter()
        .filter(|(_, fate)| !matches!(fate, Fate::Differs(_) | Fate::LeftOut(_)));
    same.count() as u64
}

fn report(
    collection: Collection,
    fates: &[(Array, Fate)],
    transfer: &Transfer<'_>,
    verified: u64,
) -> CopyReport {
    let mut report = CopyReport {
        collection,
        copied: 0,
        present: 0,
        replaced: 0,
        copied_bytes: transfer.written(),
        verified,
        differences: Vec::new(),
        left_out: transfer.left_out(),
    };
    for (array, fate) in fates {
        match fate {
            Fate::Copied => report.copied += 1,
            Fate::Present => report.present += 1,
            Fate::Replaced => report.replaced += 1,
            Fate::Differs(message) => report.differences.push(difference(array, message)),
            Fate::LeftOut(message) => report.left_out.push(difference(array, message)),
        }
    }
    report
}

fn difference(array: &Array, message: &str) -> CopyDifference {
    CopyDifference {
        array: array.name(),
        id: Some(array.id()),
        message: message.to_owned(),
    }
}
