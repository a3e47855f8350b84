//! `hyperslab blob import`.

use clap::Args;
use hyperslab::blobs::{BlobKey, Repository, TransferReport, transfer};
use serde_json::{Value, json};
use std::time::Duration;

use super::some_keys;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;

/// Copy objects from another repository, or an archive, into this one. What is there already is not read.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The repository: a path or a URL
    repository: String,
    /// Where the objects come from: a path or a URL
    from: String,
    /// The keys of the objects; all of them if none is given
    keys: Vec<String>,
}

impl Import {
    pub(super) fn run(self, patience: Duration, console: &mut Console) -> Outcome {
        let to = Repository::open_with(&self.repository, patience)?;
        let from = Repository::open(&self.from)?;
        copy(&from, &to, &self.keys, console)
    }
}

/// Copies objects, and tells of it: the new keys, where those are others.
pub(super) fn copy(
    from: &Repository,
    to: &Repository,
    keys: &[String],
    console: &mut Console,
) -> Outcome {
    let keys = some_keys(from, keys)?;
    let progress = console.progress("copying objects");
    let mut renamed: Vec<(BlobKey, BlobKey)> = Vec::new();
    let mut tell = |old: &BlobKey, new: &BlobKey| {
        if old != new {
            renamed.push((*old, *new));
        }
    };
    let watch = |done, total| progress.count(done, total);
    let report = transfer(&**from, &**to, keys.as_deref(), &mut tell, &watch)?;
    drop(progress);
    if !console.wants_json() {
        for (old, new) in &renamed {
            console.line(format_args!("{old}  {new}"))?;
        }
    }
    tell_copied(&report, &renamed, console)?;
    Ok(Status::Done)
}

/// What copying did.
pub(super) fn tell_copied(
    report: &TransferReport,
    renamed: &[(BlobKey, BlobKey)],
    console: &mut Console,
) -> Result<(), Failure> {
    let renamed = renamed
        .iter()
        .map(|(old, new)| json!({ "from": old, "to": new }));
    let document = json!({ "copied": report, "renamed": renamed.collect::<Vec<Value>>() });
    let objects = human::count(report.copied, "object");
    let bytes = human::bytes(report.copied_bytes);
    let existed = human::grouped(report.existed);
    console.report(
        &document,
        format_args!("{objects} copied, {bytes}; {existed} already there"),
    )
}
