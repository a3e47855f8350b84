//! Encoding behind what is in a buffer already, without bytes in between where that can be.

use hyperslab_core::Result;

use super::{Codec, CodecChain, checksum, swap, zstandard};
use crate::{Outgoing, Scratch};

impl CodecChain {
    /// Whether chunks are stored as their cells are in memory, with nothing but checksums behind them.
    #[must_use]
    pub fn has_only_checksums(&self) -> bool {
        self.codecs().iter().all(Codec::is_checksum)
    }

    /// Encodes the cells of one chunk and puts them at the end of `out`.
    ///
    /// # Errors
    /// `InvalidInput` for a level that a codec does not have.
    pub fn encode_onto(&self, cells: &[u8], out: &mut Outgoing) -> Result<()> {
        let start = out.len();
        let body = self.codecs().len() - self.checksums().len();
        match self.codecs().get(..body).and_then(<[Codec]>::split_last) {
            None => out.extend(cells),
            Some((last, before)) => {
                let mut made: Option<Scratch> = None;
                for codec in before {
                    made = Some(codec.encode(made.as_deref().unwrap_or(cells))?);
                }
                last.encode_onto(made.as_deref().unwrap_or(cells), out)?;
            }
        }
        self.put_checksums(out, start);
        Ok(())
    }

    /// Puts the checksums that end the chain behind what is in `out` from `start` on.
    pub fn put_checksums(&self, out: &mut Outgoing, start: usize) {
        for codec in self.checksums() {
            let sum = checksum::of(codec, out.get(start..).unwrap_or_default());
            out.extend(&sum);
        }
    }

    /// What is left of a stored chunk without the checksums that end the chain, all of which hold.
    ///
    /// # Errors
    /// `Corrupt` when one does not.
    pub fn checked<'a>(&self, stored: &'a [u8]) -> Result<&'a [u8]> {
        let mut sums = self.checksums().iter().rev();
        sums.try_fold(stored, |bytes, codec| checksum::content(codec, bytes))
    }

    /// The checksums that end the chain.
    fn checksums(&self) -> &[Codec] {
        let codecs = self.codecs();
        let count = codecs.iter().rev().take_while(|codec| codec.is_checksum());
        codecs
            .get(codecs.len() - count.count()..)
            .unwrap_or_default()
    }
}

impl Codec {
    fn encode_onto(&self, bytes: &[u8], out: &mut Outgoing) -> Result<()> {
        match *self {
            Self::Zstd { level, checksum } => zstandard::compress_onto(bytes, level, checksum, out),
            Self::Swap { number_size } => {
                swap::swap(number_size as usize, bytes, out.grow(bytes.len()));
                Ok(())
            }
            _ => {
                out.extend(&self.encode(bytes)?);
                Ok(())
            }
        }
    }
}
