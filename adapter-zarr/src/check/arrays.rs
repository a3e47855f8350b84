//! The arrays of a collection: do they open, are their Zarr nodes what the head says, do their chunks decode.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_core::{
    CheckLevel, CollectionMeta, Durability, Error, ErrorKind, FindingKind, Result, parse_stem, stem,
};

use super::{Report, data, same_json};
use crate::array::ZarrArray;
use crate::chunks::ChunkLayout;
use crate::document::ArrayHead;
use crate::head::Seen;
use crate::layout::{self, Place};
use crate::nodes;
use crate::storage::StoragePlan;
use crate::store::Store;
use crate::stored;

/// How many lost objects a finding names.
const NAMED_MAX: usize = 3;

/// The heads that were found.
#[derive(Debug, Default)]
pub(super) struct Heads {
    /// By stem.
    pub(super) known: HashMap<String, ArrayHead>,
    /// Whether there are others, which cannot be read.
    pub(super) are_incomplete: bool,
    folders: HashSet<String>,
}

impl Heads {
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.folders.contains(folder)
    }

    fn insert(&mut self, stem: &str, head: &ArrayHead) {
        self.folders.insert(head.folder.clone());
        self.known.insert(stem.to_owned(), head.clone());
    }
}

pub(super) async fn check(
    store: &Store,
    collection: &Arc<CollectionMeta>,
    place: &Place,
    report: &mut Report<'_>,
) -> Result<Heads> {
    let mut heads = Heads::default();
    let listed: Vec<_> = store.objects.list(&place.heads()).try_collect().await?;
    for listed in listed.iter().filter(|listed| listed.size > 0) {
        let Some(stem) = layout::document_name(&listed.key) else {
            report.fault(
                CheckLevel::Layout,
                FindingKind::Stray,
                &listed.key,
                "an object that belongs to no array".to_owned(),
            );
            continue;
        };
        match store.head(collection, place, stem).read().await {
            // Deleted since it was listed.
            Ok(None) => {}
            Ok(Some(seen)) => {
                heads.insert(stem, &seen.head);
                check_array(store, collection, place, stem, seen, report).await;
            }
            Err(error) => {
                heads.are_incomplete = true;
                let kind = FindingKind::ArrayUnreadable;
                report.fault(CheckLevel::Arrays, kind, stem, error.to_string());
            }
        }
    }
    Ok(heads)
}

async fn check_array(
    store: &Store,
    collection: &Arc<CollectionMeta>,
    place: &Place,
    stem: &str,
    seen: Seen,
    report: &mut Report<'_>,
) {
    let plan = match StoragePlan::new(&collection.storage, &collection.schema) {
        Ok(plan) => plan,
        Err(error) => {
            let kind = FindingKind::ArrayUnreadable;
            return report.fault(CheckLevel::Arrays, kind, stem, error.to_string());
        }
    };
    let head = store.head(collection, place, stem);
    let opened = ZarrArray::new(store, head, place, &plan, stem.to_owned(), seen.clone());
    let array = match opened {
        Ok(array) => array,
        Err(error) => {
            let kind = FindingKind::ArrayUnreadable;
            return report.fault(CheckLevel::Arrays, kind, stem, error.to_string());
        }
    };
    interrupted(&array, stem, &seen, report).await;
    if !report.reaches(CheckLevel::Layout) {
        return;
    }
    if parse_stem(&collection.schema, stem).is_none() || stem != self::name_of(&seen.head) {
        report.fault(
            CheckLevel::Layout,
            FindingKind::SchemaDisagrees,
            stem,
            "the key is not that of the name".to_owned(),
        );
    }
    if let Err(error) =
        check_nodes(store, collection, place, &plan, (stem, &seen.head), report).await
    {
        let kind = FindingKind::ArrayUnreadable;
        report.fault(CheckLevel::Layout, kind, stem, error.to_string());
    }
    if report.reaches(CheckLevel::Data)
        && let Err(error) = data::check(&array, store, stem, report).await
    {
        let kind = FindingKind::ArrayUnreadable;
        report.fault(CheckLevel::Data, kind, stem, error.to_string());
    }
}

fn name_of(head: &ArrayHead) -> String {
    stem(&head.meta.key, head.meta.id)
}

/// A write into several objects whose writer has gone.
async fn interrupted(array: &ZarrArray, stem: &str, seen: &Seen, report: &mut Report<'_>) {
    let Some(change) = seen
        .head
        .change
        .clone()
        .filter(|change| change.writer.is_gone())
    else {
        return;
    };
    let message = format!(
        "a write by {} was interrupted; it is finished by the next write or a repair",
        change.writer
    );
    let mended = if report.repairs() {
        let finished = array.finish(seen.clone(), &change).await;
        if matches!(&finished, Err(error) if error.kind() == ErrorKind::Corrupt) {
            return give_up(array, stem, seen, finished, report).await;
        }
        Some(finished)
    } else {
        None
    };
    let (level, kind) = (CheckLevel::Arrays, FindingKind::Leftover);
    report.mendable(level, kind, stem, &message, mended);
}

/// An interrupted write that cannot be finished would keep all others waiting for ever.
async fn give_up(
    array: &ZarrArray,
    stem: &str,
    seen: &Seen,
    finished: Result<()>,
    report: &mut Report<'_>,
) {
    let cause = finished
        .err()
        .map_or_else(String::new, |error| error.to_string());
    let message = format!(
        "an interrupted write, which had not been acknowledged, is lost in part, and was given up; write its cells again: {cause}"
    );
    let mended = Some(array.give_up(seen.clone()).await);
    let (level, kind) = (CheckLevel::Arrays, FindingKind::Corrupt);
    report.mendable(level, kind, stem, &message, mended);
}

