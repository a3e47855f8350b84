//! Looks for faults, level by level, and mends what can be mended without losing a cell.

mod arrays;
mod layout;
mod tiles;

use std::sync::Arc;

use hyperslab_core::{
    CheckLevel, CheckRequest, CollectionMeta, Error, ErrorKind, Finding, FindingKind, FindingSink,
    LockManager, Result, blocking,
};

use crate::store::Store;

/// A fault as it is found.
#[derive(Debug)]
pub(crate) struct Fault {
    level: CheckLevel,
    kind: FindingKind,
    subject: String,
    message: String,
    repairable: bool,
    repaired: bool,
}

impl Fault {
    /// A fault that nothing here can mend.
    pub(crate) fn new(
        level: CheckLevel,
        kind: FindingKind,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self {
            level,
            kind,
            subject: subject.into(),
            message: message.into(),
            repairable: false,
            repaired: false,
        }
    }

    /// The same fault, which can be mended, and was if `repaired` says so.
    pub(crate) fn repairable(mut self, repaired: bool) -> Self {
        self.repairable = true;
        self.repaired = repaired;
        self
    }

    pub(crate) fn into_finding(self, collection: Option<&str>) -> Finding {
        Finding {
            level: self.level,
            kind: self.kind,
            collection: collection.map(str::to_owned),
            subject: self.subject,
            message: self.message,
            repairable: self.repairable,
            repaired: self.repaired,
        }
    }
}

/// A check of one collection under way.
struct CollectionCheck<'a> {
    store: &'a Arc<Store>,
    request: &'a CheckRequest,
    collection: Arc<CollectionMeta>,
}

impl CollectionCheck<'_> {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Store, &CollectionMeta) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (store, collection) = (Arc::clone(self.store), Arc::clone(&self.collection));
        blocking(move || work(&store, &collection)).await
    }

    fn report(&self, sink: &mut dyn FindingSink, faults: impl IntoIterator<Item = Fault>) {
        for fault in faults {
            sink.report(fault.into_finding(Some(&self.collection.name)));
        }
    }
}

/// Checks a store.
pub(crate) async fn check(
    store: &Arc<Store>,
    request: &CheckRequest,
    sink: &mut dyn FindingSink,
) -> Result<()> {
    let names = match &request.collection {
        Some(name) => vec![name.clone()],
        None => {
            let store = Arc::clone(store);
            blocking(move || store.list_collections()).await?
        }
    };
    for name in names {
        let (reader, wanted) = (Arc::clone(store), name.clone());
        let read = blocking(move || reader.read_collection(&wanted)).await;
        match read {
            Ok(collection) => {
                let check = CollectionCheck {
                    store,
                    request,
                    collection: Arc::new(collection),
                };
                check_collection(&check, sink).await?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                // Deleted since it was listed, unless the user has named it.
                if request.collection.is_some() {
                    return Err(error);
                }
            }
            Err(error) => sink.report(unreadable(&error).into_finding(Some(&name))),
        }
    }
    if request.level >= CheckLevel::Arrays {
        stale_locks(store, request, sink).await?;
    }
    if request.level >= CheckLevel::Layout && request.collection.is_none() {
        let (store, repair) = (Arc::clone(store), request.repair);
        for fault in blocking(move || layout::store_faults(&store, repair)).await? {
            sink.report(fault.into_finding(None));
        }
    }
    Ok(())
}

fn unreadable(error: &Error) -> Fault {
    Fault::new(
        CheckLevel::Collections,
        FindingKind::CollectionUnreadable,
        crate::store::COLLECTION_DOCUMENT,
        error.to_string(),
    )
}

async fn check_collection(check: &CollectionCheck<'_>, sink: &mut dyn FindingSink) -> Result<()> {
    if check.request.level < CheckLevel::Arrays {
        return Ok(());
    }
    let names = check
        .run(|store, collection| {
            let opened = store.open(collection)?;
            store.list_names(collection, &opened.folders)
        })
        .await;
    let names = match names {
        Ok(names) => names,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => {
            check.report(sink, [unreadable(&error)]);
            return Ok(());
        }
    };
    for (stem, _) in names.iter().filter(|(_, parsed)| parsed.is_some()) {
        let faults = arrays::array_faults(check, stem).await?;
        check.report(sink, faults);
    }
    if check.request.level >= CheckLevel::Layout {
        let repair = check.request.repair;
        let faults = check
            .run(move |store, collection| layout::collection_faults(store, collection, repair))
            .await;
        match faults {
            Ok(faults) => check.report(sink, faults),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn stale_locks(
    store: &Store,
    request: &CheckRequest,
    sink: &mut dyn FindingSink,
) -> Result<()> {
    for lock in store.locks.holders().await? {
        let wanted = request.collection.as_ref();
        if !lock.stale || wanted.is_some_and(|name| *name != lock.key.collection) {
            continue;
        }
        let repaired = request.repair && store.locks.break_lock(&lock).await.is_ok();
        let message = format!(
            "process {} ({}) has gone without letting go; it is in nobody's way",
            lock.pid, lock.program
        );
        let fault = Fault::new(
            CheckLevel::Arrays,
            FindingKind::StaleLock,
            lock.key.to_string(),
            message,
        );
        let collection = Some(lock.key.collection.as_str()).filter(|name| !name.is_empty());
        sink.report(fault.repairable(repaired).into_finding(collection));
    }
    Ok(())
}
