//! bzip2: one stream, whose blocks and whole each carry a CRC-32.

use bzip2::{Decompress, Status};

/// Decompresses a stream, which must fill `out` and then end; `None` when it does not.
pub(super) fn decompress(stream: &[u8], out: &mut [u8]) -> Option<()> {
    let mut state = Decompress::new(false);
    // There is room for all of it, so one call comes to the end.
    let status = state.decompress(stream, out).ok()?;
    (status == Status::StreamEnd && state.total_out() == out.len() as u64).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What the filter of hdf5plugin made of 40 bytes, seven of each number from 0 on.
    const STREAM: [u8; 47] = [
        66, 90, 104, 49, 49, 65, 89, 38, 83, 89, 13, 27, 128, 154, 0, 0, 0, 64, 0, 126, 0, 32, 0,
        48, 192, 6, 106, 98, 3, 214, 50, 187, 58, 53, 146, 51, 60, 93, 201, 20, 225, 66, 64, 52,
        110, 2, 104,
    ];

    #[test]
    fn what_hdf5plugin_wrote() {
        let cells: Vec<u8> = (0..40).map(|n| n / 7).collect();
        let mut out = [0xaa; 41];
        decompress(&STREAM, &mut out[..40]).unwrap();
        assert_eq!(out[..40], cells);
        assert_eq!(out[40], 0xaa);
        // The length is not that of the chunk.
        for length in [0, 1, 39, 41] {
            assert_eq!(decompress(&STREAM, &mut out[..length]), None, "{length}");
        }
        for length in 0..STREAM.len() {
            let cut = decompress(&STREAM[..length], &mut out[..40]);
            assert_eq!(cut, None, "{length}");
        }
    }

    #[test]
    fn several_blocks() {
        // More than the 100000 bytes that a block of the lowest level has.
        let cells: Vec<u8> = (0..350_000_u32)
            .map(|n| (n.wrapping_mul(2_654_435_761) >> 27).to_le_bytes()[0])
            .collect();
        let mut stream = Vec::with_capacity(cells.len() * 2);
        let mut state = bzip2::Compress::new(bzip2::Compression::fast(), 30);
        let status = state.compress_vec(&cells, &mut stream, bzip2::Action::Finish);
        assert_eq!(status.unwrap(), Status::StreamEnd);
        let mut out = vec![0; cells.len()];
        decompress(&stream, &mut out).unwrap();
        assert_eq!(out, cells);
        let middle = stream.len() / 2;
        stream[middle] ^= 1;
        assert_eq!(decompress(&stream, &mut out), None);
    }

    /// Whether a stream with another byte is refused, or decodes to the very cells: the size of a block may be larger, and codes
    /// of bytes that do not occur may differ.
    fn gives_no_wrong_cells(at: usize, byte: u8, length: usize) -> bool {
        let mut stream = STREAM;
        stream[at] = byte;
        let mut out = vec![0; length];
        let outcome = decompress(&stream, &mut out);
        outcome.is_none() || (0..40).map(|n| n / 7).eq(out)
    }

    #[test]
    fn another_byte_may_leave_the_cells_as_they_are() {
        for (at, byte) in [(3, b'9'), (24, 64)] {
            assert!(gives_no_wrong_cells(at, byte, 40), "{at}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]

        #[test]
        fn a_damaged_stream_gives_no_wrong_cells(at in 0..STREAM.len(), byte in any::<u8>(), length in 30..50_usize) {
            prop_assert!(gives_no_wrong_cells(at, byte, length));
        }

        #[test]
        fn any_bytes_behind_a_sound_head_are_taken(rest in proptest::collection::vec(any::<u8>(), 0..300)) {
            for head in [4, 10, 14] {
                let stream = [&STREAM[..head], &rest].concat();
                let _ = decompress(&stream, &mut [0; 100]);
            }
        }
    }
}
