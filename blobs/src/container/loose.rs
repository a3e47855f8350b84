//! Loose objects: a file each, whose name is the key.

use std::collections::HashSet;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use hyperslab_core::{Error, Result};
use rayon::prelude::*;
use tempfile::NamedTempFile;

use super::config::Config;
use super::folders::{self, Folders};
use crate::files::{self, is_absent};
use crate::hashing::{KeyHash, Sha256Digest, drain};
use crate::reader::Streamed;
use crate::{BlobKey, BlobReader, KeyFormat, Put};

/// An object that has been written and has no name yet.
pub(super) struct Spooled {
    file: NamedTempFile,
    pub(super) key: BlobKey,
    size: u64,
    sha256: Sha256Digest,
}

/// Writes an object where nobody sees it.
pub(super) fn spool(folders: &Folders, config: &Config, source: &mut dyn Read) -> Result<Spooled> {
    let sandbox = folders.sandbox();
    let fail = |error| Error::io("write", sandbox.display(), error);
    let mut file = files::unnamed(&sandbox).map_err(fail)?;
    let format = config.hash_type;
    let mut other = (format != KeyFormat::Sha256).then(|| KeyHash::new(format));
    let drained = drain(source, |block| {
        if let Some(hash) = &mut other {
            hash.update(block);
        }
        file.write_all(block)
    });
    let (size, sha256) = drained.map_err(|broken| broken.error(fail))?;
    let key = match other {
        Some(hash) => hash.finish(),
        None => BlobKey::of_digest(KeyFormat::Sha256, &sha256.0),
    };
    Ok(Spooled {
        file,
        key,
        size,
        sha256,
    })
}

impl Spooled {
    /// Forgets it, for it is there.
    pub(super) fn existing(self) -> Put {
        Put {
            key: self.key,
            size: self.size,
            sha256: self.sha256,
            existed: true,
        }
    }

    /// Gives it its name: it is safe, with that, when this returns. One that is there and does not hold what its name says is replaced.
    pub(super) fn publish(self, folders: &Folders, config: &Config) -> Result<Put> {
        let Self {
            file,
            key,
            size,
            sha256,
        } = self;
        let target = folders.loose_file(&key.text(), config.loose_prefix_len);
        let parent = target.parent().unwrap_or(folders.root());
        if config.loose_prefix_len > 0 {
            folders::make_below(&folders.loose(), parent)?;
        }
        let existed = holds(&target, &key)?;
        if !existed {
            file.as_file()
                .sync_all()
                .map_err(|error| Error::io("sync", target.display(), error))?;
            file.persist(&target)
                .map_err(|error| Error::io("write", target.display(), error.error))?;
        }
        // Whoever has put one that is there may not have come so far.
        folders::sync(parent)?;
        Ok(Put {
            key,
            size,
            sha256,
            existed,
        })
    }
}

/// Whether a file is there and has the content that its key says.
fn holds(path: &Path, key: &BlobKey) -> Result<bool> {
    let fail = |source| Error::io("read", path.display(), source);
    let (mut file, _) = match files::open(path) {
        // It is replaced by what it should be.
        Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::InvalidData => {
            return Ok(false);
        }
        file => file.map_err(fail)?,
    };
    let mut hash = KeyHash::new(key.format());
    hash.take_all(&mut file).map_err(fail)?;
    Ok(hash.finish() == *key)
}

/// The size of a loose object, if it is there.
pub(super) fn size(path: &Path) -> Result<Option<u64>> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => Ok(Some(found.len())),
        Ok(_) => Ok(None),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(Error::io("read", path.display(), source)),
    }
}

/// So many are looked for by listing their folder.
const LISTED: usize = 16;

