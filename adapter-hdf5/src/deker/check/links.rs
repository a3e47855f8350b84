//! Links: each array has one, where its key says, and there are no others.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use hyperslab_core::{AttributeValue, Attributes, CheckLevel, FindingKind, Result};
use uuid::Uuid;

use super::{Array, Checked, Found, Mend};
use crate::deker::folders::{Kind, key_parts, may_name};
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
    let spelled = spelled(checked, arrays)?;
    for (id, meta) in arrays {
        let parts = spelled.get(id).cloned();
        let Some(parts) = parts.or_else(|| key_parts(&checked.known.layout, &meta.key)) else {
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

/// The folders of links that spell the key of their array in another way than we would, which is as good.
fn spelled(checked: &Checked<'_>, arrays: &[Array]) -> Result<HashMap<Uuid, Vec<String>>> {
    let (known, kind) = (checked.known, checked.known.kind());
    let is_tuple = |value: &AttributeValue| matches!(value, AttributeValue::List(_));
    let has_tuple = |(_, meta): &&Array| meta.key.iter().any(|(_, value)| is_tuple(value));
    let keys: HashMap<Uuid, &Attributes> = (arrays.iter().filter(has_tuple))
        .map(|(id, meta)| (*id, &meta.key))
        .collect();
    let mut spelled = HashMap::new();
    if keys.is_empty() {
        return Ok(spelled);
    }
    let mut found = |id: Uuid, parts: &[String], _: PathBuf| {
        let key = keys.get(&id);
        if key.is_some_and(|key| may_name(&known.layout, key, parts)) {
            spelled.insert(id, parts.to_vec());
        }
    };
    let links = known.folders.links(kind);
    walk(kind, &links, &mut Vec::new(), &mut found)?;
    Ok(spelled)
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
    let is_tile = kind != checked.known.kind();
    let what = if is_tile { "tile" } else { "array" };
    for Wanted { id, parts } in wanted {
        let (link, file) = (folders.link(kind, parts, *id), folders.file(kind, *id));
        let mend = || Mend::Link {
            link: link.clone(),
            file: file.clone(),
            id: *id,
        };
        let name = checked.name_of(&link);
        if !present.contains(link.as_path()) {
            let (kind, loss) = match is_tile {
                // What is not found is not there for anybody.
                true => (FindingKind::Corrupt, "its cells are read as fill"),
                false => (FindingKind::IndexDisagrees, "nobody finds it by its key"),
            };
            let message = format!("{what} {id} has no link {name}, so {loss}");
            faults.push(fault(kind, name, message).mended_by(mend()));
        } else if let Some(why) = astray(&link, &file) {
            let message = format!("the link to {what} {id} {why}");
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
            let message = format!("another key than that of {what} {id} leads to it here");
            faults.push(fault(FindingKind::IndexDisagrees, name, message).mended_by(mend));
        } else if !folders.file(kind, *id).exists() {
            let message = format!(
                "the link leads to {what} {id}, which is not there: its making was interrupted, or its file was lost"
            );
            faults.push(fault(FindingKind::ArrayLost, name, message).mended_by(mend));
        }
        // The file of any other is there, and was found wanting.
    }
    checked.found.extend(faults);
    Ok(())
}

/// Why a link does not lead to its file, if it does not.
fn astray(link: &Path, file: &Path) -> Option<&'static str> {
    let target = match std::fs::read_link(link) {
        Ok(target) => target,
        Err(error) if error.kind() == std::io::ErrorKind::InvalidInput => {
            return Some(
                "is a file of its own, as after a copy that followed links: Deker reads an old state there",
            );
        }
        // It went meanwhile.
        Err(_) => return None,
    };
    // The path of the storage may have links in it, too.
    let is_same = || {
        let real = |path: &Path| path.canonicalize().ok();
        real(link).is_some_and(|found| real(file) == Some(found))
    };
    (target != file && !is_same())
        .then_some("leads elsewhere, as after a storage was moved or copied: Deker reads there, or finds nothing")
}

fn fault(kind: FindingKind, subject: String, message: String) -> Found {
    Found::new(CheckLevel::Layout, kind, subject, message)
}
