//! Files and folders that belong to nothing.

use std::path::Path;

use hyperslab_core::{CheckLevel, FindingKind, Result};

use super::{Checked, Found};
use crate::deker::folders::{Kind, id_of};
use crate::deker::guard::{CREATE_MARK, READ_MARK, WRITE_MARK};
use crate::deker::store::{entries_in, names_in};

/// Looks for what is neither an array nor a mark beside one.
pub(super) fn faults(checked: &mut Checked<'_>) -> Result<()> {
    let folders = checked.known.folders.clone();
    for kind in [Kind::Array, Kind::Virtual] {
        look(checked, kind, &folders.data(kind))?;
    }
    let document = folders.document();
    for name in names_in(folders.root())? {
        let path = folders.root().join(&name);
        let kinds = [Kind::Array, Kind::Virtual];
        let is_known = kinds
            .iter()
            .any(|kind| [kind.data(), kind.links()].contains(&name.as_str()));
        if !is_known && path != document {
            report(checked, &path);
        }
    }
    Ok(())
}

fn look(checked: &mut Checked<'_>, kind: Kind, folder: &Path) -> Result<()> {
    for (name, is_folder) in entries_in(folder)? {
        let path = folder.join(&name);
        let is_mark = [READ_MARK, WRITE_MARK, CREATE_MARK]
            .iter()
            .any(|end| name.ends_with(end));
        let is_here =
            id_of(kind, &name).is_some_and(|id| checked.known.folders.file(kind, id) == path);
        if is_folder {
            look(checked, kind, &path)?;
        } else if !is_mark && !is_here && path.exists() {
            report(checked, &path);
        }
    }
    Ok(())
}

fn report(checked: &mut Checked<'_>, path: &Path) {
    let message = "it belongs to no array; move it away if nobody needs it";
    let (level, kind) = (CheckLevel::Layout, FindingKind::Stray);
    let found = Found::new(level, kind, checked.name_of(path), message);
    checked.found.push(found);
}
