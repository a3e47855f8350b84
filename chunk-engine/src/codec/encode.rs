//! What cells are encoded by: behind what is in a buffer already, without bytes in between where that can be.

use hyperslab_core::{Result, are_all};

use super::{Codec, CodecChain, checksum, swap, zstandard};
use crate::{Outgoing, Scratch};

/// The way from cells to stored bytes: a chain of the engine's own codecs, or what an adapter has for others.
pub trait Encode {
    /// Encodes the cells of one chunk and puts them at the end of `out`.
    ///
    /// # Errors
    /// `InvalidInput` for a level that a codec does not have; `Unsupported` for a codec that is only decoded.
    fn encode_onto(&self, cells: &[u8], out: &mut Outgoing) -> Result<()>;

    /// Whether chunks are stored as their cells are in memory, with nothing but checksums behind them.
    fn has_only_checksums(&self) -> bool;

    /// Puts the checksums of such a chunk behind what is in `out` from `start` on.
    fn put_checksums(&self, out: &mut Outgoing, start: usize);

    /// Encodes a chunk of `length` bytes whose cells `make` sets, all of them, and puts it at the end of `out`; false, and
    /// nothing, when all of them are `fill`. Cells that nothing but checksums follow are made where they are wanted.
    ///
    /// # Errors
    /// As [`encode_onto`](Self::encode_onto), and those of `make`.
    fn encode_made(
        &self,
        length: usize,
        fill: &[u8],
        out: &mut Outgoing,
        make: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<bool>
    where
        Self: Sized,
    {
        if self.has_only_checksums() {
            let start = out.len();
            let cells = out.grow(length);
            make(cells)?;
            if are_all(cells, fill) {
                out.truncate(start);
                return Ok(false);
            }
            self.put_checksums(out, start);
            return Ok(true);
        }
        let mut cells = Scratch::new(length);
        make(&mut cells)?;
        self.encode_unless(&cells, fill, out)
    }

    /// The same for cells that lie one after the other already.
    ///
    /// # Errors
    /// As [`encode_onto`](Self::encode_onto).
    fn encode_unless(&self, cells: &[u8], fill: &[u8], out: &mut Outgoing) -> Result<bool> {
        if are_all(cells, fill) {
            return Ok(false);
        }
        self.encode_onto(cells, out).map(|()| true)
    }
}

impl Encode for CodecChain {
    fn encode_onto(&self, cells: &[u8], out: &mut Outgoing) -> Result<()> {
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

    fn has_only_checksums(&self) -> bool {
        self.codecs().iter().all(Codec::is_checksum)
    }

    fn put_checksums(&self, out: &mut Outgoing, start: usize) {
        for codec in self.checksums() {
            let sum = checksum::of(codec, out.get(start..).unwrap_or_default());
            out.extend(&sum);
        }
    }
}

impl CodecChain {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_of_fill_leaves_no_trace_behind_others() {
        let summed = CodecChain::new(vec![Codec::Fletcher32]);
        let packed = CodecChain::new(vec![Codec::Deflate { level: 1 }, Codec::Fletcher32]);
        for chain in [CodecChain::default(), summed, packed] {
            let put = |out: &mut Outgoing, cell: u8| {
                let make = |cells: &mut [u8]| {
                    cells.fill(cell);
                    Ok(())
                };
                chain.encode_made(64, &[7], out, make).unwrap()
            };
            let mut wanted = Outgoing::new(0);
            assert!(put(&mut wanted, 1) && put(&mut wanted, 2));
            let mut out = Outgoing::new(0);
            assert!(put(&mut out, 1) && !put(&mut out, 7) && put(&mut out, 2) && !put(&mut out, 7));
            assert_eq!(*out, *wanted);
        }
    }
}
