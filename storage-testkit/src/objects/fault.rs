//! Faults on purpose: a wrapper of any object store that fails, lies and dawdles as a plan says, the same way for the same
//! seed.

mod plan;
mod store;
mod upload;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use tokio::time::sleep;

pub use self::plan::{Fault, FaultCounts, FaultPlan};
use self::plan::{Verdict, draw};
use super::counts::{Counter, Request, RequestCounts};

/// An object store with faults. Made to wrap the store of a test, so that what is above it is tried.
///
/// Every request draws one number from the seed when it is first polled: the same plan, seed and order of requests give the
/// same faults. Requests that run side by side have no order; give each task a wrapper of its own where that matters.
///
/// ```
/// use std::sync::Arc;
///
/// use hyperslab_testkit::objects::{FaultPlan, FaultStore, RequestCounts};
/// use object_store::{ObjectStoreExt, memory::InMemory, path::Path};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let plan = FaultPlan { error_before: 1.0, ..FaultPlan::default() };
/// let store = FaultStore::new(Arc::new(InMemory::new()), plan, 7);
/// assert!(store.put(&Path::from("a"), "1".into()).await.is_err());
///
/// store.switch(false);
/// assert!(store.put(&Path::from("a"), "1".into()).await.is_ok());
/// assert_eq!(store.fault_counts().error_before, 1);
/// assert_eq!(store.request_counts().put, 2);
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct FaultStore {
    shared: Arc<Shared>,
}

/// What all clones of a wrapper, and its uploads and streams, share.
#[derive(Debug)]
struct Shared {
    inner: Arc<dyn ObjectStore>,
    state: Mutex<State>,
    counter: Counter,
}

#[derive(Debug)]
struct State {
    plan: FaultPlan,
    on: bool,
    random: Rng,
    /// Requests that the burst under way will still refuse.
    burst_left: u32,
    injected: FaultCounts,
    /// The newest answers to each listing, the oldest of them first.
    listings: HashMap<String, Vec<Listing>>,
}

/// The objects of a listing, and its common prefixes.
type Listing = (Vec<ObjectMeta>, Vec<Path>);

impl FaultStore {
    /// Wraps a store. The faults are on.
    #[must_use]
    pub fn new(inner: Arc<dyn ObjectStore>, plan: FaultPlan, seed: u64) -> Self {
        let state = State {
            plan,
            on: true,
            random: Rng::with_seed(seed),
            burst_left: 0,
            injected: FaultCounts::default(),
            listings: HashMap::new(),
        };
        Self {
            shared: Arc::new(Shared {
                inner,
                state: Mutex::new(state),
                counter: Counter::default(),
            }),
        }
    }

    /// Switches the faults, latency included, on or off. Requests are counted either way. A request made while they are off
    /// draws no random number.
    pub fn switch(&self, on: bool) {
        self.shared.state.lock().unwrap().on = on;
    }

    /// Goes on with another plan.
    pub fn set_plan(&self, plan: FaultPlan) {
        let mut state = self.shared.state.lock().unwrap();
        state.plan = plan;
        state.burst_left = 0;
    }

    /// The requests since the start or the last reset, those that failed included. One deletion stands for up to 1000 keys
    /// and one listing for all its pages.
    #[must_use]
    pub fn request_counts(&self) -> RequestCounts {
        self.shared.counter.get()
    }

    /// Starts counting requests anew.
    pub fn reset_counts(&self) {
        self.shared.counter.reset();
    }

    /// The faults that were injected so far.
    #[must_use]
    pub fn fault_counts(&self) -> FaultCounts {
        self.shared.state.lock().unwrap().injected
    }
}

impl Shared {
    /// Counts a request and decides what becomes of it.
    fn judge(&self, request: Request) -> Verdict {
        self.counter.add(request);
        let mut state = self.state.lock().unwrap();
        if !state.on {
            return Verdict::default();
        }
        let State {
            plan,
            random,
            burst_left,
            injected,
            ..
        } = &mut *state;
        // One number for each request, whatever the plan: another probability does not move the others.
        draw(plan, request, random.fork(), burst_left, injected)
    }

    /// Carries out a request under its verdict.
    async fn carry_out<T>(
        &self,
        verdict: &Verdict,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> object_store::Result<T> {
        if !verdict.delay.is_zero() {
            sleep(verdict.delay).await;
        }
        if let Some(fault) = verdict.before {
            return match fault {
                Fault::LostResponse => std::future::pending().await,
                fault => Err(fault.error()),
            };
        }
        let answer = request.await;
        match verdict.after {
            Some(Fault::LostResponse) => std::future::pending().await,
            // "Error after success": of what has failed, the true error is told.
            Some(fault) if answer.is_ok() => {
                self.note(fault);
                Err(fault.error())
            }
            _ => answer,
        }
    }

    fn note(&self, fault: Fault) {
        self.state.lock().unwrap().injected.add(fault);
    }

    /// The answer to a listing: the one that was found, or an older one.
    fn maybe_stale(&self, verdict: &Verdict, question: String, found: Listing) -> Listing {
        /// So many answers are remembered for each listing.
        const REMEMBERED: usize = 4;
        let mut state = self.state.lock().unwrap();
        let older = state.listings.entry(question).or_default();
        if let Some(choice) = verdict.stale
            && let Some(stale) = older.get(choice % older.len().max(1))
        {
            let stale = stale.clone();
            state.injected.add(Fault::StaleList);
            return stale;
        }
        if older.len() == REMEMBERED {
            older.remove(0);
        }
        older.push(found.clone());
        found
    }
}
