//! What became of that which a check finds wrong with a storage, once all is copied that can be.
//!
//! Nothing is called right before it has been seen that the array it is about is in the target.

use hyperslab_core::{Collection, ErrorKind, Finding, FindingKind, Result, Store};
use uuid::Uuid;

use super::MigratedCollection;
use crate::copying::{CopyDifference, CopyReport};

/// Sorts findings into what is right in the target, and what is missing there. Arrays of which only the check knows, because no
/// listing has them, are added to those that are left out.
///
/// # Errors
/// As opening arrays of the target does.
pub(super) async fn sort(
    findings: Vec<Finding>,
    from: &Store,
    collections: &mut [MigratedCollection],
) -> Result<(Vec<Finding>, Vec<Finding>)> {
    let (mut repaired, mut lost) = (Vec::new(), Vec::new());
    for finding in findings {
        let name = finding.collection.as_deref();
        let migrated = collections
            .iter_mut()
            .find(|known| Some(known.name.as_str()) == name);
        let what = match migrated.map(|migrated| &mut migrated.outcome) {
            Some(Ok(report)) => look(&finding, from, report).await?,
            // Nothing of it is in the target.
            Some(Err(_)) => About::Missing,
            None => About::Other,
        };
        match (what, finding.kind) {
            (About::Missing, _) => lost.push(finding),
            (_, kind) if is_mended(kind) => repaired.push(finding),
            // It could not be looked at then, and was copied since.
            (About::Copied, FindingKind::Unverified) => {}
            _ => lost.push(finding),
        }
    }
    Ok((repaired, lost))
}

/// Whether what is lost is told by the collection it is in: by an array that is left out, or because all of it is.
pub(super) fn is_told(finding: &Finding, collections: &[MigratedCollection]) -> bool {
    let name = finding.collection.as_deref();
    let migrated = collections
        .iter()
        .find(|known| Some(known.name.as_str()) == name);
    match migrated.map(|migrated| &migrated.outcome) {
        None => false,
        Some(Err(_)) => true,
        Some(Ok(report)) => {
            let ids = ids_in(&finding.subject);
            missing(report).any(|array| array.id.is_some_and(|id| ids.contains(&id)))
        }
    }
}

/// What a finding is about.
enum About {
    /// An array that is in the target.
    Copied,
    /// An array that is not.
    Missing,
    /// Something that is no array, as a tile, a lock or a folder.
    Other,
}

async fn look(finding: &Finding, from: &Store, report: &mut CopyReport) -> Result<About> {
    let mut about = About::Other;
    for id in ids_in(&finding.subject) {
        if missing(report).any(|array| array.id == Some(id)) {
            return Ok(About::Missing);
        }
        // The storage is asked first: it is near, and most ids are those of tiles.
        let Some(name) = &finding.collection else {
            continue;
        };
        if !is_array(from, name, id).await {
            continue;
        }
        if !is_there(&report.collection, id).await? {
            report.left_out.push(CopyDifference {
                array: format!("id={id}"),
                id: Some(id),
                message: finding.message.clone(),
            });
            return Ok(About::Missing);
        }
        about = About::Copied;
    }
    Ok(about)
}

/// Arrays of the source that are not in the target as they are in the source.
fn missing(report: &CopyReport) -> impl Iterator<Item = &CopyDifference> {
    report.left_out.iter().chain(&report.differences)
}

async fn is_there(target: &Collection, id: Uuid) -> Result<bool> {
    match target.get_by_id(id).await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether the storage has an array of that id, be it one that does not open. A collection that does not open any more was
/// there when it was copied: what may be an array counts as one.
async fn is_array(from: &Store, collection: &str, id: Uuid) -> bool {
    let opened = match from.collection(collection).await {
        Ok(collection) => collection.get_by_id(id).await,
        Err(error) => Err(error),
    };
    opened.map_or_else(|error| error.kind() != ErrorKind::NotFound, |_| true)
}

/// The ids that the name of something holds: that of an array, or of the link to one.
fn ids_in(subject: &str) -> Vec<Uuid> {
    let is_of_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    subject
        .split(|c: char| !is_of_id(c))
        // Without dashes other numbers look like ids.
        .filter(|part| part.len() == 36)
        .filter_map(|part| Uuid::parse_str(part).ok())
        .collect()
}

/// Whether copying an array makes this right.
fn is_mended(kind: FindingKind) -> bool {
    matches!(
        kind,
        FindingKind::StaleLock
            | FindingKind::IndexDisagrees
            | FindingKind::Stray
            | FindingKind::Leftover
            | FindingKind::SchemaDisagrees
    )
}
