//! What is attached to a collection and its arrays, behind the arrays.

use hyperslab::attachments::{AttachmentDifference, Attachments, AttachmentsCopy, Owner};
use hyperslab::{Collection, CopyOptions, ErrorKind, Result};

use crate::console::Console;
use crate::failure::Failure;
use crate::human;

/// A collection, and the URL of its store.
pub(super) type Side<'a> = (&'a str, &'a Collection);

/// Copies what is attached, if anything can be.
pub(super) fn copy(
    (from_url, from): Side<'_>,
    (to_url, to): Side<'_>,
    options: &CopyOptions,
) -> Result<AttachmentsCopy> {
    let persist = [from, to].map(|side| side.store().capabilities().persistent);
    if persist.contains(&false) {
        return Ok(AttachmentsCopy::default());
    }
    let ours = match Attachments::open(from_url) {
        // A file of another program.
        Err(error) if error.kind() == ErrorKind::Unsupported => {
            return Ok(AttachmentsCopy::default());
        }
        ours => ours?,
    };
    let patience = to.store().options().write.lock_timeout;
    let theirs = Attachments::open(to_url)?.with_patience(patience);
    let ours = ours.with_patience(patience);
    tokio::task::block_in_place(|| ours.copy(from, &theirs, to, options))
}

/// Whether all of it is in the target.
pub(super) fn is_whole(report: &AttachmentsCopy) -> bool {
    report.differences.is_empty() && report.left_out.is_empty()
}

/// Tells what is not in the target.
pub(super) fn remark(
    report: &AttachmentsCopy,
    to: &Collection,
    advice: &str,
    console: &mut Console,
) -> Result<(), Failure> {
    for difference in &report.differences {
        let advice = if difference.replaceable { advice } else { "" };
        console.remark(format_args!(
            "{} was left alone: {}{advice}",
            subject(difference, to),
            difference.message
        ))?;
    }
    for reason in &report.left_out {
        console.remark(format_args!("left out: {reason}"))?;
    }
    Ok(())
}

fn subject(difference: &AttachmentDifference, to: &Collection) -> String {
    let what = match &difference.path {
        Some(path) => format!("file {path}"),
        None => "the list of inputs".to_owned(),
    };
    match difference.owner {
        Owner::Collection { .. } => format!("{what} of collection {}", to.name()),
        owner => format!("{what} of {owner}"),
    }
}

/// What stands behind the arrays that were copied; nothing when nothing is attached.
pub(super) fn summary(report: &AttachmentsCopy) -> String {
    let counts = [
        (report.copied, "attached file", ""),
        (report.replaced, "attached file", " replaced"),
        (report.inputs, "input list", ""),
        (report.mended, "object", " mended"),
    ];
    let counts = counts.into_iter().filter(|(count, ..)| *count > 0);
    let parts: Vec<String> = counts
        .map(|(count, what, how)| format!("{}{how}", human::count(count, what)))
        .collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(
            " and {} ({})",
            parts.join(", "),
            human::bytes(report.copied_bytes)
        ),
    }
}
