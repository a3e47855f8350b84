//! `hyperslab check`: faults.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use hyperslab::attachments::Attachments;
use hyperslab::{CheckLevel, CheckRequest, Error, ErrorKind, Finding, FindingSink, Store};
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::numbers;
use crate::output::check_is_path;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab check ./climate --level 4
  hyperslab check ./climate weather --repair --report report.txt
  hyperslab check ./climate --level 4 --report report.json
  hyperslab check ./climate --stop-on-error

Level 1: every collection opens. 2: every array opens, and no lock is stale. 3: layout and index \
agree, and what is attached is there. 4: every chunk decodes and its checksum holds, and so does what is \
attached. Each level includes those before it.

The exit code is 1 when anything was found, also when it was repaired.";

/// Look for faults. One fault does not end the check, unless that is asked for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Check {
    /// The store: a path or a URL
    store: String,
    /// Only this collection
    collection: Option<String>,
    /// How deep to look, from 1 to 4
    #[arg(long, default_value_t = 3, value_parser = numbers::level, allow_negative_numbers = true)]
    level: u8,
    /// Mend what can be mended without losing a cell
    #[arg(long)]
    repair: bool,
    /// End with the first fault
    #[arg(long, conflicts_with = "repair")]
    stop_on_error: bool,
    /// Put the report in this file instead of on the screen: as JSON when its name ends in .json, else as text
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Check {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = session.open(&self.store).await?;
        let request = CheckRequest {
            level: CheckLevel::try_from(self.level)?,
            collection: self.collection.clone(),
            repair: self.repair,
        };
        let mut findings: Vec<Finding> = Vec::new();
        let progress = console.progress("checking");
        let mut sink = |finding: Finding| {
            findings.push(finding);
            progress.say(format!(
                "checking, {} found",
                human::count(findings.len() as u64, "fault")
            ));
        };
        if self.stop_on_error {
            let mut first: Vec<Finding> = store
                .check_until_first(&request)
                .await?
                .into_iter()
                .collect();
            if first.is_empty() {
                check_attachments(&self.store, &store, &request, &mut first)?;
            }
            first.into_iter().take(1).for_each(&mut sink);
        } else {
            store.check(&request, &mut sink).await?;
            check_attachments(&self.store, &store, &request, &mut sink)?;
        }
        drop(progress);
        self.tell(&findings, console)?;
        Ok(if findings.is_empty() {
            Status::Done
        } else {
            Status::Found
        })
    }

    fn tell(&self, findings: &[Finding], console: &mut Console) -> Result<(), Failure> {
        let document = json!({
            "level": self.level,
            "findings": findings,
            "found": findings.len(),
            "repaired": findings.iter().filter(|finding| finding.repaired).count(),
        });
        let summary = self.summary(findings);
        if let Some(path) = &self.report {
            check_is_path(path)?;
            let mut report = Vec::new();
            let ending = path.extension().map(|ending| ending.to_ascii_lowercase());
            if ending.is_some_and(|ending| ending == "json") {
                writeln!(report, "{document:#}")?;
            } else {
                for finding in findings {
                    writeln!(report, "{}", line(finding))?;
                }
                writeln!(report, "{summary}")?;
            }
            std::fs::write(path, report)
                .map_err(|source| Error::io("write the report", path.display(), source))?;
            return console.report(&document, format_args!("{summary}; see {}", path.display()));
        }
        if console.wants_json() {
            return console.json(&document);
        }
        for finding in findings {
            console.line(format_args!("{}", line(finding)))?;
        }
        console.report(&Value::Null, format_args!("{summary}"))
    }

    fn summary(&self, findings: &[Finding]) -> String {
        if findings.is_empty() {
            return format!("nothing found at level {}", self.level);
        }
        let count = |matches: fn(&Finding) -> bool| {
            findings.iter().filter(|finding| matches(finding)).count() as u64
        };
        let repaired = count(|finding| finding.repaired);
        let repairable = count(|finding| finding.repairable && !finding.repaired);
        let found = human::count(findings.len() as u64, "fault");
        let mut parts = vec![format!("{found} found at level {}", self.level)];
        if self.stop_on_error {
            parts.push("and the check ended there".to_owned());
        }
        if repaired > 0 {
            parts.push(format!("{} repaired", human::grouped(repaired)));
        }
        if repairable > 0 {
            parts.push(format!(
                "{} to be mended with --repair",
                human::grouped(repairable)
            ));
        }
        parts.join(", ")
    }
}

/// Looks for faults of what is attached, where anything can be.
fn check_attachments(
    url: &str,
    store: &Store,
    request: &CheckRequest,
    sink: &mut dyn FindingSink,
) -> Result<(), Error> {
    tokio::task::block_in_place(|| match Attachments::open(url) {
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
        attachments => attachments?.check(store, request, sink),
    })
}

/// One finding on one line.
fn line(finding: &Finding) -> String {
    let kind = serde_json::to_value(finding.kind).unwrap_or_default();
    let kind = kind.as_str().unwrap_or_default().replace('_', " ");
    let place = match &finding.collection {
        Some(collection) => format!("{collection}: {}", finding.subject),
        None => finding.subject.clone(),
    };
    let state = match (finding.repaired, finding.repairable) {
        (true, _) => " [repaired]",
        (false, true) => " [repairable]",
        (false, false) => "",
    };
    let message = finding.message.replace('\n', " ");
    format!("{kind}: {place}: {message}{state}")
}
