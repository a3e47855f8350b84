//! What interrupted calls have left behind: groups without a head, staged cells without a change, identities without an
//! array.

use std::collections::HashSet;

use futures::TryStreamExt;
use hyperslab_core::{CheckLevel, Durability, FindingKind, Result};

use super::arrays::Heads;
use super::{Report, sweep};
use crate::document::{IdDocument, to_bytes};
use crate::head::{Slot, read_slot, retire};
use crate::layout::{self, Place};
use crate::objects::Condition;
use crate::process::Process;
use crate::store::Store;

/// What lay there before the heads were read.
#[derive(Debug)]
pub(super) struct Seen {
    folders: Vec<String>,
    staged: Vec<String>,
    /// The groups of which objects are marked as stored.
    marked: Vec<String>,
    /// The groups that are being made, and by whom.
    makers: Vec<(String, Option<Process>)>,
    /// The groups that are being removed, and by whom.
    removers: Vec<(String, Option<Process>)>,
}

impl Seen {
    pub(super) async fn look(store: &Store, place: &Place) -> Result<Self> {
        let objects = &store.objects;
        let mut folders = objects.list_level(&place.collection).await?.folders;
        folders.retain(|folder| layout::tag_of(folder).is_some());
        let staged = objects.list_level(&place.staged()).await?.folders;
        Ok(Self {
            folders,
            staged,
            marked: objects.list_level(&place.all_marks()).await?.folders,
            makers: workers(store, &place.makers()).await?,
            removers: workers(store, &place.removers()).await?,
        })
    }

    pub(super) async fn check(
        &self,
        store: &Store,
        place: &Place,
        heads: &Heads,
        report: &mut Report<'_>,
    ) -> Result<()> {
        if heads.are_incomplete {
            // What a head that cannot be read still needs is not known, so nothing is taken for a leftover.
            return Ok(());
        }
        self.interrupted(store, place, heads, report).await;
        self.lost(store, place, heads, report).await;
        self.staging(store, place, heads, report).await;
        self.marks(store, place, heads, report).await;
        identities(store, place, heads, report).await
    }

    /// Groups whose creation or deletion was interrupted.
    async fn interrupted(
        &self,
        store: &Store,
        place: &Place,
        heads: &Heads,
        report: &mut Report<'_>,
    ) {
        let made = self.makers.iter().map(|worker| (worker, "creation"));
        let removed = self.removers.iter().map(|worker| (worker, "deletion"));
        for ((folder, process), what) in made.chain(removed) {
            if !process.as_ref().is_none_or(Process::is_gone) {
                continue;
            }
            let mended = if report.repairs() {
                let is_lost = !heads.has_folder(folder);
                Some(forget(store, place, folder, is_lost).await)
            } else {
                None
            };
            let message = format!("left by a {what} that was interrupted");
            let subject = place.group(folder);
            let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
            report.mendable(level, kind, &subject, &message, mended);
        }
    }

    /// Groups without a head that nobody is making or removing.
    async fn lost(&self, store: &Store, place: &Place, heads: &Heads, report: &mut Report<'_>) {
        let workers = self.makers.iter().chain(&self.removers);
        let busy: HashSet<&str> = workers.map(|(folder, _)| folder.as_str()).collect();
        for folder in self.folders.iter().map(String::as_str) {
            let group = place.group(folder);
            // On a disk a folder may be there with nothing in it, which is nothing.
            if heads.has_folder(folder) || busy.contains(folder) || is_empty(store, &group).await {
                continue;
            }
            if place.owns(folder) {
                let message = "an array without its head; it opens as a Zarr group: import it, then remove the group";
                let (level, kind) = (CheckLevel::Layout, FindingKind::ArrayLost);
                report.fault(level, kind, &group, message.to_owned());
                continue;
            }
            let mended = if report.repairs() {
                Some(sweep(&*store.objects, &group).await)
            } else {
                None
            };
            let message = "left when the collection was emptied, or deleted and made anew";
            let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
            report.mendable(level, kind, &group, message, mended);
        }
    }

    async fn staging(&self, store: &Store, place: &Place, heads: &Heads, report: &mut Report<'_>) {
        let pending = heads.known.values().filter_map(|head| head.change.as_ref());
        let pending: HashSet<_> = pending.map(|change| change.id).collect();
        for name in &self.staged {
            let parsed = layout::parse_staging(name);
            let stale = parsed.is_none_or(|(change, token)| {
                !pending.contains(&change) && Process::token_is_gone(token)
            });
            if !stale {
                continue;
            }
            let prefix = format!("{}/{name}", place.staged());
            let mended = if report.repairs() {
                Some(sweep(&*store.objects, &prefix).await)
            } else {
                None
            };
            let message = "cells of a write that was interrupted before it happened";
            let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
            report.mendable(level, kind, &prefix, message, mended);
        }
    }

