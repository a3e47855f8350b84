//! Deleting the objects that no manifest of a living owner names.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use hyperslab_core::{
    CheckLevel, CheckRequest, Collection, Error, ErrorKind, Finding, FindingKind, Result, Store,
};
use uuid::Uuid;

use super::owner::identity;
use super::{Attachments, Manifest, Owner};
use crate::blobs::{BlobKey, CollectPlan, CollectReport};

/// In a bucket nothing younger is collected.
const LEAST_AGE: Duration = Duration::from_secs(1);

/// Who of the owners of a store lives.
pub(super) struct Living {
    collections: HashMap<Uuid, Collection>,
}

impl Living {
    /// # Errors
    /// When a collection cannot be opened: it may own anything.
    pub(super) async fn of(store: &Store) -> Result<Self> {
        let mut collections = HashMap::new();
        for name in store.collections().await? {
            match store.collection(&name).await {
                // Deleted meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                opened => {
                    let collection = opened?;
                    collections.insert(identity(&collection), collection);
                }
            }
        }
        Ok(Self { collections })
    }

    pub(super) async fn has(&self, owner: &Owner) -> Result<bool> {
        let Some(collection) = (match owner {
            Owner::Store => return Ok(true),
            Owner::Collection { collection } => {
                return Ok(self.collections.contains_key(collection));
            }
            Owner::Array { collection, .. } => self.collections.get(collection),
        }) else {
            return Ok(false);
        };
        let Owner::Array { array, .. } = owner else {
            return Ok(true);
        };
        match collection.get_by_id(*array).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            // It is there, whatever is wrong with it.
            Err(error) if error.kind() == ErrorKind::Corrupt => Ok(true),
            Err(error) => Err(error),
        }
    }
}

impl Attachments {
    /// Deletes the objects that nobody names who lives in the store, and that nobody has put for a while; and the manifests of owners
    /// that were deleted. On a disk whoever attaches waits meanwhile. In a bucket the age is a second at least, and what was collected
    /// between its put and its name is refused to whoever attaches it.
    ///
    /// # Errors
    /// `Corrupt` when something of the store is lost or does not open, which may own anything: nothing is deleted then, nor when a
    /// manifest cannot be read. `InvalidInput` for no age in a bucket. As
    /// [`BlobRepository::collect`](crate::blobs::BlobRepository::collect).
    pub fn collect(&self, store: &Store, plan: &CollectPlan) -> Result<CollectReport> {
        let Some(repository) = self.repository()? else {
            // Whatever is named is not there.
            let mut missing: Vec<BlobKey> = self.named(store)?.0.into_iter().collect();
            missing.sort_unstable();
            return Ok(CollectReport {
                missing,
                ..CollectReport::default()
            });
        };
        let collecting = self.documents.collecting(self.patience)?;
        if collecting.is_none() && plan.age < LEAST_AGE && !plan.dry_run {
            return Err(Error::invalid(
                "in a bucket what was put a moment ago cannot be told from what nothing names; take an age of a second at least, better the usual day",
            ));
        }
        self.check_store(store)?;
        let mut dead = Vec::new();
        let mut named = || {
            let (named, others) = self.named(store)?;
            dead = others;
            Ok(named)
        };
        let report = repository.collect(plan, &mut named)?;
        if !plan.dry_run {
            for owner in dead {
                let name = owner.name();
                if let Some((_, version)) = self.documents.read(&name)? {
                    self.documents.remove(&name, &version)?;
                }
            }
        }
        Ok(report)
    }

    /// Refuses a store of which something is lost: whoever owned it may come back from a copy.
    fn check_store(&self, store: &Store) -> Result<()> {
        let request = CheckRequest {
            level: CheckLevel::Layout,
            collection: None,
            repair: false,
        };
        let mut found: Vec<Finding> = Vec::new();
        self.runtime.block_on(store.check(&request, &mut found))?;
        let lost = found.iter().find(|finding| {
            matches!(
                finding.kind,
                FindingKind::CollectionUnreadable
                    | FindingKind::ArrayUnreadable
                    | FindingKind::ArrayLost
                    | FindingKind::Stray
            )
        });
        match lost {
            None => Ok(()),
            Some(finding) => Err(Error::corrupt(format!(
                "nothing is collected while something of the store may be lost ({}: {}); run `hyperslab check`, and mend that first",
                finding.subject, finding.message
            ))),
        }
    }

    /// The objects that living owners name, and the owners that do not live.
    fn named(&self, store: &Store) -> Result<(HashSet<BlobKey>, Vec<Owner>)> {
        // Manifests first: what one that comes later names was put a moment ago.
        let manifests = self.manifests()?.into_iter();
        let manifests: Vec<(Owner, Manifest)> = manifests.collect::<Result<_>>()?;
        let living = self.runtime.block_on(Living::of(store))?;
        let (mut named, mut dead) = (HashSet::new(), Vec::new());
        for (owner, manifest) in manifests {
            match self.runtime.block_on(living.has(&owner))? {
                true => named.extend(manifest.keys().copied()),
                false => dead.push(owner),
            }
        }
        Ok((named, dead))
    }
}
