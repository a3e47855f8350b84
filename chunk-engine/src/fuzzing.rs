//! What arbitrary bytes are thrown at.

use crate::codec::{BlockCompressor, Codec, CodecChain};

/// The largest chunk that is declared.
const CHUNK_BYTES_MAX: usize = 1 << 16;

/// Decodes the bytes behind a head of four as a chunk of one codec, of the size the head says.
pub fn codec(bytes: &[u8]) {
    let Some((&[which, cell, low, high], stored)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let cell_size = u32::from(cell % 17);
    let length = usize::from(u16::from_le_bytes([low, high]));
    decode(
        &CodecChain::new(vec![codec_of(which, cell_size)]),
        0,
        stored,
        length,
    );
}

/// Decodes bytes as a chunk of `length` bytes that went through `chain`.
pub fn decode(chain: &CodecChain, mask: u32, stored: &[u8], length: usize) {
    let mut out = vec![0; length.min(CHUNK_BYTES_MAX)];
    // Any error will do.
    drop(chain.decode(stored, mask, &mut out));
}

/// One of all codecs.
#[must_use]
pub fn codec_of(which: u8, cell_size: u32) -> Codec {
    let bits = |compressor| Codec::Bitshuffle {
        cell_size,
        block_cells: u32::from(which >> 4) * 8,
        compressor,
    };
    match which % 13 {
        0 => Codec::Shuffle { cell_size },
        1 => Codec::Swap {
            number_size: cell_size,
        },
        2 => Codec::Deflate { level: 1 },
        3 => Codec::Gzip { level: 1 },
        4 => Codec::Zstd {
            level: 1,
            checksum: true,
        },
        5 => Codec::Blosc {
            cell_size,
            chunk_size: 0,
            level: 1,
            shuffle: 1,
            compressor: 1,
            block_size: 0,
        },
        6 => Codec::Lz4,
        7 => Codec::Lzf,
        8 => bits(BlockCompressor::None),
        9 => bits(BlockCompressor::Lz4),
        10 => bits(BlockCompressor::Zstd),
        11 => Codec::Fletcher32,
        _ => Codec::Crc32c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_codec_takes_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            codec(&bytes);
        }

        #[test]
        fn a_chunk_that_is_almost_right(
            which in 0..6_u8,
            cells in proptest::collection::vec(0..3_u8, 1..600),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let chain = CodecChain::new(vec![codec_of(which, 4)]);
            let mut stored = chain.encode(&cells).unwrap();
            let position = at.index(stored.len());
            stored[position] = byte;
            for length in [cells.len(), cells.len() - 1, cells.len() * 2] {
                decode(&chain, 0, &stored, length);
            }
        }
    }
}
