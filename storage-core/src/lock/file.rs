//! One lock file: an operating-system lock and, while it is exclusive, the record of its holder.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{LockInfo, LockMode};

/// Far more than any record takes.
const RECORD_BYTES_MAX: u64 = 64 * 1024;

/// A locked file. Dropping it truncates the record and unlocks.
#[derive(Debug)]
pub(super) struct LockFile {
    file: File,
    recorded: bool,
}

impl LockFile {
    /// One attempt, which never waits; `None` when somebody else holds the lock. The folder must exist.
    pub(super) fn attempt(path: &Path, mode: LockMode) -> io::Result<Option<Self>> {
        loop {
            let file = open(path, mode)?;
            if !try_flock(&file, mode)? {
                return Ok(None);
            }
            // The path may name another file by now, when the collection was deleted or the lock file swept: what was
            // locked is then nobody's lock.
            if names(path, &file)? {
                return Ok(Some(Self {
                    file,
                    recorded: false,
                }));
            }
        }
    }

    /// Writes down who holds this lock. It is kept by the operating system, not by the record: a full disk must not
    /// keep anybody from deleting, so a record that cannot be written is done without.
    pub(super) fn record(&mut self, holder: &LockInfo) {
        self.recorded = true;
        let written = serde_json::to_vec(holder)
            .map_err(io::Error::from)
            .and_then(|record| {
                self.file.set_len(0)?;
                self.file.write_all_at(&record, 0)
            });
        if let Err(error) = written {
            tracing::warn!(%error, key = %holder.key, "the holder of a lock could not be recorded");
        }
    }

    /// Removes whatever record there is.
    pub(super) fn clear(&self) -> io::Result<()> {
        self.file.set_len(0)
    }
}

impl Drop for LockFile {
    fn drop(&mut self) {
        if self.recorded
            && let Err(error) = self.clear()
        {
            tracing::warn!(%error, "the record of a lock could not be removed");
        }
        // Closing would do, but for a child process that was forked meanwhile and has the same open file.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// What a lock file says.
#[derive(Debug)]
pub(super) enum Record {
    /// Nothing: the lock is free, or held by those who share it.
    None,
    /// Who holds or held it.
    Holder(Box<LockInfo>),
    /// Something that is no record.
    Unreadable,
}

/// Reads the record of a lock file.
pub(super) fn read_record(path: &Path) -> io::Result<Record> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Record::None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    io::Read::read_to_end(&mut io::Read::take(file, RECORD_BYTES_MAX), &mut text)?;
    if text.is_empty() {
        return Ok(Record::None);
    }
    Ok(match serde_json::from_slice(&text) {
        Ok(holder) => Record::Holder(Box::new(holder)),
        Err(_) => Record::Unreadable,
    })
}

/// Shares a lock file for as long as the result lives, which keeps every new exclusive holder out; `None` when there is
/// one already. Call it only for a file with a record: those who find the file taken meanwhile try again soon.
pub(super) fn share_existing(path: &Path) -> io::Result<Option<File>> {
    let file = File::open(path)?;
    Ok(try_flock(&file, LockMode::Shared)?.then_some(file))
}

/// A file that is there while somebody waits for a lock, and whose owner is next. Dropping it lets the one after try.
#[derive(Debug)]
pub(super) struct Turn {
    path: PathBuf,
    _lock: LockFile,
}

impl Turn {
    /// One attempt to be next.
    pub(super) fn attempt(path: &Path) -> io::Result<Option<Self>> {
        let lock = LockFile::attempt(path, LockMode::Exclusive)?;
        Ok(lock.map(|lock| Self {
            path: path.to_owned(),
            _lock: lock,
        }))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Still locked: whoever has opened it finds, once locked, that the path does not name it any more.
        let _ = std::fs::remove_file(&self.path);
    }
}

fn open(path: &Path, mode: LockMode) -> io::Result<File> {
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path);
    match opened {
        // A reader may share a lock file that it cannot write.
        Err(error)
            if mode == LockMode::Shared
                && matches!(
                    error.kind(),
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
                ) =>
        {
            File::open(path).map_err(|_| error)
        }
        opened => opened,
    }
}

fn try_flock(file: &File, mode: LockMode) -> io::Result<bool> {
    let operation = match mode {
        LockMode::Shared => FlockOperation::NonBlockingLockShared,
        LockMode::Exclusive => FlockOperation::NonBlockingLockExclusive,
    };
    loop {
        match flock(file, operation) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK) => return Ok(false),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn names(path: &Path, file: &File) -> io::Result<bool> {
    let ours = file.metadata()?;
    match std::fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (ours.dev(), ours.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
