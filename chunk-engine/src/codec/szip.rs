//! Szip as the filter of HDF5 frames it: lines of samples in the coding of CCSDS 121.0-B-3, behind the length of the content.

use super::aec::{BLOCK_SAMPLES_MAX, Coding, Decoder};
use super::shuffle;
use crate::Scratch;

/// The most samples of a line.
const LINE_SAMPLES_MAX: u32 = 4096;

/// How a chunk was compressed with szip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Szip {
    cell_bits: u32,
    block_cells: u32,
    line_cells: u32,
    predicted: bool,
    big_endian: bool,
}

impl Szip {
    /// Cells of `cell_bits` bits in blocks of `block_cells` and lines of `line_cells`, which were `predicted` from the one
    /// before or not, and are stored `big_endian` or not. `None` when there is no such way: bits are 1 to 24, 32 or 64, the
    /// cells of a block 2 to 32 and even, those of a line 1 to 4096.
    #[must_use]
    pub fn new(
        cell_bits: u32,
        block_cells: u32,
        line_cells: u32,
        predicted: bool,
        big_endian: bool,
    ) -> Option<Self> {
        let is_block = block_cells.is_multiple_of(2)
            && (1..=BLOCK_SAMPLES_MAX).contains(&(block_cells as usize));
        let is_known = matches!(cell_bits, 1..=24 | 32 | 64)
            && is_block
            && (1..=LINE_SAMPLES_MAX).contains(&line_cells);
        is_known.then_some(Self {
            cell_bits,
            block_cells,
            line_cells,
            predicted,
            big_endian,
        })
    }

    /// Decompresses a chunk into `out`, which it must fill; `None` when it is damaged.
    pub(super) fn decompress(&self, chunk: &[u8], out: &mut [u8]) -> Option<()> {
        let (length, stream) = chunk.split_first_chunk()?;
        if usize::try_from(u32::from_le_bytes(*length)).ok()? != out.len() {
            return None;
        }
        // Wide cells are taken apart: samples are first their first bytes, then their second ones, and so on.
        match self.cell_bits {
            32 | 64 => {
                let cell_size = self.cell_bits as usize / 8;
                let mut planes = Scratch::new(out.len());
                self.lines(8, stream, &mut planes)?;
                let is_whole = out.len().is_multiple_of(cell_size);
                is_whole.then(|| shuffle::unshuffle(cell_size, &planes, out))
            }
            bits => self.lines(bits, stream, out),
        }
    }

    /// Fills `out` line by line. Each line begins with a reference sample, and was filled up to whole blocks.
    fn lines(&self, sample_bits: u32, stream: &[u8], out: &mut [u8]) -> Option<()> {
        let coding = Coding {
            sample_bits,
            block_samples: self.block_cells as usize,
            predicted: self.predicted,
        };
        let mut decoder = Decoder::new(coding, stream);
        let line_samples = self.line_cells.next_multiple_of(self.block_cells);
        let mut samples = vec![0; line_samples as usize];
        let size = match sample_bits {
            ..=8 => 1,
            9..=16 => 2,
            _ => 4,
        };
        if !out.len().is_multiple_of(size) {
            return None;
        }
        for line in out.chunks_mut(self.line_cells as usize * size) {
            let wanted = line.len() / size;
            decoder.interval(&mut samples, wanted)?;
            let samples = &samples[..wanted];
            match (size, self.big_endian) {
                (1, _) => put(line, samples, |sample| [sample.to_le_bytes()[0]]),
                (2, false) => put(line, samples, |sample| low_half(sample).to_le_bytes()),
                (2, true) => put(line, samples, |sample| low_half(sample).to_be_bytes()),
                (_, false) => put(line, samples, u32::to_le_bytes),
                (_, true) => put(line, samples, u32::to_be_bytes),
            }
        }
        Some(())
    }
}

/// A sample of at most 16 bits.
const fn low_half(sample: u32) -> u16 {
    let [low, high, ..] = sample.to_le_bytes();
    u16::from_le_bytes([low, high])
}

