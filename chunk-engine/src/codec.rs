//! Codecs: what a chunk goes through on its way to the medium and back.
//!
//! They are those of the HDF5 filters and of the codecs of Zarr; which of them a file names, and how, is known to its adapter.

mod aec;
mod bitshuffle;
mod blosc;
mod bzip;
mod chain;
mod checksum;
mod decode;
mod deflate;
mod encode;
mod fletcher;
mod lz4;
mod lzf;
mod shuffle;
mod swap;
mod szip;
mod wide;
mod zstandard;

use hyperslab_core::{Error, Result};

use crate::Scratch;

pub use bitshuffle::BlockCompressor;
pub use chain::CodecChain;
pub use decode::Decode;
pub use encode::Encode;
pub use szip::Szip;

/// One step of a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// Bytes of equal rank together.
    Shuffle {
        /// Bytes of one cell.
        cell_size: u32,
    },
    /// The bytes of each number in the other order.
    Swap {
        /// Bytes of one number.
        number_size: u32,
    },
    /// A zlib stream, which carries an Adler-32.
    Deflate {
        /// 0 to 9 (readers ignore it).
        level: u32,
    },
    /// A gzip stream, which carries a CRC-32.
    Gzip {
        /// 0 to 9 (readers ignore it).
        level: u32,
    },
    /// A Zstandard frame.
    Zstd {
        /// -7 to 22 (readers ignore it).
        level: i32,
        /// Whether the frame carries a checksum of its content (readers find out).
        checksum: bool,
    },
    /// A Blosc 1 frame.
    Blosc {
        /// Bytes of one cell.
        cell_size: u32,
        /// Bytes of one chunk, as a filter of HDF5 names them; not used.
        chunk_size: u32,
        /// 0 to 9.
        level: u32,
        /// 0 none, 1 bytes, 2 bits.
        shuffle: u32,
        /// The compressor inside: 0 blosclz, 1 LZ4, 2 LZ4HC, 3 Snappy, 4 zlib, 5 Zstandard.
        compressor: u32,
        /// Bytes of one block; 0 leaves it to Blosc.
        block_size: u32,
    },
    /// LZ4 blocks as the filter of HDF5 frames them. Only decoded.
    Lz4,
    /// An LZF stream, as h5py makes it. Only decoded.
    Lzf,
    /// Bits of equal rank together, block by block. Only decoded.
    Bitshuffle {
        /// Bytes of one cell.
        cell_size: u32,
        /// Cells of one block; 0 leaves it to the codec. Compressed blocks say it themselves.
        block_cells: u32,
        /// What the blocks are compressed with.
        compressor: BlockCompressor,
    },
    /// A bzip2 stream, which carries CRC-32s. Only decoded.
    Bzip2,
    /// Szip, the coding of CCSDS 121.0-B-3. Only decoded.
    Szip(Szip),
    /// A Fletcher-32 after the bytes, as HDF5 computes it.
    Fletcher32,
    /// A CRC-32C after the bytes, little-endian.
    Crc32c,
}

