//! Byte shuffle: the first bytes of all cells, then the second ones, and so on.

use super::wide::wide;
use crate::Scratch;

/// Shuffles cells of `size` bytes; bytes after the last whole cell stay as they are.
pub(super) fn shuffle(size: usize, cells: &[u8]) -> Scratch {
    let mut out = Scratch::new(cells.len());
    match size {
        0 | 1 => out.copy_from_slice(cells),
        2 => shuffle_sized::<2>(cells, &mut out),
        4 => shuffle_sized::<4>(cells, &mut out),
        8 => shuffle_sized::<8>(cells, &mut out),
        16 => shuffle_sized::<16>(cells, &mut out),
        _ => {
            let count = cells.len() / size;
            for (index, &byte) in cells[..count * size].iter().enumerate() {
                out[(index % size) * count + index / size] = byte;
            }
            out[count * size..].copy_from_slice(&cells[count * size..]);
        }
    }
    out
}

/// The inverse of [`shuffle`]; `out` is as long as `bytes`.
pub(super) fn unshuffle(size: usize, bytes: &[u8], out: &mut [u8]) {
    match size {
        0 | 1 => out.copy_from_slice(bytes),
        2 => unshuffle_sized::<2>(bytes, out),
        4 => unshuffle_sized::<4>(bytes, out),
        8 => unshuffle_sized::<8>(bytes, out),
        16 => unshuffle_sized::<16>(bytes, out),
        _ => {
            let count = bytes.len() / size;
            for (index, byte) in out[..count * size].iter_mut().enumerate() {
                *byte = bytes[(index % size) * count + index / size];
            }
            out[count * size..].copy_from_slice(&bytes[count * size..]);
        }
    }
}

wide! {
    fn shuffle_sized<const N: usize>(cells: &[u8], out: &mut [u8]) {
        let count = cells.len() / N;
        let (planes, tail) = out.split_at_mut(count * N);
        for (number, plane) in planes.chunks_exact_mut(count.max(1)).enumerate() {
            for (byte, cell) in plane.iter_mut().zip(cells.chunks_exact(N)) {
                *byte = cell[number];
            }
        }
        tail.copy_from_slice(&cells[count * N..]);
    }
}

wide! {
    fn unshuffle_sized<const N: usize>(bytes: &[u8], out: &mut [u8]) {
        let count = bytes.len() / N;
        let (cells, tail) = out.split_at_mut(count * N);
        let planes: [&[u8]; N] = std::array::from_fn(|number| &bytes[number * count..][..count]);
        for (index, cell) in cells.chunks_exact_mut(N).enumerate() {
            for (byte, plane) in cell.iter_mut().zip(&planes) {
                *byte = plane[index];
            }
        }
        tail.copy_from_slice(&bytes[count * N..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_one_rank_come_together() {
        assert_eq!(&*shuffle(2, &[1, 2, 3, 4, 5]), [1, 3, 2, 4, 5]);
        for size in 0..20 {
            for length in 0_u8..70 {
                let cells: Vec<u8> = (0..length).collect();
                let mut back = vec![0; cells.len()];
                unshuffle(size, &shuffle(size, &cells), &mut back);
                assert_eq!(back, cells, "{length} bytes in cells of {size}");
            }
        }
    }
}
