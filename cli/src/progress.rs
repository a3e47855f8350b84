//! A bar or a spinner for what takes longer than a second, on a terminal only.

use std::io::{self, IsTerminal};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

/// Nothing is shown before this.
const PATIENCE: Duration = Duration::from_secs(1);
const TICK: Duration = Duration::from_millis(100);

/// The progress of one task. May be told from any thread; wiped out when dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    shower: Option<JoinHandle<()>>,
}

impl Progress {
    /// A spinner beside `what`, which shows only when `wanted`, on a terminal, after a second. It becomes a bar when it is
    /// told how much there is to do.
    pub(crate) fn new(what: &str, wanted: bool) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(style("{spinner} {msg} {elapsed}"));
        bar.set_message(what.to_owned());
        let shower = (wanted && io::stderr().is_terminal()).then(|| {
            let bar = bar.clone();
            tokio::spawn(async move {
                tokio::time::sleep(PATIENCE).await;
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(TICK);
            })
        });
        Self { bar, shower }
    }

    /// Tells what is being done.
    pub(crate) fn say(&self, what: String) {
        self.bar.set_message(what);
    }

    /// Tells how many things are done, and of how many.
    pub(crate) fn count(&self, done: u64, total: u64) {
        self.advance(done, total, "{msg} [{bar:30}] {pos}/{len} {eta}");
    }

    /// Tells how many bytes are done, and of how many.
    pub(crate) fn bytes(&self, done: u64, total: u64) {
        let template = "{msg} [{bar:30}] {binary_bytes}/{binary_total_bytes} {eta}";
        self.advance(done, total, template);
    }

    fn advance(&self, done: u64, total: u64, template: &str) {
        if self.bar.length() != Some(total) {
            self.bar.set_style(style(template));
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(shower) = &self.shower {
            shower.abort();
        }
        self.bar.finish_and_clear();
    }
}
