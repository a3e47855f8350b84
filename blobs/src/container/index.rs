//! The table of packed objects: `packs.idx`, a database of SQLite.
//!
//! No transaction outlives a call, so nobody reads an old state. A connection is kept for each thread that is at work.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyperslab_core::{Error, ErrorKind, Result};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use crate::{BlobKey, KeyFormat, KeyText};

/// How long a call waits for another program that writes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys that are listed at a time.
const PAGE_ROWS: i64 = 1000;

/// More connections than that are not kept.
const KEPT_MAX: usize = 16;

/// As `disk-objectstore` makes it, to the letter.
const TABLE: &str = "\
CREATE TABLE db_object (
\tid INTEGER NOT NULL, 
\thashkey VARCHAR NOT NULL, 
\tcompressed BOOLEAN NOT NULL, 
\tsize INTEGER NOT NULL, 
\t\"offset\" INTEGER NOT NULL, 
\tlength INTEGER NOT NULL, 
\tpack_id INTEGER NOT NULL, 
\tPRIMARY KEY (id)
);
CREATE UNIQUE INDEX ix_db_object_hashkey ON db_object (hashkey);";

const FIND: &str =
    "SELECT compressed, size, \"offset\", length, pack_id FROM db_object WHERE hashkey = ?1";

/// Where a packed object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) compressed: bool,
    /// Bytes of the content.
    pub(super) size: u64,
    /// Of its first byte in the pack.
    pub(super) offset: u64,
    /// Bytes in the pack.
    pub(super) length: u64,
    pub(super) pack: i64,
}

