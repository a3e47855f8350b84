//! The names of an array: a file that its id leads to, and a link that its key leads to.
//!
//! The link is made before the file, and taken away after it. So an array is there, by its id and by its key, as soon as its file
//! is, and a link without a file is what somebody who was killed has left: it counts for nothing.

use std::io;
use std::path::{Path, PathBuf};

use hyperslab_core::{Durability, Error, Result};
use uuid::Uuid;

use super::collections::remove;
use crate::deker::folders::{Folders, Kind, id_of};
use crate::disk;

/// Folders that Deker removes when they are empty may go while others are made below them.
const ATTEMPTS: usize = 16;

/// The array that a folder of links leads to, if its file is there.
pub(super) fn linked(folders: &Folders, kind: Kind, links: &Path) -> Result<Option<Uuid>> {
    let ids = names_in(links)?;
    let mut ids = ids.iter().filter_map(|name| id_of(kind, name));
    // Links name files by their whole path, and break when a storage is moved. The file is where its id says.
    Ok(ids.find(|&id| folders.file(kind, id).is_file()))
}

/// Makes a link to a file that need not be there yet.
pub(in crate::deker) fn make_link(
    folders: &Folders,
    (link, file): (&Path, &Path),
    durability: Durability,
) -> Result<()> {
    let parent = link.parent().unwrap_or(folders.root());
    let file = folders.named(file);
    in_folders(
        folders,
        parent,
        durability,
        || match std::os::unix::fs::symlink(&file, link) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                std::fs::remove_file(link)?;
                std::os::unix::fs::symlink(&file, link)
            }
            made => made,
        },
    )?;
    disk::sync_folder(parent, durability)
}

/// Removes links that lead to no file: somebody who was killed has left them, and Deker stumbles over them.
pub(super) fn remove_dangling(folders: &Folders, kind: Kind, links: &Path) -> Result<()> {
    for name in names_in(links)? {
        if id_of(kind, &name).is_some_and(|id| !folders.file(kind, id).exists()) {
            remove(&links.join(&name))?;
        }
    }
    Ok(())
}

/// Does something in a folder, which is made with those on the way to it.
pub(super) fn in_folders(
    folders: &Folders,
    folder: &Path,
    durability: Durability,
    mut work: impl FnMut() -> io::Result<()>,
) -> Result<()> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for _ in 0..ATTEMPTS {
        let made = make(folders, folder, durability);
        match made.and_then(|()| work()) {
            // Not with the collection itself.
            Err(error) if error.kind() == io::ErrorKind::NotFound && folders.root().is_dir() => {
                last = error;
            }
            done => return done.map_err(|source| failed(folders, folder, source)),
        }
    }
    Err(failed(folders, folder, last))
}

fn failed(folders: &Folders, folder: &Path, source: io::Error) -> Error {
    if folders.root().is_dir() {
        return Error::io("create", folder.display(), source);
    }
    Error::not_found(format!(
        "the collection in {} was deleted",
        folders.root().display()
    ))
}

/// Makes a folder and those above it, up to that of the collection, and their names safe.
fn make(folders: &Folders, folder: &Path, durability: Durability) -> io::Result<()> {
    let is_inside = |path: &&Path| *path != folders.root();
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(is_inside)
        .take_while(|path| !path.is_dir())
        .collect();
    for path in missing.into_iter().rev() {
        match std::fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        if durability.syncs()
            && let Some(parent) = path.parent()
        {
            std::fs::File::open(parent)?.sync_all()?;
        }
    }
    Ok(())
}

/// Removes a file or link, and the folders above it that are empty then, as far as `top`.
pub(in crate::deker) fn prune(path: &Path, top: &Path) -> Result<()> {
    remove(path)?;
    prune_folders(path, top);
    Ok(())
}

/// Removes the folders above a path that are empty, as far as `top`.
pub(super) fn prune_folders(path: &Path, top: &Path) {
    let above = path.ancestors().skip(1).take_while(|folder| *folder != top);
    for folder in above {
        // One that is not empty stays, and so do those above it.
        if std::fs::remove_dir(folder).is_err() {
            break;
        }
    }
}

/// Every file of a kind below a folder, with the names of the folders on the way.
pub(in crate::deker) fn walk(
    kind: Kind,
    folder: &Path,
    parts: &mut Vec<String>,
    found: &mut impl FnMut(Uuid, &[String], PathBuf),
) -> Result<()> {
    /// Deker has 9 levels of folders for files, and one for each part of a key.
    const DEPTH_MAX: usize = 128;
    for (name, is_folder) in entries_in(folder)? {
        if let Some(id) = id_of(kind, &name) {
            found(id, parts, folder.join(&name));
        } else if is_folder && parts.len() < DEPTH_MAX {
            // A link to a folder is none of Deker's, and may lead anywhere; it is no folder here.
            let path = folder.join(&name);
            parts.push(name);
            walk(kind, &path, parts, found)?;
            parts.pop();
        }
    }
    Ok(())
}

/// The names in a folder, sorted, and whether each is a folder itself; none when there is no such folder.
pub(in crate::deker) fn entries_in(folder: &Path) -> Result<Vec<(String, bool)>> {
    let fail = |source| Error::io("list", folder.display(), source);
    let listed = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(fail)?,
    };
    let mut entries = Vec::new();
    for entry in listed {
        let entry = entry.map_err(fail)?;
        // What is not UTF-8 is none of Deker's, but a check shows it.
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        entries.push((name, is_folder));
    }
    entries.sort_unstable();
    Ok(entries)
}

/// The names in a folder, sorted; none when there is no such folder.
pub(in crate::deker) fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = entries_in(folder)?.into_iter();
    Ok(entries.map(|(name, _)| name).collect())
}
