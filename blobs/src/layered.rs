//! Two repositories as one: what is put goes to the near one, what is not there is read from the far one.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Arc;

use hyperslab_core::{Error, ErrorKind, Result};

use crate::convenience::{check_keys, those_there};
use crate::repository::sum;
use crate::{
    BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage, Missing, Put,
    Sha256Digest,
};

/// A near repository, as on a fast disk, on top of a far one, as in a bucket. Both have keys of one format.
///
/// ```
/// use std::sync::Arc;
///
/// use hyperslab_blobs::{Blobs, LayeredBlobs, MemoryBlobs};
///
/// let (near, far) = (Arc::new(MemoryBlobs::new()), Arc::new(MemoryBlobs::new()));
/// let old = far.put_bytes(b"of last year")?.key;
/// let blobs = LayeredBlobs::new(near.clone(), far.clone())?;
/// let new = blobs.put_bytes(b"of today")?.key;
/// assert!(blobs.has(&old)? && near.has(&new)? && !far.has(&new)?);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct LayeredBlobs {
    near: Arc<dyn BlobRepository>,
    far: Arc<dyn BlobRepository>,
}

impl LayeredBlobs {
    /// One on top of the other.
    ///
    /// # Errors
    /// `InvalidInput` when their keys are of different formats.
    pub fn new(near: Arc<dyn BlobRepository>, far: Arc<dyn BlobRepository>) -> Result<Self> {
        let formats = (near.info().key_format, far.info().key_format);
        if formats.0 == formats.1 {
            return Ok(Self { near, far });
        }
        Err(Error::invalid(format!(
            "the near repository has keys of format {}, the far one of {}; both must have the same",
            formats.0, formats.1
        )))
    }
}

impl BlobRepository for LayeredBlobs {
    fn info(&self) -> BlobInfo {
        self.near.info()
    }

    fn put(&self, source: &mut dyn Read) -> Result<Put> {
        self.near.put(source)
    }

    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>> {
        let mut found = self.near.stat_many(keys)?;
        let pairs = keys.iter().zip(&found);
        let left: Vec<BlobKey> = pairs
            .filter(|(_, stat)| stat.is_none())
            .map(|(key, _)| *key)
            .collect();
        let mut far = self.far.stat_many(&left)?.into_iter();
        for stat in found.iter_mut().filter(|stat| stat.is_none()) {
            *stat = far.next().flatten();
        }
        Ok(found)
    }

    fn renew(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        let near = self.near.renew(keys)?.into_iter();
        Ok(near
            .zip(self.far.renew(keys)?)
            .map(|(near, far)| near || far)
            .collect())
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        match self.near.open(key) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.far.open(key),
            opened => opened,
        }
    }

    fn list(&self) -> Result<BlobKeys<'_>> {
        let mut known = HashSet::new();
        let mut near = Vec::new();
        for key in self.near.list()? {
            let key = key?;
            known.insert(key);
            near.push(Ok(key));
        }
        let others = self.far.list()?;
        let others = others.filter(move |key| !key.as_ref().is_ok_and(|key| known.contains(key)));
        Ok(Box::new(near.into_iter().chain(others)))
    }

    fn delete_many(&self, keys: &[BlobKey], missing: Missing) -> Result<u64> {
        check_keys(self, keys)?;
        let found = self.stat_many(keys)?;
        let there = those_there(keys, &found, missing)?;
        // The far one first: else an object that was deleted would come back when this is interrupted.
        self.far.delete_many(keys, Missing::Skip)?;
        self.near.delete_many(keys, Missing::Skip)?;
        Ok(there.len() as u64)
    }

    fn sha256(&self, key: &BlobKey) -> Result<Sha256Digest> {
        match self.near.sha256(key) {
            Err(error) if error.kind() == ErrorKind::NotFound => self.far.sha256(key),
            hash => hash,
        }
    }

    fn usage(&self) -> Result<BlobUsage> {
        let (near, far) = (self.near.usage()?, self.far.usage()?);
        let keys: Vec<BlobKey> = self.far.list()?.collect::<Result<_>>()?;
        let pairs = self.near.stat_many(&keys)?.into_iter();
        let others = keys.iter().zip(pairs).filter(|(_, near)| near.is_none());
        let others: Vec<BlobKey> = others.map(|(key, _)| *key).collect();
        let others = self.far.stat_many(&others)?.into_iter().flatten();
        let others: Vec<u64> = others.map(|stat| stat.size).collect();
        Ok(BlobUsage {
            objects: near.objects + others.len() as u64,
            content_bytes: sum([near.content_bytes].into_iter().chain(others)),
            stored_bytes: sum([near.stored_bytes, far.stored_bytes].into_iter()),
        })
    }

    fn erase(&self) -> Result<()> {
        self.far.erase()?;
        self.near.erase()
    }
}
