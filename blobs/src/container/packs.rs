//! Packs that are open: a few, so that objects that are read one after the other do not open one each.

use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyperslab_core::{Error, Result};

use super::folders::Folders;
use crate::files;

/// More are not kept open, however many packs there are.
const KEPT_MAX: usize = 8;

/// How long it is believed that a pack is still the file of its name: a number may be given to another.
const BELIEVED: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(super) struct Packs {
    kept: Mutex<Vec<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    pack: i64,
    file: Arc<File>,
    bytes: u64,
    looked: Instant,
}

impl Packs {
    /// A pack, and how long it is at least. One that is to have more bytes than were seen is looked at again. Who finds out whether
    /// it was the right file may believe that it is still that of its name for a moment.
    ///
    /// # Errors
    /// `NotFound`.
    pub(super) fn open(
        &self,
        folders: &Folders,
        pack: i64,
        end: u64,
        believing: bool,
    ) -> Result<(Arc<File>, u64)> {
        let known = self.with(|kept| kept.iter().find(|kept| kept.pack == pack).cloned());
        if let Some(known) = &known
            && believing
            && known.bytes >= end
            && known.looked.elapsed() < BELIEVED
        {
            return Ok((Arc::clone(&known.file), known.bytes));
        }
        let path = folders.pack(pack);
        let looked = Instant::now();
        let (file, bytes) = look(&path, known)
            .map_err(|source| match source.kind() {
                std::io::ErrorKind::InvalidData => Error::corrupt(format!(
                    "{}: {source}; restore it from a copy",
                    path.display()
                )),
                _ => Error::io("open", path.display(), source),
            })
            .inspect_err(|_| self.forget(pack))?;
        self.keep(Kept {
            pack,
            file: Arc::clone(&file),
            bytes,
            looked,
        });
        Ok((file, bytes))
    }

    /// Opens a pack anew the next time.
    pub(super) fn forget(&self, pack: i64) {
        self.with(|kept| kept.retain(|kept| kept.pack != pack));
    }

    /// Closes all that nobody reads.
    pub(super) fn close(&self) {
        self.with(Vec::clear);
    }

    fn keep(&self, new: Kept) {
        self.with(|kept| {
            kept.retain(|kept| kept.pack != new.pack);
            if kept.len() >= KEPT_MAX {
                kept.remove(0);
            }
            kept.push(new);
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut Vec<Kept>) -> T) -> T {
        work(&mut self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The file of a name, which is opened if it is not the one that is known, and its bytes.
fn look(path: &Path, known: Option<Kept>) -> std::io::Result<(Arc<File>, u64)> {
    let identity = |found: &Metadata| (found.dev(), found.ino());
    if let Some(known) = known {
        let named = std::fs::metadata(path)?;
        if identity(&named) == identity(&known.file.metadata()?) {
            return Ok((known.file, named.len()));
        }
    }
    let (file, bytes) = files::open(path)?;
    Ok((Arc::new(file), bytes))
}
