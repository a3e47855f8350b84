//! Codecs: HDF5 filters that this crate runs itself.

use std::borrow::Cow;
use std::cell::RefCell;

use hyperslab_core::{Error, Result};
use libdeflater::{CompressionLvl, Compressor, Decompressor};

use super::{Scratch, blosc, fletcher, shuffle};

const DEFLATE_ID: u16 = 1;
const SHUFFLE_ID: u16 = 2;
const FLETCHER32_ID: u16 = 3;
const BLOSC_ID: u16 = 32001;
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

/// One step of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Bytes of equal rank together.
    Shuffle {
        /// Bytes of one cell.
        cell_size: u32,
    },
    /// A zlib stream, which carries an Adler-32.
    Deflate {
        /// 1 to 9 (readers ignore it).
        level: u32,
    },
    /// A Zstandard frame with its content checksum.
    Zstd {
        /// 1 to 22 (readers ignore it).
        level: u32,
    },
    /// A Blosc 1 frame.
    Blosc {
        /// Bytes of one cell.
        cell_size: u32,
        /// Bytes of one chunk.
        chunk_size: u32,
        /// 0 to 9.
        level: u32,
        /// 0 none, 1 bytes, 2 bits.
        shuffle: u32,
        /// The compressor inside, by number.
        compressor: u32,
    },
    /// A Fletcher-32 after the bytes.
    Fletcher32,
}

impl Codec {
    /// The codec that a filter is, if this crate knows it.
    pub(crate) fn from_filter(filter: &Filter) -> Option<Self> {
        let value = |index: usize| filter.values.get(index).copied();
        Some(match filter.id {
            DEFLATE_ID => Self::Deflate {
                level: value(0).unwrap_or(0),
            },
            SHUFFLE_ID => Self::Shuffle {
                cell_size: value(0).filter(|&size| size > 0)?,
            },
            FLETCHER32_ID => Self::Fletcher32,
            ZSTD_ID => Self::Zstd {
                level: value(0).unwrap_or(3),
            },
            BLOSC_ID => Self::Blosc {
                cell_size: value(2)?,
                chunk_size: value(3)?,
                level: value(4).unwrap_or(5),
                shuffle: value(5).unwrap_or(1),
                compressor: value(6).unwrap_or(0),
            },
            _ => return None,
        })
    }

    /// The filter that a file names for this codec.
    pub(crate) fn filter(&self) -> Filter {
        let (id, flags, values) = match *self {
            Self::Deflate { level } => (DEFLATE_ID, OPTIONAL, vec![level]),
            Self::Shuffle { cell_size } => (SHUFFLE_ID, OPTIONAL, vec![cell_size]),
            Self::Fletcher32 => (FLETCHER32_ID, 0, Vec::new()),
            Self::Zstd { level } => (ZSTD_ID, OPTIONAL, vec![level]),
            Self::Blosc {
                cell_size,
                chunk_size,
                level,
                shuffle,
                compressor,
            } => (
                BLOSC_ID,
                OPTIONAL,
                vec![2, 2, cell_size, chunk_size, level, shuffle, compressor],
            ),
        };
        Filter { id, flags, values }
    }

    /// The name people know it by.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Deflate { level } => format!("deflate {level}"),
            Self::Shuffle { .. } => "shuffle".to_owned(),
            Self::Fletcher32 => "fletcher32".to_owned(),
            Self::Zstd { level } => format!("zstd {level}"),
            Self::Blosc { level, .. } => format!("blosc {level}"),
        }
    }

    fn encode(&self, bytes: Cow<'_, [u8]>) -> Result<Vec<u8>> {
        match *self {
            Self::Shuffle { cell_size } => Ok(shuffle::shuffle(cell_size as usize, &bytes)),
            Self::Deflate { level } => deflate(&bytes, level),
            Self::Zstd { level } => zstd_compress(&bytes, level),
            Self::Blosc {
                cell_size,
                level,
                shuffle,
                compressor,
                ..
            } => blosc::compress(&bytes, level, shuffle, cell_size as usize, compressor),
            Self::Fletcher32 => {
                let sum = fletcher::fletcher32(&bytes);
                let mut out = bytes.into_owned();
                out.extend_from_slice(&sum.to_le_bytes());
                Ok(out)
            }
        }
    }

    /// Decodes into a buffer of the length that must come out.
    fn decode(&self, bytes: &[u8], out: &mut [u8]) -> Result<()> {
        let damaged = || Error::corrupt(format!("{} does not decode", self.name()));
        match self {
            Self::Shuffle { cell_size } => {
                if bytes.len() != out.len() {
                    return Err(damaged());
                }
                shuffle::unshuffle(*cell_size as usize, bytes, out);
                Ok(())
            }
            Self::Deflate { .. } => inflate(bytes, out).ok_or_else(damaged),
            Self::Zstd { .. } => zstd_decompress(bytes, out).ok_or_else(damaged),
            Self::Blosc { .. } => blosc::decompress(bytes, out),
            Self::Fletcher32 => {
                let content = checked(bytes).ok_or_else(damaged)?;
                if content.len() != out.len() {
                    return Err(damaged());
                }
                out.copy_from_slice(content);
                Ok(())
            }
        }
    }

    /// The length of what it decodes to, when the steps `before` it still have to be undone.
    fn decoded_length(&self, before: &[&Self], length: usize, cells: usize) -> Result<usize> {
        if matches!(self, Self::Shuffle { .. }) {
            return Ok(length);
        }
        before.iter().try_fold(cells, |length, step| match step {
            Self::Shuffle { .. } => Ok(length),
            Self::Fletcher32 => Ok(length + 4),
            _ => Err(Error::unsupported(
                "a chunk that is compressed twice cannot be read",
            )),
        })
    }
}

