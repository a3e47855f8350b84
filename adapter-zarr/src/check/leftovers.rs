//! What interrupted calls have left behind: groups without a head, staged cells without a change, identities without an
//! array.

use std::collections::HashSet;

use futures::TryStreamExt;
use hyperslab_core::{CheckLevel, Durability, FindingKind, Result};

use super::arrays::Heads;
use super::{Report, sweep};
use crate::document::IdDocument;
use crate::head::{Slot, read_slot, retire};
use crate::layout::{self, Place};
use crate::process::Process;
use crate::store::Store;

/// What lay there before the heads were read.
#[derive(Debug)]
pub(super) struct Seen {
    folders: Vec<String>,
    staged: Vec<String>,
    /// The groups that are being made, and by whom.
    makers: Vec<(String, Option<Process>)>,
}

impl Seen {
    pub(super) async fn look(store: &Store, place: &Place) -> Result<Self> {
        let objects = &store.objects;
        let mut folders = objects.list_level(&place.collection).await?.folders;
        folders.retain(|folder| place.owns(folder));
        let staged = objects.list_level(&place.staged()).await?.folders;
        let mut makers = Vec::new();
        for listed in objects.list_level(&place.makers()).await?.objects {
            if let (Some(folder), Some(object)) = (
                layout::document_name(&listed.key),
                objects.get(&listed.key).await?,
            ) {
                makers.push((
                    folder.to_owned(),
                    serde_json::from_slice(&object.bytes).ok(),
                ));
            }
        }
        Ok(Self {
            folders,
            staged,
            makers,
        })
    }

    pub(super) async fn check(
        &self,
        store: &Store,
        place: &Place,
        heads: &Heads,
        report: &mut Report<'_>,
    ) -> Result<()> {
        self.groups(store, place, heads, report).await;
        self.staging(store, place, heads, report).await;
        identities(store, place, heads, report).await
    }

    async fn groups(&self, store: &Store, place: &Place, heads: &Heads, report: &mut Report<'_>) {
        let known: HashSet<&str> = heads.values().map(|head| head.folder.as_str()).collect();
        let makers = self.makers.iter();
        let dead = makers.filter(|(_, writer)| writer.as_ref().is_none_or(Process::is_gone));
        let dead: HashSet<&str> = dead.map(|(folder, _)| folder.as_str()).collect();
        let making: HashSet<&str> = self
            .makers
            .iter()
            .map(|(folder, _)| folder.as_str())
            .collect();
        let groups = self.folders.iter().map(String::as_str);
        let unknown = groups.filter(|folder| {
            !known.contains(folder) && (dead.contains(folder) || !making.contains(folder))
        });
        let unknown: HashSet<&str> = unknown.chain(dead.iter().copied()).collect();
        for folder in unknown {
            let published = known.contains(folder);
            // On a disk a folder may be there with nothing in it, which is nothing.
            if !dead.contains(folder) && is_empty(store, &place.group(folder)).await {
                continue;
            }
            let mended = if report.repairs() {
                Some(forget_group(store, place, folder, published).await)
            } else {
                None
            };
            let message = "left by a creation that was interrupted";
            let subject = place.group(folder);
            let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
            report.mendable(level, kind, &subject, message, mended);
        }
    }

    async fn staging(&self, store: &Store, place: &Place, heads: &Heads, report: &mut Report<'_>) {
        let pending = heads.values().filter_map(|head| head.change.as_ref());
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
}

async fn is_empty(store: &Store, prefix: &str) -> bool {
    matches!(store.objects.list(prefix).try_next().await, Ok(None))
}

/// The maker goes first: one that lives after all finds that out before it tells anybody.
async fn forget_group(store: &Store, place: &Place, folder: &str, published: bool) -> Result<()> {
    store.objects.delete(vec![place.maker(folder)]).await?;
    if published {
        return Ok(());
    }
    sweep(&*store.objects, &place.group(folder)).await
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
                let head = heads.get(&known.stem);
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
    for (stem, head) in heads.iter().filter(|(stem, _)| !entered.contains(*stem)) {
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
