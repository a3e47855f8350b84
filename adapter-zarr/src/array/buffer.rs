//! Writes that are kept in memory until they are flushed.
//!
//! They are kept as they came, so that a flush puts nothing but the cells that were written over what others have written
//! meanwhile. It is one change of the array, in which each object is read, encoded and put once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyperslab_core::copy::{copy_box, scatter_scalar};
use hyperslab_core::{ArrayBuf, Durability, Hyperslab, Result, WriteData, WriteOptions};
use tokio::runtime::Handle;

use super::Shared;
use super::read::common;
use crate::edit::SlabWrite;

/// So many bytes are flushed before more are accepted.
const BYTES_MAX: usize = 64 << 20;

/// So many writes are flushed before more are accepted: the head names each of them while they are published.
const COUNT_MAX: usize = 256;

/// Nothing is kept for longer than this.
const AGE_MAX: Duration = Duration::from_secs(10);

/// What one handle has accepted and not published.
#[derive(Debug, Default)]
pub(super) struct WriteBuffer {
    state: Mutex<State>,
    /// Held by whoever publishes.
    flushing: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    name: String,
    writes: Vec<Arc<SlabWrite>>,
    bytes: usize,
    options: WriteOptions,
    /// Whether the last flush failed.
    has_failed: bool,
    /// Whether a task is about to flush it.
    has_timer: bool,
    runtime: Option<Handle>,
}

impl WriteBuffer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept now, in the order in which it came.
    pub(super) fn writes(&self) -> Vec<Arc<SlabWrite>> {
        self.lock().writes.clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().writes.is_empty()
    }

    /// Whether it has to be flushed before more is accepted.
    pub(super) fn is_full(&self) -> bool {
        let state = self.lock();
        state.bytes >= BYTES_MAX || state.writes.len() >= COUNT_MAX
    }

    /// The runtime that can flush it when nobody waits for that; `None` when there is nothing to flush.
    pub(super) fn runtime(&self) -> Option<Handle> {
        let state = self.lock();
        state.runtime.clone().filter(|_| !state.writes.is_empty())
    }
}

impl Drop for WriteBuffer {
    fn drop(&mut self) {
        let state = self.lock();
        if !state.writes.is_empty() {
            tracing::warn!(
                array = state.name,
                writes = state.writes.len(),
                bytes = state.bytes,
                "writes are lost that were never flushed"
            );
        }
    }
}

impl Shared {
    /// Whether a write is so large that it gains nothing by waiting.
    pub(super) fn is_large(&self, slab: &Hyperslab) -> bool {
        let size = self.codec.fill.dtype().size() as u64;
        slab.cell_count().saturating_mul(size) > BYTES_MAX as u64 / 2
    }

    /// Accepts a write that is published later.
    pub(super) async fn write_later(
        self: &Arc<Self>,
        slab: &Hyperslab,
        data: WriteData,
        options: &WriteOptions,
    ) -> Result<()> {
        let data = match data {
            WriteData::Scalar(value) => WriteData::Cells(ArrayBuf::filled(value, &slab.shape())?),
            cells @ WriteData::Cells(_) => cells,
        };
        if slab.is_empty() {
            return self.look().await.map(drop);
        }
        let is_unsure = {
            let state = self.buffer.lock();
            state.writes.is_empty() || state.has_failed
        };
        if is_unsure {
            // Whether there still is such an array.
            self.look().await?;
        }
        let write = SlabWrite::new(slab, data);
        let mut state = self.buffer.lock();
        state.bytes += write.bytes().len();
        state.writes.push(write);
        state.options = *options;
        state.name = self.name();
        state.runtime = Handle::try_current().ok();
        if !state.has_timer {
            state.has_timer = true;
            self.flush_later();
        }
        Ok(())
    }

    /// Publishes what is kept, all at once. It stays kept when that fails.
    pub(super) async fn flush(&self) -> Result<()> {
        let _flushing = self.buffer.flushing.lock().await;
        let (writes, options) = {
            let state = self.buffer.lock();
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
        let written = self.write_all(&writes, &options).await;
        let mut state = self.buffer.lock();
        state.has_failed = written.is_err();
        written?;
        state.writes.drain(..writes.len());
        let bytes = |write: &Arc<SlabWrite>| write.bytes().len();
        state.bytes = state.writes.iter().map(bytes).sum();
        Ok(())
    }

    /// Sees to it that nothing is kept for too long.
    fn flush_later(self: &Arc<Self>) {
        let shared = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(AGE_MAX).await;
                let Some(shared) = shared.upgrade() else {
                    return;
                };
                if let Err(error) = shared.flush().await {
                    tracing::warn!(array = shared.name(), %error, "buffered writes are not flushed yet");
                }
                let mut state = shared.buffer.lock();
                if state.writes.is_empty() {
                    state.has_timer = false;
                    return;
                }
            }
        });
    }

    /// Lays what is kept over what was read.
    pub(super) fn lay_kept_over(
        writes: &[Arc<SlabWrite>],
        slab: &Hyperslab,
        out: &mut ArrayBuf,
    ) -> Result<()> {
        let shape = slab.shape();
        for write in writes {
            let Some((in_out, in_write)) = common(slab, &write.slab) else {
                continue;
            };
            match &write.data {
                WriteData::Cells(cells) => {
                    let source = (cells.bytes(), cells.shape(), &in_write);
                    let size = cells.dtype().size();
                    copy_box(size, source, (out.bytes_mut(), &shape, &in_out))?;
                }
                WriteData::Scalar(value) => {
                    scatter_scalar(&value.to_bytes(), out.bytes_mut(), &shape, &in_out)?;
                }
            }
        }
        Ok(())
    }
}
