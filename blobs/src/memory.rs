//! Objects in memory: the model of all other repositories.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Instant;

use bytes::Bytes;
use hyperslab_core::{Error, Result};
use uuid::Uuid;

use crate::convenience::{absent, check_keys, not_there};
use crate::hashing::drain;
use crate::reader::Streamed;
use crate::{
    BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage, CollectPlan,
    CollectReport, KeyFormat, Missing, Named, Placement, Put,
};

type Objects = BTreeMap<BlobKey, Kept>;

/// An object, and when it was put last.
#[derive(Debug, Clone)]
struct Kept {
    content: Bytes,
    put: Instant,
}

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
        let (size, sha256) = drained
            .map_err(|broken| broken.error(|error| Error::io("keep", "an object", error)))?;
        let key = BlobKey::of_digest(KeyFormat::Sha256, &sha256.0);
        let kept = Kept {
            content: content.into(),
            put: Instant::now(),
        };
        let known = self.write().insert(key, kept);
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
            objects.get(key).map(|kept| BlobStat {
                size: kept.content.len() as u64,
                placement: Placement::Loose,
            })
        };
        Ok(keys.iter().map(stat).collect())
    }

    fn renew(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        check_keys(self, keys)?;
        let mut objects = self.write();
        let mut renew = |key| match objects.get_mut(key) {
            Some(kept) => {
                kept.put = Instant::now();
                true
            }
            None => false,
        };
        Ok(keys.iter().map(&mut renew).collect())
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        check_keys(self, std::slice::from_ref(key))?;
        let Some(Kept { content, .. }) = self.read().get(key).cloned() else {
            return Err(not_there(key));
        };
        let size = content.len() as u64;
        Ok(Box::new(Streamed::new(content, size)))
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

    fn collect(&self, plan: &CollectPlan, named: &mut Named<'_>) -> Result<CollectReport> {
        let begun = Instant::now();
        let is_old = |kept: &Kept| {
            let passed = begun.checked_duration_since(kept.put);
            passed.is_some_and(|passed| passed >= plan.age)
        };
        let old: Vec<BlobKey> = {
            let objects = self.read();
            let old = objects.iter().filter(|(_, kept)| is_old(kept));
            old.map(|(key, _)| *key).collect()
        };
        let named = named()?;
        let mut objects = self.write();
        let there = |key: &&BlobKey| objects.contains_key(*key);
        let mut report = CollectReport {
            live: named.iter().filter(there).count() as u64,
            missing: named.iter().filter(|key| !there(key)).copied().collect(),
            ..CollectReport::default()
        };
        report.missing.sort_unstable();
        for key in old.iter().filter(|key| !named.contains(key)) {
            let Some(kept) = objects.get(key).filter(|kept| is_old(kept)) else {
                continue;
            };
            report.deleted += 1;
            report.deleted_bytes += kept.content.len() as u64;
            if !plan.dry_run {
                objects.remove(key);
            }
        }
        let unnamed = objects.keys().filter(|key| !named.contains(key)).count() as u64;
        report.young = match plan.dry_run {
            true => unnamed - report.deleted,
            false => unnamed,
        };
        Ok(report)
    }

    fn usage(&self) -> Result<BlobUsage> {
        let objects = self.read();
        let bytes = objects.values().map(|kept| kept.content.len() as u64).sum();
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
