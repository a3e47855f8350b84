//! Objects in memory: the model of all other repositories.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use hyperslab_core::{Error, Result};
use uuid::Uuid;

use crate::convenience::{absent, check_keys};
use crate::hashing::{Sha256Digest, drain};
use crate::reader::Streamed;
use crate::{
    BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage, KeyFormat,
    Missing, Order, Placement, Put, Visit,
};

type Objects = BTreeMap<BlobKey, Bytes>;

/// Objects in memory, under the SHA-256 of their content.
#[derive(Debug)]
pub struct MemoryBlobs {
    id: Uuid,
    objects: RwLock<Objects>,
}

impl Default for MemoryBlobs {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryBlobs {
    /// An empty repository.
    #[must_use]
    pub fn new() -> Self {
        Self {
            id: Uuid::new_v4(),
            objects: RwLock::default(),
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Objects> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Objects> {
        self.objects.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobRepository for MemoryBlobs {
    fn info(&self) -> BlobInfo {
        BlobInfo {
            id: Some(self.id),
            key_format: KeyFormat::Sha256,
            read_only: false,
        }
    }

    fn put(&self, source: &mut dyn Read) -> Result<Put> {
        let mut content = Vec::new();
        let drained = drain(source, |block| {
            content.extend_from_slice(block);
            Ok(())
        });
        let (size, sha256) = drained.map_err(|error| Error::io("read", "the source", error))?;
        let key = BlobKey::of_digest(KeyFormat::Sha256, &sha256.0);
        let known = self.write().insert(key.clone(), content.into());
        Ok(Put {
            key,
            size,
            sha256,
            existed: known.is_some(),
        })
    }

    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>> {
        check_keys(self, keys)?;
        let objects = self.read();
        let stat = |key| {
            objects.get(key).map(|content| BlobStat {
                size: content.len() as u64,
                placement: Placement::Loose,
            })
        };
        Ok(keys.iter().map(stat).collect())
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        check_keys(self, std::slice::from_ref(key))?;
        let Some(content) = self.read().get(key).cloned() else {
            return Err(absent([key])
                .err()
                .unwrap_or_else(|| Error::internal("no key")));
        };
        let size = content.len() as u64;
        Ok(Box::new(Streamed::new(content, size)))
    }

    fn read_many(
        &self,
        keys: &[BlobKey],
        order: Order,
        missing: Missing,
        visit: &mut Visit<'_>,
    ) -> Result<()> {
        crate::visiting::one_by_one(self, keys, (order, missing), visit)
    }

    fn list(&self) -> Result<BlobKeys<'_>> {
        let keys: Vec<BlobKey> = self.read().keys().cloned().collect();
        Ok(Box::new(keys.into_iter().map(Ok)))
    }

    fn delete_many(&self, keys: &[BlobKey], missing: Missing) -> Result<u64> {
        check_keys(self, keys)?;
        let mut objects = self.write();
        if missing == Missing::Fail {
            absent(keys.iter().filter(|key| !objects.contains_key(key)))?;
        }
        let gone = keys.iter().filter(|key| objects.remove(key).is_some());
        Ok(gone.count() as u64)
    }

    fn sha256(&self, key: &BlobKey) -> Result<Sha256Digest> {
        crate::visiting::hash_of(self, key)
    }

    fn usage(&self) -> Result<BlobUsage> {
        let objects = self.read();
        let bytes = objects.values().map(|content| content.len() as u64).sum();
        Ok(BlobUsage {
            objects: objects.len() as u64,
            content_bytes: bytes,
            stored_bytes: bytes,
        })
    }

    fn erase(&self) -> Result<()> {
        self.write().clear();
        Ok(())
    }
}
