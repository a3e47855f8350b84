//! What belongs to no collection: arrays whose collection was lost, and what interrupted deletions have left.
//!
//! A deletion takes the Zarr group of a collection away first, then its document, then the rest. So arrays below a group that
//! is there and has no document were lost, and arrays below none are left over.

use std::collections::HashSet;

use futures::TryStreamExt;
use hyperslab_core::{CheckLevel, FindingKind, Result};

use super::{Report, sweep};
use crate::head::Slot;
use crate::layout::{self, MACHINERY};
use crate::store::Store;

/// Looks for them. Everything is listed before the documents are read: what is made meanwhile has its document first.
pub(super) async fn check(store: &Store, report: &mut Report<'_>) -> Result<()> {
    let mut found = Vec::new();
    for folder in store.objects.list_level("").await?.folders {
        if folder == MACHINERY {
            continue;
        }
        let mut arrays = store.objects.list_level(&folder).await?.folders;
        arrays.retain(|array| layout::tag_of(array).is_some());
        if !arrays.is_empty() {
            found.push((folder, arrays));
        }
    }
    let indexes = indexes(store).await?;
    let known = match known(store).await? {
        Some(known) => known,
        // Whose the rest is cannot be told.
        None => return Ok(()),
    };
    let mut lost = HashSet::new();
    for (folder, arrays) in found {
        if known.names.contains(&folder) {
            continue;
        }
        // Asked last: a deletion that goes on at this moment has taken it away before the document.
        let metadata = layout::metadata(&folder);
        if store.objects.version(&metadata).await?.is_some() {
            let tags = arrays.iter().filter_map(|array| layout::index_tag(array));
            lost.extend(tags.map(str::to_owned));
            let message = format!(
                "{} arrays without the document of their collection, {}; restore it, or import them: each opens as a Zarr group",
                arrays.len(),
                layout::collection_document(&folder)
            );
            let kind = FindingKind::CollectionUnreadable;
            report.fault(CheckLevel::Layout, kind, &folder, message);
            continue;
        }
        let groups = arrays.iter().map(|array| format!("{folder}/{array}"));
        leftover(store, &folder, groups.collect(), report).await?;
    }
    for (prefix, index) in indexes {
        let is_lost = layout::tag_of_index(&index).is_some_and(|tag| lost.contains(tag));
        if !known.indexes.contains(&index) && !is_lost {
            leftover(store, &prefix, vec![prefix.clone()], report).await?;
        }
    }
    Ok(())
}

async fn leftover(
    store: &Store,
    subject: &str,
    mut prefixes: Vec<String>,
    report: &mut Report<'_>,
) -> Result<()> {
    for index in (0..prefixes.len()).rev() {
        let mut objects = store.objects.list(&prefixes[index]);
        // On a disk a folder may be there with nothing in it, which is nothing.
        if objects.try_next().await?.is_none() {
            drop(objects);
            prefixes.swap_remove(index);
        }
    }
    if prefixes.is_empty() {
        return Ok(());
    }
    let mended = if report.repairs() {
        let mut mended = Ok(());
        for prefix in prefixes {
            mended = mended.and(sweep(&*store.objects, &prefix).await);
        }
        Some(mended)
    } else {
        None
    };
    let message = "left by the deletion of a collection that was interrupted";
    let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
    report.mendable(level, kind, subject, message, mended);
    Ok(())
}

/// The machinery of all collections: prefixes, and the index each belongs to.
async fn indexes(store: &Store) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for kind in layout::KINDS {
        let prefix = format!("{MACHINERY}/{kind}");
        let folders = store.objects.list_level(&prefix).await?.folders;
        found.extend(
            folders
                .into_iter()
                .map(|index| (format!("{prefix}/{index}"), index)),
        );
    }
    Ok(found)
}

#[derive(Default)]
struct Known {
    names: HashSet<String>,
    indexes: HashSet<String>,
}

/// The collections that there are; `None` when one of them cannot be read.
async fn known(store: &Store) -> Result<Option<Known>> {
    let mut known = Known::default();
    for name in store.list_collections().await? {
        match store.collection_slot(&name).await {
            Ok(Slot::Held(document, _)) => known.indexes.insert(document.index),
            Ok(_) => continue,
            Err(_) => return Ok(None),
        };
        known.names.insert(name);
    }
    Ok(Some(known))
}