/// The bytes before a checksum that agrees with them.
fn checked(bytes: &[u8]) -> Option<&[u8]> {
    let (content, stored) = bytes.split_last_chunk::<4>()?;
    (fletcher::fletcher32(content).to_le_bytes() == *stored).then_some(content)
}

thread_local! {
    static DECOMPRESSOR: RefCell<Decompressor> = RefCell::new(Decompressor::new());
    static COMPRESSOR: RefCell<Option<(u32, Compressor)>> = const { RefCell::new(None) };
}

fn deflate(bytes: &[u8], level: u32) -> Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|slot| {
        if slot.as_ref().is_none_or(|(known, _)| *known != level) {
            let level_checked = CompressionLvl::new(i32::try_from(level).unwrap_or(i32::MAX))
                .map_err(|_| Error::invalid(format!("deflate has no level {level}")))?;
            *slot = Some((level, Compressor::new(level_checked)));
        }
        let Some((_, compressor)) = slot else {
            return Err(Error::internal("there is no compressor"));
        };
        let mut out = vec![0; compressor.zlib_compress_bound(bytes.len())];
        let length = compressor
            .zlib_compress(bytes, &mut out)
            .map_err(|error| Error::internal(format!("deflate: {error}")))?;
        out.truncate(length);
        Ok(out)
    })
}

fn inflate(bytes: &[u8], out: &mut [u8]) -> Option<()> {
    let length = DECOMPRESSOR
        .with_borrow_mut(|decompressor| decompressor.zlib_decompress(bytes, out))
        .ok()?;
    (length == out.len()).then_some(())
}

fn zstd_compress(bytes: &[u8], level: u32) -> Result<Vec<u8>> {
    let fail = |error: std::io::Error| Error::internal(format!("zstd: {error}")).with_source(error);
    let level = i32::try_from(level).unwrap_or(i32::MAX);
    let mut compressor = zstd::bulk::Compressor::new(level).map_err(fail)?;
    compressor.include_checksum(true).map_err(fail)?;
    compressor.compress(bytes).map_err(fail)
}

fn zstd_decompress(bytes: &[u8], out: &mut [u8]) -> Option<()> {
    let length = zstd::bulk::decompress_to_buffer(bytes, out).ok()?;
    (length == out.len()).then_some(())
}

/// The codecs of a chunk, in the order of writing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct CodecChain(Vec<Codec>);

impl CodecChain {
    /// Whether a strong checksum covers the stored bytes. The Adler-32 of deflate is none for a small chunk.
    pub(crate) fn is_vouched_for(&self) -> bool {
        matches!(
            self.codecs().last(),
            Some(Codec::Fletcher32 | Codec::Zstd { .. })
        )
    }

    /// A chain of these codecs.
    pub(crate) fn new(codecs: Vec<Codec>) -> Self {
        Self(codecs)
    }

    /// The chain that the filters of a file are, unless one of them is unknown here.
    pub(crate) fn from_filters(filters: &[Filter]) -> Option<Self> {
        filters
            .iter()
            .map(Codec::from_filter)
            .collect::<Option<_>>()
            .map(Self)
    }

    /// The codecs in the order of writing.
    pub(crate) fn codecs(&self) -> &[Codec] {
        &self.0
    }

    /// Encodes the cells of one chunk.
    pub(crate) fn encode(&self, cells: &[u8]) -> Result<Vec<u8>> {
        let mut bytes = Cow::Borrowed(cells);
        for codec in &self.0 {
            bytes = Cow::Owned(codec.encode(bytes)?);
        }
        Ok(bytes.into_owned())
    }

    /// Decodes one chunk into `out`, which it must fill exactly. Bit `i` of `mask` says that codec `i` was left out.
    pub(crate) fn decode(&self, bytes: &[u8], mask: u32, out: &mut [u8]) -> Result<()> {
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
            if matches!(codec, Codec::Fletcher32) {
                length = checked(current)
                    .ok_or_else(|| Error::corrupt("the checksum of a chunk does not hold"))?
                    .len();
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
            CodecChain::new(vec![shuffle, Codec::Zstd { level: 3 }]),
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
                let filters: Vec<_> = chain.codecs().iter().map(Codec::filter).collect();
                prop_assert_eq!(CodecChain::from_filters(&filters), Some(chain));
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
