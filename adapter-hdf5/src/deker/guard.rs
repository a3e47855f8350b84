//! How Deker and we keep out of each other's way.
//!
//! Deker changes files in place. Its writers hold an exclusive `flock` on the file and wait until no reader has left a mark beside
//! it; its readers leave one, and share the `flock` for a moment before that. Nobody who has gone holds an `flock`.
//!
//! - We read without a mark: marks make writers of many tiles fail. When all is read, we look whether the file is what it was, and
//!   whether somebody is writing; if so, all is read again. A file that was changed so short a time ago that its next change may
//!   have the same time is read with a mark, which keeps writers away; the mark is made before we look whether somebody writes, so
//!   whoever wants to write finds it.
//! - We write by replacing the file, which disturbs no reader. As long as we do, we *share* the `flock`: that keeps the writers of
//!   Deker away, and nobody else. Among ourselves locks of our own decide.
//! - Deker opens a file before it locks it. Who has opened the last file when we replace it must not come to hold that one, and
//!   change the next. So we keep our share of the last file for a moment longer.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyperslab_core::{Error, ErrorKind, Result, WriteOptions};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

use crate::cache::FileIdentity;

/// The end of the name of a mark of a reader.
pub(super) const READ_MARK: &str = ".arrayreadlock";

/// The end of the name of a mark of a writer of tiles. It says nothing that an `flock` does not, and outlives its process.
pub(super) const WRITE_MARK: &str = ".varraylock";

/// The end of the name of a lock of Deker before version 1.1.6.
pub(super) const CREATE_MARK: &str = ".arrlock";

/// How long the last file stays shared: much longer than a process needs from opening a file to locking it.
const LINGER: Duration = Duration::from_secs(1);

/// So many files linger at most.
const LINGERING_MAX: usize = 256;

/// The first pause between two looks at a lock of Deker; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_micros(200);

/// How long to try again while Deker is in the way, and the longest pause between two looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    limit: Duration,
    pause_max: Duration,
}

impl Patience {
    /// So long, for what no options are given for.
    pub(super) const fn of_seconds(seconds: u64) -> Self {
        Self {
            limit: Duration::from_secs(seconds),
            pause_max: WriteOptions::DEFAULT.lock_interval,
        }
    }

    /// The same, but no longer than that.
    pub(super) fn at_most(self, limit: Duration) -> Self {
        Self {
            limit: self.limit.min(limit),
            ..self
        }
    }

    /// That of who changes something.
    pub(super) fn of(options: &WriteOptions) -> Self {
        Self {
            limit: options.lock_timeout,
            pause_max: options.lock_interval.max(PAUSE_MIN),
        }
    }
}

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    path: PathBuf,
    pub(super) identity: FileIdentity,
    /// What keeps writers of Deker away, if anything does.
    kept: Kept,
}

#[derive(Debug)]
enum Kept {
    /// Nothing: what was read is to be confirmed.
    Nothing,
    /// A mark beside the file.
    Mark(PathBuf),
    /// Where no mark can be made, the file itself, which is shared.
    Share { _file: File },
}

/// Whether a reader may leave a mark where it has to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marking {
    /// It may.
    Allowed,
    /// It waits instead.
    Avoided,
}

impl Reading {
    /// Makes sure that what was read since this was made is of one state.
    ///
    /// # Errors
    /// `Locked` when a writer of Deker was or is at it, or when the file has another name or none by now.
    pub(super) fn confirm(&self) -> Result<()> {
        if !matches!(self.kept, Kept::Nothing) {
            return Ok(());
        }
        let fail = |source: io::Error| busy(&self.path, source);
        let file = match File::open(&self.path) {
            // Moved, so others may have changed it since, or deleted: whoever looks again finds out.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(changing(&self.path));
            }
            file => file.map_err(fail)?,
        };
        let now = FileIdentity::of(&file.metadata().map_err(fail)?);
        // One that was replaced stays as it was, under no name.
        if !now.is_file_of(&self.identity) {
            return Ok(());
        }
        flock(&file, FlockOperation::NonBlockingLockShared).map_err(|error| fail(error.into()))?;
        if now == self.identity {
            return Ok(());
        }
        Err(changing(&self.path))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        if let Kept::Mark(mark) = &self.kept {
            // One that stays is found by a check.
            let _ = std::fs::remove_file(mark);
        }
    }
}

/// Begins to read the file of an array.
///
/// # Errors
/// `Locked` when a writer of Deker is at it; `NotFound`, `Denied`.
pub(super) fn read(path: &Path, id: Uuid, marking: Marking) -> Result<Reading> {
    let fail = |source: io::Error| Error::io("open", path.display(), source);
    let identity = FileIdentity::of(&std::fs::metadata(path).map_err(fail)?);
    if !identity.is_fresh() {
        return Ok(Reading {
            path: path.to_owned(),
            identity,
            kept: Kept::Nothing,
        });
    }
    if marking == Marking::Avoided {
        return Err(changing(path));
    }
    let mark = mark(path, id).map_err(fail)?;
    match shared(path) {
        Ok((file, identity)) => Ok(Reading {
            path: path.to_owned(),
            identity,
            kept: match mark {
                Some(mark) => Kept::Mark(mark),
                None => Kept::Share { _file: file },
            },
        }),
        Err(error) => {
            if let Some(mark) = mark {
                let _ = std::fs::remove_file(mark);
            }
            Err(busy(path, error))
        }
    }
}