/// The Zarr nodes of an array, and what else lies in its group.
async fn check_nodes(
    store: &Store,
    collection: &Arc<CollectionMeta>,
    place: &Place,
    plan: &StoragePlan,
    (stem, head): (&str, &ArrayHead),
    report: &mut Report<'_>,
) -> Result<()> {
    let group = place.group(&head.folder);
    let made = nodes::made(collection, plan, &head.meta)?;
    let mut wrong = Vec::new();
    for node in &made {
        let found = store.objects.get(&format!("{group}/{}", node.path)).await?;
        let same = found
            .is_some_and(|found| found.bytes == node.bytes || same_json(&found.bytes, &node.bytes));
        if !same {
            wrong.push(node.path.clone());
        }
    }
    // Deleted or changed since: then they are right, or nobody's.
    let is_same = |now: &Seen| {
        now.head.folder == head.folder
            && now.head.meta.custom.to_json() == head.meta.custom.to_json()
    };
    let now = store.head(collection, place, stem).read().await?;
    if !wrong.is_empty() && now.is_some_and(|now| is_same(&now)) {
        let message = format!("{} in {group} is not what the array says", wrong.join(", "));
        let mended = if report.repairs() {
            Some(mend_nodes(store, collection, place, (stem, head), made.clone()).await)
        } else {
            None
        };
        let (level, kind) = (CheckLevel::Layout, FindingKind::SchemaDisagrees);
        report.mendable(level, kind, stem, &message, mended);
    }
    let known: HashSet<&str> = made.iter().map(|node| node.path.as_str()).collect();
    let layout = plan.layout(&collection.schema.shape());
    // Before the objects are listed: what is recorded was there before that.
    let mut missing = recorded(store, place, head, &layout).await?;
    let cells = format!("{}/c", nodes::variable_name(collection, plan));
    let mut objects = store.objects.list(&group);
    while let Some(listed) = objects.try_next().await? {
        let path = listed
            .key
            .strip_prefix(&format!("{group}/"))
            .unwrap_or(&listed.key);
        let chunk = path.strip_prefix(&cells);
        match chunk.and_then(|rest| object_at(rest, &layout)) {
            Some(object) => {
                missing.remove(&object);
            }
            None if known.contains(path) => {}
            None => report.fault(
                CheckLevel::Layout,
                FindingKind::Stray,
                &listed.key,
                "an object that belongs to nothing; look at it and remove it".to_owned(),
            ),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let still_there = store.head(collection, place, stem).read().await?;
    if still_there.is_some_and(|seen| seen.head.folder == head.folder) {
        let variable = cells.trim_end_matches("/c");
        lost(
            &missing,
            &layout,
            &format!("{group}/{variable}"),
            stem,
            report,
        );
    }
    Ok(())
}

/// Puts what is made from a head again, and takes it away if the array went meanwhile.
async fn mend_nodes(
    store: &Store,
    collection: &Arc<CollectionMeta>,
    place: &Place,
    (stem, head): (&str, &ArrayHead),
    made: Vec<nodes::Made>,
) -> Result<()> {
    let group = place.group(&head.folder);
    nodes::put(&*store.objects, &group, made, Durability::Synced).await?;
    let at = store.head(collection, place, stem);
    match at.read().await? {
        Some(now) if now.head.folder == head.folder => {
            // With the attributes that it has by now.
            nodes::write_metadata(&at, place, Durability::Synced).await
        }
        _ => store.sweep(&group, Durability::Relaxed).await,
    }
}

/// Objects that were stored and are gone.
fn lost(
    missing: &BTreeSet<u64>,
    layout: &ChunkLayout,
    variable: &str,
    stem: &str,
    report: &mut Report<'_>,
) {
    let named = missing.iter().take(NAMED_MAX);
    let named = named.map(|&object| layout::chunk("", &layout.objects().position(object)));
    let named: Vec<String> = named.collect();
    let message = format!(
        "{} of its objects were stored and are gone, first {variable}{}; they read as fill: restore them, or write or clear \
         those cells again",
        missing.len(),
        named.join(", ")
    );
    report.fault(CheckLevel::Layout, FindingKind::ChunkLost, stem, message);
}

/// The objects that are recorded as stored.
async fn recorded(
    store: &Store,
    place: &Place,
    head: &ArrayHead,
    layout: &ChunkLayout,
) -> Result<BTreeSet<u64>> {
    let count = layout.objects().chunk_count();
    if !head.stored.is_sound(count) {
        return Err(Error::corrupt("the head names objects that cannot be"));
    }
    let mut recorded = stored::marked(&*store.objects, place, &head.folder).await?;
    recorded.retain(|&object| object < count);
    recorded.extend(head.stored.numbers());
    Ok(recorded)
}

/// The object of the grid whose position the rest of a key is.
fn object_at(rest: &str, layout: &ChunkLayout) -> Option<u64> {
    let counts = layout.objects().counts();
    let mut parts = rest.split('/');
    if parts.next() != Some("") || parts.clone().count() != counts.len() {
        return None;
    }
    let mut object = 0;
    for (part, count) in parts.zip(counts) {
        let along: u64 = part.parse().ok()?;
        if along >= *count || along.to_string() != part {
            return None;
        }
        object = object * count + along;
    }
    Some(object)
}
