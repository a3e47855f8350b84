//! Faults of tiles.

use std::collections::HashSet;
use std::path::Path;

use hyperslab_core::{CheckLevel, CollectionMeta, Durability, ErrorKind, FindingKind, Result};
use uuid::Uuid;

use super::Fault;
use super::arrays::data_fault;
use super::layout::{leftovers, stray};
use crate::disk::{self, Fence};
use crate::store::tiles::{RECORD, TILES, Tiles, tile_number};
use crate::store::{Opened, Store};

/// What is wrong with the tiles of one array, and which of them another program has written.
#[derive(Default)]
pub(super) struct TileFaults {
    pub(super) faults: Vec<Fault>,
    pub(super) unverified: Vec<u64>,
}

/// Everything that is wrong with the tiles of one array.
pub(super) fn tile_faults(
    store: &Store,
    collection: &CollectionMeta,
    stem: &str,
    deep: bool,
) -> Result<TileFaults> {
    let opened = store.open(collection)?;
    let (_, meta) = store.load(collection, &opened, stem)?;
    let mut found = TileFaults::default();
    let Some(tiles) = opened.tiles(stem, meta.id) else {
        return Ok(found);
    };
    let view = match tiles.moves.look() {
        Ok(view) => view,
        Err(error) => {
            let kind = FindingKind::ArrayUnreadable;
            let fault = Fault::new(CheckLevel::Arrays, kind, stem, error.to_string());
            found.faults.push(fault);
            return Ok(found);
        }
    };
    let names = disk::list(&tiles.folder)?;
    let mut numbers: HashSet<u64> = (names.iter())
        .filter_map(|name| tile_number(&tiles.grid, name))
        .collect();
    numbers.extend(view.targets().filter_map(|target| {
        let name = target.file_name()?.to_str()?;
        tile_number(&tiles.grid, name)
    }));
    let mut numbers: Vec<u64> = numbers.into_iter().collect();
    numbers.sort_unstable();
    for number in numbers {
        let path = tiles.path(number);
        let name = path.file_name().unwrap_or_default().display();
        let subject = format!("{stem} {name}");
        match tiles.open(store, collection, number, &view) {
            Ok(None) => {}
            Ok(Some(file)) if deep => match data_fault(&file, collection, &subject) {
                Some(fault) if fault.kind == FindingKind::Unverified => {
                    found.unverified.push(number);
                }
                fault => found.faults.extend(fault),
            },
            Ok(Some(_)) => {}
            Err(error) => {
                let kind = FindingKind::ArrayUnreadable;
                let fault = Fault::new(CheckLevel::Arrays, kind, subject, error.to_string());
                found.faults.push(fault);
            }
        }
    }
    Ok(found)
}

/// Faults of the folders of tiles of one collection.
pub(super) fn folder_faults(
    store: &Store,
    collection: &CollectionMeta,
    opened: &Opened,
    repair: bool,
) -> Result<Vec<Fault>> {
    if opened.grid.is_none() {
        return Ok(Vec::new());
    }
    let all = opened.folders.tiles();
    let (names, known) = {
        // Whoever makes an array puts its tiles there before the array.
        let _fence = store.fenced(collection, Fence::shared)?;
        (disk::list(&all)?, arrays(store, collection, opened)?)
    };
    let mut faults = Vec::new();
    for name in names {
        let path = all.join(&name);
        let owner = known.iter().find(|tiles| tiles.folder == path);
        match owner {
            Some(tiles) => faults.extend(inside(tiles, &name, repair)?),
            None if path.is_dir() => {
                let removed = repair && remove(store, collection, opened, &path).is_ok();
                let fault = Fault::new(
                    CheckLevel::Layout,
                    FindingKind::Leftover,
                    format!("{TILES}/{name}"),
                    "the tiles of an array that is not there; a repair removes them",
                );
                faults.push(fault.repairable(removed));
            }
            None => faults.push(stray(&format!("{TILES}/{name}"))),
        }
    }
    Ok(faults)
}

/// The tiles of each array that opens. Those of one that does not are not known to be of none.
fn arrays(store: &Store, collection: &CollectionMeta, opened: &Opened) -> Result<Vec<Tiles>> {
    let mut known = Vec::new();
    for (stem, parsed) in store.list_names(collection, &opened.folders)? {
        if parsed.is_none() {
            continue;
        }
        match store.load(collection, opened, &stem) {
            Ok((_, meta)) => known.extend(opened.tiles(&stem, meta.id)),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            // By its name alone its folder is one of several.
            Err(_) => known.extend(unreadable(opened, &stem)?),
        }
    }
    Ok(known)
}

/// Every folder that may be that of an array whose file does not say its id.
fn unreadable(opened: &Opened, stem: &str) -> Result<Vec<Tiles>> {
    let names = disk::list(&opened.folders.tiles())?;
    let mut found = Vec::new();
    for name in names {
        let id = match name.strip_prefix(stem) {
            Some("") => name.strip_prefix("id="),
            Some(rest) => rest.strip_prefix('.'),
            None => None,
        };
        let id = id.and_then(|id| Uuid::parse_str(id).ok());
        found.extend(id.and_then(|id| opened.tiles(stem, id)));
    }
    Ok(found)
}

/// Faults inside of the folder of an array.
fn inside(tiles: &Tiles, name: &str, repair: bool) -> Result<Vec<Fault>> {
    let mut faults = Vec::new();
    let is_left = match tiles.moves.is_left() {
        Ok(is_left) => is_left,
        // The array is told to be unreadable; what belongs to it, nobody knows.
        Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported) => {
            return Ok(faults);
        }
        Err(error) => return Err(error),
    };
    if is_left {
        let repaired = repair && tiles.moves.settle().is_ok();
        let fault = Fault::new(
            CheckLevel::Layout,
            FindingKind::Leftover,
            format!("{TILES}/{name}/{RECORD}"),
            "an interrupted change is decided and seen, and not finished; the next change or a repair finishes it",
        );
        faults.push(fault.repairable(repaired));
    }
    let view = tiles.moves.look()?;
    let is_staged = |path: &Path| {
        view.targets()
            .any(|target| view.staged(target) == Some(path))
    };
    let is_temporary = |path: &Path| path.to_string_lossy().ends_with(disk::TEMPORARY);
    let is_known = |path: &Path| !is_temporary(path) || is_staged(path);
    faults.extend(leftovers(&tiles.folder, repair, is_known)?);
    for file in disk::list(&tiles.folder)? {
        let is_known = file == RECORD || file.ends_with(disk::TEMPORARY);
        if !is_known && tile_number(&tiles.grid, &file).is_none() {
            faults.push(stray(&format!("{TILES}/{name}/{file}")));
        }
    }
    Ok(faults)
}

/// Removes the tiles of an array that still is not there when nobody can make it.
fn remove(
    store: &Store,
    collection: &CollectionMeta,
    opened: &Opened,
    folder: &Path,
) -> Result<()> {
    let hidden = opened.folders.temporaries().join(disk::temporary_name());
    let fence = store.fenced(collection, Fence::exclusive)?;
    let known = arrays(store, collection, opened)?;
    if known.iter().all(|tiles| tiles.folder != folder) {
        disk::rename_new(folder, &hidden)
            .map_err(|source| hyperslab_core::Error::io("remove", folder.display(), source))?;
    }
    drop(fence);
    disk::sync_parent(folder, Durability::Synced)?;
    // It is gone; what is left of it is found by the next check.
    let _ = std::fs::remove_dir_all(&hidden);
    Ok(())
}
