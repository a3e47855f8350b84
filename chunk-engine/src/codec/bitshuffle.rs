//! Bit shuffle: in blocks of cells, the first bits of all of them, then the second ones, and so on; the blocks may be
//! compressed.

use hyperslab_core::{Error, Result};

use super::wide::wide;
use super::{lz4, shuffle, zstandard};
use crate::Scratch;

/// Blocks have about so many bytes when nobody chose.
const BLOCK_BYTES: usize = 8192;

/// And at least so many cells.
const BLOCK_CELLS_MIN: usize = 128;

/// The cells of a block are a multiple of this; those after the last block stay as they are.
const GROUP: usize = 8;

/// What the blocks are compressed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockCompressor {
    /// Nothing: the content keeps its length.
    None,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

/// Undoes the shuffle of cells of `cell_size` bytes in blocks of `block_cells`, or of what is usual if that is 0. `out` is as
/// long as `bytes`, unless there is a compressor.
pub(super) fn decode(
    bytes: &[u8],
    out: &mut [u8],
    cell_size: usize,
    block_cells: usize,
    compressor: BlockCompressor,
) -> Result<()> {
    if cell_size == 0 || !out.len().is_multiple_of(cell_size) {
        return Err(damaged());
    }
    if compressor == BlockCompressor::None {
        if bytes.len() != out.len() {
            return Err(damaged());
        }
        let mut rest = bytes;
        return blocks(
            out,
            cell_size,
            block_bytes(cell_size, block_cells)?,
            |length| {
                let (block, after) = rest.split_at_checked(length).ok_or_else(damaged)?;
                rest = after;
                Ok(Block::Plain(block))
            },
        );
    }
    let header = lz4::Header::of(bytes).filter(|header| header.length == out.len() as u64);
    let header = header.ok_or_else(damaged)?;
    let mut rest = header.blocks;
    let block_bytes = block_bytes(cell_size, header.block_length / cell_size)?;
    blocks(out, cell_size, block_bytes, |length| {
        if length < GROUP * cell_size {
            return Ok(Block::Plain(rest.get(..length).ok_or_else(damaged)?));
        }
        let mut made = Scratch::new(length);
        let stored = lz4::take(&mut rest)?;
        let decompressed = match compressor {
            BlockCompressor::Lz4 => lz4::decompress_block(stored, &mut made),
            _ => zstandard::decompress(stored, &mut made),
        };
        decompressed.ok_or_else(damaged)?;
        Ok(Block::Made(made))
    })
}

/// A block as it was shuffled.
enum Block<'a> {
    Plain(&'a [u8]),
    Made(Scratch),
}

impl std::ops::Deref for Block<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Plain(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

/// Fills `out` block by block from what `next` gives for so many bytes; the cells after the last whole group come unshuffled.
fn blocks<'a>(
    out: &mut [u8],
    cell_size: usize,
    block_bytes: usize,
    mut next: impl FnMut(usize) -> Result<Block<'a>>,
) -> Result<()> {
    let tail = out.len() % (GROUP * cell_size);
    let (whole, tail) = out.split_at_mut(out.len() - tail);
    for place in whole.chunks_mut(block_bytes) {
        unshuffle(cell_size, &next(place.len())?, place);
    }
    if !tail.is_empty() {
        tail.copy_from_slice(&next(tail.len())?);
    }
    Ok(())
}

/// The bytes of a block of so many cells.
fn block_bytes(cell_size: usize, cells: usize) -> Result<usize> {
    let cells = match cells {
        0 => (BLOCK_BYTES / cell_size / GROUP * GROUP).max(BLOCK_CELLS_MIN),
        cells if cells.is_multiple_of(GROUP) => cells,
        _ => return Err(damaged()),
    };
    cells.checked_mul(cell_size).ok_or_else(damaged)
}

fn damaged() -> Error {
    Error::corrupt("a bit-shuffled chunk is damaged")
}

/// Cells of one block from its bits; the number of cells is a multiple of [`GROUP`].
fn unshuffle(cell_size: usize, bits: &[u8], out: &mut [u8]) {
    let count = out.len() / cell_size;
    let mut planes = Scratch::new(out.len());
    // The bits of one byte of all cells lie in eight rows after each other, and its bytes become one plane.
    for (rows, plane) in bits.chunks(count).zip(planes.chunks_mut(count)) {
        transpose(rows, plane, count / GROUP);
    }
    shuffle::unshuffle(cell_size, &planes, out);
}