/// The table.
#[derive(Debug)]
pub(super) struct Index {
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

impl Index {
    /// Makes an empty table.
    pub(super) fn create(path: &Path) -> Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let connection = connect(path, flags).map_err(|error| failed(path, error))?;
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| connection.execute_batch(TABLE))
            .map_err(|error| failed(path, error))
    }

    /// Opens the table of a container.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let index = |access| Self {
            path: path.to_owned(),
            access,
            idle: Mutex::default(),
        };
        let look = |index: &Self| {
            index.with(|connection| {
                let sql = "SELECT id, hashkey, compressed, size, \"offset\", length, pack_id FROM db_object LIMIT 1";
                connection.prepare(sql)?.exists([]).map(drop)
            })
        };
        let writable = index(Access::Write);
        match look(&writable) {
            Ok(()) => Ok(writable),
            // What nobody can write to is read without locks.
            Err(error) if path.exists() && is_of_medium(&error) => {
                let immutable = index(Access::Immutable);
                check_log(path)?;
                look(&immutable).map(|()| immutable).map_err(|_| error)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether it lies on a medium that nobody can write to.
    pub(super) fn is_read_only(&self) -> bool {
        self.access == Access::Immutable
    }

    /// Writes the table, as it is at one moment, into a new file.
    pub(super) fn copy_to(&self, path: &Path) -> Result<()> {
        let name = path.to_string_lossy();
        self.with(|connection| connection.execute("VACUUM INTO ?1", [&*name]).map(drop))?;
        let copy = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
        copy.and_then(|copy| copy.pragma_update(None, "journal_mode", "wal"))
            .map_err(|error| failed(path, error))?;
        std::fs::File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(|source| Error::io("sync", path.display(), source))
    }

    /// Closes all connections that nobody uses.
    pub(super) fn close(&self) {
        self.lock().clear();
    }

    /// The rows of these keys.
    pub(super) fn find(&self, keys: &[BlobKey]) -> Result<Vec<Option<Row>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.with(|connection| {
            // One transaction for all: to begin one takes longer than to look.
            let transaction = connection.transaction()?;
            let mut statement = transaction.prepare_cached(FIND)?;
            keys.iter()
                .map(|key| statement.query_row([&*key.text()], row).optional())
                .collect()
        })
    }

    /// The row of a key.
    pub(super) fn find_one(&self, key: &BlobKey) -> Result<Option<Row>> {
        self.with(|connection| {
            let mut statement = connection.prepare_cached(FIND)?;
            statement.query_row([&*key.text()], row).optional()
        })
    }

    /// Keeps the keys that have no row.
    pub(super) fn retain_absent(&self, keys: &mut Vec<BlobKey>) -> Result<()> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let mut statement = transaction.prepare_cached(FIND)?;
            let mut failed = None;
            keys.retain(|key| match statement.exists([&*key.text()]) {
                Ok(there) => !there,
                Err(error) => {
                    failed = Some(error);
                    true
                }
            });
            failed.map_or(Ok(()), Err)
        })
    }

    /// All keys, page by page, in the order in which they came. What stands there and is no key is passed over.
    pub(super) fn keys(&self, format: KeyFormat) -> impl Iterator<Item = Result<BlobKey>> {
        let mut last = -1;
        let mut page = Vec::new().into_iter();
        let mut next = move || -> Result<Option<BlobKey>> {
            loop {
                if page.len() == 0 {
                    page = self.page(last)?.into_iter();
                }
                let Some((id, text)) = page.next() else {
                    return Ok(None);
                };
                last = id;
                if let Ok(key) = BlobKey::parse(format, &text) {
                    return Ok(Some(key));
                }
            }
        };
        std::iter::from_fn(move || next().transpose())
    }

    /// Gives every row, with its key as it stands there; none where the numbers of one make no sense. No lock is held while one is
    /// looked at.
    pub(super) fn each(&self, mut each: impl FnMut(String, Option<Row>)) -> Result<()> {
        let mut last = -1;
        loop {
            let rows: Vec<(i64, String, Option<Row>)> = self.with(|connection| {
                let sql = "SELECT compressed, size, \"offset\", length, pack_id, hashkey, id FROM db_object \
                           WHERE id > ?1 ORDER BY id LIMIT ?2";
                let mut statement = connection.prepare_cached(sql)?;
                let rows = statement.query_map(params![last, PAGE_ROWS], |found| {
                    Ok((found.get(6)?, text(found, 5)?, sensible(row(found))?))
                })?;
                rows.collect()
            })?;
            let Some((id, ..)) = rows.last() else {
                return Ok(());
            };
            last = *id;
            rows.into_iter().for_each(|(_, key, row)| each(key, row));
        }
    }

    /// The rows of a pack, in the order of their bytes; without those that make no sense.
    pub(super) fn rows_of(&self, pack: i64, format: KeyFormat) -> Result<Vec<(BlobKey, Row)>> {
        let rows: Vec<(String, Option<Row>)> = self.with(|connection| {
            let sql = "SELECT compressed, size, \"offset\", length, pack_id, hashkey FROM db_object \
                       WHERE pack_id = ?1 ORDER BY \"offset\"";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map([pack], |found| {
                Ok((text(found, 5)?, sensible(row(found))?))
            })?;
            rows.collect()
        })?;
        let rows = rows.into_iter();
        Ok(rows
            .filter_map(|(text, row)| Some((BlobKey::parse(format, &text).ok()?, row?)))
            .collect())
    }

    /// Whether a pack holds an object.
    pub(super) fn holds_pack(&self, pack: i64) -> Result<bool> {
        self.with(|connection| {
            let sql = "SELECT EXISTS (SELECT 1 FROM db_object WHERE pack_id = ?1)";
            connection.query_row(sql, [pack], |found| found.get(0))
        })
    }

    /// Leads objects of a pack to their new places, all at once. One that was deleted meanwhile stays deleted.
    pub(super) fn switch(&self, from: i64, rows: &[(BlobKey, Row)]) -> Result<()> {
        self.update(Some(from), rows)
    }

    /// Leads objects to their new places, wherever they were. One that was deleted meanwhile stays deleted.
    pub(super) fn replace(&self, rows: &[(BlobKey, Row)]) -> Result<()> {
        self.update(None, rows)
    }

    fn update(&self, from: Option<i64>, rows: &[(BlobKey, Row)]) -> Result<()> {
        let values = values_of(rows)?;
        self.with(|connection| {
            let transaction = connection.transaction()?;
            {
                let sql = "UPDATE db_object SET compressed = ?2, size = ?3, \"offset\" = ?4, length = ?5, pack_id = ?6 \
                           WHERE hashkey = ?1 AND pack_id = COALESCE(?7, pack_id)";
                let mut statement = transaction.prepare_cached(sql)?;
                for (key, compressed, size, offset, length, pack) in &values {
                    statement.execute(params![&**key, compressed, size, offset, length, pack, from])?;
                }
            }
            transaction.commit()
        })
    }

    /// Puts the table together anew: how many bytes smaller the file is.
    pub(super) fn vacuum(&self) -> Result<u64> {
        let bytes = || std::fs::metadata(&self.path).map_or(0, |found| found.len());
        let into_file = "PRAGMA wal_checkpoint(TRUNCATE)";
        let before = self.with(|connection| {
            connection.query_row(into_file, [], |_| Ok(()))?;
            let before = bytes();
            connection.execute_batch("VACUUM")?;
            connection.query_row(into_file, [], |_| Ok(before))
        })?;
        Ok(before.saturating_sub(bytes()))
    }

    fn page(&self, after: i64) -> Result<Vec<(i64, String)>> {
        self.with(|connection| {
            let sql = "SELECT id, hashkey FROM db_object WHERE id > ?1 ORDER BY id LIMIT ?2";
            let mut statement = connection.prepare_cached(sql)?;
            let rows = statement.query_map(params![after, PAGE_ROWS], |row| {
                Ok((row.get(0)?, text(row, 1)?))
            })?;
            rows.collect()
        })
    }

    /// Adds rows, all at once. A key that has one keeps it.
    pub(super) fn insert(&self, rows: &[(BlobKey, Row)]) -> Result<()> {
        let mut values = values_of(rows)?;
        // In the order in which they lie in the index, each page of it is changed once.
        values.sort_unstable_by_key(|one| one.0);
        self.with(|connection| {
            let transaction = connection.transaction()?;
            {
                let sql = "INSERT OR IGNORE INTO db_object (hashkey, compressed, size, \"offset\", length, pack_id) \
                           VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
                let mut statement = transaction.prepare_cached(sql)?;
                for (key, compressed, size, offset, length, pack) in &values {
                    statement.execute(params![&**key, compressed, size, offset, length, pack])?;
                }
            }
            transaction.commit()
        })
    }

    /// Takes the rows of these keys away, all at once.
    pub(super) fn remove<'a>(&self, keys: impl IntoIterator<Item = &'a BlobKey>) -> Result<()> {
        let mut keys = keys.into_iter().peekable();
        if keys.peek().is_none() {
            return Ok(());
        }
        self.with(|connection| {
            let transaction = connection.transaction()?;
            {
                let sql = "DELETE FROM db_object WHERE hashkey = ?1";
                let mut statement = transaction.prepare_cached(sql)?;
                for key in keys {
                    statement.execute([&*key.text()])?;
                }
            }
            transaction.commit()
        })
    }

    /// How many objects are packed, and the bytes of their content.
    pub(super) fn totals(&self) -> Result<(u64, u64)> {
        self.with(|connection| {
            let sql = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM db_object";
            connection.query_row(sql, [], |row| Ok((unsigned(row, 0)?, unsigned(row, 1)?)))
        })
    }

    /// Does something with a connection, which is kept for the next.
    fn with<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
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

