//! The integrity check: what is looked at on each level, and how a fault is told.

mod arrays;
mod data;
mod leftovers;
mod orphans;

use std::sync::Arc;

use hyperslab_core::{
    CheckLevel, CheckRequest, CollectionMeta, Durability, Error, ErrorKind, Finding, FindingKind,
    FindingSink, Result,
};

use crate::document::CollectionDocument;
use crate::head::Slot;
use crate::layout;
use crate::nodes;
use crate::objects::{Condition, Objects};
use crate::store::Store;

/// Looks for faults and reports each.
pub(crate) async fn check(
    store: &Store,
    request: &CheckRequest,
    sink: &mut dyn FindingSink,
) -> Result<()> {
    let names = match &request.collection {
        Some(name) => vec![name.clone()],
        None => store.list_collections().await?,
    };
    for name in names {
        let found = store.collection_slot(&name).await;
        let mut report = Report {
            request,
            collection: Some(name.clone()),
            sink: &mut *sink,
        };
        match found {
            Ok(Slot::Held(document, _)) => check_collection(store, &document, &mut report).await?,
            Ok(_) if request.collection.is_some() => {
                return Err(Error::not_found(format!(
                    "collection '{name}' does not exist"
                )));
            }
            Ok(_) => {}
            Err(error) => report.fault(
                CheckLevel::Collections,
                FindingKind::CollectionUnreadable,
                &name,
                error.to_string(),
            ),
        }
    }
    if request.level >= CheckLevel::Arrays {
        let mut report = Report {
            request,
            collection: None,
            sink,
        };
        locks(store, &mut report).await?;
        if request.level >= CheckLevel::Layout && request.collection.is_none() {
            orphans::check(store, &mut report).await?;
        }
    }
    Ok(())
}

/// Takes the findings of one collection.
pub(crate) struct Report<'a> {
    request: &'a CheckRequest,
    collection: Option<String>,
    sink: &'a mut dyn FindingSink,
}

impl Report<'_> {
    fn reaches(&self, level: CheckLevel) -> bool {
        self.request.level >= level
    }

    fn repairs(&self) -> bool {
        self.request.repair
    }

    /// A fault that nothing here can mend.
    fn fault(&mut self, level: CheckLevel, kind: FindingKind, subject: &str, message: String) {
        self.report(level, kind, subject, message, None);
    }

    /// A fault that can be mended, and whether it was.
    fn mendable(
        &mut self,
        level: CheckLevel,
        kind: FindingKind,
        subject: &str,
        message: &str,
        mended: Option<Result<()>>,
    ) {
        let (message, repaired) = match mended {
            None => (message.to_owned(), false),
            Some(Ok(())) => (message.to_owned(), true),
            Some(Err(error)) => (format!("{message}; the repair failed: {error}"), false),
        };
        self.report(level, kind, subject, message, Some(repaired));
    }

    fn report(
        &mut self,
        level: CheckLevel,
        kind: FindingKind,
        subject: &str,
        message: String,
        mended: Option<bool>,
    ) {
        self.sink.report(Finding {
            level,
            kind,
            collection: self.collection.clone(),
            subject: subject.to_owned(),
            message,
            repairable: mended.is_some(),
            repaired: mended == Some(true),
        });
    }
}

async fn check_collection(
    store: &Store,
    document: &CollectionDocument,
    report: &mut Report<'_>,
) -> Result<()> {
    if !report.reaches(CheckLevel::Arrays) {
        return Ok(());
    }
    let (mut collection, mut place) = (Arc::new(document.meta()), document.place());
    // Groups before makers before heads: what is made meanwhile shows in one of the later listings.
    let leftovers = loop {
        let leftovers = leftovers::Seen::look(store, &place).await?;
        // No index is used twice: if it is still the same, what was listed under another one is of the past.
        let Slot::Held(now, _) = store.collection_slot(&place.collection).await? else {
            return Ok(());
        };
        if now.place() == place && now.id == collection.id {
            break leftovers;
        }
        (collection, place) = (Arc::new(now.meta()), now.place());
    };
    let heads = arrays::check(store, &collection, &place, report).await?;
    if report.reaches(CheckLevel::Layout) {
        group(store, &collection, report).await;
        let scene = leftovers::Scene {
            store,
            collection: &collection,
            place: &place,
            heads: &heads,
        };
        leftovers.check(&scene, report).await?;
    }
    Ok(())
}

/// The metadata of the group of a collection.
async fn group(store: &Store, collection: &CollectionMeta, report: &mut Report<'_>) {
    let key = layout::metadata(&collection.name);
    let Ok(wanted) = nodes::collection_group(collection) else {
        return;
    };
    let message = match store.objects.get(&key).await {
        Ok(Some(found)) if same_json(&found.bytes, &wanted) => return,
        Ok(Some(_)) => "the metadata of the Zarr group are not those of the schema".to_owned(),
        Ok(None) => "the metadata of the Zarr group are missing".to_owned(),
        Err(error) => error.to_string(),
    };
    let mended = if report.repairs() {
        let put = store.objects.put(
            &key,
            wanted,
            Condition::None,
            hyperslab_core::Durability::Synced,
        );
        Some(put.await.map(drop))
    } else {
        None
    };
    report.mendable(
        CheckLevel::Layout,
        FindingKind::SchemaDisagrees,
        &key,
        &message,
        mended,
    );
}

/// Whether two documents say the same, however they are laid out.
fn same_json(one: &[u8], other: &[u8]) -> bool {
    let parse = |bytes| serde_json::from_slice::<serde_json::Value>(bytes).ok();
    match (parse(one), parse(other)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

async fn locks(store: &Store, report: &mut Report<'_>) -> Result<()> {
    let holders = match store.locks.holders().await {
        // One record that is none must not keep the rest from being looked at.
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => {
            let subject = format!("{}/locks", layout::MACHINERY);
            report.fault(
                CheckLevel::Arrays,
                FindingKind::Corrupt,
                &subject,
                error.to_string(),
            );
            return Ok(());
        }
        holders => holders?,
    };
    for lock in holders {
        if !lock.stale {
            continue;
        }
        let mended = if report.repairs() {
            Some(store.locks.break_lock(&lock).await)
        } else {
            None
        };
        let message = format!(
            "the lock of pid {} on {}, which has gone",
            lock.pid, lock.host
        );
        report.mendable(
            CheckLevel::Arrays,
            FindingKind::StaleLock,
            &lock.key.to_string(),
            &message,
            mended,
        );
    }
    Ok(())
}

/// Deletes every object under a prefix.
async fn sweep(objects: &dyn Objects, prefix: &str) -> Result<()> {
    use futures::TryStreamExt;
    let keys: Vec<String> = objects
        .list(prefix)
        .map_ok(|listed| listed.key)
        .try_collect()
        .await?;
    objects.delete(keys, Durability::Synced).await
}
