//! Deleting the objects that no manifest of a living owner names.

use std::collections::{HashMap, HashSet};

use hyperslab_core::{Collection, ErrorKind, Result, Store};
use uuid::Uuid;

use super::{Attachments, Manifest, Owner};
use crate::blobs::{BlobKey, CollectPlan, CollectReport};

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
                    collections.insert(collection.meta().id, collection);
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
    /// that were deleted. Others may attach and detach at the same time.
    ///
    /// # Errors
    /// When a collection or a manifest cannot be read: nothing is deleted then. As
    /// [`BlobRepository::collect`](crate::blobs::BlobRepository::collect).
    pub fn collect(&self, store: &Store, plan: &CollectPlan) -> Result<CollectReport> {
        let Some(repository) = self.repository()? else {
            return Ok(CollectReport::default());
        };
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

    /// The objects that living owners name, and the owners that do not live.
    fn named(&self, store: &Store) -> Result<(HashSet<BlobKey>, Vec<Owner>)> {
        // Manifests first: what one that comes later names was put a moment ago.
        let manifests = self.manifests()?;
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

    /// All manifests.
    pub(super) fn manifests(&self) -> Result<Vec<(Owner, Manifest)>> {
        let owners = self.owners()?.into_iter();
        owners
            .map(|owner| Ok((owner, self.manifest(&owner)?)))
            .collect()
    }
}
