//! Deleting what nothing names, beside writers who hold no lock.
//!
//! When an object was put last is the later of its own time and that of its lease, an empty object that is put anew by whoever puts what
//! is there already. All times are those of the server: of its clock alone is asked what is old.
//!
//! Whoever deletes says first what: `collecting.json` names the keys of one batch. Then it looks at their leases once more, deletes what is
//! old still, and removes the document. Whoever puts what is there renews the lease first and reads the document then: with its key
//! in it, it waits until the document is gone, and puts again. So either the lease is seen by the one, or the document by the other.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt, TryStreamExt};
use hyperslab_core::{Error, Result};
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutMode, PutOptions};
use serde::{Deserialize, Serialize};

use super::{BucketBlobs, REQUESTS, bucket_error};
use crate::{BlobKey, CollectPlan, CollectReport, KeyFormat, Named};

/// So many objects are deleted at a time.
const BATCH: usize = 500;

/// How long a batch may take. Who has not ended it by then deletes nothing more of it.
const BATCH_TIME: Duration = Duration::from_secs(5 * 60);

/// A document that is older was left by somebody who does not delete any more.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// How long whoever puts waits for a batch, and how often it looks.
const PATIENCE: Duration = Duration::from_secs(120);
const PAUSE: Duration = Duration::from_millis(250);

/// Seconds since 1970 by the clock of the server.
type Moment = i64;

/// What is being deleted.
#[derive(Debug, Serialize, Deserialize)]
struct Batch {
    format: String,
    version: u64,
    keys: Vec<String>,
}

const FORMAT: &str = "hyperslab blobs, collecting";
const VERSION: u64 = 1;

impl BucketBlobs {
    fn document(&self) -> Path {
        self.prefix.clone().join("collecting.json")
    }

    fn leases(&self) -> Path {
        self.prefix.clone().join("leases")
    }

    /// Deletes all that collecting needs.
    pub(super) async fn forget_all(&self) -> Result<()> {
        let leases = self.leases();
        let listed = self.store.list(Some(&leases));
        let paths = listed.map(|found| match found {
            Ok(found) => Ok(found.location),
            Err(error) => Err(bucket_error("list", &leases, &error)),
        });
        let document = stream::iter([Ok(self.document())]);
        self.remove(paths.chain(document)).await?;
        Ok(())
    }

    /// Says that an object was put which was there, and waits while it may be about to be deleted: whether it is as safe as a new one.
    pub(super) async fn renew(&self, key: &BlobKey) -> Result<bool> {
        let lease = self.leases().join(&*key.text());
        let put = self.store.put(&lease, Vec::new().into()).await;
        put.map_err(|error| bucket_error("write", &lease, &error))?;
        let begun = Instant::now();
        let mut waited = false;
        while self.is_being_deleted(key).await? {
            if begun.elapsed() > PATIENCE {
                return Err(Error::locked(format!(
                    "object {key} is being deleted by somebody who collects what nothing names; try again, or run the collection again"
                )));
            }
            waited = true;
            tokio::time::sleep(PAUSE).await;
        }
        Ok(!waited)
    }

    /// Makes objects as safe as new ones: which are there.
    pub(super) async fn renew_all(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        let renewed = keys.iter().map(|key| async move {
            while !self.renew(key).await? {}
            Ok(self.head(&self.path(key)).await?.is_some())
        });
        stream::iter(renewed).buffered(REQUESTS).try_collect().await
    }

