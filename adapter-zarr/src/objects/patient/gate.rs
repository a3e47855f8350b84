//! How many calls may be under way: half as many after a store said that it is too much, one more after it went well for a while.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Semaphore, SemaphorePermit};

/// Lets calls in, at most as many at a time as the store takes.
#[derive(Debug)]
pub(super) struct Gate {
    semaphore: Semaphore,
    state: Mutex<State>,
    limit_max: usize,
}

#[derive(Debug)]
struct State {
    limit: usize,
    /// Passes that are to be kept back when they are given back.
    debt: usize,
    successes: usize,
    /// Grows with each halving: one burst of complaints counts once.
    epoch: u64,
}

/// One call inside.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    permit: Option<SemaphorePermit<'a>>,
    epoch: u64,
}

impl Gate {
    pub(super) fn new(limit_max: usize) -> Self {
        let limit_max = limit_max.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            semaphore: Semaphore::new(limit_max),
            state: Mutex::new(State {
                limit: limit_max,
                debt: 0,
                successes: 0,
                epoch: 0,
            }),
            limit_max,
        }
    }

    /// Waits for a pass, first come, first served.
    pub(super) async fn enter(&self) -> Pass<'_> {
        // The semaphore is never closed; without a permit the call would only go in uncounted.
        let permit = self.semaphore.acquire().await.ok();
        Pass {
            gate: self,
            permit,
            epoch: self.state().epoch,
        }
    }

    /// The store said that it is asked too much.
    pub(super) fn throttled(&self, pass: &Pass<'_>) {
        let mut state = self.state();
        if pass.epoch != state.epoch {
            return;
        }
        let limit = (state.limit / 2).max(1);
        let surplus = state.limit - limit;
        state.debt += surplus - self.semaphore.forget_permits(surplus);
        state.limit = limit;
        state.successes = 0;
        state.epoch += 1;
    }

    /// A call went well.
    pub(super) fn succeeded(&self) {
        let mut state = self.state();
        state.successes += 1;
        if state.successes < state.limit || state.limit == self.limit_max {
            return;
        }
        state.successes = 0;
        state.limit += 1;
        if state.debt > 0 {
            state.debt -= 1;
        } else {
            self.semaphore.add_permits(1);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn limit(&self) -> usize {
        self.state().limit
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        if state.debt > 0
            && let Some(permit) = self.permit.take()
        {
            state.debt -= 1;
            permit.forget();
        }
    }
}
