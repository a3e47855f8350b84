//! Faults of what lies in the folder of all collections.

use std::path::Path;

use hyperslab_core::{CheckLevel, FindingKind, Result};

use super::{Checked, Found, Mend};
use crate::deker::folders::Kind;
use crate::deker::store::{Store, names_in};

/// The end of the name of the lock of a collection.
const LOCK: &str = ".lock";

/// The collections that have a document, and what else there is.
pub(super) fn list(store: &Store) -> Result<(Vec<String>, Vec<Found>)> {
    let (mut names, mut found) = (Vec::new(), Vec::new());
    for name in names_in(&store.collections)? {
        let path = store.collections.join(&name);
        if store.folders(&name).document().is_file() {
            names.push(name);
        } else if let Some(collection) = name.strip_suffix(LOCK) {
            if !store.collections.join(collection).is_dir() {
                let message = format!("it is the lock of '{collection}', which is no collection");
                let level = CheckLevel::Collections;
                let stray = Found::new(level, FindingKind::Leftover, name.as_str(), message);
                found.push(stray.mended_by(Mend::RemoveUnlocked(path)));
            }
        } else {
            found.push(stranger(&name, &path));
        }
    }
    Ok((names, found))
}

fn stranger(name: &str, path: &Path) -> Found {
    let kinds = [Kind::Array, Kind::Virtual];
    let has_arrays = kinds.iter().any(|kind| path.join(kind.data()).is_dir());
    let (kind, message) = if has_arrays {
        (
            FindingKind::CollectionUnreadable,
            format!(
                "collection '{name}' has lost its document {name}.json; restore it from a copy"
            ),
        )
    } else if path.is_dir() {
        (
            FindingKind::Stray,
            format!(
                "the folder '{name}' is no collection; Deker cannot list any while it is there"
            ),
        )
    } else {
        (FindingKind::Stray, format!("'{name}' is no collection"))
    };
    Found::new(CheckLevel::Collections, kind, name, message)
}

/// Deker wants to find the lock of each collection.
pub(super) fn lock_file(checked: &mut Checked<'_>) {
    let path = checked.known.folders.lock();
    if path.is_file() {
        return;
    }
    let subject = format!("{}{LOCK}", checked.name);
    let message = "the lock file of the collection is gone; Deker calls that a fault";
    let (level, kind) = (CheckLevel::Collections, FindingKind::IndexDisagrees);
    let found = Found::new(level, kind, subject, message);
    checked.found.push(found.mended_by(Mend::MakeFile(path)));
}