    async fn is_being_deleted(&self, key: &BlobKey) -> Result<bool> {
        let document = self.document();
        let found = match self.store.get(&document).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Ok(found) => found.bytes().await,
            Err(error) => Err(error),
        };
        let text = found.map_err(|error| bucket_error("read", &document, &error))?;
        match serde_json::from_slice::<Batch>(&text) {
            Ok(batch) => Ok(batch.keys.iter().any(|named| **named == *key.text())),
            // Of a later version, or damaged: it may be any.
            Err(_) => Ok(true),
        }
    }

    pub(super) async fn collect_unnamed(
        &self,
        plan: &CollectPlan,
        named: &mut Named<'_>,
    ) -> Result<CollectReport> {
        let begun = self.begin(&[]).await?;
        let collected = self.collect_since(begun, plan, named).await;
        let ended = self.end().await;
        let report = collected?;
        ended.map(|()| report)
    }

    async fn collect_since(
        &self,
        begun: Moment,
        plan: &CollectPlan,
        named: &mut Named<'_>,
    ) -> Result<CollectReport> {
        let mut report = CollectReport::default();
        let is_old = |time: Moment| is_past(begun, time, plan.age);
        let leases = self.times(&self.leases()).await?;
        let objects = self.times(&self.objects()).await?;
        // What is young by now stays, so what is named later by those who put it now is not missed.
        let named = tokio::task::block_in_place(named)?;
        let mut old = Vec::new();
        for (key, (time, size)) in &objects {
            let lease = leases.get(key).map_or(Moment::MIN, |(time, _)| *time);
            match (named.contains(key), is_old(*time.max(&lease))) {
                (true, _) => report.live += 1,
                (false, false) => report.young += 1,
                (false, true) => old.push((*key, *size)),
            }
        }
        let missing = named.iter().filter(|key| !objects.contains_key(*key));
        report.missing = missing.copied().collect();
        // What was put since the objects were listed is there.
        let found = self.sizes(&report.missing).await?.into_iter();
        let mut gone = found.map(|found| found.is_none());
        report.missing.retain(|_| gone.next().unwrap_or(true));
        report.missing.sort_unstable();
        old.sort_unstable();
        for batch in old.chunks(BATCH) {
            if plan.dry_run {
                report.deleted += batch.len() as u64;
                report.deleted_bytes += batch.iter().map(|(_, size)| size).sum::<u64>();
                continue;
            }
            self.delete_old(batch, begun, plan, &mut report).await?;
        }
        if !plan.dry_run {
            let gone = leases.iter().filter(|(_, (time, _))| is_old(*time));
            let gone: Vec<BlobKey> = gone.map(|(key, _)| *key).collect();
            for batch in gone.chunks(BATCH) {
                self.forget(batch, plan, begun).await?;
            }
        }
        Ok(report)
    }

    async fn delete_old(
        &self,
        batch: &[(BlobKey, u64)],
        begun: Moment,
        plan: &CollectPlan,
        report: &mut CollectReport,
    ) -> Result<()> {
        let started = Instant::now();
        let keys: Vec<BlobKey> = batch.iter().map(|(key, _)| *key).collect();
        self.begin(&keys).await?;
        let looked = batch.iter().map(|(key, size)| async move {
            let mut last = Moment::MIN;
            for path in [self.leases().join(&*key.text()), self.path(key)] {
                match self.store.head(&path).await {
                    Ok(found) => last = last.max(found.last_modified.timestamp()),
                    Err(object_store::Error::NotFound { .. }) => {}
                    Err(error) => return Err(bucket_error("read", &path, &error)),
                }
            }
            Ok((key, *size, last))
        });
        let looked: Vec<(&BlobKey, u64, Moment)> = stream::iter(looked)
            .buffer_unordered(REQUESTS)
            .try_collect()
            .await?;
        for (key, size, last) in looked {
            if !is_past(begun, last, plan.age) {
                report.young += 1;
                continue;
            }
            if started.elapsed() > BATCH_TIME {
                return Err(Error::unavailable(
                    "deleting what nothing names took too long; what was not deleted yet stays, run it again",
                ));
            }
            let path = self.path(key);
            match self.store.delete(&path).await {
                Ok(()) => {
                    report.deleted += 1;
                    report.deleted_bytes += size;
                }
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(bucket_error("delete", &path, &error)),
            }
        }
        Ok(())
    }

    /// Removes old leases. Whoever renews one meanwhile either has it seen here, or sees the document and renews it once more.
    async fn forget(&self, keys: &[BlobKey], plan: &CollectPlan, begun: Moment) -> Result<()> {
        let started = Instant::now();
        self.begin(keys).await?;
        let forgotten = keys.iter().map(|key| async move {
            let path = self.leases().join(&*key.text());
            let found = self.store.head(&path).await;
            let is_old =
                found.is_ok_and(|found| is_past(begun, found.last_modified.timestamp(), plan.age));
            // What is left the next one removes.
            if !is_old || started.elapsed() > BATCH_TIME {
                return Ok(());
            }
            match self.store.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(bucket_error("delete", &path, &error)),
            }
        });
        stream::iter(forgotten)
            .buffer_unordered(REQUESTS)
            .try_collect()
            .await
    }

    /// Says what is about to be deleted: the present time of the server.
    async fn begin(&self, keys: &[BlobKey]) -> Result<Moment> {
        let document = self.document();
        let fail = |error: object_store::Error| bucket_error("write", &document, &error);
        let batch = Batch {
            format: FORMAT.to_owned(),
            version: VERSION,
            keys: keys.iter().map(BlobKey::to_string).collect(),
        };
        let text = serde_json::to_vec(&batch)
            .map_err(|error| Error::internal("a document that is no JSON").with_source(error))?;
        let mode = match keys {
            // The first of a run: nobody else is at it.
            [] => PutMode::Create,
            _ => PutMode::Overwrite,
        };
        let put = self
            .store
            .put_opts(&document, text.clone().into(), PutOptions::from(mode))
            .await;
        match put {
            Err(object_store::Error::AlreadyExists { .. }) => self.take_over(text).await?,
            put => drop(put.map_err(fail)?),
        }
        let found = self.store.head(&document).await.map_err(fail)?;
        Ok(found.last_modified.timestamp())
    }

    /// Takes the place of somebody who does not collect any more.
    async fn take_over(&self, text: Vec<u8>) -> Result<()> {
        let document = self.document();
        let fail = |error: object_store::Error| bucket_error("write", &document, &error);
        let theirs = self.store.head(&document).await.map_err(fail)?;
        // A new object says what time it is.
        let clock = self.prefix.clone().join("clock");
        self.store
            .put(&clock, Vec::new().into())
            .await
            .map_err(fail)?;
        let now = self.store.head(&clock).await.map_err(fail)?;
        self.store.delete(&clock).await.map_err(fail)?;
        let (now, then) = (
            now.last_modified.timestamp(),
            theirs.last_modified.timestamp(),
        );
        if !is_past(now, then, ABANDONED) {
            return Err(Error::locked(format!(
                "somebody collects what nothing names at this moment; wait for it, or try again in an hour if it was killed ({document} says so)"
            )));
        }
        self.store
            .put(&document, text.into())
            .await
            .map(drop)
            .map_err(fail)
    }

    async fn end(&self) -> Result<()> {
        let document = self.document();
        match self.store.delete(&document).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(bucket_error("delete", &document, &error)),
        }
    }

    /// The objects below a prefix that are named by keys: their times and sizes.
    async fn times(&self, prefix: &Path) -> Result<HashMap<BlobKey, (Moment, u64)>> {
        let mut listed = self.store.list(Some(prefix));
        let mut times = HashMap::new();
        while let Some(found) = listed.next().await {
            let found = found.map_err(|error| bucket_error("list", prefix, &error))?;
            let name = found.location.filename().unwrap_or_default();
            if let Ok(key) = BlobKey::parse(KeyFormat::Sha256, name) {
                times.insert(key, (found.last_modified.timestamp(), found.size));
            }
        }
        Ok(times)
    }
}

/// Whether something is so old; a time in the future is young.
fn is_past(now: Moment, time: Moment, age: Duration) -> bool {
    let age = Moment::try_from(age.as_secs()).unwrap_or(Moment::MAX);
    now.checked_sub(time).is_some_and(|passed| passed >= age)
}
