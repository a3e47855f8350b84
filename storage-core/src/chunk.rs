//! How an array is cut into chunks, and how boxes of cells travel between a chunk and a buffer. For adapters.

mod copy;
mod grid;
mod windows;

pub use copy::{CopyAxis, SharedTarget, copy_cells};
pub use grid::{ChunkGrid, ChunkPiece, PieceCopy};
pub use windows::Windows;

/// A position in a buffer that is in memory, so it fits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is in memory has positions that fit"
)]
const fn index(position: u64) -> usize {
    position as usize
}
