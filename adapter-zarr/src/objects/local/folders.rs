//! Making the names of files safe, with as few syncs as that takes.
//!
//! A file's name is safe when its folder was synced, and the folder above it since that was made, and so on up to the
//! root. Another process may have made any of them without syncing, so all are synced once; which they were is remembered
//! by holding them open. The number of a folder that is open is given to no other, so a path that still leads to it has
//! led there all the time, and so have those above: a folder that holds something cannot be removed.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyperslab_core::{Durability, Error, Result};

use super::Disk;
use super::read::is_absent;

/// So many folders are held open.
const HELD_MAX: usize = 128;

/// Folders whose own names are safe.
#[derive(Debug, Default)]
pub(super) struct SafeFolders {
    held: Mutex<HashMap<PathBuf, Arc<File>>>,
}

impl SafeFolders {
    /// The folder of that path, if its name is known to be safe.
    fn find(&self, path: &Path) -> io::Result<Option<Arc<File>>> {
        let Some(held) = self.lock().get(path).cloned() else {
            return Ok(None);
        };
        let named = match std::fs::metadata(path) {
            Ok(named) => Some(named),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(error),
        };
        let identity = |folder: &Metadata| (folder.dev(), folder.ino());
        if named.as_ref().map(identity) == Some(identity(&held.metadata()?)) {
            return Ok(Some(held));
        }
        self.lock().remove(path);
        Ok(None)
    }

    fn keep(&self, folders: HashMap<PathBuf, Arc<File>>) {
        let mut held = self.lock();
        if held.len() + folders.len() > HELD_MAX {
            held.clear();
        }
        held.extend(folders.into_iter().take(HELD_MAX));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Arc<File>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk {
    #[cfg(test)]
    pub(super) fn is_safe(&self, folder: &Path) -> io::Result<bool> {
        self.safe.find(folder).map(|found| found.is_some())
    }

    /// Makes the names of files safe, or that they have gone.
    pub(super) fn sync_names(&self, paths: &[PathBuf], durability: Durability) -> Result<()> {
        if !durability.syncs() {
            return Ok(());
        }
        // Those of a folder that has gone are safe when its own is.
        let folder = |path: &PathBuf| {
            let there = path.ancestors().skip(1).find(|folder| folder.is_dir());
            there.map(Path::to_owned)
        };
        let folders: BTreeSet<PathBuf> = paths.iter().filter_map(folder).collect();
        let mut synced = HashMap::new();
        for folder in &folders {
            self.sync(folder, &mut synced)?;
        }
        // Only now: the name of each was made safe by those after it.
        self.safe.keep(synced);
        Ok(())
    }

    /// Makes the names in a folder safe, and its own; of those that were synced in this call, nothing more is needed.
    fn sync(&self, folder: &Path, synced: &mut HashMap<PathBuf, Arc<File>>) -> Result<()> {
        for path in folder.ancestors() {
            if synced.contains_key(path) {
                break;
            }
            let fail = |error| Error::io("sync", path.display(), error);
            if let Some(folder) = self.safe.find(path).map_err(fail)? {
                folder.sync_all().map_err(fail)?;
                synced.insert(path.to_owned(), folder);
                break;
            }
            match File::open(path).and_then(|folder| folder.sync_all().map(|()| folder)) {
                Ok(folder) => drop(synced.insert(path.to_owned(), Arc::new(folder))),
                // Gone with its last file: the folder above is synced next.
                Err(error) if is_absent(&error) => {}
                Err(error) => return Err(fail(error)),
            }
            if path == self.root {
                break;
            }
        }
        Ok(())
    }
}
