//! Objects of a bucket as they are read: ranges, and more of them at a time the longer one reads on.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::runtime::Handle;

use crate::reader::ReadAt;

/// What is fetched at least, so that small reads are few requests.
const RANGE_BYTES_MIN: u64 = 256 << 10;

/// What is fetched at most.
const RANGE_BYTES_MAX: u64 = 8 << 20;

/// Reads ranges of an object, and keeps the last.
#[derive(Debug)]
pub(super) struct RangeReader {
    store: Arc<dyn ObjectStore>,
    path: Path,
    runtime: Handle,
    size: u64,
    /// Where what is kept begins.
    first: u64,
    kept: Bytes,
    /// How much is fetched next, if it goes on from there.
    ahead: u64,
}

impl RangeReader {
    pub(super) fn new(store: Arc<dyn ObjectStore>, path: Path, runtime: Handle, size: u64) -> Self {
        Self {
            store,
            path,
            runtime,
            size,
            first: 0,
            kept: Bytes::new(),
            ahead: RANGE_BYTES_MIN,
        }
    }

    /// What is kept from a place on.
    fn kept_from(&self, offset: u64) -> &[u8] {
        let skipped = offset.checked_sub(self.first);
        let skipped = skipped.and_then(|skipped| usize::try_from(skipped).ok());
        skipped
            .and_then(|skipped| self.kept.get(skipped..))
            .unwrap_or_default()
    }

    fn fetch(&mut self, offset: u64, wanted: u64) -> io::Result<()> {
        let goes_on = offset == self.first + self.kept.len() as u64;
        self.ahead = match goes_on {
            true => RANGE_BYTES_MAX.min(self.ahead * 2),
            false => RANGE_BYTES_MIN,
        };
        let length = wanted.max(self.ahead).min(RANGE_BYTES_MAX);
        let end = self.size.min(offset.saturating_add(length));
        let fetched = self
            .runtime
            .block_on(self.store.get_range(&self.path, offset..end));
        self.kept = fetched.map_err(|error| match error {
            object_store::Error::NotFound { .. } => io::Error::new(io::ErrorKind::NotFound, error),
            error => io::Error::other(error),
        })?;
        self.first = offset;
        Ok(())
    }
}

impl ReadAt for RangeReader {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        if offset >= self.size || out.is_empty() {
            return Ok(0);
        }
        if self.kept_from(offset).is_empty() {
            self.fetch(offset, out.len() as u64)?;
        }
        let kept = self.kept_from(offset);
        let length = kept.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..length), kept.get(..length)) {
            to.copy_from_slice(from);
        }
        Ok(length)
    }
}