/// Which of these loose objects are there, in their order. In the order of their keys they are looked for fastest: folder by folder.
///
/// It is asked with the gate closed. Not by threads that others share: those may all be waiting for the gate, each with an object to put.
pub(super) fn there(folders: &Folders, config: &Config, keys: &[BlobKey]) -> Result<Vec<bool>> {
    let folder_of = |key: &BlobKey| {
        let mut path = folders.loose_file(&key.text(), config.loose_prefix_len);
        path.pop();
        path
    };
    let is_beside = |one: &BlobKey, next: &BlobKey| {
        let (one, next) = (one.text(), next.text());
        one.get(..config.loose_prefix_len) == next.get(..config.loose_prefix_len)
    };
    let groups: Vec<&[BlobKey]> = keys.chunk_by(is_beside).collect();
    let look = |groups: &[&[BlobKey]]| -> Result<Vec<bool>> {
        let mut found = Vec::new();
        for group in groups {
            if let [first, ..] = group {
                let folder = folder_of(first);
                found.extend(there_in(&folder, config.loose_prefix_len, group)?);
            }
        }
        Ok(found)
    };
    let (one, other) = groups.split_at(groups.len() / 2);
    std::thread::scope(|scope| {
        let looking = scope.spawn(|| look(one));
        let behind = look(other);
        let found = looking
            .join()
            .map_err(|_| Error::internal("a thread stopped"))?;
        Ok([found?, behind?].concat())
    })
}

fn there_in(folder: &Path, prefix: usize, keys: &[BlobKey]) -> Result<Vec<bool>> {
    if keys.len() < LISTED {
        let there = |key: &BlobKey| {
            let text = key.text();
            size(&folder.join(text.get(prefix..).unwrap_or_default())).map(|size| size.is_some())
        };
        return keys.iter().map(there).collect();
    }
    let names: HashSet<String> = names_in(folder)?.into_iter().collect();
    let there = |key: &BlobKey| names.contains(key.text().get(prefix..).unwrap_or_default());
    Ok(keys.iter().map(there).collect())
}

/// The names in the folder of loose objects at a moment: most keys that are not there have none that could be theirs.
pub(super) struct Names {
    folder: PathBuf,
    prefix: usize,
    names: HashSet<String>,
}

impl Names {
    pub(super) fn now(folders: &Folders, config: &Config) -> Result<Self> {
        let folder = folders.loose();
        Ok(Self {
            names: names_in(&folder)?.into_iter().collect(),
            prefix: config.loose_prefix_len,
            folder,
        })
    }

    /// Whether there is a loose object.
    pub(super) fn has(&self, key: &BlobKey) -> Result<bool> {
        let text = key.text();
        match text.split_at_checked(self.prefix) {
            Some((first, rest)) if self.prefix > 0 => {
                Ok(self.names.contains(first)
                    && size(&self.folder.join(first).join(rest))?.is_some())
            }
            _ => Ok(self.names.contains(&*text)),
        }
    }
}

/// Opens a loose object.
///
/// # Errors
/// `NotFound`.
pub(super) fn open(path: &Path) -> Result<Box<dyn BlobReader>> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::InvalidData => Error::corrupt(format!(
            "{}: {source}; restore it from a copy",
            path.display()
        )),
        _ => Error::io("open", path.display(), source),
    };
    let (file, size) = files::open(path).map_err(fail)?;
    Ok(Box::new(Streamed::new(file, size)))
}

/// Removes a loose object, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if !is_absent(&error) => Err(Error::io("delete", path.display(), error)),
        _ => Ok(()),
    }
}

/// The keys of all loose objects. What is called otherwise is none of them.
pub(super) fn list(folders: &Folders, config: &Config) -> Result<Vec<BlobKey>> {
    let (top, prefix) = (folders.loose(), config.loose_prefix_len);
    let parsed = |name: &str| BlobKey::parse(config.hash_type, name).ok();
    let names = names_in(&top)?;
    if prefix == 0 {
        return Ok(names.iter().filter_map(|name| parsed(name)).collect());
    }
    let below = |folder: &String| -> Result<Vec<BlobKey>> {
        let rests = names_in(&top.join(folder))?.into_iter();
        Ok(rests
            .filter_map(|rest| parsed(&format!("{folder}{rest}")))
            .collect())
    };
    let folders = names.par_iter().filter(|name| name.len() == prefix);
    let keys: Vec<Vec<BlobKey>> = folders.map(below).collect::<Result<_>>()?;
    Ok(keys.concat())
}

/// The names in a folder; none when it is no folder.
fn names_in(folder: &Path) -> Result<Vec<String>> {
    let fail = |source| Error::io("list", folder.display(), source);
    let entries = match std::fs::read_dir(folder) {
        Err(error) if is_absent(&error) => return Ok(Vec::new()),
        entries => entries.map_err(fail)?,
    };
    entries
        .map(|entry| {
            Ok(entry
                .map_err(fail)?
                .file_name()
                .to_string_lossy()
                .into_owned())
        })
        .collect()
}
