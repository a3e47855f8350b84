//! What arbitrary bytes are thrown at.

use crate::codec::{BlockCompressor, Codec, CodecChain, Szip};

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
    match which % 15 {
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
        12 => Codec::Crc32c,
        13 => Codec::Bzip2,
        _ => szip(which >> 4, cell_size).map_or(Codec::Bzip2, Codec::Szip),
    }
}

/// Szip with blocks of 2 to 32 cells of some size, in lines that are seldom whole blocks.
fn szip(block: u8, cell_size: u32) -> Option<Szip> {
    let bits = [8, 16, 32, 64, 24, 3, 12, 20][cell_size as usize % 8];
    let (predicted, big_endian) = (cell_size < 9, block.is_multiple_of(2));
    let block_cells = u32::from(block) * 2 + 2;
    Szip::new(bits, block_cells, cell_size * 7 + 5, predicted, big_endian)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_szip_is_one() {
        for (block, cell_size) in (0..16).flat_map(|block| (0..17).map(move |size| (block, size))) {
            assert!(szip(block, cell_size).is_some(), "{block} {cell_size}");
        }
    }

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
