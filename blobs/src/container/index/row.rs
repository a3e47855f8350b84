//! What stands in the table.

use hyperslab_core::{Error, Result};
use rusqlite::types::ValueRef;

use crate::{BlobKey, KeyText};

/// Where a packed object lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::container) struct Row {
    pub(in crate::container) compressed: bool,
    /// Bytes of the content.
    pub(in crate::container) size: u64,
    /// Of its first byte in the pack.
    pub(in crate::container) offset: u64,
    /// Bytes in the pack.
    pub(in crate::container) length: u64,
    pub(in crate::container) pack: i64,
}

impl Row {
    /// Stands for a row whose numbers are none, or negative: no pack has this number.
    pub(in crate::container) const SENSELESS: Self = Self {
        compressed: false,
        size: 0,
        offset: u64::MAX,
        length: u64::MAX,
        pack: i64::MIN,
    };
}

/// A row as the database has it.
pub(super) type Values = (KeyText, bool, i64, i64, i64, i64);

pub(super) fn values_of(rows: &[(BlobKey, Row)]) -> Result<Vec<Values>> {
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

/// A row, or what stands for one that makes no sense.
pub(super) fn any_row(found: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(sensible(row(found))?.unwrap_or(Row::SENSELESS))
}

pub(super) fn row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        compressed: row.get(0)?,
        size: unsigned(row, 1)?,
        offset: unsigned(row, 2)?,
        length: unsigned(row, 3)?,
        pack: row.get(4)?,
    })
}

/// What stands in a column, whatever its type is.
pub(super) fn text(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    })
}

/// `None` for a row whose numbers are none, or negative.
pub(super) fn sensible(row: rusqlite::Result<Row>) -> rusqlite::Result<Option<Row>> {
    use rusqlite::Error::{FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType};
    match row {
        Err(FromSqlConversionFailure(..) | IntegralValueOutOfRange(..) | InvalidColumnType(..)) => {
            Ok(None)
        }
        row => row.map(Some),
    }
}

pub(super) fn unsigned(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(column)?;
    u64::try_from(number).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
}
