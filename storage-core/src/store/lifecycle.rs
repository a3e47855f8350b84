//! Open and closed: what is refused, and what closing puts in its place first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{RwLock, RwLockReadGuard};

use crate::{ArrayHandle, Error, Result};

/// Whether a store is open, and which handles may keep writes that are not published. All clones of a store share it.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    is_closed: AtomicBool,
    /// Held by each buffered write while it is under way, and by `close` alone: what is acknowledged is flushed.
    buffering: RwLock<()>,
    written: Mutex<Written>,
}

/// The handles that were written to with `Buffered`, by address, with the names of their arrays.
#[derive(Debug, Default)]
struct Written {
    handles: HashMap<usize, (String, Weak<dyn ArrayHandle>)>,
    /// The number of handles at which those that have gone are left out.
    limit: usize,
}

const LIMIT_MIN: usize = 64;

impl Lifecycle {
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(super) fn reopen(&self) {
        self.is_closed.store(false, Ordering::Release);
    }

    /// Begins a buffered write through `handle`. It is under way as long as the guard is there.
    pub(super) async fn buffer(
        &self,
        name: impl FnOnce() -> String,
        handle: &Arc<dyn ArrayHandle>,
    ) -> RwLockReadGuard<'_, ()> {
        let under_way = self.buffering.read().await;
        let address = Arc::as_ptr(handle).cast::<()>() as usize;
        let mut written = self.written();
        let known = written.handles.get(&address);
        // Another handle may have had the address before.
        if known.is_none_or(|(_, known)| known.strong_count() == 0) {
            written.leave_out_the_gone();
            written
                .handles
                .insert(address, (name(), Arc::downgrade(handle)));
        }
        under_way
    }

    /// Refuses everything from here on, and flushes what is kept. When that fails for one, the store stays open.
    pub(super) async fn close(&self) -> Result<()> {
        let was_closed = self.is_closed.swap(true, Ordering::AcqRel);
        let _alone = self.buffering.write().await;
        let handles = std::mem::take(&mut self.written().handles);
        let mut failed: Vec<(String, Error)> = Vec::new();
        for (address, (name, weak)) in handles {
            let Some(handle) = weak.upgrade() else {
                continue;
            };
            if let Err(error) = handle.flush().await {
                self.written().handles.insert(address, (name.clone(), weak));
                failed.push((name, error));
            }
        }
        let names: Vec<_> = failed.iter().map(|(name, _)| name.clone()).collect();
        match failed.into_iter().next() {
            None => Ok(()),
            Some((_, error)) => {
                self.is_closed.store(was_closed, Ordering::Release);
                Err(error.context(format!(
                    "the store stays open: what was written to {} is not flushed (flush it again, or discard it)",
                    names.join(", ")
                )))
            }
        }
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        // Each change of the map is one call.
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Written {
    /// Keeps the map as large as the number of handles there are, at a cost of a constant for each one added.
    fn leave_out_the_gone(&mut self) {
        if self.handles.len() < self.limit.max(LIMIT_MIN) {
            return;
        }
        self.handles
            .retain(|_, (_, handle)| handle.strong_count() > 0);
        self.limit = self.handles.len() * 2;
    }
}