/// A row as the database has it.
type Values = (KeyText, bool, i64, i64, i64, i64);

fn values_of(rows: &[(BlobKey, Row)]) -> Result<Vec<Values>> {
    let signed = |number: u64| {
        i64::try_from(number).map_err(|_| Error::too_large("a pack of more than 8 EiB"))
    };
    let values = rows.iter().map(|(key, row)| {
        let numbers = [row.size, row.offset, row.length].map(signed);
        let [size, offset, length] = numbers;
        Ok((
            key.text(),
            row.compressed,
            size?,
            offset?,
            length?,
            row.pack,
        ))
    });
    values.collect()
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
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

fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        compressed: row.get(0)?,
        size: unsigned(row, 1)?,
        offset: unsigned(row, 2)?,
        length: unsigned(row, 3)?,
        pack: row.get(4)?,
    })
}

/// What stands in a column, whatever its type is.
fn text(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    })
}

/// `None` for a row whose numbers are none, or negative.
fn sensible(row: rusqlite::Result<Row>) -> rusqlite::Result<Option<Row>> {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    match row {
        Err(FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)) => {
            Ok(None)
        }
        row => row.map(Some),
    }
}

fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}

fn failed(path: &Path, error: rusqlite::Error) -> Error {
    let place = path.display();
    let made = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::locked(format!(
            "{place} is being changed by another program; wait, and try again"
        )),
        Some(ErrorCode::CannotOpen) if !path.exists() => Error::not_found(format!(
            "{place} is not there: the container has lost its index; restore it from a copy"
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