wide! {
    /// Eight rows of `length` bytes of bits become eight times as many bytes.
    fn transpose(rows: &[u8], plane: &mut [u8], length: usize) {
        let (whole, rest) = plane.as_chunks_mut::<64>();
        for (number, tile) in whole.iter_mut().enumerate() {
            let row = |bit: usize| {
                let bytes = rows
                    .get(bit * length + number * 8..)
                    .and_then(<[u8]>::first_chunk);
                bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
            };
            for (bytes, word) in tile
                .chunks_exact_mut(8)
                .zip(bytes_of(std::array::from_fn(row)))
            {
                bytes.copy_from_slice(&word.to_le_bytes());
            }
        }
        let start = whole.len() * 8;
        let row = |bit: usize| {
            let mut word = [0; 8];
            let bytes = &rows[bit * length + start..(bit + 1) * length];
            word[..bytes.len()].copy_from_slice(bytes);
            u64::from_le_bytes(word)
        };
        for (bytes, word) in rest
            .chunks_exact_mut(8)
            .zip(bytes_of(std::array::from_fn(row)))
        {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
}

/// Eight rows of 64 bits become 64 bytes, of which each takes one bit of each row.
#[inline(always)]
fn bytes_of(mut rows: [u64; 8]) -> [u64; 8] {
    // Bits trade places between rows until each row holds every eighth byte, and then those bytes do.
    exchange::<1>(&mut rows, 1, 0x5555_5555_5555_5555);
    exchange::<2>(&mut rows, 2, 0x3333_3333_3333_3333);
    exchange::<4>(&mut rows, 4, 0x0f0f_0f0f_0f0f_0f0f);
    exchange::<1>(&mut rows, 8, 0x00ff_00ff_00ff_00ff);
    exchange::<2>(&mut rows, 16, 0x0000_ffff_0000_ffff);
    exchange::<4>(&mut rows, 32, 0x0000_0000_ffff_ffff);
    rows
}

/// Exchanges what `mask` leaves out of a row with what it picks of the row `DISTANCE` further on.
#[inline(always)]
fn exchange<const DISTANCE: usize>(rows: &mut [u64; 8], shift: u32, mask: u64) {
    for first in (0..8).filter(|row| row & DISTANCE == 0) {
        let second = first + DISTANCE;
        let moved = (rows[first] >> shift ^ rows[second]) & mask;
        rows[second] ^= moved;
        rows[first] ^= moved << shift;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bit by bit, as the format says.
    fn shuffled(cells: &[u8], cell_size: usize) -> Vec<u8> {
        let count = cells.len() / cell_size;
        let mut out = vec![0; cells.len()];
        for cell in 0..count {
            for byte in 0..cell_size {
                for bit in 0..8 {
                    let set = cells[cell * cell_size + byte] >> bit & 1;
                    out[(byte * 8 + bit) * (count / 8) + cell / 8] |= set << (cell % 8);
                }
            }
        }
        out
    }

    fn encoded(
        cells: &[u8],
        cell_size: usize,
        block: usize,
        compressor: BlockCompressor,
    ) -> Vec<u8> {
        let tail = cells.len() % (8 * cell_size);
        let (whole, tail) = cells.split_at(cells.len() - tail);
        let mut out = Vec::new();
        if compressor != BlockCompressor::None {
            out.extend((cells.len() as u64).to_be_bytes());
            out.extend(u32::try_from(block * cell_size).unwrap().to_be_bytes());
        }
        for part in whole.chunks(block * cell_size) {
            let bits = shuffled(part, cell_size);
            let stored = match compressor {
                BlockCompressor::None => {
                    out.extend(bits);
                    continue;
                }
                BlockCompressor::Lz4 => lz4_flex::block::compress(&bits),
                BlockCompressor::Zstd => zstandard::compress(&bits, 1, false).unwrap().to_vec(),
            };
            out.extend(u32::try_from(stored.len()).unwrap().to_be_bytes());
            out.extend(stored);
        }
        out.extend(tail);
        out
    }

    #[test]
    fn every_size_of_cell_and_block() {
        for cell_size in [1, 2, 3, 4, 8, 16] {
            for count in [0, 1, 7, 8, 9, 64, 100, 128, 1000] {
                let cells: Vec<u8> = (0..count * cell_size)
                    .map(|n| u8::try_from(n * n % 251).unwrap())
                    .collect();
                for compressor in [
                    BlockCompressor::None,
                    BlockCompressor::Lz4,
                    BlockCompressor::Zstd,
                ] {
                    let stored = encoded(&cells, cell_size, 64, compressor);
                    let mut out = vec![0; cells.len()];
                    decode(&stored, &mut out, cell_size, 64, compressor).unwrap();
                    assert_eq!(out, cells, "{count} cells of {cell_size}, {compressor:?}");
                    if let Some((_, short)) = stored.split_last() {
                        assert!(decode(short, &mut out, cell_size, 64, compressor).is_err());
                    }
                }
            }
        }
    }

    #[test]
    fn blocks_that_cannot_be_are_refused() {
        let mut out = vec![0; 64];
        let refused = |bytes: &[u8], out: &mut [u8], cell_size, block| {
            assert!(decode(bytes, out, cell_size, block, BlockCompressor::None).is_err());
        };
        refused(&[0; 64], &mut out, 4, 12);
        refused(&[0; 64], &mut out, 0, 8);
        refused(&[0; 64], &mut out, 3, 8);
        refused(&[0; 63], &mut out, 4, 8);
    }
}
