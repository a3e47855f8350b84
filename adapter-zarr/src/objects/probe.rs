//! What a store really promises, found by trying.
//!
//! Some servers accept the headers of a condition and ignore them, some refuse every swap. A few small requests at the creation of
//! a store tell. A server that looks first and writes later passes this; only writers that race would show it.

use bytes::Bytes;
use futures::TryStreamExt;
use hyperslab_core::{Durability, Error, ErrorKind, Result, WriterScope};

use super::{Condition, Objects, Promises, Put, Ranges};

/// Where the objects of the trial lie. They are deleted at its end.
const PROBES: &str = ".hyperslab/probe";

/// Tries a medium. Promises less than the medium itself where its conditions do not hold: then writers of one process only can
/// be kept apart, by [`SingleWriter`](super::single_writer::SingleWriter).
///
/// # Errors
/// `Unsupported` when the store cannot be used at all: it does not show what was put, or not in a listing.
pub(crate) async fn probe(objects: &dyn Objects) -> Result<Promises> {
    let prefix = format!("{PROBES}/{}", uuid::Uuid::new_v4());
    let key = format!("{prefix}/a=1,b=%2F");
    let found = probe_with(objects, &prefix, &key).await;
    let deleted = objects.delete(vec![key], Durability::Relaxed).await;
    let conditions_hold = found?;
    deleted?;
    let promises = objects.promises();
    if conditions_hold {
        return Ok(promises);
    }
    tracing::warn!(
        url = objects.url(),
        "the store ignores conditions; only one process may write to it at a time"
    );
    Ok(Promises {
        writers: WriterScope::Process,
        conditional_delete: false,
        ..promises
    })
}

/// Whether conditions hold.
async fn probe_with(objects: &dyn Objects, prefix: &str, key: &str) -> Result<bool> {
    let conditions_hold = probe_conditions(objects, key).await?;
    let content = format!("the content of {key}");
    let version = match put(objects, key, &content, Condition::None).await? {
        Some(Put::Done(version)) => version,
        _ => return Err(unusable(objects, "refuses to put an object")),
    };
    let read = objects.get(key).await?;
    if read.is_none_or(|read| read.bytes != content || read.version != version) {
        return Err(unusable(objects, "does not show what was put before"));
    }
    let tail = objects.get_tail(key, 6).await?;
    if tail.is_none_or(|tail| tail.bytes != content[content.len() - 6..]) {
        return Err(unusable(objects, "cannot read the end of an object"));
    }
    match objects.get_ranges(key, &[4..11, 0..3], None).await? {
        Ranges::Found { parts, .. } if parts == ["content", "the"] => {}
        _ => return Err(unusable(objects, "cannot read ranges of an object")),
    }
    let listed: Vec<_> = objects.list(prefix).try_collect().await?;
    let level = objects.list_level(prefix).await?;
    if listed.len() != 1 || listed[0].key != key || level.objects != listed {
        return Err(unusable(objects, "does not list what was put before"));
    }
    Ok(conditions_hold)
}

/// Creates twice, swaps afresh, swaps from a state that has gone.
async fn probe_conditions(objects: &dyn Objects, key: &str) -> Result<bool> {
    let first = match put(objects, key, "1", Condition::Absent).await? {
        Some(Put::Done(version)) => version,
        _ => return Ok(false),
    };
    if put(objects, key, "2", Condition::Absent).await? != Some(Put::Refused) {
        return Ok(false);
    }
    let fresh = put(objects, key, "3", Condition::Is(first.clone())).await?;
    if !matches!(fresh, Some(Put::Done(_))) {
        return Ok(false);
    }
    if put(objects, key, "4", Condition::Is(first)).await? != Some(Put::Refused) {
        return Ok(false);
    }
    Ok(objects
        .get(key)
        .await?
        .is_some_and(|read| read.bytes == "3"))
}

/// `None` when the store knows no such condition.
async fn put(
    objects: &dyn Objects,
    key: &str,
    content: &str,
    condition: Condition,
) -> Result<Option<Put>> {
    let bytes = Bytes::from(content.to_owned());
    match objects.put(key, bytes, condition, Durability::Synced).await {
        Ok(put) => Ok(Some(put)),
        Err(error) if error.kind() == ErrorKind::Unsupported => Ok(None),
        Err(error) => Err(error),
    }
}

fn unusable(objects: &dyn Objects, fault: &str) -> Error {
    Error::unsupported(format!(
        "{} cannot hold a store: it {fault}; use a server that does",
        objects.url()
    ))
}

#[cfg(test)]
mod tests;
