//! Faults of the layout: the index, strays, leftovers.

use std::path::Path;

use hyperslab_core::name::ATTACHMENTS;
use hyperslab_core::{CheckLevel, CollectionMeta, Durability, ErrorKind, FindingKind, Result};
use uuid::Uuid;

use super::Fault;
use crate::disk;
use crate::ids::{Fact, IdIndex};
use crate::store::tiles::TILES;
use crate::store::{
    ARRAYS, COLLECTION_DOCUMENT, Folders, IDS, LOCKS, MACHINERY, Opened, STORE_DOCUMENT, Store,
    TEMPORARIES,
};

/// Faults of the store's own folder.
pub(super) fn store_faults(store: &Store, repair: bool) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for name in disk::list(&store.root)? {
        let collection = store.folders(&name).document().is_file();
        let known = [STORE_DOCUMENT, MACHINERY, ATTACHMENTS];
        if !collection && !known.contains(&name.as_str()) {
            faults.push(stray(&name));
        }
    }
    let machinery = store.root.join(MACHINERY);
    faults.extend(strays(&machinery, &[TEMPORARIES, LOCKS])?);
    faults.extend(leftovers(&store.temporaries(), repair, |_| false)?);
    Ok(faults)
}

/// Faults of the folders of one collection.
pub(super) fn collection_faults(
    store: &Store,
    collection: &CollectionMeta,
    repair: bool,
) -> Result<Vec<Fault>> {
    let opened = store.open(collection)?;
    let folders = &opened.folders;
    let tiles = opened.grid.as_ref().map(|_| TILES);
    let known: Vec<&str> = ([COLLECTION_DOCUMENT, ARRAYS, MACHINERY].into_iter())
        .chain(tiles)
        .collect();
    let mut faults = strays(folders.root(), &known)?;
    faults.extend(super::tiles::folder_faults(
        store, collection, &opened, repair,
    )?);
    let machinery = folders.root().join(MACHINERY);
    faults.extend(strays(&machinery, &[IDS, TEMPORARIES, LOCKS])?);
    for name in disk::list(&folders.ids())? {
        let hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
        if name.len() != 2 || !hex {
            faults.push(stray(&format!("{IDS}/{name}")));
        }
    }
    faults.extend(leftovers(&folders.temporaries(), repair, |_| false)?);
    let names = store.list_names(collection, folders)?;
    let unknown = names.iter().filter(|(_, parsed)| parsed.is_none());
    faults.extend(unknown.map(|(name, _)| stray(&format!("{ARRAYS}/{name}"))));
    if collection.schema.key_attributes().next().is_some() {
        // Read anew: what this process remembers may be of files that are no more.
        let index = IdIndex::default();
        for (stem, _) in names.iter().filter(|(_, parsed)| parsed.is_some()) {
            faults.extend(unindexed(
                (store, &index),
                collection,
                &opened,
                stem,
                repair,
            )?);
        }
        faults.extend(lost(&index, folders)?);
    }
    Ok(faults)
}

fn strays(folder: &Path, known: &[&str]) -> Result<Vec<Fault>> {
    let names = disk::list(folder)?;
    let unknown = names.iter().filter(|name| !known.contains(&name.as_str()));
    Ok(unknown.map(|name| stray(name)).collect())
}

pub(super) fn stray(name: &str) -> Fault {
    Fault::new(
        CheckLevel::Layout,
        FindingKind::Stray,
        name,
        "it belongs to nothing; move it elsewhere",
    )
}

/// Temporaries that nobody has any more, but for those that are known to belong to something.
pub(super) fn leftovers(
    folder: &Path,
    repair: bool,
    is_known: impl Fn(&Path) -> bool,
) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    for name in disk::list(folder)? {
        let path = folder.join(&name);
        if is_known(&path) || !disk::is_leftover(&path) {
            continue;
        }
        let removed = repair
            && if path.is_dir() {
                std::fs::remove_dir_all(&path).is_ok()
            } else {
                std::fs::remove_file(&path).is_ok()
            };
        let fault = Fault::new(
            CheckLevel::Layout,
            FindingKind::Leftover,
            name,
            "an interrupted change has left it behind; a repair removes it",
        );
        faults.push(fault.repairable(removed));
    }
    Ok(faults)
}

/// A file that the index does not know, or knows under another name.
fn unindexed(
    (store, index): (&Store, &IdIndex),
    collection: &CollectionMeta,
    opened: &Opened,
    stem: &str,
    repair: bool,
) -> Result<Option<Fault>> {
    let ids = opened.folders.ids();
    // What does not open has been reported, and what has gone is no fault.
    let Ok((_, meta)) = store.load(collection, opened, stem) else {
        return Ok(None);
    };
    let knows = |found: Option<String>| found.is_some_and(|name| name == stem);
    if knows(index.find(&ids, meta.id)?) {
        return Ok(None);
    }
    let fault = |repaired| {
        let fault = Fault::new(
            CheckLevel::Layout,
            FindingKind::IndexDisagrees,
            stem,
            format!(
                "the index does not know the array under its id {}; a repair enters it",
                meta.id
            ),
        );
        Some(fault.repairable(repaired))
    };
    // Looked at again while nobody can be between publishing and entering.
    let shard = IdIndex::hold(&ids, meta.id);
    let mut shard = match shard {
        Ok(shard) => shard,
        Err(error) if error.kind() == ErrorKind::Denied => return Ok(fault(false)),
        Err(error) => return Err(error),
    };
    if knows(shard.find(index, meta.id)?) || !opened.folders.array(stem).exists() {
        return Ok(None);
    }
    let repaired = repair
        && shard
            .add(Fact::Published, meta.id, stem, Durability::Synced)
            .is_ok();
    Ok(fault(repaired))
}

/// Files that the index knows and that are not there.
fn lost(index: &IdIndex, folders: &Folders) -> Result<Vec<Fault>> {
    let gone = |stem: &str| !folders.array(stem).exists();
    let mut faults = Vec::new();
    let known: Vec<(Uuid, String)> = index.all(&folders.ids())?;
    for (id, stem) in known {
        if !gone(&stem) {
            continue;
        }
        // A deletion enters its line before it removes the file.
        if index.find(&folders.ids(), id)?.as_ref() != Some(&stem) {
            continue;
        }
        faults.push(Fault::new(
            CheckLevel::Layout,
            FindingKind::ArrayLost,
            stem,
            format!("the file of array {id} is not there; restore it from a copy"),
        ));
    }
    Ok(faults)
}
