//! Moments on a clock that tests can turn and on one that runs while the machine sleeps.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) steady: Instant,
    /// Since the start of the machine.
    pub(crate) boot: Duration,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let time = clock_gettime(ClockId::Boottime);
        Self {
            steady: Instant::now(),
            boot: Duration::try_from(time).unwrap_or_default(),
        }
    }

    /// How long ago it was, as the clock says that has gone on further.
    pub(crate) fn elapsed(self) -> Duration {
        let now = Self::now();
        let steady = now.steady.saturating_duration_since(self.steady);
        steady.max(now.boot.saturating_sub(self.boot))
    }
}
