//! What is ours beside the collections: files under construction, and changes of several tiles.

use hyperslab_core::{CheckLevel, FindingKind, Result};
use uuid::Uuid;

use super::{Found, Mend};
use crate::deker::folders::Kind;
use crate::deker::store::{Store, names_in};
use crate::disk::is_leftover;

/// Everything that somebody who was killed has left.
pub(super) fn faults(store: &Store) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let temporaries = store.temporaries();
    let (level, kind) = (CheckLevel::Layout, FindingKind::Leftover);
    for name in names_in(&temporaries)? {
        let path = temporaries.join(&name);
        if is_leftover(&path) {
            let message = "a writer that has gone left it; no array misses it";
            let leftover = Found::new(level, kind, name, message);
            found.push(leftover.mended_by(Mend::RemoveAll(path)));
        }
    }
    for name in names_in(&store.all_moves())? {
        let Ok(array) = Uuid::parse_str(&name) else {
            continue;
        };
        let path = store.all_moves().join(&name);
        if !store.moves(array).is_left()? {
            if !is_there(store, array)? {
                let message = "it is about an array that is not there any more";
                let leftover = Found::new(level, kind, name, message);
                found.push(leftover.mended_by(Mend::RemoveAll(path)));
            }
        } else {
            let message = "a change of several tiles is decided and not finished; the next writer finishes it";
            let leftover = Found::new(level, kind, name, message);
            found.push(leftover.mended_by(Mend::Settle(array)));
        }
    }
    Ok(found)
}

fn is_there(store: &Store, array: Uuid) -> Result<bool> {
    let names = store.list_collections()?;
    let mut files = names
        .iter()
        .map(|name| store.folders(name).file(Kind::Virtual, array));
    Ok(files.any(|file| file.is_file()))
}
