//! `hyperslab blob backup`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use hyperslab::blobs::{Blobs, ContainerBlobs, Repository};
use serde_json::json;

use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::numbers;
use crate::output::check_is_no_url;

/// Copy a container into a new folder, which is a container by itself and shares the files that have not changed with the copy
/// before. Others may read and write meanwhile.
#[derive(Debug, Args)]
pub(super) struct Backup {
    /// The container: a path
    repository: String,
    /// The folder of the copies
    folder: PathBuf,
    /// How many copies are kept; the oldest go [default: all]
    #[arg(long, value_name = "COUNT", value_parser = numbers::count, allow_negative_numbers = true)]
    keep: Option<usize>,
    /// Read every object of the copy
    #[arg(long)]
    verify: bool,
}

impl Backup {
    pub(super) fn run(self, patience: Duration, console: &mut Console) -> Outcome {
        check_is_no_url(&self.folder)?;
        let repository = Repository::open_with(&self.repository, patience)?;
        let container = repository.as_container("be copied so")?;
        let progress = console.progress("copying the container");
        let keep = self.keep.and_then(NonZeroUsize::new);
        let watch = |done, total| progress.count(done, total);
        let report = container.backup(&self.folder, keep, &watch)?;
        let findings = match self.verify {
            true => Some(ContainerBlobs::open(&report.path)?.findings()?),
            false => None,
        };
        drop(progress);
        let faults = findings.iter().flatten().count() as u64;
        let status = if faults == 0 {
            Status::Done
        } else {
            Status::Found
        };
        if console.wants_json() {
            console.json(&json!({ "backup": report, "findings": findings }))?;
            return Ok(status);
        }
        for finding in findings.iter().flatten() {
            console.line(format_args!("{}", finding.message))?;
        }
        let copied = human::count(report.copied, "file");
        let bytes = human::bytes(report.copied_bytes);
        console.report(
            &json!(null),
            format_args!(
                "{}: {copied} copied, {bytes}; {} shared; {} removed",
                report.path.display(),
                human::grouped(report.shared),
                human::count(report.removed, "older copy")
            ),
        )?;
        Ok(status)
    }
}