impl Codec {
    /// The name people know it by, with its level.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Deflate { level } => format!("deflate {level}"),
            Self::Gzip { level } => format!("gzip {level}"),
            Self::Shuffle { .. } => "shuffle".to_owned(),
            Self::Swap { .. } => "byte order".to_owned(),
            Self::Fletcher32 => "fletcher32".to_owned(),
            Self::Crc32c => "crc32c".to_owned(),
            Self::Zstd { level, .. } => format!("zstd {level}"),
            Self::Blosc { level, .. } => format!("blosc {level}"),
            Self::Lz4 => "lz4".to_owned(),
            Self::Lzf => "lzf".to_owned(),
            Self::Bzip2 => "bzip2".to_owned(),
            Self::Szip(_) => "szip".to_owned(),
            Self::Bitshuffle { compressor, .. } => match compressor {
                BlockCompressor::None => "bitshuffle".to_owned(),
                BlockCompressor::Lz4 => "bitshuffle lz4".to_owned(),
                BlockCompressor::Zstd => "bitshuffle zstd".to_owned(),
            },
        }
    }

    /// Whether what comes out has a length of its own.
    #[must_use]
    pub fn compresses(&self) -> bool {
        !self.keeps_length() && !self.is_checksum()
    }

    /// Whether it leaves the bytes as they are and puts a checksum behind them.
    fn is_checksum(&self) -> bool {
        matches!(self, Self::Fletcher32 | Self::Crc32c)
    }

    /// Whether what comes out is as long as what goes in.
    fn keeps_length(&self) -> bool {
        matches!(
            self,
            Self::Shuffle { .. }
                | Self::Swap { .. }
                | Self::Bitshuffle {
                    compressor: BlockCompressor::None,
                    ..
                }
        )
    }

    /// Encodes into a buffer of its own; a checksum is put behind the bytes by the chain.
    fn encode(&self, bytes: &[u8]) -> Result<Scratch> {
        match *self {
            Self::Shuffle { cell_size } => Ok(shuffle::shuffle(cell_size as usize, bytes)),
            Self::Swap { number_size } => {
                let mut out = Scratch::new(bytes.len());
                swap::swap(number_size as usize, bytes, &mut out);
                Ok(out)
            }
            Self::Deflate { level } => deflate::zlib(bytes, level),
            Self::Gzip { level } => deflate::gzip(bytes, level),
            Self::Zstd { level, checksum } => zstandard::compress(bytes, level, checksum),
            Self::Blosc {
                cell_size,
                level,
                shuffle,
                compressor,
                block_size,
                ..
            } => {
                let block = block_size as usize;
                blosc::compress(bytes, level, shuffle, cell_size as usize, compressor, block)
            }
            Self::Lz4 | Self::Lzf | Self::Bzip2 | Self::Szip(_) | Self::Bitshuffle { .. } => {
                Err(Error::unsupported(format!(
                    "chunks are not written with {}; choose another codec",
                    self.name()
                )))
            }
            Self::Fletcher32 | Self::Crc32c => {
                let mut out = Scratch::copied(bytes);
                out.extend_from_slice(&checksum::of(self, bytes));
                Ok(out)
            }
        }
    }

    /// Decodes into a buffer of the length that must come out.
    fn decode(&self, bytes: &[u8], out: &mut [u8]) -> Result<()> {
        let damaged = || Error::corrupt(format!("{} does not decode", self.name()));
        match self {
            Self::Shuffle { .. } | Self::Swap { .. } if bytes.len() != out.len() => Err(damaged()),
            Self::Shuffle { cell_size } => {
                shuffle::unshuffle(*cell_size as usize, bytes, out);
                Ok(())
            }
            Self::Swap { number_size } => {
                swap::swap(*number_size as usize, bytes, out);
                Ok(())
            }
            Self::Deflate { .. } => deflate::unzlib(bytes, out).ok_or_else(damaged),
            Self::Gzip { .. } => deflate::ungzip(bytes, out).ok_or_else(damaged),
            Self::Zstd { .. } => zstandard::decompress(bytes, out).ok_or_else(damaged),
            Self::Blosc { .. } => blosc::decompress(bytes, out),
            Self::Lz4 => lz4::decompress(bytes, out),
            Self::Lzf => lzf::decompress(bytes, out),
            Self::Bzip2 => bzip::decompress(bytes, out).ok_or_else(damaged),
            Self::Szip(szip) => szip.decompress(bytes, out).ok_or_else(damaged),
            Self::Bitshuffle {
                cell_size,
                block_cells,
                compressor,
            } => {
                let (cell_size, block_cells) = (*cell_size as usize, *block_cells as usize);
                bitshuffle::decode(bytes, out, cell_size, block_cells, *compressor)
            }
            Self::Fletcher32 | Self::Crc32c => {
                let content = checksum::content(self, bytes)?;
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
        if self.keeps_length() {
            return Ok(length);
        }
        before.iter().try_fold(cells, |length, step| match step {
            step if step.keeps_length() => Ok(length),
            step if step.is_checksum() => Ok(length + checksum::LENGTH),
            _ => Err(Error::unsupported(
                "a chunk that is compressed twice cannot be read",
            )),
        })
    }
}
