//! Objects that can be read at once, on the thread that asks: those of a disk.

use std::fmt::Debug;
use std::fs::File;
use std::path::PathBuf;

use hyperslab_core::{Pace, Result};

use super::Version;

/// An object that is open. It stays as it was when another takes its place.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) file: File,
    /// How messages call it.
    pub(crate) path: PathBuf,
    /// In bytes.
    pub(crate) size: u64,
    pub(crate) version: Version,
    /// Whether it has not changed for so long that whoever changes it next, in whatever way, gives it another version.
    pub(crate) settled: bool,
}

/// Reading without waiting for answers.
pub(crate) trait AtHand: Debug + Send + Sync + 'static {
    /// Opens an object; `None` when there is none.
    ///
    /// # Errors
    /// `Denied`, `Unavailable`, `InvalidInput` for a key that cannot be.
    fn open(&self, key: &str) -> Result<Option<Opened>>;

    /// The state of an object, without its bytes; `None` when there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    fn state(&self, key: &str) -> Result<Option<Version>>;

    /// How soon it answers.
    fn pace(&self) -> &Pace;
}
