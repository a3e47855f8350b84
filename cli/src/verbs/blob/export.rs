//! `hyperslab blob export`.

use std::path::Path;
use std::time::Duration;

use clap::Args;
use hyperslab::ErrorKind;
use hyperslab::blobs::{ArchiveBlobs, Blobs, ContainerOptions, KeyFormat, Repository};

use super::import::{copy, tell_copied};
use super::some_keys;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::output::check_is_path;

/// Copy objects into another repository, which is made if it is not there, or into a new archive.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The repository: a path or a URL
    repository: String,
    /// Where the objects go: a path or a URL; a name that ends in .zip or .aiida is that of a new archive
    to: String,
    /// The keys of the objects; all of them if none is given
    keys: Vec<String>,
}

impl Export {
    pub(super) fn run(self, patience: Duration, console: &mut Console) -> Outcome {
        let from = Repository::open_with(&self.repository, patience)?;
        let path = Path::new(&self.to);
        let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
        if ending.is_some_and(|ending| ending == "zip" || ending == "aiida") {
            check_is_path(path)?;
            let keys = some_keys(&from, &self.keys)?;
            let progress = console.progress("writing the archive");
            let watch = |done, total| progress.count(done, total);
            let report = ArchiveBlobs::write(path, &*from, keys.as_deref(), &watch)?;
            drop(progress);
            tell_copied(&report, &[], console)?;
            return Ok(Status::Done);
        }
        // Before anything is made for them.
        if let Some(keys) = some_keys(&from, &self.keys)? {
            from.stat_all(&keys)?;
        }
        let to = match Repository::open_with(&self.to, patience) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let key_format = match from.info().key_format {
                    format @ (KeyFormat::Sha1 | KeyFormat::Blake3) => format,
                    _ => KeyFormat::Sha256,
                };
                let options = ContainerOptions {
                    key_format,
                    ..ContainerOptions::default()
                };
                Repository::create(&self.to, &options)?
            }
            opened => opened?,
        };
        copy(&from, &to, &self.keys, console)
    }
}
