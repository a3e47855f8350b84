//! Several files that take their names as one change.
//!
//! One rename puts one file in place of another at once. An array of many files needs more: readers see all new ones or all old
//! ones, also when the writer is killed or the power goes between two renames.
//!
//! *A change.* The new files are *staged*: written under temporary names, each in the folder of its final name. Beside them is
//! one *record* for the array, a JSON document with a generation and a list of moves, from a staged name to the final one. With
//! the folder of the record locked (`flock`, exclusive):
//!
//! 1. What an earlier change has left undone is finished.
//! 2. The staged files and their names are made safe, then a record that lists them, of the next generation, takes the place of
//!    the last one by one rename. This decides: from now on the change is made.
//! 3. The staged files get their final names. These are made safe, and a record of the same generation without moves follows.
//!
//! *Who finds a record with moves* while nobody holds the lock finishes step 3: the writer has gone. A staged file that is not
//! there has been moved already, so it does not matter how often that is done, nor by how many. A change of one file is one
//! rename, under the shared lock, when nothing is left to be finished: a move that came later would undo it.
//!
//! *Readers* change nothing. They look at the record, then open each file: under its staged name if the record lists it and it
//! has not been moved, else under the final one; then they look at the record again. Of another generation it means that some
//! files may be older than others: they begin anew, and after some failures share the lock, for which writers wait.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use hyperslab_core::{Durability, Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::disk::{self, TempFile};

/// The version of the record that this program writes, and the newest it reads.
const RECORD_VERSION: u32 = 1;

/// Where the files of one array are moved.
#[derive(Debug, Clone)]
pub(crate) struct Moves {
    base: PathBuf,
    record: PathBuf,
}

/// A file that was written under a temporary name, in the folder of its final one.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(crate) file: TempFile,
    pub(crate) target: PathBuf,
}

/// What a reader knows of changes: where files are that have not been moved yet.
#[derive(Debug, Default)]
pub(crate) struct View {
    generation: u64,
    /// Staged names by final ones.
    staged: HashMap<PathBuf, PathBuf>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    version: u32,
    generation: u64,
    /// From and to, below the base.
    moves: Vec<(PathBuf, PathBuf)>,
}

/// The lock of the moves of one array.
#[derive(Debug)]
pub(crate) struct Held {
    _folder: File,
}

impl View {
    /// The name under which a file is to be looked for before its final one.
    pub(crate) fn staged(&self, target: &Path) -> Option<&Path> {
        self.staged.get(target).map(PathBuf::as_path)
    }

    /// The final names of files that have not been moved yet, as far as is known.
    pub(crate) fn targets(&self) -> impl Iterator<Item = &Path> {
        self.staged.keys().map(PathBuf::as_path)
    }

