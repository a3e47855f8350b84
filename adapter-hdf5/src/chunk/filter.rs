//! Filters: how an HDF5 file names the codecs of a chunk.

use hyperslab_engine::codec::{BlockCompressor, Codec, CodecChain, Szip};

const DEFLATE_ID: u16 = 1;
const SHUFFLE_ID: u16 = 2;
const FLETCHER32_ID: u16 = 3;
const SZIP_ID: u16 = 4;
const BZIP2_ID: u16 = 307;
const LZF_ID: u16 = 32000;
const BLOSC_ID: u16 = 32001;
const LZ4_ID: u16 = 32004;
const BITSHUFFLE_ID: u16 = 32008;
const ZSTD_ID: u16 = 32015;

/// The flag of a filter that a reader may do without when it was left out.
const OPTIONAL: u16 = 1;

/// In the options of szip: cells are stored big-endian.
const SZIP_BIG_ENDIAN: u32 = 16;

/// And they were predicted from the one before.
const SZIP_PREDICTED: u32 = 32;

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
            BZIP2_ID => Codec::Bzip2,
            SZIP_ID => Codec::Szip(self.szip()?),
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

    /// How chunks are compressed with szip. Other options than these change nothing for a reader.
    fn szip(&self) -> Option<Szip> {
        let &[options, block_cells, cell_bits, line_cells] = self.values.first_chunk()?;
        let has = |option| options & option != 0;
        let (predicted, big_endian) = (has(SZIP_PREDICTED), has(SZIP_BIG_ENDIAN));
        Szip::new(cell_bits, block_cells, line_cells, predicted, big_endian)
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
            Codec::Lz4 | Codec::Lzf | Codec::Bzip2 | Codec::Szip(_) => return None,
            Codec::Bitshuffle { .. } => return None,
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
        assert_eq!(chain_of(&[filter(305, &[])]), None);
    }

    fn filter(id: u16, values: &[u32]) -> Filter {
        Filter {
            id,
            flags: OPTIONAL,
            values: values.to_vec(),
        }
    }

    #[test]
    fn what_is_only_read_is_found_and_not_named() {
        let szip = |values: &[u32]| chain_of(&[filter(SZIP_ID, values)]);
        let chain = szip(&[169, 8, 32, 100]).unwrap();
        let expected = Szip::new(32, 8, 100, true, false).unwrap();
        assert_eq!(chain.codecs(), [Codec::Szip(expected)]);
        let expected = Szip::new(16, 4, 5, false, true).unwrap();
        let entropy = szip(&[149, 4, 16, 5]).unwrap();
        assert_eq!(entropy.codecs(), [Codec::Szip(expected)]);
        let bzip2 = chain_of(&[filter(BZIP2_ID, &[9])]).unwrap();
        assert_eq!(bzip2.codecs(), [Codec::Bzip2]);
        for chain in [chain, bzip2] {
            assert!(!is_written(&chain) && filters_of(&chain).is_empty());
        }
        for values in [
            &[][..],
            &[169, 8],
            &[169, 7, 32, 100],
            &[169, 34, 32, 100],
            &[169, 0, 32, 100],
            &[169, 8, 25, 100],
            &[169, 8, 0, 100],
            &[169, 8, 32, 0],
            &[169, 8, 32, 4097],
        ] {
            assert_eq!(szip(values), None, "{values:?}");
        }
    }
}
