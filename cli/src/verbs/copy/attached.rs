//! What is attached to a collection and its arrays, behind the arrays.

use hyperslab::attachments::{Attachments, AttachmentsCopy};
use hyperslab::{Collection, Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::Failure;
use crate::human;

/// What became of what is attached.
#[derive(Debug, Default)]
pub(super) struct Attached {
    report: AttachmentsCopy,
    /// Why it was left out, or some of it.
    left_out: Option<Error>,
}

/// A collection, and the URL of its store.
pub(super) type Side<'a> = (&'a str, &'a Collection);

/// Copies what is attached. What cannot be read is told, and left out, if the copy is to go on.
pub(super) fn copy(
    (from_url, from): Side<'_>,
    (to_url, to): Side<'_>,
    overwrite: bool,
    keep_going: bool,
) -> Result<Attached> {
    let persist = [from, to].map(|side| side.store().capabilities().persistent);
    if persist.contains(&false) {
        return Ok(Attached::default());
    }
    let ours = match Attachments::open(from_url) {
        // A file of another program.
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(Attached::default()),
        ours => ours?,
    };
    let patience = to.store().options().write.lock_timeout;
    let theirs = Attachments::open(to_url)?.with_patience(patience);
    let copied = tokio::task::block_in_place(|| ours.copy(from, &theirs, to, overwrite));
    match copied {
        Err(error) if keep_going && is_of_what_lies_there(&error) => Ok(Attached {
            left_out: Some(error),
            ..Attached::default()
        }),
        copied => copied.map(|report| Attached {
            report,
            left_out: None,
        }),
    }
}

fn is_of_what_lies_there(error: &Error) -> bool {
    use ErrorKind::{Corrupt, NotFound, Unsupported};
    matches!(error.kind(), Corrupt | NotFound | Unsupported)
}

impl Attached {
    /// Whether all of it is in the target.
    pub(super) fn is_whole(&self) -> bool {
        self.report.differences.is_empty() && self.left_out.is_none()
    }

    /// Tells what is not in the target.
    pub(super) fn remark(&self, console: &mut Console, advice: &str) -> Result<(), Failure> {
        for difference in &self.report.differences {
            let what = match &difference.path {
                Some(path) => format!("file {path}"),
                None => "what it was made from".to_owned(),
            };
            console.remark(format_args!(
                "{what} of {} was left alone: {}{advice}",
                difference.owner, difference.message
            ))?;
        }
        if let Some(error) = &self.left_out {
            console.remark(format_args!("what is attached was left out: {error}"))?;
        }
        Ok(())
    }

    /// What stands behind the arrays that were copied; nothing when nothing is attached.
    pub(super) fn summary(&self) -> String {
        let report = &self.report;
        let replaced = match report.replaced {
            0 => String::new(),
            count => format!(", {} replaced", human::grouped(count)),
        };
        match report.copied + report.replaced {
            0 => String::new(),
            _ => format!(
                " and {} ({}){replaced}",
                human::count(report.copied, "attached file"),
                human::bytes(report.copied_bytes)
            ),
        }
    }

    pub(super) fn document(&self) -> Value {
        let mut document = json!(self.report);
        document["left_out"] = json!(self.left_out.as_ref().map(Error::message));
        document
    }
}
