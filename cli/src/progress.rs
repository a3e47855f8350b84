//! A bar for what takes longer than a second, on a terminal only.

use std::io::{self, IsTerminal};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Nothing is shown before this.
const PATIENCE: Duration = Duration::from_secs(1);

/// The progress of one task. May be told from any thread; wiped out when dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    begun: Instant,
    shown: bool,
    total: AtomicU64,
}

impl Progress {
    /// A bar for `what`, which shows only when `wanted`, on a terminal, after a second.
    pub(crate) fn new(what: &str, wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_message(what.to_owned());
        Self {
            bar,
            begun: Instant::now(),
            shown: wanted && io::stderr().is_terminal(),
            total: AtomicU64::new(0),
        }
    }

    /// Tells how much is done, and of how much if that is known (else 0).
    pub(crate) fn update(&self, done: u64, total: u64) {
        if !self.shown || self.begun.elapsed() < PATIENCE {
            return;
        }
        if self.bar.is_hidden() || self.total.swap(total, Ordering::Relaxed) != total {
            self.show(total);
        }
        self.bar.set_position(done);
    }

    fn show(&self, total: u64) {
        let template = if total == 0 {
            "{spinner} {msg} {pos}"
        } else {
            "{msg} [{bar:30}] {pos}/{len} {eta}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("=> "));
        }
        self.bar.set_length(total);
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