/// Opens a file that nobody writes into, and shares it as long as it is open.
fn shared(path: &Path) -> io::Result<(File, FileIdentity)> {
    let file = File::open(path)?;
    flock(&file, FlockOperation::NonBlockingLockShared)?;
    let identity = FileIdentity::of(&file.metadata()?);
    Ok((file, identity))
}

pub(super) fn changing(path: &Path) -> Error {
    Error::locked(format!(
        "{} is being changed all the time by Deker; wait, or ask who runs it",
        path.display()
    ))
}

/// Makes a mark of a reader beside a file; `None` where this process may not.
fn mark(path: &Path, id: Uuid) -> io::Result<Option<PathBuf>> {
    // Where Deker has the number of a thread, any number will do.
    static READERS: AtomicU64 = AtomicU64::new(1);
    let name = format!(
        "{id}:{}:{}:{}{READ_MARK}",
        Uuid::new_v4(),
        std::process::id(),
        READERS.fetch_add(1, Ordering::Relaxed)
    );
    let mark = path.with_file_name(name);
    match OpenOptions::new().write(true).create_new(true).open(&mark) {
        Ok(_) => Ok(Some(mark)),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
            ) =>
        {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn busy(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::WouldBlock {
        return Error::locked(format!(
            "{} is being changed by Deker; wait, or ask who runs it",
            path.display()
        ));
    }
    Error::io("open", path.display(), error)
}

/// A file that no writer of Deker changes or locks as long as this lives, and for a moment after.
#[derive(Debug)]
pub(super) struct Writing {
    file: Option<File>,
}

impl Drop for Writing {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            linger(file);
        }
    }
}

/// Shares the file of an array to replace it.
///
/// # Errors
/// As [`read`].
pub(super) fn write(path: &Path) -> Result<Writing> {
    let fail = |source: io::Error| busy(path, source);
    loop {
        let file = File::open(path).map_err(fail)?;
        flock(&file, FlockOperation::NonBlockingLockShared).map_err(|error| fail(error.into()))?;
        let (held, named) = (
            file.metadata().map_err(fail)?,
            std::fs::metadata(path).map_err(fail)?,
        );
        // Somebody may have replaced it before it was shared.
        if (held.dev(), held.ino()) == (named.dev(), named.ino()) {
            return Ok(Writing { file: Some(file) });
        }
    }
}

/// Tries again and again as long as Deker is in the way. Blocks.
///
/// # Errors
/// Those of `attempt`; `Locked` when the time is up.
pub(super) fn patiently<T>(
    patience: Patience,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let mut pause = PAUSE_MIN;
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Locked => {
                let left = patience.limit.saturating_sub(begun.elapsed());
                if left.is_zero() {
                    return Err(error);
                }
                std::thread::sleep(pause.min(left));
                pause = (pause * 2).min(patience.pause_max);
            }
            done => return done,
        }
    }
}

/// Files that are still shared, and until when.
static LINGERING: LazyLock<Mutex<VecDeque<(Instant, File)>>> = LazyLock::new(Mutex::default);

fn linger(file: File) {
    let mut lingering = LINGERING.lock().unwrap_or_else(PoisonError::into_inner);
    let is_first = lingering.is_empty();
    lingering.push_back((Instant::now() + LINGER, file));
    if lingering.len() > LINGERING_MAX {
        lingering.pop_front();
    }
    if is_first {
        // Without a thread they are let go of when the next file comes, or with the process.
        let _ = std::thread::Builder::new()
            .name("lingering".to_owned())
            .spawn(let_go);
    }
}

/// Lets go of files when their time has come, until there are none.
fn let_go() {
    loop {
        let next = {
            let mut lingering = LINGERING.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            while lingering.front().is_some_and(|(until, _)| *until <= now) {
                lingering.pop_front();
            }
            match lingering.front() {
                Some((until, _)) => *until - now,
                None => return,
            }
        };
        std::thread::sleep(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_is_looked_at_as_often_as_was_asked_for() {
        let looks = |lock_interval| {
            let options = WriteOptions {
                lock_timeout: Duration::from_secs(1),
                lock_interval,
                ..WriteOptions::DEFAULT
            };
            let mut count = 0;
            let tried = patiently(Patience::of(&options), || {
                count += 1;
                Err::<(), _>(Error::locked("Deker is at it"))
            });
            assert_eq!(tried.unwrap_err().kind(), ErrorKind::Locked);
            count
        };
        // The first pauses are short in any case: eleven of them until one of a quarter of a second.
        assert!(looks(Duration::from_millis(250)) < 20);
        assert!(looks(Duration::ZERO) > 100);
    }
}
