//! Writes that are kept in memory until they are flushed.
//!
//! They are kept as they came, so that a flush puts nothing but the cells that were written over what others have written
//! meanwhile. It is one change of the array, in which each chunk is read, encoded and put once.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hyperslab_core::{
    ArrayBuf, Durability, Error, Hyperslab, Result, Scalar, WriteData, WriteOptions,
};
use tokio::runtime::Handle;

/// So many bytes of one array are flushed before more are accepted.
const BYTES_MAX: usize = 64 << 20;

/// So many of all arrays together are kept; what would be more is published at once.
const BYTES_OF_ALL_MAX: usize = 512 << 20;

/// So many writes are flushed before more are accepted: while they are published, each of them has to be named.
const COUNT_MAX: usize = 256;

/// Nothing is kept for longer than this.
const AGE_MAX: Duration = Duration::from_secs(10);

/// What all arrays keep.
static BYTES_OF_ALL: AtomicUsize = AtomicUsize::new(0);

/// A write: the cells of a hyperslab, kept once for all chunks that get some of them.
#[derive(Debug)]
pub struct SlabWrite {
    /// Which cells.
    pub slab: Hyperslab,
    /// How many along each axis.
    pub shape: Vec<u64>,
    /// What they become.
    pub data: WriteData,
}

impl SlabWrite {
    /// A write of a hyperslab.
    #[must_use]
    pub fn new(slab: &Hyperslab, data: WriteData) -> Arc<Self> {
        Arc::new(Self {
            slab: slab.clone(),
            shape: slab.shape(),
            data,
        })
    }

    /// The value that every cell gets, if it is one.
    #[must_use]
    pub fn scalar(&self) -> Option<Scalar> {
        match self.data {
            WriteData::Scalar(value) => Some(value),
            WriteData::Cells(_) => None,
        }
    }

    /// The cells in C order; none for a write of one value.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.data {
            WriteData::Cells(cells) => cells.bytes(),
            WriteData::Scalar(_) => &[],
        }
    }
}

/// An open array that can be written to.
#[async_trait]
pub trait Publish: Debug + Send + Sync + 'static {
    /// How messages call it.
    fn name(&self) -> String;

    /// Makes sure that it is still there.
    ///
    /// # Errors
    /// `NotFound` when it was deleted; `Denied`, `Unavailable`.
    async fn look(&self) -> Result<()>;

    /// Publishes writes, one after the other, of which readers see all or none.
    ///
    /// # Errors
    /// `Corrupt` when cells that stay are damaged; `NotFound`, `Locked`, `Denied`, `Unavailable`.
    async fn publish(&self, writes: &[Arc<SlabWrite>], options: &WriteOptions) -> Result<()>;
}

/// What one handle has accepted and not published. It is flushed when it has become large or old, and when the handle is dropped.
#[derive(Debug)]
pub struct WriteBack<P: Publish>(Arc<Kept<P>>);

#[derive(Debug)]
struct Kept<P: Publish> {
    target: Arc<P>,
    state: Mutex<State>,
    /// Held by whoever publishes.
    flushing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    writes: Vec<Arc<SlabWrite>>,
    bytes: usize,
    options: WriteOptions,
    /// Whether the last flush failed.
    has_failed: bool,
    /// Whether a task is about to flush it.
    has_timer: bool,
    runtime: Option<Handle>,
}

impl State {
    fn push(&mut self, write: Arc<SlabWrite>) {
        self.bytes += write.bytes().len();
        BYTES_OF_ALL.fetch_add(write.bytes().len(), Ordering::Relaxed);
        self.writes.push(write);
    }

    /// Forgets the first of them.
    fn forget(&mut self, count: usize) {
        let forgotten = self.writes.drain(..count);
        let bytes: usize = forgotten.map(|write| write.bytes().len()).sum();
        self.bytes -= bytes;
        BYTES_OF_ALL.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn is_full(&self) -> bool {
        self.bytes >= BYTES_MAX || self.writes.len() >= COUNT_MAX
    }
}

impl<P: Publish> WriteBack<P> {
    /// Nothing yet, of this array.
    #[must_use]
    pub fn new(target: Arc<P>) -> Self {
        Self(Arc::new(Kept {
            target,
            state: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
        }))
    }

    /// What is kept now, in the order in which it came.
    #[must_use]
    pub fn writes(&self) -> Vec<Arc<SlabWrite>> {
        self.0.lock().writes.clone()
    }

