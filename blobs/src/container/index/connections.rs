//! Connections to the table: one is kept for each thread that is at work.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyperslab_core::{Error, ErrorKind, Result};
use rusqlite::{Connection, ErrorCode, OpenFlags};

/// How long a call waits for another program that writes.
const PATIENCE: Duration = Duration::from_secs(60);

/// More connections than that are not kept.
const KEPT_MAX: usize = 16;

/// The connections.
#[derive(Debug)]
pub(super) struct Connections {
    path: PathBuf,
    access: Access,
    idle: Mutex<Vec<Connection>>,
}

/// How the table can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Write,
    /// It lies on a medium that nobody can write to.
    Immutable,
}

impl Connections {
    /// Connects, if that look at the table succeeds.
    pub(super) fn open(
        path: &Path,
        look: impl Fn(&mut Connection) -> rusqlite::Result<()>,
    ) -> Result<Self> {
        let connections = |access| Self {
            path: path.to_owned(),
            access,
            idle: Mutex::default(),
        };
        let writable = connections(Access::Write);
        match writable.with(&look) {
            Ok(()) => Ok(writable),
            // What nobody can write to is read without locks.
            Err(error) if path.exists() && is_of_medium(&error) => {
                let immutable = connections(Access::Immutable);
                check_log(path)?;
                immutable.with(&look).map(|()| immutable).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.access == Access::Immutable
    }

    /// Closes all that nobody uses.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    /// Does something with a connection, which is kept for the next.
    pub(super) fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        let idle = self.lock().pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => self.connect().map_err(|error| failed(&self.path, error))?,
        };
        let done = work(&mut connection).map_err(|error| failed(&self.path, error));
        let mut kept = self.lock();
        if done.is_ok() && kept.len() < KEPT_MAX {
            kept.push(connection);
        }
        done
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        if self.access == Access::Write {
            return connect(&self.path, OpenFlags::SQLITE_OPEN_READ_WRITE);
        }
        let mut url = String::from("file:");
        for byte in self.path.as_os_str().as_encoded_bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                    url.push(char::from(*byte));
                }
                other => url.push_str(&format!("%{other:02X}")),
            }
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        connect(Path::new(&format!("{url}?immutable=1")), flags)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(PATIENCE)?;
    Ok(connection)
}

/// Whether an error may be one of a medium that nobody can write to.
fn is_of_medium(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unavailable)
}

/// Refuses a table whose last changes are not in its file yet: without a medium to write to they cannot be read.
fn check_log(path: &Path) -> Result<()> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    match std::fs::metadata(&log) {
        Ok(found) if found.len() > 0 => Err(Error::unsupported(format!(
            "{} has changes that cannot be read from a medium that cannot be written to; open the container once where it can",
            Path::new(&log).display()
        ))),
        _ => Ok(()),
    }
}

pub(super) fn failed(path: &Path, error: rusqlite::Error) -> Error {
    let place = path.display();
    let made = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::locked(format!(
            "{place} is being changed by another program; wait, and try again"
        )),
        Some(ErrorCode::CannotOpen) if path.parent().is_some_and(|root| !root.exists()) => {
            Error::not_found(format!("{place} is not there: the container is gone"))
        }
        Some(ErrorCode::CannotOpen) if !path.exists() => Error::corrupt(format!(
            "{place} is not there: the container has lost its index; restore it from a copy"
        )),
        // It is its log that cannot be made beside it.
        Some(ErrorCode::ReadOnly) if is_writable(path) => Error::unavailable(format!(
            "{place}: {error}; free some space and try again, nothing was changed"
        )),
        Some(ErrorCode::PermissionDenied | ErrorCode::ReadOnly) => {
            Error::denied(format!("{place} cannot be changed; mend its permissions"))
        }
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::CannotOpen) => {
            Error::unavailable(format!("{place}: {error}"))
        }
        _ => Error::corrupt(format!("{place}: {error}; restore it from a copy")),
    };
    made.with_source(error)
}

fn is_writable(path: &Path) -> bool {
    std::fs::File::options().append(true).open(path).is_ok()
}
