//! Where the lock files of a store on a disk lie.

use std::fmt::Write;
use std::io;
use std::path::{Path, PathBuf};

use super::LockKey;
use crate::name::check_collection_name;
use crate::{Error, Result};

/// The folder of machinery inside a store or a collection.
const MACHINERY: &str = ".hyperslab";
/// The folder of lock files inside the machinery.
const LOCKS: &str = "locks";
/// The end of the name of a lock file.
const EXTENSION: &str = ".lock";

/// The files of one lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LockPaths {
    /// What must exist already: the folder of the store or of the collection.
    base: PathBuf,
    /// The lock itself.
    pub(super) lock: PathBuf,
    /// Is there while somebody waits; see `local.rs`.
    pub(super) queue: PathBuf,
}

/// Maps a key to its files: `ROOT/.hyperslab/locks/store.lock`, `ROOT/COLLECTION/.hyperslab/locks/collection.lock` and
/// `ROOT/COLLECTION/.hyperslab/locks/ARRAY.lock`. A stored array name holds a `=`, so it is never `collection`.
pub(super) fn lock_paths(root: &Path, key: &LockKey) -> Result<LockPaths> {
    let (base, name) = match (&key.array, key.collection.as_str()) {
        (None, "") => (root.to_owned(), "store"),
        (None, collection) => (collection_folder(root, collection)?, "collection"),
        (Some(array), collection) => (collection_folder(root, collection)?, array.as_str()),
    };
    if name.is_empty() || name.contains(['/', '\\', '\0']) {
        return Err(Error::invalid(format!(
            "'{name}' cannot be the name of a lock; it must be a file name"
        )));
    }
    let folder = base.join(MACHINERY).join(LOCKS);
    Ok(LockPaths {
        lock: folder.join(format!("{name}{EXTENSION}")),
        queue: folder.join(format!("{name}.queue")),
        base,
    })
}

fn collection_folder(root: &Path, collection: &str) -> Result<PathBuf> {
    Ok(root.join(folder_of(collection)?))
}

/// The folder in which the locks of a collection lie: it has its name. One that no store of ours would have, but one of another
/// program has, is spelled with `%`, which is in no other name.
///
/// # Errors
/// `InvalidInput` for what is no name of a folder.
pub(super) fn folder_of(collection: &str) -> Result<String> {
    let refused = match check_collection_name(collection) {
        Ok(()) => return Ok(collection.to_owned()),
        Err(refused) => refused,
    };
    if matches!(collection, "" | "." | "..") || collection.contains(['/', '\0']) {
        return Err(refused);
    }
    let mut folder = String::new();
    for byte in collection.bytes() {
        // Writing to a string cannot fail.
        let _ = match byte.is_ascii_alphanumeric() {
            true => write!(folder, "{}", char::from(byte)),
            false => write!(folder, "%{byte:02X}"),
        };
    }
    Ok(folder)
}

/// The collection whose locks lie in a folder.
fn collection_of(folder: &str) -> String {
    let mut parts = folder.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).map(|digits| u8::from_str_radix(digits, 16));
        match byte {
            Some(Ok(byte)) => {
                bytes.push(byte);
                bytes.extend(&part.as_bytes()[2..]);
            }
            _ => return folder.to_owned(),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| folder.to_owned())
}

impl LockPaths {
    /// Makes the folder of lock files. The store and the collection themselves are never made: one that was deleted must
    /// stay so.
    pub(super) fn make_folder(&self, key: &LockKey) -> Result<()> {
        let mut folder = self.base.clone();
        for name in [MACHINERY, LOCKS] {
            folder.push(name);
            match std::fs::create_dir(&folder) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let base = LockKey {
                        array: None,
                        ..key.clone()
                    };
                    return Err(Error::not_found(format!(
                        "{} does not exist: there is no folder {}",
                        base.describe(),
                        self.base.display()
                    )));
                }
                Err(error) => return Err(Error::io("lock", self.lock.display(), error)),
            }
        }
        Ok(())
    }
}

/// Every lock file of a store, sorted. A collection that goes away meanwhile is left out.
pub(super) fn all_lock_files(root: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::io("list", root.display(), error);
    let mut folders = vec![root.to_owned()];
    for entry in std::fs::read_dir(root).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let name = entry.file_name();
        if name.to_str().is_some_and(|name| !name.starts_with('.')) {
            folders.push(entry.path());
        }
    }
    let mut files = Vec::new();
    for folder in folders {
        let folder = folder.join(MACHINERY).join(LOCKS);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                ) =>
            {
                continue;
            }
            Err(error) => return Err(Error::io("list", folder.display(), error)),
        };
        for entry in entries {
            let path = entry
                .map_err(|error| Error::io("list", folder.display(), error))?
                .path();
            if path.to_string_lossy().ends_with(EXTENSION) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The key of a lock file that does not say itself what it locks.
pub(super) fn key_of(root: &Path, path: &Path) -> LockKey {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.strip_suffix(EXTENSION).unwrap_or(&name);
    let base = path.ancestors().nth(3).unwrap_or(root);
    if base == root {
        return LockKey::store();
    }
    let collection = base.file_name().unwrap_or_default().to_string_lossy();
    match name {
        "collection" => LockKey::collection(collection_of(&collection)),
        array => LockKey::array(collection_of(&collection), array),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_its_file_and_back() {
        let root = Path::new("/data/store");
        for (key, path) in [
            (LockKey::store(), "/data/store/.hyperslab/locks/store.lock"),
            (
                LockKey::collection("weather"),
                "/data/store/weather/.hyperslab/locks/collection.lock",
            ),
            (
                LockKey::array("weather", "dt=1.nc"),
                "/data/store/weather/.hyperslab/locks/dt=1.nc.lock",
            ),
            (
                LockKey::array(".a#%b ", "1"),
                "/data/store/%2Ea%23%25b%20/.hyperslab/locks/1.lock",
            ),
        ] {
            let paths = lock_paths(root, &key).unwrap();
            assert_eq!(paths.lock, Path::new(path));
            assert_eq!(key_of(root, &paths.lock), key);
        }
    }

    #[test]
    fn no_key_leaves_the_store() {
        for key in [
            LockKey::collection("../x"),
            LockKey::array("..", "a"),
            LockKey::array("", "a"),
            LockKey::array("weather", "../../x"),
            LockKey::array("weather", ""),
        ] {
            lock_paths(Path::new("/data/store"), &key).unwrap_err();
        }
    }
}
