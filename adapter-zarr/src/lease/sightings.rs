//! What was seen of holders, and since when it has not changed, on the clock of this process.

use std::collections::HashMap;

use tokio::time::Instant;
use uuid::Uuid;

use super::record::{Holder, Record};

/// The last sign of life of each holder in the way.
#[derive(Debug, Default)]
pub(super) struct Sightings {
    /// By object.
    seen: HashMap<String, Vec<Sighting>>,
    /// How fast the clock of this machine runs.
    #[cfg(test)]
    pub(super) pace: Option<f64>,
}

#[derive(Debug, Clone, Copy)]
struct Sighting {
    nonce: Uuid,
    heartbeat: u64,
    /// When it was seen first.
    since: Instant,
}

impl Sightings {
    /// A record has come.
    pub(super) fn see(&mut self, name: &str, record: &Record, now: Instant) {
        if record.holders.is_empty() {
            self.seen.remove(name);
            return;
        }
        let before = self.seen.get(name).cloned().unwrap_or_default();
        let sight = |holder: &Holder| {
            let same = before.iter().find(|sighting| {
                (sighting.nonce, sighting.heartbeat) == (holder.nonce, holder.heartbeat)
            });
            same.copied().unwrap_or(Sighting {
                nonce: holder.nonce,
                heartbeat: holder.heartbeat,
                since: now,
            })
        };
        let sightings = record.holders.iter().map(sight).collect();
        self.seen.insert(name.to_owned(), sightings);
    }

    /// Whether a holder gave no sign of life for a whole lease, as of a request that was sent at this time.
    pub(super) fn is_dead(&self, name: &str, holder: &Holder, asked: Instant) -> bool {
        let sightings = self.seen.get(name).map(Vec::as_slice).unwrap_or_default();
        let seen = sightings.iter().find(|seen| seen.nonce == holder.nonce);
        seen.is_some_and(|seen| {
            let silent = asked.saturating_duration_since(seen.since);
            #[cfg(test)]
            let silent = silent.mul_f64(self.pace.unwrap_or(1.0));
            silent >= holder.duration()
        })
    }
}
