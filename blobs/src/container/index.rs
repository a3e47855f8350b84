//! The table of packed objects: `packs.idx`, a database of SQLite.
//!
//! No transaction outlives a call, so nobody reads an old state.
//!
//! - `connections`: one for each thread that is at work.
//! - `row`: what stands in the table.

mod connections;
mod row;

use std::path::Path;

use hyperslab_core::{Error, Result};
use rusqlite::{OpenFlags, OptionalExtension, params};

use self::connections::{Connections, connect, failed};
pub(super) use self::row::Row;
use self::row::{any_row, row, sensible, text, unsigned, values_of};
use crate::{BlobKey, KeyFormat};

/// Keys that are listed at a time.
const PAGE_ROWS: i64 = 1000;

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

/// The table.
#[derive(Debug)]
pub(super) struct Index {
    connections: Connections,
}

impl Index {
    /// Makes an empty table.
    pub(super) fn create(path: &Path) -> Result<()> {
        // One that was not ended holds nothing.
        for side in ["", "-wal", "-shm", "-journal"] {
            let mut name = path.as_os_str().to_owned();
            name.push(side);
            super::loose::remove(Path::new(&name))?;
        }
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
    /// `Corrupt`, also when it is not there.
    pub(super) fn open(path: &Path) -> Result<Self> {
        Connections::open(path, |connection| {
            let sql = "SELECT id, hashkey, compressed, size, \"offset\", length, pack_id FROM db_object LIMIT 1";
            connection.prepare(sql)?.exists([]).map(drop)
        })
        .map(|connections| Self { connections })
    }

    /// Whether it lies on a medium that nobody can write to.
    pub(super) fn is_read_only(&self) -> bool {
        self.connections.is_read_only()
    }

    /// Writes the table, as it is at one moment, into a new file.
    pub(super) fn copy_to(&self, path: &Path) -> Result<()> {
        let name = path.to_string_lossy();
        self.connections
            .with(|connection| connection.execute("VACUUM INTO ?1", [&*name]).map(drop))?;
        let copy = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
        copy.and_then(|copy| copy.pragma_update(None, "journal_mode", "wal"))
            .map_err(|error| failed(path, error))?;
        std::fs::File::open(path)
            .and_then(|file| file.sync_all())
            .map_err(|source| Error::io("sync", path.display(), source))
    }

    /// Closes all connections that nobody uses.
    pub(super) fn close(&self) {
        self.connections.close();
    }

    /// The rows of these keys.
    pub(super) fn find(&self, keys: &[BlobKey]) -> Result<Vec<Option<Row>>> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        self.connections.with(|connection| {
            // One transaction for all: to begin one takes longer than to look.
            let transaction = connection.transaction()?;
            let mut statement = transaction.prepare_cached(FIND)?;
            keys.iter()
                .map(|key| statement.query_row([&*key.text()], any_row).optional())
                .collect()
        })
    }

    /// The row of a key.
    pub(super) fn find_one(&self, key: &BlobKey) -> Result<Option<Row>> {
        self.connections.with(|connection| {
            let mut statement = connection.prepare_cached(FIND)?;
            statement.query_row([&*key.text()], any_row).optional()
        })
    }

    /// Keeps the keys that have no row.
    pub(super) fn retain_absent(&self, keys: &mut Vec<BlobKey>) -> Result<()> {
        self.connections.with(|connection| {
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
                last = self.further(last, id)?;
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
            let rows: Vec<(i64, String, Option<Row>)> = self.connections.with(|connection| {
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
            last = self.further(last, *id)?;
            rows.into_iter().for_each(|(_, key, row)| each(key, row));
        }
    }

    /// The rows of a pack, in the order of their bytes; without those that make no sense.
    pub(super) fn rows_of(&self, pack: i64, format: KeyFormat) -> Result<Vec<(BlobKey, Row)>> {
        let rows: Vec<(String, Option<Row>)> = self.connections.with(|connection| {
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
        self.connections.with(|connection| {
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
        self.connections.with(|connection| {
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
        let bytes = || std::fs::metadata(self.connections.path()).map_or(0, |found| found.len());
        let into_file = "PRAGMA wal_checkpoint(TRUNCATE)";
        let before = self.connections.with(|connection| {
            connection.query_row(into_file, [], |_| Ok(()))?;
            let before = bytes();
            connection.execute_batch("VACUUM")?;
            connection.query_row(into_file, [], |_| Ok(before))
        })?;
        Ok(before.saturating_sub(bytes()))
    }

    /// The id of the next row, which is behind the last in a table that is sound: in another one it may lead round in a circle.
    fn further(&self, last: i64, next: i64) -> Result<i64> {
        match next > last {
            true => Ok(next),
            false => Err(Error::corrupt(format!(
                "{}: its rows are in no order; restore it from a copy",
                self.connections.path().display()
            ))),
        }
    }

    fn page(&self, after: i64) -> Result<Vec<(i64, String)>> {
        self.connections.with(|connection| {
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
        self.connections.with(|connection| {
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
        self.connections.with(|connection| {
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
        // Halves, for SQLite takes no sum beyond its numbers, to which a damaged row may lead.
        let sql = "SELECT COUNT(*), COALESCE(SUM(size >> 32) FILTER (WHERE typeof(size) = 'integer' AND size > 0), 0), \
                   COALESCE(SUM(size & 0xFFFFFFFF) FILTER (WHERE typeof(size) = 'integer' AND size > 0), 0) FROM db_object";
        self.connections.with(|connection| {
            connection.query_row(sql, [], |row| {
                let (high, low) = (unsigned(row, 1)?, unsigned(row, 2)?);
                Ok((
                    unsigned(row, 0)?,
                    high.saturating_mul(1 << 32).saturating_add(low),
                ))
            })
        })
    }
}
