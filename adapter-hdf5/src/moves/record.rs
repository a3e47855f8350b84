//! The record of a change: a JSON document.

use std::path::{Component, Path, PathBuf};

use hyperslab_core::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::cache::FileIdentity;

/// The version of the record that this program writes, and the newest it reads.
const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    version: u32,
    pub(super) generation: u64,
    pub(super) moves: Vec<Move>,
}

/// One file of a change: from and to, below the base, and what it takes the place of where that may be changed by others.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Move(
    pub(super) PathBuf,
    pub(super) PathBuf,
    #[serde(default, skip_serializing_if = "Option::is_none")] pub(super) Option<String>,
);

impl Default for Record {
    fn default() -> Self {
        Self::new(0, Vec::new())
    }
}

impl Record {
    pub(super) fn new(generation: u64, moves: Vec<Move>) -> Self {
        Self {
            version: VERSION,
            generation,
            moves,
        }
    }

    /// Reads a document, which is at `path`.
    ///
    /// # Errors
    /// `Corrupt` for one that is none, `Unsupported` for one of a newer version.
    pub(super) fn parse(text: &[u8], path: &Path) -> Result<Self> {
        let damaged = |why: String| {
            Error::corrupt(format!(
                "{} is damaged ({why}), so what it says of a change of several tiles is lost; restore it from a copy, or remove \
                 it to go on with the tiles as they are",
                path.display()
            ))
        };
        let value: serde_json::Value =
            serde_json::from_slice(text).map_err(|error| damaged(error.to_string()))?;
        let version = value.get("version").and_then(serde_json::Value::as_u64);
        if let Some(version) = version.filter(|&version| version > u64::from(VERSION)) {
            return Err(Error::unsupported(format!(
                "{} has version {version}, this program reads up to {VERSION}; update hyperslab",
                path.display()
            )));
        }
        let record: Self =
            serde_json::from_value(value).map_err(|error| damaged(error.to_string()))?;
        for Move(from, to, _) in &record.moves {
            if let Some(name) = [from, to].into_iter().find(|name| !is_below(name)) {
                return Err(damaged(format!("{} leaves the folder", name.display())));
            }
        }
        Ok(record)
    }
}

/// Whether a name of a record stays below the base.
fn is_below(path: &Path) -> bool {
    let mut components = path.components();
    components.all(|component| matches!(component, Component::Normal(_)))
}

/// What tells one state of the file at a path from the next.
pub(super) fn state(path: &Path) -> String {
    match std::fs::metadata(path) {
        Ok(metadata) => FileIdentity::of(&metadata).state(),
        Err(_) => "absent".to_owned(),
    }
}