    /// Opens a file where it is; `None` when there is none.
    ///
    /// # Errors
    /// Those of `open`, but for `NotFound`.
    pub(crate) fn open<T>(
        &self,
        target: &Path,
        open: impl Fn(&Path) -> Result<T>,
    ) -> Result<Option<T>> {
        let staged = self.staged(target);
        for path in staged.into_iter().chain([target]) {
            match open(path) {
                Ok(opened) => return Ok(Some(opened)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl Moves {
    /// Moves of files below the folder `base`. The folder of the record must be there when something is published.
    pub(crate) fn new(base: impl Into<PathBuf>, record: impl Into<PathBuf>) -> Self {
        Self {
            base: base.into(),
            record: record.into(),
        }
    }

    /// Which files have not been moved yet.
    ///
    /// # Errors
    /// `Corrupt` for a record that is none, `Unsupported` for one of a newer version; `Denied`, `Unavailable`.
    pub(crate) fn look(&self) -> Result<View> {
        let record = self.read()?;
        let moves = record.moves.iter();
        let staged = moves.map(|(from, to)| (self.base.join(to), self.base.join(from)));
        Ok(View {
            generation: record.generation,
            staged: staged.collect(),
        })
    }

    /// Whether files that were opened since `view` was made are of one state.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(crate) fn is_current(&self, view: &View) -> Result<bool> {
        Ok(self.read()?.generation == view.generation)
    }

    /// Keeps all changes away for as long as the result lives. Blocks until those under way are made.
    ///
    /// # Errors
    /// `NotFound` when there is no folder for the record, and so none that was ever published; `Denied`.
    pub(crate) fn hold(&self) -> Result<Held> {
        self.lock(FlockOperation::LockShared)
    }

    /// Whether a writer that has gone has left something undone.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(crate) fn is_left(&self) -> Result<bool> {
        if self.read()?.moves.is_empty() {
            return Ok(false);
        }
        let opened = self.open_folder()?;
        let is_free = flock(&opened, FlockOperation::NonBlockingLockShared).is_ok();
        Ok(is_free && !self.read()?.moves.is_empty())
    }

    /// Finishes what a writer that has gone has left undone; says whether there was something.
    ///
    /// # Errors
    /// As [`look`](Self::look); what is not finished can be finished later.
    pub(crate) fn settle(&self) -> Result<bool> {
        if self.read()?.moves.is_empty() {
            return Ok(false);
        }
        let _held = self.lock(FlockOperation::LockExclusive)?;
        let record = self.read()?;
        let is_left = !record.moves.is_empty();
        self.finish(record, Durability::Synced).map(|()| is_left)
    }

    /// Gives each file its final name, all at once. The bytes of the files have been made safe. `ensure` is asked when nobody else
    /// can publish any more, and before anything has changed.
    ///
    /// # Errors
    /// Those of `ensure`, and as [`look`](Self::look): nothing has changed then. `Unavailable` after the change was decided.
    pub(crate) fn publish(
        &self,
        mut staged: Vec<Staged>,
        durability: Durability,
        ensure: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        match (staged.pop(), staged.is_empty()) {
            (None, _) => ensure(),
            (Some(only), true) => self.publish_one(only, durability, ensure),
            (Some(last), false) => {
                staged.push(last);
                self.publish_all(staged, durability, ensure)
            }
        }
    }

    fn publish_one(
        &self,
        Staged { file, target }: Staged,
        durability: Durability,
        ensure: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let held = loop {
            let held = self.lock(FlockOperation::LockShared)?;
            if self.read()?.moves.is_empty() {
                break held;
            }
            drop(held);
            self.settle()?;
        };
        ensure()?;
        file.replace(&target)?;
        drop(held);
        disk::sync_parent(&target, durability)
    }

    fn publish_all(
        &self,
        staged: Vec<Staged>,
        durability: Durability,
        ensure: impl FnOnce() -> Result<()>,
    ) -> Result<()> {
        let moves = staged.iter().map(|staged| {
            let from = self.below(staged.file.path())?;
            Ok((from, self.below(&staged.target)?))
        });
        let moves = moves.collect::<Result<Vec<_>>>()?;
        self.sync(&moves, durability)?;
        let _held = self.lock(FlockOperation::LockExclusive)?;
        let last = self.read()?;
        let generation = last.generation.wrapping_add(1);
        self.finish(last, Durability::Synced)?;
        ensure()?;
        let record = Record {
            version: RECORD_VERSION,
            generation,
            moves,
        };
        self.write(&record, durability)?;
        // The change is made: what is staged belongs to the array.
        staged.into_iter().for_each(|staged| staged.file.leave());
        disk::sync_parent(&self.record, durability)
            .and_then(|()| self.finish(record, durability))
            .map_err(|error| {
                Error::unavailable(format!(
                    "the change is made, but not safe yet ({error}); the next one, or a check with repair, finishes it"
                ))
                .with_source(error)
            })
    }

    /// Makes the moves of a record, and puts one without any in its place. The caller holds the lock.
    fn finish(&self, record: Record, durability: Durability) -> Result<()> {
        if record.moves.is_empty() {
            return Ok(());
        }
        for (from, to) in &record.moves {
            let to = self.base.join(to);
            match std::fs::rename(self.base.join(from), &to) {
                Ok(()) => {}
                // Moved already.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::io("replace", to.display(), source)),
            }
        }
        self.sync(&record.moves, durability)?;
        let done = Record {
            moves: Vec::new(),
            ..record
        };
        // Without this one the moves would be made again, which does nothing.
        self.write(&done, Durability::Relaxed)
    }

    /// Makes the names in the folders of moves safe.
    fn sync(&self, moves: &[(PathBuf, PathBuf)], durability: Durability) -> Result<()> {
        let names = moves.iter().flat_map(|(from, to)| [from, to]);
        let folders: BTreeSet<&Path> = names.filter_map(|name| name.parent()).collect();
        let mut folders = folders.into_iter();
        folders.try_for_each(|folder| disk::sync_folder(&self.base.join(folder), durability))
    }

    fn below(&self, path: &Path) -> Result<PathBuf> {
        let relative = path.strip_prefix(&self.base).map_err(|_| {
            Error::internal(format!(
                "{} is not below {}",
                path.display(),
                self.base.display()
            ))
        })?;
        Ok(relative.to_owned())
    }

    fn lock(&self, operation: FlockOperation) -> Result<Held> {
        let opened = self.open_folder()?;
        // A file system without locks is used by one process at a time, as the format says.
        let _ = flock(&opened, operation);
        Ok(Held { _folder: opened })
    }

    fn open_folder(&self) -> Result<File> {
        let folder = self.record.parent().unwrap_or(&self.base);
        File::open(folder).map_err(|source| Error::io("lock", folder.display(), source))
    }

    fn read(&self) -> Result<Record> {
        let text = match std::fs::read(&self.record) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::default()),
            Err(source) => return Err(Error::io("read", self.record.display(), source)),
        };
        let damaged = |why: String| {
            Error::corrupt(format!(
                "{} is damaged ({why}); restore the array from a copy",
                self.record.display()
            ))
        };
        let value: serde_json::Value =
            serde_json::from_slice(&text).map_err(|error| damaged(error.to_string()))?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if let Some(version) = version.filter(|&version| version > u64::from(RECORD_VERSION)) {
            return Err(Error::unsupported(format!(
                "{} has version {version}, this program reads up to {RECORD_VERSION}; update hyperslab",
                self.record.display()
            )));
        }
        let record: Record =
            serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        for (from, to) in &record.moves {
            if let Some(name) = [from, to].into_iter().find(|name| !is_below(name)) {
                return Err(damaged(format!("{} leaves the folder", name.display())));
            }
        }
        Ok(record)
    }

    fn write(&self, record: &Record, durability: Durability) -> Result<()> {
        let text = serde_json::to_vec(record)
            .map_err(|error| Error::internal(format!("a record: {error}")))?;
        let temporary = TempFile::create(self.record.parent().unwrap_or(&self.base))?;
        temporary
            .file()
            .write_all(&text)
            .map_err(|source| Error::io("write", self.record.display(), source))?;
        temporary.sync(&self.record, durability)?;
        temporary.replace(&self.record)
    }
}

/// Whether a name of a record stays below the base.
fn is_below(path: &Path) -> bool {
    let mut components = path.components();
    components.all(|component| matches!(component, Component::Normal(_)))
}

#[cfg(test)]
mod tests;
