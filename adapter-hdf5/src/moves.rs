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
//!
//! *Other programs* may change the files in place, and know of no record. Then a writer keeps them away from the files it is to
//! replace until it is done, and the record says what state each of them is in. If the writer is killed, they may come in
//! between. What they have changed stays as they left it: a staged file for it counts for nothing.

mod record;

use std::any::Any;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use hyperslab_core::{Durability, Error, ErrorKind, Result};
use rustix::fs::{FlockOperation, flock};

use self::record::{Move, Record, state};
use crate::disk::{self, TempFile};

/// Keeps other programs away from a file as long as the result lives.
pub(crate) type KeepAway = fn(&Path) -> Result<Box<dyn Any>>;

/// Where the files of one array are moved.
#[derive(Debug, Clone)]
pub(crate) struct Moves {
    base: PathBuf,
    record: PathBuf,
    /// How others are kept away who change the files in place.
    keep_away: Option<KeepAway>,
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
            keep_away: None,
        }
    }

    /// The same where other programs change the files in place, unless they are kept away. Who publishes does that for the files
    /// that are replaced.
    pub(crate) fn beside_others(mut self, keep_away: KeepAway) -> Self {
        self.keep_away = Some(keep_away);
        self
    }

    /// Which files have not been moved yet.
    ///
    /// # Errors
    /// `Corrupt` for a record that is none, `Unsupported` for one of a newer version; `Denied`, `Unavailable`.
    pub(crate) fn look(&self) -> Result<View> {
        let record = self.read()?;
        let moves = record.moves.iter().filter(|step| self.holds(step));
        let staged = moves.map(|Move(from, to, _)| (self.base.join(to), self.base.join(from)));
        Ok(View {
            generation: record.generation,
            staged: staged.collect(),
        })
    }

    /// The staged files of a change that may not be finished: they belong to the array.
    ///
    /// # Errors
    /// As [`look`](Self::look).
    pub(crate) fn staged(&self) -> Result<Vec<PathBuf>> {
        let moves = self.read()?.moves.into_iter();
        Ok(moves.map(|Move(from, _, _)| self.base.join(from)).collect())
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
    /// As [`look`](Self::look), and `Locked` when another program is at one of the files; what is not finished can be finished
    /// later.
    pub(crate) fn settle(&self) -> Result<bool> {
        if self.read()?.moves.is_empty() {
            return Ok(false);
        }
        let _held = self.lock(FlockOperation::LockExclusive)?;
        let record = self.read()?;
        let is_left = !record.moves.is_empty();
        self.finish_left(record).map(|()| is_left)
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
            let to = self.below(&staged.target)?;
            let over = self.keep_away.map(|_| state(&staged.target));
            Ok(Move(from, to, over))
        });
        let moves = moves.collect::<Result<Vec<_>>>()?;
        self.sync(&moves, durability)?;
        let _held = self.lock(FlockOperation::LockExclusive)?;
        let last = self.read()?;
        let generation = last.generation.wrapping_add(1);
        self.finish_left(last)?;
        ensure()?;
        let record = Record::new(generation, moves);
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

    /// Makes the moves that a writer has left which has gone. The caller holds the lock.
    fn finish_left(&self, record: Record) -> Result<()> {
        let mut kept = Vec::new();
        if let Some(keep_away) = self.keep_away {
            for Move(_, to, _) in &record.moves {
                match keep_away(&self.base.join(to)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    held => kept.push(held?),
                }
            }
        }
        for step in record.moves.iter().filter(|step| !self.holds(step)) {
            // If it has been moved already, there is nothing to be removed.
            let _ = std::fs::remove_file(self.base.join(&step.0));
        }
        self.finish(record, Durability::Synced)
    }

    /// Whether nobody has changed since what a staged file is to take the place of.
    fn holds(&self, Move(_, to, over): &Move) -> bool {
        let is_as_it_was = |over: &String| state(&self.base.join(to)) == *over;
        over.as_ref().is_none_or(is_as_it_was)
    }

    /// Makes the moves of a record, and puts one without any in its place. The caller holds the lock.
    fn finish(&self, record: Record, durability: Durability) -> Result<()> {
        if record.moves.is_empty() {
            return Ok(());
        }
        for Move(from, to, _) in &record.moves {
            let to = self.base.join(to);
            match std::fs::rename(self.base.join(from), &to) {
                Ok(()) => {}
                // Moved already.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(source) => return Err(Error::io("replace", to.display(), source)),
            }
        }
        self.sync(&record.moves, durability)?;
        let done = Record::new(record.generation, Vec::new());
        // Without this one the moves would be made again, which does nothing.
        self.write(&done, Durability::Relaxed)
    }

    /// Makes the names in the folders of moves safe.
    fn sync(&self, moves: &[Move], durability: Durability) -> Result<()> {
        let names = moves.iter().flat_map(|Move(from, to, _)| [from, to]);
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
        match std::fs::read(&self.record) {
            Ok(text) => Record::parse(&text, &self.record),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Record::default()),
            Err(source) => Err(Error::io("read", self.record.display(), source)),
        }
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

#[cfg(test)]
mod tests;
