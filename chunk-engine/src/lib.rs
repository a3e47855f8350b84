//! The chunk engine: what every chunked format has in common.
//!
//! A chunk is stored bytes, a chain of codecs and a place in the result. An adapter says where the bytes of a chunk are; the
//! engine fetches them, decodes them in parallel straight into the result, and keeps decoded chunks of which only a part was
//! wanted, within one budget of bytes.
//!
//! - [`codec`]: chains of codecs, cells on one side and stored bytes on the other.
//! - [`Destination`] and [`Slot`]: a result that many threads fill, each its own cells.
//! - [`Outgoing`]: bytes on their way to a medium.
//! - [`ChunkCache`]: decoded chunks, by the state of the object they come from.
//! - [`Engine`]: puts the three together, and counts what was done.
//! - [`WriteBack`]: writes that are kept in memory until they are flushed.
//! - [`quick`]: what is read on the thread that asks.

pub mod codec;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;

mod cache;
mod destination;
mod engine;
mod outgoing;
mod pages;
pub mod quick;
mod scratch;
mod settled;
mod stats;
mod stored;
mod touched;
mod workers;
mod write_back;

pub use cache::{ChunkCache, ChunkKey, ObjectId, within_bytes};
pub use destination::{Destination, Slot};
pub use engine::{Decoding, Engine};
pub use outgoing::Outgoing;
pub use pages::{PAGE_BYTES, page_sums};
pub use scratch::Scratch;
pub use settled::is_settled;
pub use stats::Stats;
pub use stored::StoredChunk;
pub use workers::set_workers;
pub use write_back::{Publish, SlabWrite, WriteBack};
