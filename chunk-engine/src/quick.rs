//! What is read sooner than another thread wakes up, which takes tens of microseconds.

use crate::{Decoding, Slot};

/// A request for so many bytes of cells is begun on the thread that asks.
const BEGUN_BYTES: usize = 256 << 10;

/// So much is decoded there.
const DECODED_BYTES: usize = 64 << 10;

/// Raw chunks from the first to the last cell that is wanted: what is wanted between is less.
const EXTENT_BYTES: usize = 4 << 20;

/// Whether a request for so many bytes of cells is worth to be begun on the thread that asks.
#[must_use]
pub fn is_small(bytes: usize) -> bool {
    bytes <= BEGUN_BYTES
}

/// Whether these chunks are fetched and decoded sooner than another thread wakes up.
pub fn is_quick<'a>(decoding: Decoding<'_>, slots: impl IntoIterator<Item = &'a Slot>) -> bool {
    let slots = slots.into_iter();
    if !decoding.codecs.is_raw() {
        return slots.count().saturating_mul(decoding.chunk_bytes) <= DECODED_BYTES;
    }
    let extents = slots.map(|slot| slot.range_in_chunk().len());
    extents.sum::<usize>() <= EXTENT_BYTES
}
