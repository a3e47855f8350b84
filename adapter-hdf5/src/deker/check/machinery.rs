//! What is ours beside the collections: files under construction, and changes of several tiles.

use std::path::PathBuf;

use hyperslab_core::{CheckLevel, FindingKind, Result};
use uuid::Uuid;

use super::{Found, Mend};
use crate::deker::folders::Kind;
use crate::deker::store::{Store, names_in};
use crate::disk::is_leftover;

/// Everything that somebody who was killed has left. What is decided comes first, and is finished before anything is removed.
pub(super) fn faults(store: &Store) -> Result<Vec<Found>> {
    let temporaries = leftovers(store)?;
    let (mut found, mut staged) = (Vec::new(), Vec::new());
    for name in names_in(&store.all_moves())? {
        if let Ok(array) = Uuid::parse_str(&name) {
            found.extend(moves_fault(store, array)?);
            staged.extend(store.moves(array).staged().unwrap_or_default());
        }
    }
    // One that was decided on since it was listed is named by a record, or has another name.
    for path in temporaries
        .into_iter()
        .filter(|path| !staged.contains(path))
    {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let leftover = leftover(&name, "a writer that has gone left it; no array misses it");
        found.push(leftover.mended_by(Mend::RemoveAll(path)));
    }
    Ok(found)
}

fn leftover(name: &str, message: &str) -> Found {
    Found::new(CheckLevel::Layout, FindingKind::Leftover, name, message)
}

/// Files under construction of processes that have gone.
fn leftovers(store: &Store) -> Result<Vec<PathBuf>> {
    let temporaries = store.temporaries();
    let paths = names_in(&temporaries)?.into_iter();
    let paths = paths.map(|name| temporaries.join(name));
    Ok(paths.filter(|path| is_leftover(path)).collect())
}

/// What is wrong with what is known of the changes of an array.
fn moves_fault(store: &Store, array: Uuid) -> Result<Option<Found>> {
    let folder = store.all_moves().join(array.to_string());
    let name = array.to_string();
    if !is_there(store, array)? {
        // What says that tiles are nobody's stays as long as there are any.
        if store.is_deleted(array) && has_tiles(store, array)? {
            return Ok(None);
        }
        let found = leftover(&name, "it is about an array that is not there any more");
        return Ok(Some(found.mended_by(Mend::RemoveAll(folder))));
    }
    Ok(match store.moves(array).is_left() {
        Ok(false) => None,
        Ok(true) => {
            let message = "a change of several tiles is decided and not finished; the next writer finishes it";
            Some(leftover(&name, message).mended_by(Mend::Settle(array)))
        }
        Err(error) => {
            let (level, kind) = (CheckLevel::Layout, FindingKind::ArrayUnreadable);
            Some(Found::new(level, kind, name, error.to_string()))
        }
    })
}

fn is_there(store: &Store, array: Uuid) -> Result<bool> {
    let names = store.list_collections()?;
    let mut files = names
        .iter()
        .map(|name| store.folders(name).file(Kind::Virtual, array));
    Ok(files.any(|file| file.is_file()))
}

fn has_tiles(store: &Store, array: Uuid) -> Result<bool> {
    let parts = [array.to_string()];
    let names = store.list_collections()?;
    let mut folders = names
        .iter()
        .map(|name| store.folders(name).link_folder(Kind::Array, &parts));
    Ok(folders.any(|folder| folder.is_dir()))
}