    /// Marks of groups that are no longer there.
    async fn marks(&self, store: &Store, place: &Place, heads: &Heads, report: &mut Report<'_>) {
        let workers = self.makers.iter().chain(&self.removers);
        let busy: HashSet<&str> = workers.map(|(folder, _)| folder.as_str()).collect();
        let is_known = |folder: &String| {
            heads.has_folder(folder)
                || busy.contains(folder.as_str())
                || self.folders.contains(folder)
        };
        for folder in self.marked.iter().filter(|folder| !is_known(folder)) {
            let prefix = place.marks(folder);
            let mended = if report.repairs() {
                Some(sweep(&*store.objects, &prefix).await)
            } else {
                None
            };
            let message = "marks of an array that was deleted";
            let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
            report.mendable(level, kind, &prefix, message, mended);
        }
    }
}

async fn is_empty(store: &Store, prefix: &str) -> bool {
    matches!(store.objects.list(prefix).try_next().await, Ok(None))
}

/// Who is at work on which group.
async fn workers(store: &Store, prefix: &str) -> Result<Vec<(String, Option<Process>)>> {
    let mut workers = Vec::new();
    for listed in store.objects.list_level(prefix).await?.objects {
        let object = store.objects.get(&listed.key).await?;
        if let (Some(folder), Some(object)) = (layout::document_name(&listed.key), object) {
            let process = serde_json::from_slice(&object.bytes).ok();
            workers.push((folder.to_owned(), process));
        }
    }
    Ok(workers)
}

/// Takes away the records of who is at work on a group, and the group itself if it has no head.
async fn forget(store: &Store, place: &Place, folder: &str, is_lost: bool) -> Result<()> {
    let objects = &*store.objects;
    let (maker, remover) = (place.maker(folder), place.remover(folder));
    if is_lost {
        // As a deletion does: without a record, what is left of the group would look like an array that was lost.
        let own = to_bytes(&Process::own())?;
        let put = objects.put(&remover, own, Condition::None, Durability::Synced);
        put.await?;
        // Before the group: a creator that lives after all finds that out before it tells anybody.
        objects.delete(vec![maker], Durability::Synced).await?;
        sweep(objects, &place.marks(folder)).await?;
        sweep(objects, &place.group(folder)).await?;
        return objects.delete(vec![remover], Durability::Synced).await;
    }
    objects
        .delete(vec![maker, remover], Durability::Synced)
        .await
}

async fn identities(
    store: &Store,
    place: &Place,
    heads: &Heads,
    report: &mut Report<'_>,
) -> Result<()> {
    let objects = &*store.objects;
    let (level, kind) = (CheckLevel::Layout, FindingKind::IndexDisagrees);
    let listed: Vec<_> = objects.list(&place.ids()).try_collect().await?;
    let mut entered = HashSet::new();
    for listed in listed.iter().filter(|listed| listed.size > 0) {
        let slot = read_slot(objects, &listed.key, |bytes| {
            IdDocument::parse(bytes, &listed.key)
        });
        let (right, version) = match slot.await {
            Ok(Slot::Held(known, version)) => {
                let head = heads.known.get(&known.stem);
                let named = layout::document_name(&listed.key);
                let right =
                    head.is_some_and(|head| Some(head.meta.id.to_string().as_str()) == named);
                entered.extend(right.then_some(known.stem));
                (right, Some(version))
            }
            Ok(_) => continue,
            Err(_) => (false, objects.version(&listed.key).await?),
        };
        if right {
            continue;
        }
        let mended = match version {
            Some(version) if report.repairs() => {
                let retired = retire(objects, &listed.key, &version, Durability::Synced);
                Some(retired.await.map(drop))
            }
            _ => None,
        };
        report.mendable(
            level,
            kind,
            &listed.key,
            "an identity without its array",
            mended,
        );
    }
    for (stem, head) in heads
        .known
        .iter()
        .filter(|(stem, _)| !entered.contains(*stem))
    {
        if head.meta.key.is_empty() {
            continue;
        }
        let mended = if report.repairs() {
            Some(store.enter_id(place, &head.meta, stem).await)
        } else {
            None
        };
        report.mendable(level, kind, stem, "its identity is not entered", mended);
    }
    Ok(())
}
