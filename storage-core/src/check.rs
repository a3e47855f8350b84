//! Integrity: what is looked at, and what is found.

use serde::Serialize;

use crate::{Error, Result};

/// How deep a check goes. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "u8")]
pub enum CheckLevel {
    /// 1: every collection opens.
    Collections,
    /// 2: every array opens, and no lock is stale.
    Arrays,
    /// 3: layout and index agree: nothing lost, nothing stray.
    Layout,
    /// 4: every chunk of every array decodes and every checksum holds.
    Data,
}

impl From<CheckLevel> for u8 {
    fn from(level: CheckLevel) -> Self {
        match level {
            CheckLevel::Collections => 1,
            CheckLevel::Arrays => 2,
            CheckLevel::Layout => 3,
            CheckLevel::Data => 4,
        }
    }
}

impl TryFrom<u8> for CheckLevel {
    type Error = Error;

    fn try_from(level: u8) -> Result<Self> {
        match level {
            1 => Ok(Self::Collections),
            2 => Ok(Self::Arrays),
            3 => Ok(Self::Layout),
            4 => Ok(Self::Data),
            _ => Err(Error::invalid(format!(
                "check level {level} does not exist; choose 1 to 4"
            ))),
        }
    }
}

/// What to check.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckRequest {
    /// How deep.
    pub level: CheckLevel,
    /// Only this collection; all when `None`.
    pub collection: Option<String>,
    /// Whether to mend what can be mended without losing a cell.
    pub repair: bool,
}

/// The kind of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// A collection does not open.
    CollectionUnreadable,
    /// An array does not open.
    ArrayUnreadable,
    /// The lock of a process that has gone.
    StaleLock,
    /// An array that the index knows is not there.
    ArrayLost,
    /// An array that is there is not in the index, or the index names another.
    IndexDisagrees,
    /// A file or object that belongs to nothing.
    Stray,
    /// What an interrupted change left behind.
    Leftover,
    /// Key, attributes, shape or dtype of an array are not those of the schema.
    SchemaDisagrees,
    /// Chunks that were stored are not there.
    ChunkLost,
    /// Bytes differ from what was written.
    Corrupt,
    /// A file is attached, or an input written down, and its object is not there.
    AttachmentLost,
    /// An array was changed by another program, so that its bytes cannot be vouched for.
    Unverified,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// The level that found it.
    pub level: CheckLevel,
    /// What kind of fault.
    pub kind: FindingKind,
    /// The collection it is in, if any.
    pub collection: Option<String>,
    /// The array, file or lock at fault, by the name a person finds it under.
    pub subject: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Whether `repair` can mend it.
    pub repairable: bool,
    /// Whether it was mended in this run.
    pub repaired: bool,
}

/// Receives findings as they are made.
pub trait FindingSink: Send {
    /// Takes one finding.
    fn report(&mut self, finding: Finding);
}

impl FindingSink for Vec<Finding> {
    fn report(&mut self, finding: Finding) {
        self.push(finding);
    }
}

impl<F: FnMut(Finding) + Send> FindingSink for F {
    fn report(&mut self, finding: Finding) {
        self(finding);
    }
}
