//! LZ4 as the filter of HDF5 frames it: blocks of one size, each behind its length, all numbers big-endian.

use hyperslab_core::{Error, Result};

/// Bytes before the first block: the length of the content (8) and that of a block (4).
const HEADER: usize = 12;

/// Decompresses a frame into `out`, which it must fill.
pub(super) fn decompress(frame: &[u8], out: &mut [u8]) -> Result<()> {
    let header = Header::of(frame).filter(|header| header.length == out.len() as u64);
    let header = header.ok_or_else(damaged)?;
    let mut blocks = header.blocks;
    for place in out.chunks_mut(header.block_length) {
        block(take(&mut blocks)?, place)?;
    }
    Ok(())
}

/// One block. What LZ4 could not make smaller is stored as it is.
fn block(stored: &[u8], place: &mut [u8]) -> Result<()> {
    if stored.len() == place.len() {
        place.copy_from_slice(stored);
        return Ok(());
    }
    decompress_block(stored, place).ok_or_else(damaged)
}

/// A bare LZ4 block, which must fill its place.
pub(super) fn decompress_block(stored: &[u8], place: &mut [u8]) -> Option<()> {
    let length = lz4_flex::block::decompress_into(stored, place).ok()?;
    (length == place.len()).then_some(())
}

/// What stands before blocks that each have their length before them.
pub(super) struct Header<'a> {
    /// Bytes of the content.
    pub(super) length: u64,
    /// Bytes of each block but the last when it is decompressed; not 0.
    pub(super) block_length: usize,
    /// The blocks.
    pub(super) blocks: &'a [u8],
}

impl<'a> Header<'a> {
    pub(super) fn of(frame: &'a [u8]) -> Option<Self> {
        let (header, blocks) = frame.split_first_chunk::<HEADER>()?;
        let (length, block_length) = header.split_first_chunk::<8>()?;
        let block_length = u32::from_be_bytes(block_length.try_into().ok()?);
        Some(Self {
            length: u64::from_be_bytes(*length),
            block_length: usize::try_from(block_length).ok().filter(|&b| b > 0)?,
            blocks,
        })
    }
}

/// Takes the next block and its length off the front.
pub(super) fn take<'a>(blocks: &mut &'a [u8]) -> Result<&'a [u8]> {
    let (length, rest) = blocks.split_first_chunk::<4>().ok_or_else(damaged)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| damaged())?;
    let (block, rest) = rest.split_at_checked(length).ok_or_else(damaged)?;
    *blocks = rest;
    Ok(block)
}

fn damaged() -> Error {
    Error::corrupt("an LZ4 frame is damaged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_compressed_or_stored() {
        let cells: Vec<u8> = (0..50_u8).chain([7; 50]).chain([1, 2, 3]).collect();
        let mut frame = 103_u64.to_be_bytes().to_vec();
        frame.extend(50_u32.to_be_bytes());
        for block in cells.chunks(50) {
            let compressed = lz4_flex::block::compress(block);
            let stored = if compressed.len() < block.len() {
                &compressed
            } else {
                block
            };
            frame.extend(u32::try_from(stored.len()).unwrap().to_be_bytes());
            frame.extend(stored);
        }
        let mut out = vec![0; 103];
        decompress(&frame, &mut out).unwrap();
        assert_eq!(out, cells);
        for length in 0..frame.len() {
            assert!(decompress(&frame[..length], &mut out).is_err(), "{length}");
        }
        assert!(decompress(&frame, &mut out[..102]).is_err());
        frame[8..12].fill(0);
        assert!(decompress(&frame, &mut out).is_err());
    }
}
