//! What interrupted calls have left behind: groups without a head, staged cells without a change, identities without an
//! array.
//!
//! Others go on meanwhile. So whether a process has gone is asked before the heads are read: one that had gone by then does
//! nothing that is not seen afterwards. And before anything is taken away, the one head that could need it is read again.

use std::collections::HashSet;
use std::sync::Arc;

use futures::TryStreamExt;
use hyperslab_core::{CheckLevel, CollectionMeta, Durability, FindingKind, Result};

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
    /// Places of staged cells whose writer had gone.
    staged: Vec<String>,
    /// The groups of which objects are marked as stored.
    marked: Vec<String>,
    /// The groups that are being made.
    makers: Vec<Worker>,
    /// The groups that are being removed.
    removers: Vec<Worker>,
}

/// Who is at work on a group.
#[derive(Debug)]
struct Worker {
    folder: String,
    /// The record that says so.
    record: String,
    is_gone: bool,
}

/// Where the leftovers of a collection are looked for.
pub(super) struct Scene<'a> {
    pub(super) store: &'a Store,
    pub(super) collection: &'a Arc<CollectionMeta>,
    pub(super) place: &'a Place,
    pub(super) heads: &'a Heads,
}

impl Scene<'_> {
    /// Whether the group of that name has a head at this moment.
    async fn has_head(&self, folder: &str) -> Result<bool> {
        let Some((stem, _)) = folder.rsplit_once('~') else {
            return Ok(false);
        };
        let head = self.store.head(self.collection, self.place, stem);
        let seen = head.read().await?;
        Ok(seen.is_some_and(|seen| seen.head.folder == folder))
    }

    /// Whether an identity is that of an array which has come since, or is about to.
    async fn is_needed(&self, stem: &str, id: &str) -> Result<bool> {
        let makers = self.store.objects.list_level(&self.place.makers()).await?;
        let makers = makers.objects.iter();
        let mut makers = makers.filter_map(|listed| layout::document_name(&listed.key));
        if makers.any(|folder| folder.rsplit_once('~').map(|(made, _)| made) == Some(stem)) {
            return Ok(true);
        }
        let head = self.store.head(self.collection, self.place, stem);
        let seen = head.read().await?;
        Ok(seen.is_some_and(|seen| seen.head.meta.id.to_string() == id))
    }

    /// Whether somebody is at work on a group at this moment.
    async fn is_busy(&self, folder: &str) -> Result<bool> {
        for record in [self.place.maker(folder), self.place.remover(folder)] {
            if self.store.objects.version(&record).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Seen {
    pub(super) async fn look(store: &Store, place: &Place) -> Result<Self> {
        let objects = &store.objects;
        let mut folders = objects.list_level(&place.collection).await?.folders;
        folders.retain(|folder| layout::tag_of(folder).is_some());
        let mut staged = objects.list_level(&place.staged()).await?.folders;
        staged.retain(|name| {
            layout::parse_staging(name).is_none_or(|(_, token)| Process::token_is_gone(token))
        });
        Ok(Self {
            folders,
            staged,
            marked: objects.list_level(&place.all_marks()).await?.folders,
            makers: workers(store, &place.makers()).await?,
            removers: workers(store, &place.removers()).await?,
        })
    }

    pub(super) async fn check(&self, scene: &Scene<'_>, report: &mut Report<'_>) -> Result<()> {
        if scene.heads.are_incomplete {
            // What a head that cannot be read still needs is not known, so nothing is taken for a leftover.
            return Ok(());
        }
        self.interrupted(scene, report).await?;
        self.lost(scene, report).await?;
        self.staging(scene, report).await;
        self.marks(scene, report).await;
        identities(scene, report).await
    }

    /// Groups whose creation or deletion was interrupted.
    async fn interrupted(&self, scene: &Scene<'_>, report: &mut Report<'_>) -> Result<()> {
        let (store, place) = (scene.store, scene.place);
        let made = self.makers.iter().map(|worker| (worker, "creation"));
        let removed = self.removers.iter().map(|worker| (worker, "deletion"));
        for (worker, what) in made.chain(removed).filter(|(worker, _)| worker.is_gone) {
            // Another repair may have been here.
            if store.objects.version(&worker.record).await?.is_none() {
                continue;
            }
            let folder = worker.folder.as_str();
            let is_lost = !scene.has_head(folder).await?;
            let mended = if report.repairs() {
                Some(forget(store, place, folder, is_lost).await)
            } else {
                None
            };
            let message = format!("left by a {what} that was interrupted");
            let subject = place.group(folder);
            let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
            report.mendable(level, kind, &subject, &message, mended);
        }
        Ok(())
    }

    /// Whether somebody was at work on a group.
    fn was_busy(&self, folder: &str) -> bool {
        let mut workers = self.makers.iter().chain(&self.removers);
        workers.any(|worker| worker.folder == folder)
    }

    /// Groups without a head that nobody is making or removing.
    async fn lost(&self, scene: &Scene<'_>, report: &mut Report<'_>) -> Result<()> {
        let (store, place) = (scene.store, scene.place);
        for folder in self.folders.iter().map(String::as_str) {
            let group = place.group(folder);
            if scene.heads.has_folder(folder) || self.was_busy(folder) {
                continue;
            }
            let objects: Vec<_> = store.objects.list(&group).try_collect().await?;
            // On a disk a folder may be there with nothing in it, which is nothing.
            if objects.is_empty() || scene.is_busy(folder).await? || scene.has_head(folder).await? {
                continue;
            }
            // Cells without any metadata are what a request has put that came after the deletion.
            let is_array = objects
                .iter()
                .any(|listed| listed.key.ends_with(layout::METADATA));
            if place.owns(folder) && is_array {
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
            let message =
                "left when an array was deleted, or the collection was emptied or made anew";
            let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
            report.mendable(level, kind, &group, message, mended);
        }
        Ok(())
    }

    async fn staging(&self, scene: &Scene<'_>, report: &mut Report<'_>) {
        let (store, place) = (scene.store, scene.place);
        let pending = scene
            .heads
            .known
            .values()
            .filter_map(|head| head.change.as_ref());
        let pending: HashSet<_> = pending.map(|change| change.id).collect();
        for name in &self.staged {
            let parsed = layout::parse_staging(name);
            if parsed.is_some_and(|(change, _)| pending.contains(&change)) {
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
    async fn marks(&self, scene: &Scene<'_>, report: &mut Report<'_>) {
        let (store, place) = (scene.store, scene.place);
        let is_known = |folder: &String| {
            scene.heads.has_folder(folder) || self.was_busy(folder) || self.folders.contains(folder)
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

/// Who is at work on which group.
async fn workers(store: &Store, prefix: &str) -> Result<Vec<Worker>> {
    let mut workers = Vec::new();
    for listed in store.objects.list_level(prefix).await?.objects {
        let object = store.objects.get(&listed.key).await?;
        if let (Some(folder), Some(object)) = (layout::document_name(&listed.key), object) {
            let process: Option<Process> = serde_json::from_slice(&object.bytes).ok();
            workers.push(Worker {
                folder: folder.to_owned(),
                is_gone: process.as_ref().is_none_or(Process::is_gone),
                record: listed.key.clone(),
            });
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

async fn identities(scene: &Scene<'_>, report: &mut Report<'_>) -> Result<()> {
    let (store, place, heads) = (scene.store, scene.place, scene.heads);
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
                let named = layout::document_name(&listed.key).unwrap_or_default();
                let head = heads.known.get(&known.stem);
                let right = head.is_some_and(|head| head.meta.id.to_string() == named)
                    || scene.is_needed(&known.stem, named).await?;
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
        let is_there = || scene.has_head(&head.folder);
        if head.meta.key.is_empty() || !is_there().await? {
            continue;
        }
        let mended = if report.repairs() {
            let mended = store.enter_id(place, &head.meta, stem).await;
            // Deleted meanwhile, it would keep its identity from others.
            if mended.is_ok() && !is_there().await? {
                let held = store.held_id(place, &head.meta, stem).await?;
                store
                    .release_id(place, &head.meta, held, Durability::Synced)
                    .await?;
                continue;
            }
            Some(mended)
        } else {
            None
        };
        report.mendable(level, kind, stem, "its identity is not entered", mended);
    }
    Ok(())
}
