//! What a read has cost: requests, bytes, chunks decoded and found decoded.

use hyperslab::{ReadStats, Store};
use serde_json::{Value, json};

use crate::human;

/// The counters of a store before a read.
pub(in crate::verbs) struct Meter {
    store: Store,
    before: ReadStats,
}

impl Meter {
    pub(super) fn start(store: &Store) -> Self {
        Self {
            before: store.read_stats(),
            store: store.clone(),
        }
    }

    /// What was added since.
    pub(super) fn stop(&self) -> ReadStats {
        self.store.read_stats().since(&self.before)
    }
}

/// As a person reads it, a line each.
pub(super) fn lines(stats: &ReadStats) -> Vec<String> {
    let seconds = stats.decode_time.as_secs_f64();
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate that a person reads"
    )]
    let rate = (stats.bytes_decoded as f64 / seconds.max(1e-9)) as u64;
    let decoded = if stats.chunks_decoded == 0 {
        "decoded  no chunk".to_owned()
    } else {
        format!(
            "decoded  {} to {} in {:.1} ms of all threads ({}/s)",
            human::count(stats.chunks_decoded, "chunk"),
            human::bytes(stats.bytes_decoded),
            seconds * 1e3,
            human::bytes(rate)
        )
    };
    vec![
        format!(
            "fetched  {} in {}",
            human::bytes(stats.bytes_fetched),
            human::count(stats.requests, "request")
        ),
        decoded,
        format!(
            "cache    {} found, {} not",
            human::grouped(stats.cache_hits),
            human::grouped(stats.cache_misses)
        ),
    ]
}

/// As a program reads it.
pub(super) fn to_json(stats: &ReadStats) -> Value {
    json!({
        "requests": stats.requests,
        "bytes_fetched": stats.bytes_fetched,
        "chunks_decoded": stats.chunks_decoded,
        "bytes_decoded": stats.bytes_decoded,
        "decode_seconds": stats.decode_time.as_secs_f64(),
        "cache_hits": stats.cache_hits,
        "cache_misses": stats.cache_misses,
    })
}