    /// Accepts a write that is published later; gives one back that has to be published now, when all that came before is.
    ///
    /// # Errors
    /// Those of a flush; `NotFound` when the array was deleted.
    pub async fn accept(
        &self,
        slab: &Hyperslab,
        data: WriteData,
        options: &WriteOptions,
    ) -> Result<Option<WriteData>> {
        let bytes = hyperslab_core::box_bytes(&slab.shape(), data.dtype().size());
        // One so large gains nothing by waiting.
        let is_large = bytes > BYTES_MAX as u64 / 2;
        let of_all = BYTES_OF_ALL.load(Ordering::Relaxed) as u64;
        let has_room = of_all.saturating_add(bytes) <= BYTES_OF_ALL_MAX as u64;
        if options.durability != Durability::Buffered || is_large || !has_room {
            return self.flush().await.map(|()| Some(data));
        }
        if self.0.lock().is_full() {
            self.flush().await?;
        }
        self.keep(slab, data, options).await.map(|()| None)
    }

    async fn keep(&self, slab: &Hyperslab, data: WriteData, options: &WriteOptions) -> Result<()> {
        let is_unsure = {
            let state = self.0.lock();
            state.writes.is_empty() || state.has_failed
        };
        if is_unsure || slab.is_empty() {
            // Whether there still is such an array.
            self.0.target.look().await?;
        }
        if slab.is_empty() {
            return Ok(());
        }
        let data = match data {
            WriteData::Scalar(value) => WriteData::Cells(ArrayBuf::filled(value, &slab.shape())?),
            cells @ WriteData::Cells(_) => cells,
        };
        let mut state = self.0.lock();
        state.push(SlabWrite::new(slab, data));
        state.options = *options;
        state.runtime = Handle::try_current().ok();
        if !state.has_timer {
            state.has_timer = true;
            self.flush_later();
        }
        Ok(())
    }

    /// Publishes what is kept, all at once, whoever waits for it. It stays kept when that fails.
    ///
    /// # Errors
    /// As [`Publish::publish`].
    pub async fn flush(&self) -> Result<()> {
        // Writes stay until they are published, so there is none under way either.
        if self.0.lock().writes.is_empty() {
            return Ok(());
        }
        let kept = Arc::clone(&self.0);
        let flushed = tokio::spawn(async move { kept.flush().await }).await;
        flushed.map_err(|error| {
            Error::internal(format!("a flush ended early: {error}")).with_source(error)
        })?
    }

    /// Forgets what is kept, and says how many writes that were.
    pub async fn discard(&self) -> usize {
        let _flushing = self.0.flushing.lock().await;
        let mut state = self.0.lock();
        let count = state.writes.len();
        state.forget(count);
        count
    }

    /// Sees to it that nothing is kept for too long.
    fn flush_later(&self) {
        let kept = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(AGE_MAX).await;
                let Some(kept) = kept.upgrade() else {
                    return;
                };
                if let Err(error) = kept.flush().await {
                    tracing::warn!(array = kept.target.name(), %error, "buffered writes are not flushed yet");
                }
                let mut state = kept.lock();
                if state.writes.is_empty() {
                    state.has_timer = false;
                    return;
                }
            }
        });
    }
}

impl<P: Publish> Kept<P> {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn flush(&self) -> Result<()> {
        let _flushing = self.flushing.lock().await;
        let (writes, options) = {
            let state = self.lock();
            let options = WriteOptions {
                // Acknowledged only now, so safe.
                durability: Durability::Synced,
                ..state.options
            };
            (state.writes.clone(), options)
        };
        if writes.is_empty() {
            return Ok(());
        }
        let written = self.target.publish(&writes, &options).await;
        let mut state = self.lock();
        state.has_failed = written.is_err();
        written.map(|()| state.forget(writes.len()))
    }
}

impl<P: Publish> Drop for WriteBack<P> {
    fn drop(&mut self) {
        let state = self.0.lock();
        let runtime = state.runtime.clone();
        let Some(runtime) = runtime.filter(|_| !state.writes.is_empty()) else {
            return;
        };
        drop(state);
        // Nobody waits for it. If the runtime ends before, it is said what is lost.
        let kept = Arc::clone(&self.0);
        runtime.spawn(async move {
            if let Err(error) = kept.flush().await {
                tracing::warn!(array = kept.target.name(), %error, "a handle was dropped and not flushed");
            }
        });
    }
}

impl<P: Publish> Drop for Kept<P> {
    fn drop(&mut self) {
        let mut state = self.lock();
        let (writes, bytes) = (state.writes.len(), state.bytes);
        state.forget(writes);
        if writes > 0 {
            tracing::warn!(
                array = self.target.name(),
                writes,
                bytes,
                "writes are lost that were never flushed"
            );
        }
    }
}

#[cfg(test)]
mod tests;
