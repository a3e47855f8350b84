//! Collections as they come and go.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hyperslab_core::name::check_collection_name;
use hyperslab_core::{CollectionMeta, Durability, Error, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Store, names_in};
use crate::deker::folders::{Folders, Kind};
use crate::deker::schema::Layout;
use crate::disk;

impl Store {
    /// The collections that have a document, whatever is in it.
    pub(in crate::deker) fn list_collections(&self) -> Result<Vec<String>> {
        let mut names = names_in(&self.collections)?;
        names.retain(|name| self.folders(name).document().is_file());
        Ok(names)
    }

    pub(in crate::deker) fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        let known = self.look(name)?;
        Ok(CollectionMeta {
            name: name.to_owned(),
            id: known.id,
            schema: known.layout.schema.clone(),
            storage: known.layout.storage.to_options(),
        })
    }

    pub(in crate::deker) fn create_collection(&self, collection: &CollectionMeta) -> Result<()> {
        let name = &collection.name;
        check_collection_name(name)?;
        check_beside_locks(name)?;
        let document = Layout::of_collection(collection)?.to_document(name)?;
        let exists = || {
            Error::already_exists(format!(
                "collection '{name}' exists already in {}",
                self.root.display()
            ))
        };
        let folders = self.folders(name);
        if folders.root().exists() {
            return Err(exists());
        }
        // Deker wants to find it as long as there is a collection, and locks it while it makes one.
        let lock = lock(&folders)?;
        let staged = self.stage(name, &document)?;
        disk::rename_new(staged.path(), folders.root()).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => exists(),
            _ => Error::io("create", folders.root().display(), source),
        })?;
        drop(lock);
        disk::sync_folder(&self.collections, Durability::Synced)
    }

    /// Makes the folder of a collection beside those there are.
    fn stage(&self, name: &str, document: &str) -> Result<TempFolder> {
        let staged = TempFolder::create(&self.temporaries())?;
        let fail = |source| Error::io("create", staged.path().display(), source);
        for kind in [Kind::Array, Kind::Virtual] {
            for folder in [kind.data(), kind.links()] {
                std::fs::create_dir(staged.path().join(folder)).map_err(fail)?;
            }
        }
        let mut file = File::create(staged.path().join(format!("{name}.json"))).map_err(fail)?;
        file.write_all(document.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(fail)?;
        disk::sync_folder(staged.path(), Durability::Synced)?;
        Ok(staged)
    }

    /// Takes a collection away at once, and then all that is in it.
    pub(in crate::deker) fn delete_collection(&self, name: &str) -> Result<()> {
        let folders = self.folders(name);
        // Deker itself deletes without it, but not while it makes or empties the collection.
        let _lock = lock(&folders)?;
        let trash = TempFolder::create(&self.temporaries())?;
        std::fs::rename(folders.root(), trash.path().join(name))
            .map_err(|source| Error::io("delete", folders.root().display(), source))?;
        remove(&folders.lock())?;
        disk::sync_folder(&self.collections, Durability::Synced)?;
        trash.remove()
    }

    /// Takes all arrays of a collection away, the files of each kind at once.
    pub(in crate::deker) fn clear_collection(&self, collection: &CollectionMeta) -> Result<()> {
        let known = self.open(collection)?;
        let _lock = lock(&known.folders)?;
        let trash = TempFolder::create(&self.temporaries())?;
        // What names arrays goes first: tiles without an array are seen by nobody.
        for kind in [Kind::Virtual, Kind::Array] {
            for folder in [kind.data(), kind.links()] {
                let from = known.folders.root().join(folder);
                match std::fs::rename(&from, trash.path().join(folder)) {
                    Ok(()) => {}
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(source) => return Err(Error::io("clear", from.display(), source)),
                }
                std::fs::create_dir(&from)
                    .map_err(|source| Error::io("create", from.display(), source))?;
            }
        }
        disk::sync_folder(known.folders.root(), Durability::Synced)?;
        trash.remove()
    }
}

/// Refuses a name of which Deker could make two things: it locks the collection `x` by a file `x.lock` beside it.
fn check_beside_locks(name: &str) -> Result<()> {
    if !name.ends_with(".lock") {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "'{name}' cannot be the name of a collection of Deker, which has a lock of that name beside '{}'; choose one that does \
         not end in '.lock'",
        name.trim_end_matches(".lock")
    )))
}

/// Holds the lock that Deker takes to make or to empty a collection.
fn lock(folders: &Folders) -> Result<File> {
    let path = folders.lock();
    let fail = |source| Error::io("lock", path.display(), source);
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(fail)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(Errno::WOULDBLOCK) => Err(Error::locked(format!(
            "{} is locked: Deker makes or empties the collection at this moment; try again",
            path.display()
        ))),
        Err(error) => Err(fail(error.into())),
    }
}

/// Removes a file that may have gone already.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("delete", path.display(), error))
        }
        _ => Ok(()),
    }
}

/// A folder under construction, or on its way out.
#[derive(Debug)]
struct TempFolder(PathBuf);

impl TempFolder {
    fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(disk::temporary_name());
        std::fs::create_dir_all(&path)
            .map_err(|source| Error::io("create", path.display(), source))?;
        Ok(Self(path))
    }

    fn path(&self) -> &Path {
        &self.0
    }

    /// Removes it and all that is in it.
    fn remove(self) -> Result<()> {
        std::fs::remove_dir_all(&self.0).map_err(|error| {
            Error::unavailable(format!(
                "it is deleted, but its files are still in {} ({error}); remove them",
                self.0.display()
            ))
        })
    }
}

impl Drop for TempFolder {
    fn drop(&mut self) {
        // What cannot be removed is found by a check.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
