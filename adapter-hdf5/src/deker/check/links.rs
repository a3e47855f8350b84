//! Links: each array has one, where its key says, and there are no others.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use hyperslab_core::{CheckLevel, FindingKind, Result};
use uuid::Uuid;

use super::{Array, Checked, Found, Mend};
use crate::deker::folders::{Kind, key_parts};
use crate::deker::store::walk;

/// A file, and the folders that its link is to be in.
pub(super) struct Wanted {
    pub(super) id: Uuid,
    pub(super) parts: Vec<String>,
}

/// Compares the links of arrays with their keys.
pub(super) fn faults(checked: &mut Checked<'_>, arrays: &[Array]) -> Result<()> {
    let kind = checked.known.kind();
    let mut wanted = Vec::new();
    let mut keys: HashMap<Vec<String>, Uuid> = HashMap::new();
    for (id, meta) in arrays {
        let Some(parts) = key_parts(&checked.known.layout, &meta.key) else {
            let message = format!(
                "its key {} leads out of the folder of links, so no link is made",
                meta.key
            );
            checked
                .found
                .push(fault(FindingKind::IndexDisagrees, id.to_string(), message));
            continue;
        };
        if !parts.is_empty()
            && let Some(other) = keys.insert(parts.clone(), *id)
        {
            let message = format!(
                "the arrays {id} and {other} have links in one folder, for the key {}; which of them is found is chance",
                meta.key
            );
            checked
                .found
                .push(fault(FindingKind::IndexDisagrees, id.to_string(), message));
        }
        wanted.push(Wanted { id: *id, parts });
    }
    compare(checked, kind, &wanted)
}

/// Compares links with those there should be.
pub(super) fn compare(checked: &mut Checked<'_>, kind: Kind, wanted: &[Wanted]) -> Result<()> {
    let folders = &checked.known.folders;
    let mut links: Vec<(Uuid, PathBuf)> = Vec::new();
    let mut found = |id, _: &[String], path| links.push((id, path));
    walk(kind, &folders.links(kind), &mut Vec::new(), &mut found)?;
    let present: HashSet<&Path> = links.iter().map(|(_, path)| path.as_path()).collect();
    let mut right = HashMap::new();
    let mut faults = Vec::new();
    for Wanted { id, parts } in wanted {
        let (link, file) = (folders.link(kind, parts, *id), folders.file(kind, *id));
        let mend = || Mend::Link {
            link: link.clone(),
            file: file.clone(),
            id: *id,
        };
        let name = checked.name_of(&link);
        if !present.contains(link.as_path()) {
            let message = format!("array {id} has no link {name}, so nobody finds it by its key");
            faults.push(fault(FindingKind::IndexDisagrees, name, message).mended_by(mend()));
        } else if std::fs::read_link(&link).is_ok_and(|target| target != file) {
            let message = format!(
                "the link to array {id} leads elsewhere, as after a storage was moved: Deker finds nothing behind it"
            );
            faults.push(fault(FindingKind::IndexDisagrees, name, message).mended_by(mend()));
        }
        right.insert(*id, link);
    }
    for (id, link) in &links {
        if right.get(id).is_some_and(|right| right == link) {
            continue;
        }
        let name = checked.name_of(link);
        let mend = Mend::RemoveLink(link.clone());
        if right.contains_key(id) {
            let message = format!("another key than that of array {id} leads to it here");
            faults.push(fault(FindingKind::IndexDisagrees, name, message).mended_by(mend));
        } else if !folders.file(kind, *id).exists() {
            let message = format!(
                "the link leads to array {id}, which is not there: its making was interrupted, or its file was lost"
            );
            faults.push(fault(FindingKind::ArrayLost, name, message).mended_by(mend));
        }
        // The file of any other is there, and was found wanting.
    }
    checked.found.extend(faults);
    Ok(())
}

fn fault(kind: FindingKind, subject: String, message: String) -> Found {
    Found::new(CheckLevel::Layout, kind, subject, message)
}
