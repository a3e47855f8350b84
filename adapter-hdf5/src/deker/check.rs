//! Looks for faults, level by level, and mends what can be mended without losing a cell.
//!
//! What is wrong is found first, all of it; then, if that is wanted, each fault is mended under the lock of what it is about.

mod arrays;
mod collections;
mod links;
mod machinery;
mod mend;
mod stray;
mod tiles;

use std::sync::Arc;

use hyperslab_core::{
    CheckLevel, CheckRequest, Error, ErrorKind, FindingKind, FindingSink, Result, blocking,
};
use uuid::Uuid;

use self::mend::Mend;
use super::locks::marks;
use super::store::{Known, Store};
use crate::check::Fault;

/// A fault, and how to mend it.
#[derive(Debug)]
struct Found {
    fault: Fault,
    mend: Option<Mend>,
}

impl Found {
    /// A fault that nothing here can mend.
    fn new(
        level: CheckLevel,
        kind: FindingKind,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            fault: Fault::new(level, kind, subject, message),
            mend: None,
        }
    }

    fn mended_by(mut self, mend: Mend) -> Self {
        self.mend = Some(mend);
        self
    }
}

/// A collection that is checked, and what was found so far.
struct Checked<'a> {
    store: &'a Store,
    name: &'a str,
    known: &'a Known,
    level: CheckLevel,
    found: Vec<Found>,
}

impl Checked<'_> {
    /// The name of something in the collection.
    fn name_of(&self, path: &std::path::Path) -> String {
        let inside = path.strip_prefix(self.known.folders.root()).unwrap_or(path);
        inside.display().to_string()
    }
}

/// Checks a storage.
///
/// # Errors
/// `NotFound` when the one collection asked for does not exist, or when the storage cannot be listed.
pub(super) async fn check(
    store: &Arc<Store>,
    request: &CheckRequest,
    sink: &mut dyn FindingSink,
) -> Result<()> {
    let names = match &request.collection {
        Some(name) => vec![name.clone()],
        None => {
            let lister = Arc::clone(store);
            let (names, found) = blocking(move || collections::list(&lister)).await?;
            report(store, request, None, found, sink).await;
            names
        }
    };
    for name in names {
        let (checker, level, wanted) = (Arc::clone(store), request.level, name.clone());
        let found = blocking(move || collection(&checker, &wanted, level)).await;
        match found {
            Ok(found) => report(store, request, Some(&name), found, sink).await,
            // Deleted since it was listed, unless the user has named it.
            Err(error) if error.kind() == ErrorKind::NotFound && request.collection.is_none() => {}
            Err(error) => return Err(error),
        }
    }
    if request.level >= CheckLevel::Layout && request.collection.is_none() {
        let checker = Arc::clone(store);
        let found = blocking(move || machinery::faults(&checker)).await?;
        report(store, request, None, found, sink).await;
    }
    Ok(())
}

/// Reports faults, mended before if that is wanted.
async fn report(
    store: &Arc<Store>,
    request: &CheckRequest,
    collection: Option<&str>,
    found: Vec<Found>,
    sink: &mut dyn FindingSink,
) {
    for Found { mut fault, mend } in found {
        if let Some(mend) = mend {
            let repaired = request.repair && mend.apply(store, collection).await.is_ok();
            fault = fault.repairable(repaired);
        }
        sink.report(fault.into_finding(collection));
    }
}

/// Everything that is wrong with one collection.
fn collection(store: &Store, name: &str, level: CheckLevel) -> Result<Vec<Found>> {
    let known = match store.look(name) {
        Ok(known) => known,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
        Err(error) => return Ok(vec![unreadable(name, &error)]),
    };
    let mut checked = Checked {
        store,
        name,
        known: &known,
        level,
        found: Vec::new(),
    };
    collections::lock_file(&mut checked);
    if let Some(complaint) = &known.layout.complaint {
        let (level, kind) = (CheckLevel::Collections, FindingKind::SchemaDisagrees);
        let found = Found::new(level, kind, format!("{name}.json"), complaint.as_str());
        checked.found.push(found);
    }
    if level < CheckLevel::Arrays {
        return Ok(checked.found);
    }
    stale_marks(&mut checked)?;
    let arrays = arrays::faults(&mut checked)?;
    if checked.known.layout.is_virtual() {
        tiles::faults(&mut checked, &arrays)?;
    }
    if level >= CheckLevel::Layout {
        links::faults(&mut checked, &arrays)?;
        stray::faults(&mut checked)?;
    }
    Ok(checked.found)
}

fn unreadable(name: &str, error: &Error) -> Found {
    Found::new(
        CheckLevel::Collections,
        FindingKind::CollectionUnreadable,
        format!("{name}.json"),
        error.to_string(),
    )
}

/// What processes that have gone left beside arrays.
fn stale_marks(checked: &mut Checked<'_>) -> Result<()> {
    for mark in marks(checked.store, checked.name)? {
        if !mark.info.stale {
            continue;
        }
        let message = format!(
            "process {} has gone and left it; writers of Deker wait for it in vain",
            mark.info.pid
        );
        let subject = mark.info.key.to_string();
        let level = CheckLevel::Arrays;
        let found = Found::new(level, FindingKind::StaleLock, subject, message);
        checked.found.push(found.mended_by(Mend::Remove(mark.path)));
    }
    Ok(())
}

/// An array that opens: its id and the key that it says it has.
type Array = (Uuid, hyperslab_core::ArrayMeta);
