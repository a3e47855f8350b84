//! What is read sooner than another thread wakes up, which takes tens of microseconds.

use crate::engine::{GAP_BYTES_MAX, PARALLEL_RAW_BYTES_MIN, SPAN_BYTES_MAX};
use crate::pages::PAGE_BYTES;
use crate::{Decoding, Slot};

/// A request for so many bytes of cells is begun on the thread that asks.
const BEGUN_BYTES: usize = 256 << 10;

/// So much is decoded there.
const DECODED_BYTES: usize = 64 << 10;

/// So much of raw chunks is read there, by one thread: more is shared among others, which may be busy.
const RAW_BYTES: usize = PARALLEL_RAW_BYTES_MIN - 1;

/// In so many parts. Each takes a microsecond if the system has it at hand, and much longer if not.
const RAW_PARTS: usize = 128;

/// Whether a request for so many bytes of cells is worth beginning on the thread that asks.
#[must_use]
pub fn is_small(bytes: usize) -> bool {
    bytes <= BEGUN_BYTES
}

/// Whether these chunks are fetched and decoded sooner than another thread wakes up.
pub fn is_quick<'a>(decoding: Decoding<'_>, slots: impl IntoIterator<Item = &'a Slot>) -> bool {
    let slots = slots.into_iter();
    if !decoding.has_parts() {
        return slots.count().saturating_mul(decoding.chunk_bytes) <= DECODED_BYTES;
    }
    let around = if decoding.has_sums { PAGE_BYTES } else { 0 };
    let (mut parts, mut bytes) = (0_usize, 0_usize);
    for slot in slots {
        let (count, each) = slot.cuts(GAP_BYTES_MAX, SPAN_BYTES_MAX);
        parts = parts.saturating_add(count);
        bytes = bytes.saturating_add(count.saturating_mul(each.saturating_add(around)));
    }
    parts <= RAW_PARTS && bytes <= RAW_BYTES
}
