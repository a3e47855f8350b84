//! Codecs one after the other.

use hyperslab_core::{Error, Result};

use super::{Codec, Encode, checksum};
use crate::{Outgoing, Scratch};

/// The codecs of a chunk, in the order of writing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CodecChain(Vec<Codec>);

impl CodecChain {
    /// Whether a strong checksum covers the stored bytes. The Adler-32 of deflate is none for a small chunk.
    #[must_use]
    pub fn is_vouched_for(&self) -> bool {
        matches!(
            self.codecs().last(),
            Some(Codec::Fletcher32 | Codec::Crc32c | Codec::Zstd { checksum: true, .. })
        )
    }

    /// A chain of these codecs.
    #[must_use]
    pub const fn new(codecs: Vec<Codec>) -> Self {
        Self(codecs)
    }

    /// The codecs in the order of writing.
    #[must_use]
    pub fn codecs(&self) -> &[Codec] {
        &self.0
    }

    /// Whether chunks are stored as their cells are in memory, with a checksum behind them.
    #[must_use]
    pub fn is_raw_with_checksum(&self) -> bool {
        matches!(self.codecs(), [Codec::Fletcher32 | Codec::Crc32c])
    }

    /// Whether chunks are stored as their cells are in memory.
    #[must_use]
    pub fn is_raw(&self) -> bool {
        self.0.is_empty()
    }

    /// Encodes the cells of one chunk.
    ///
    /// # Errors
    /// As [`encode_onto`](Encode::encode_onto).
    pub fn encode(&self, cells: &[u8]) -> Result<Vec<u8>> {
        let mut out = Outgoing::new(0);
        self.encode_onto(cells, &mut out)?;
        Ok(out.to_vec())
    }

    /// Decodes one chunk into `out`, which it must fill exactly. Bit `i` of `mask` says that codec `i` was left out.
    ///
    /// # Errors
    /// `Corrupt` when the bytes are not what these codecs have made of so many cells.
    pub fn decode(&self, bytes: &[u8], mask: u32, out: &mut [u8]) -> Result<()> {
        let mut steps: Vec<&Codec> = self
            .0
            .iter()
            .enumerate()
            .filter(|(number, _)| *number >= 32 || mask >> number & 1 == 0)
            .map(|(_, codec)| codec)
            .collect();
        // What the codecs undone so far have made: `bytes` until one of them has made something else.
        let mut made: Option<Scratch> = None;
        let mut length = bytes.len();
        while let Some(codec) = steps.pop() {
            let current = &made.as_deref().unwrap_or(bytes)[..length];
            if steps.is_empty() {
                return codec.decode(current, out);
            }
            if codec.is_checksum() {
                length = checksum::content(codec, current)?.len();
                continue;
            }
            let mut next = Scratch::new(codec.decoded_length(&steps, length, out.len())?);
            codec.decode(current, &mut next)?;
            length = next.len();
            made = Some(next);
        }
        let current = &made.as_deref().unwrap_or(bytes)[..length];
        if current.len() != out.len() {
            return Err(Error::corrupt(format!(
                "a chunk has {} bytes, not {}",
                current.len(),
                out.len()
            )));
        }
        out.copy_from_slice(current);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chains() -> Vec<CodecChain> {
        let shuffle = Codec::Shuffle { cell_size: 4 };
        let blosc = |compressor| Codec::Blosc {
            cell_size: 4,
            chunk_size: 0,
            level: 5,
            shuffle: 1,
            compressor,
            block_size: 0,
        };
        vec![
            CodecChain::default(),
            CodecChain::new(vec![Codec::Fletcher32]),
            CodecChain::new(vec![shuffle, Codec::Deflate { level: 4 }]),
            CodecChain::new(vec![
                Codec::Fletcher32,
                shuffle,
                Codec::Deflate { level: 1 },
                Codec::Fletcher32,
            ]),
            CodecChain::new(vec![Codec::Deflate { level: 9 }, shuffle]),
            CodecChain::new(vec![
                shuffle,
                Codec::Zstd {
                    level: 3,
                    checksum: true,
                },
            ]),
            CodecChain::new(vec![
                Codec::Swap { number_size: 2 },
                Codec::Gzip { level: 3 },
                Codec::Crc32c,
            ]),
            CodecChain::new(vec![
                Codec::Zstd {
                    level: -3,
                    checksum: false,
                },
                Codec::Crc32c,
            ]),
            CodecChain::new(vec![blosc(0), Codec::Fletcher32]),
            CodecChain::new(vec![blosc(1), Codec::Fletcher32]),
            CodecChain::new(vec![blosc(5), Codec::Fletcher32]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_chain_gives_back_what_it_got(cells in proptest::collection::vec(0..4_u8, 1..3000)) {
            for chain in chains() {
                let encoded = chain.encode(&cells).unwrap();
                let mut out = vec![0xaa; cells.len()];
                chain.decode(&encoded, 0, &mut out).unwrap();
                prop_assert_eq!(&out, &cells);
                let mut appended = crate::Outgoing::new(0);
                appended.extend(b"before");
                chain.encode_onto(&cells, &mut appended).unwrap();
                prop_assert_eq!(&appended[..6], b"before");
                prop_assert_eq!(&appended[6..], &encoded);
            }
        }

        #[test]
        fn a_flipped_bit_is_found(cells in proptest::collection::vec(0..4_u8, 1..500), at in any::<prop::sample::Index>(), bit in 0..8_u8) {
            for chain in chains().into_iter().filter(CodecChain::is_vouched_for) {
                let mut encoded = chain.encode(&cells).unwrap();
                let position = at.index(encoded.len());
                encoded[position] ^= 1_u8 << bit;
                let mut out = vec![0; cells.len()];
                let outcome = chain.decode(&encoded, 0, &mut out);
                prop_assert!(outcome.is_err() || out == cells, "{chain:?}");
            }
        }
    }

    #[test]
    fn a_codec_that_was_left_out_is_not_undone() {
        let chain = CodecChain::new(vec![
            Codec::Shuffle { cell_size: 2 },
            Codec::Deflate { level: 4 },
        ]);
        let mut out = [0; 4];
        chain.decode(&[1, 3, 2, 4], 2, &mut out).unwrap();
        assert_eq!(out, [1, 2, 3, 4]);
        chain.decode(&[1, 2, 3, 4], 3, &mut out).unwrap();
        assert_eq!(out, [1, 2, 3, 4]);
    }
}
