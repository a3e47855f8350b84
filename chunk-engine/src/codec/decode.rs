//! What stored bytes are decoded by.

use std::fmt::Debug;

use hyperslab_core::Result;

use super::CodecChain;

/// The way from stored bytes back to cells: a chain of the engine's own codecs, or what an adapter has for others.
pub trait Decode: Debug + Send + Sync {
    /// Decodes one chunk into `out`, which it must fill exactly. Bit `i` of `mask` says that codec `i` was left out.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not what the codecs have made of so many cells.
    fn decode(&self, bytes: &[u8], mask: u32, out: &mut [u8]) -> Result<()>;

    /// Whether chunks are stored as their cells are in memory: then parts of them can be read.
    fn is_raw(&self) -> bool {
        false
    }
}

impl Decode for CodecChain {
    fn decode(&self, bytes: &[u8], mask: u32, out: &mut [u8]) -> Result<()> {
        CodecChain::decode(self, bytes, mask, out)
    }

    fn is_raw(&self) -> bool {
        CodecChain::is_raw(self)
    }
}
