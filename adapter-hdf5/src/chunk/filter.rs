//! Filters: how an HDF5 file names the codecs of a chunk.

use hyperslab_engine::codec::{BlockCompressor, Codec, CodecChain};

const DEFLATE_ID: u16 = 1;
const SHUFFLE_ID: u16 = 2;
const FLETCHER32_ID: u16 = 3;
const LZF_ID: u16 = 32000;
const BLOSC_ID: u16 = 32001;
const LZ4_ID: u16 = 32004;
const BITSHUFFLE_ID: u16 = 32008;
const ZSTD_ID: u16 = 32015;

/// The flag of a filter that a reader may do without when it was left out.
const OPTIONAL: u16 = 1;

/// A filter as the header of a file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    /// The registered number.
    pub(crate) id: u16,
    /// 1 when a writer may leave it out of a chunk.
    pub(crate) flags: u16,
    /// Its parameters.
    pub(crate) values: Vec<u32>,
}

impl Filter {
    /// The codec that this filter is, if there is one.
    fn codec(&self) -> Option<Codec> {
        let value = |index: usize| self.values.get(index).copied();
        Some(match self.id {
            DEFLATE_ID => Codec::Deflate {
                level: value(0).unwrap_or(0),
            },
            SHUFFLE_ID => Codec::Shuffle {
                cell_size: value(0).filter(|&size| size > 0)?,
            },
            FLETCHER32_ID => Codec::Fletcher32,
            ZSTD_ID => Codec::Zstd {
                level: value(0).map_or(3, u32::cast_signed),
                checksum: true,
            },
            BLOSC_ID => Codec::Blosc {
                cell_size: value(2)?,
                chunk_size: value(3)?,
                level: value(4).unwrap_or(5),
                shuffle: value(5).unwrap_or(1),
                compressor: value(6).unwrap_or(0),
                block_size: 0,
            },
            LZ4_ID => Codec::Lz4,
            LZF_ID => Codec::Lzf,
            // Two numbers of a version come first.
            BITSHUFFLE_ID => Codec::Bitshuffle {
                cell_size: value(2).filter(|&size| size > 0)?,
                block_cells: value(3).unwrap_or(0),
                compressor: match value(4).unwrap_or(0) {
                    0 => BlockCompressor::None,
                    2 => BlockCompressor::Lz4,
                    3 => BlockCompressor::Zstd,
                    _ => return None,
                },
            },
            _ => return None,
        })
    }

    /// The filter that a file names for a codec; `None` for one that HDF5 has no number for, or that is only read.
    fn of(codec: &Codec) -> Option<Self> {
        let (id, flags, values) = match *codec {
            Codec::Deflate { level } => (DEFLATE_ID, OPTIONAL, vec![level]),
            Codec::Shuffle { cell_size } => (SHUFFLE_ID, OPTIONAL, vec![cell_size]),
            Codec::Fletcher32 => (FLETCHER32_ID, 0, Vec::new()),
            Codec::Zstd { level, .. } => (ZSTD_ID, OPTIONAL, vec![level.cast_unsigned()]),
            Codec::Blosc {
                cell_size,
                chunk_size,
                level,
                shuffle,
                compressor,
                ..
            } => (
                BLOSC_ID,
                OPTIONAL,
                vec![2, 2, cell_size, chunk_size, level, shuffle, compressor],
            ),
            Codec::Gzip { .. } | Codec::Crc32c | Codec::Swap { .. } => return None,
            Codec::Lz4 | Codec::Lzf | Codec::Bitshuffle { .. } => return None,
        };
        Some(Self { id, flags, values })
    }
}

/// The chain that the filters of a file are, unless one of them is unknown here.
pub(crate) fn chain_of(filters: &[Filter]) -> Option<CodecChain> {
    let codecs = filters.iter().map(Filter::codec);
    codecs.collect::<Option<_>>().map(CodecChain::new)
}

/// Whether a file can name each codec of a chain, and chunks are written with it.
pub(crate) fn is_written(chain: &CodecChain) -> bool {
    chain
        .codecs()
        .iter()
        .all(|codec| Filter::of(codec).is_some())
}

/// The filters that a file names for a chain of what this adapter writes.
pub(crate) fn filters_of(chain: &CodecChain) -> Vec<Filter> {
    chain.codecs().iter().filter_map(Filter::of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_named_and_found_again() {
        let chain = CodecChain::new(vec![
            Codec::Shuffle { cell_size: 4 },
            Codec::Zstd {
                level: 3,
                checksum: true,
            },
            Codec::Deflate { level: 4 },
            Codec::Blosc {
                cell_size: 4,
                chunk_size: 400,
                level: 5,
                shuffle: 1,
                compressor: 1,
                block_size: 0,
            },
            Codec::Fletcher32,
        ]);
        assert_eq!(chain_of(&filters_of(&chain)), Some(chain));
        let unknown = Filter {
            id: 4,
            flags: 0,
            values: Vec::new(),
        };
        assert_eq!(chain_of(&[unknown]), None);
    }
}
