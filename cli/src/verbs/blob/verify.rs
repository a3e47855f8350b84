//! `hyperslab blob verify`.

use clap::Args;
use hyperslab::blobs::{BlobFinding, Repository};
use serde_json::json;

use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

/// Read every object, and tell of each that is not what its key says. A fault ends nothing.
///
/// The exit code is 1 when anything was found.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The repository: a path or a URL
    repository: String,
}

impl Verify {
    pub(super) fn run(self, console: &mut Console) -> Outcome {
        let repository = Repository::open(&self.repository)?;
        let progress = console.progress("reading objects");
        let mut findings: Vec<BlobFinding> = Vec::new();
        let mut tell = |finding| findings.push(finding);
        let report = repository.verify(&mut tell, &|done, total| progress.count(done, total))?;
        drop(progress);
        let status = match findings.is_empty() {
            true => Status::Done,
            false => Status::Found,
        };
        if console.wants_json() {
            console.json(&json!({ "verified": report, "findings": findings }))?;
            return Ok(status);
        }
        for finding in &findings {
            let copy = match finding.has_copy {
                true => " [another copy is sound: run `hyperslab blob maintain`]",
                false => "",
            };
            console.line(format_args!("{}{copy}", finding.message))?;
        }
        let found = match findings.len() as u64 {
            0 => "nothing found".to_owned(),
            count => format!("{} found", human::count(count, "fault")),
        };
        let unused = match report.unused_bytes {
            0 => String::new(),
            bytes => format!(", {} unused in packs", human::bytes(bytes)),
        };
        let objects = human::count(report.read, "object");
        let bytes = human::bytes(report.content_bytes);
        console.line(format_args!("{objects} read, {bytes}: {found}{unused}"))?;
        Ok(status)
    }
}
