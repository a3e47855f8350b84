//! What is done about a store as a whole: faults, stale locks, sizes.

use futures::StreamExt;
use tokio::sync::mpsc;

use super::Store;
use crate::check::{CheckRequest, Finding, FindingSink};
use crate::{Error, ErrorKind, LockInfo, Result, Usage};

impl Store {
    /// Looks for faults; each goes to `sink`, and none ends the check.
    ///
    /// # Errors
    /// `NotFound` when the one collection asked for does not exist, or when the store cannot be listed.
    pub async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        self.shared.adapter()?.check(request, sink).await
    }

    /// Looks for faults until the first is found, and says which. A check that mends is not cut off halfway: it is run to its end,
    /// and the first fault is told.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub async fn check_until_first(&self, request: &CheckRequest) -> Result<Option<Finding>> {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        let mut sink = move |finding: Finding| {
            // Nobody listens any more once the first has come.
            let _ = sender.send(finding);
        };
        let check = self.shared.adapter()?.check(request, &mut sink);
        if request.repair {
            check.await?;
            return Ok(receiver.try_recv().ok());
        }
        tokio::select! {
            biased;
            Some(finding) = receiver.recv() => Ok(Some(finding)),
            checked = check => {
                checked?;
                Ok(receiver.try_recv().ok())
            }
        }
    }

    /// Who holds exclusive locks, and the stale records of holders that have gone: of all, or of one collection and its arrays.
    ///
    /// # Errors
    /// `NotFound` for a collection that is not there and has no locks; when the store cannot be listed.
    pub async fn lock_holders(&self, collection: Option<&str>) -> Result<Vec<LockInfo>> {
        let mut holders = self.shared.adapter()?.locks().holders().await?;
        let Some(name) = collection else {
            return Ok(holders);
        };
        holders.retain(|lock| lock.key.collection == name);
        if holders.is_empty() {
            match self.collection(name).await {
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(error),
                // One that does not open may have locks all the same.
                _ => {}
            }
        }
        Ok(holders)
    }

    /// Removes the stale records of holders that have gone, of all or of one collection, and says which. The lock of a living
    /// holder is not broken.
    ///
    /// # Errors
    /// `NotFound` for a collection that is not there; when the store cannot be listed, or a record cannot be removed.
    pub async fn clear_locks(&self, collection: Option<&str>) -> Result<Vec<LockInfo>> {
        use ErrorKind::{Locked, NotFound};
        let locks = self.shared.adapter()?.locks();
        let mut removed = Vec::new();
        for lock in self.lock_holders(collection).await? {
            if !lock.stale {
                continue;
            }
            match locks.break_lock(&lock).await {
                Ok(()) => removed.push(lock),
                // Somebody took it, or removed the record, meanwhile.
                Err(error) if matches!(error.kind(), Locked | NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// What all collections take up together, or one. See [`Schema::array_bytes`](crate::Schema::array_bytes) for what
    /// their arrays take in memory.
    ///
    /// # Errors
    /// `NotFound` for a collection that is not there; when one cannot be opened or listed.
    pub async fn usage(&self, collection: Option<&str>) -> Result<Usage> {
        /// How many collections are asked at once: in a bucket each answer takes its time.
        const ASKED_AT_ONCE: usize = 16;
        let names = match collection {
            Some(name) => vec![name.to_owned()],
            None => self.collections().await?,
        };
        let asked = futures::stream::iter(&names).map(async |name| {
            let usage = match self.collection(name).await {
                Ok(known) => known.usage().await,
                Err(error) => Err(error),
            };
            usage.map_err(|error: Error| error.context(format!("collection '{name}'")))
        });
        let mut asked = asked.buffer_unordered(ASKED_AT_ONCE);
        let mut total = Usage::default();
        while let Some(usage) = asked.next().await {
            match usage {
                Ok(usage) => total = total + usage,
                // Deleted meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound && collection.is_none() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(total)
    }
}