/// Puts down samples in so many bytes each.
fn put<const SIZE: usize>(line: &mut [u8], samples: &[u32], bytes: impl Fn(u32) -> [u8; SIZE]) {
    for (place, sample) in line.as_chunks_mut().0.iter_mut().zip(samples) {
        *place = bytes(*sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cells, and what h5py made of them: options, pixels of a block, bits of a pixel, pixels of a line, and the chunk.
    fn samples() -> Vec<(Szip, Vec<u8>, Vec<u8>)> {
        let bytes = [
            3, 3, 4, 5, 9, 9, 9, 9, 8, 200, 3, 0, 1, 0, 2, 2, 2, 2, 2, 2, 2,
        ];
        let squares = (0..21_i16).flat_map(|n| (n * n - 40).to_le_bytes());
        let steps = (0..21_i16).flat_map(|n| (n / 4).to_be_bytes());
        let quarters = (0..12_u8).flat_map(|n| (f32::from(n) / 4.0).to_le_bytes());
        let wide = (0..10_u8).flat_map(|n| f64::from(n / 4).to_be_bytes());
        let sample = |szip: Option<Szip>, cells: Vec<u8>, chunk: &[u8]| {
            let szip = szip.expect("what h5py writes is known");
            (szip, cells, chunk.to_vec())
        };
        vec![
            sample(
                Szip::new(8, 4, 21, true, false),
                bytes.to_vec(),
                &[21, 0, 0, 0, 32, 114, 72, 7, 240, 28, 143, 192, 82, 166, 8],
            ),
            sample(
                Szip::new(16, 4, 7, true, false),
                squares.collect(),
                &[
                    42, 0, 0, 0, 63, 253, 138, 106, 68, 158, 88, 40, 0, 74, 76, 19, 41, 35, 174,
                    32, 96, 9, 197, 58, 240, 152, 147, 50, 156, 0,
                ],
            ),
            sample(
                Szip::new(16, 8, 21, false, true),
                steps.collect(),
                &[42, 0, 0, 0, 31, 85, 37, 85, 80, 242, 36, 147, 194, 0],
            ),
            sample(
                Szip::new(32, 4, 4, true, false),
                quarters.collect(),
                &[
                    48, 0, 0, 0, 0, 8, 0, 64, 2, 0, 16, 0, 128, 7, 128, 64, 127, 160, 120, 4, 4, 4,
                    12, 1, 88, 0, 20, 0, 126, 32, 3, 248, 32, 64,
                ],
            ),
            sample(
                Szip::new(64, 10, 10, false, true),
                wide.collect(),
                &[
                    80, 0, 0, 0, 222, 170, 72, 0, 0, 127, 255, 248, 1, 192, 0, 0, 0, 60, 60, 60,
                    60, 0, 0, 2, 16, 132, 33,
                ],
            ),
        ]
    }

    #[test]
    fn what_h5py_wrote() {
        for (szip, cells, chunk) in samples() {
            let mut out = vec![0xaa; cells.len()];
            szip.decompress(&chunk, &mut out).unwrap();
            assert_eq!(out, cells, "{szip:?}");
            // Behind the stream there may be zeros; a line that was filled up ends in some, too.
            for length in 0..chunk.len() - 2 {
                let cut = szip.decompress(&chunk[..length], &mut out);
                assert_eq!(cut, None, "{szip:?} {length}");
            }
        }
    }

    #[test]
    fn a_length_that_is_not_the_one_of_the_chunk_is_refused() {
        for (szip, cells, mut chunk) in samples() {
            let mut out = vec![0; cells.len() * 2];
            assert_eq!(szip.decompress(&chunk, &mut out), None);
            chunk[0] -= 1;
            let mut out = vec![0; cells.len() - 1];
            // A byte can be left out, half a number cannot.
            let is_whole = szip.cell_bits == 8;
            assert_eq!(szip.decompress(&chunk, &mut out).is_some(), is_whole);
        }
    }

    #[test]
    fn ways_that_are_not_there() {
        for (bits, block, line) in [
            (0, 8, 8),
            (25, 8, 8),
            (33, 8, 8),
            (8, 0, 8),
            (8, 5, 8),
            (8, 34, 8),
            (8, 8, 0),
            (8, 8, 4097),
        ] {
            assert_eq!(Szip::new(bits, block, line, true, false), None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn damaged_bytes_are_taken(
            which in any::<prop::sample::Index>(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        ) {
            let (szip, cells, mut chunk) = which.get(&samples()).clone();
            for (at, byte) in changes {
                let position = 4 + at.index(chunk.len() - 4);
                chunk[position] = byte;
            }
            let mut out = vec![0; cells.len()];
            // Whether it is found or not.
            let _ = szip.decompress(&chunk, &mut out);
        }

        #[test]
        fn any_stream_is_taken(
            bits in prop_oneof![1..=24_u32, Just(32), Just(64)],
            half_block in 1..=16_u32,
            line in 1..200_u32,
            predicted in any::<bool>(),
            big_endian in any::<bool>(),
            length in 0..3000_u32,
            stream in proptest::collection::vec(prop_oneof![Just(0_u8), any::<u8>()], 0..400),
        ) {
            let szip = Szip::new(bits, half_block * 2, line, predicted, big_endian).unwrap();
            let chunk = [&length.to_le_bytes()[..], &stream].concat();
            let mut out = vec![0; length as usize];
            let _ = szip.decompress(&chunk, &mut out);
        }
    }
}
