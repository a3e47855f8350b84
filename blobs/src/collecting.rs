//! Objects that nothing names any more.
//!
//! Whoever puts an object and writes down its key does two things, and in between nothing names it. So only what nobody has put for a
//! while is taken for unneeded, where putting what is there already counts.

use std::collections::HashSet;
use std::time::Duration;

use hyperslab_core::Result;
use serde::Serialize;

use crate::BlobKey;

/// How collecting is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectPlan {
    /// What was put within this time stays, whether anything names it or not. Between putting an object and writing down its key
    /// no more time may pass.
    pub age: Duration,
    /// Say what would be deleted, and delete nothing.
    pub dry_run: bool,
}

impl Default for CollectPlan {
    /// Of a day, done.
    fn default() -> Self {
        Self {
            age: Duration::from_secs(24 * 60 * 60),
            dry_run: false,
        }
    }
}

/// What was collected.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CollectReport {
    /// Objects that something names.
    pub live: u64,
    /// Objects that nothing names, and that are too young to be deleted.
    pub young: u64,
    /// Objects that were deleted.
    pub deleted: u64,
    /// Bytes of their content.
    pub deleted_bytes: u64,
    /// Keys that something names, and that are not there.
    pub missing: Vec<BlobKey>,
}

/// Says which objects are named. It is asked once, after it is known which are old.
pub type Named<'a> = dyn FnMut() -> Result<HashSet<BlobKey>> + 'a;
