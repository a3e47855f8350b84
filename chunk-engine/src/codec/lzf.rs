//! LZF, the codec that h5py brings: literals, and references to what came before.

use hyperslab_core::{Error, Result};

/// A control byte below this is the length of a run of literals, less one.
const LITERALS: u8 = 32;

/// The three bits for the length of a reference say that another byte adds to it.
const LONG: usize = 7;

/// Decompresses a stream into `out`, which it must fill.
pub(super) fn decompress(stream: &[u8], out: &mut [u8]) -> Result<()> {
    match filled(stream, out) {
        Some(length) if length == out.len() => Ok(()),
        _ => Err(Error::corrupt("an LZF stream is damaged")),
    }
}

/// How much of `out` is filled; `None` when the stream ends within a step or leaves the buffer.
fn filled(mut stream: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut at = 0;
    while let Some((&control, rest)) = stream.split_first() {
        if control < LITERALS {
            let (literals, rest) = rest.split_at_checked(usize::from(control) + 1)?;
            out.get_mut(at..)?
                .get_mut(..literals.len())?
                .copy_from_slice(literals);
            at += literals.len();
            stream = rest;
            continue;
        }
        let mut rest = rest;
        let mut length = usize::from(control >> 5);
        if length == LONG {
            let (&more, after) = rest.split_first()?;
            length += usize::from(more);
            rest = after;
        }
        let (&low, after) = rest.split_first()?;
        let back = usize::from(control & 31) << 8 | usize::from(low);
        let from = at.checked_sub(back + 1)?;
        at = repeat(out, from, at, length + 2)?;
        stream = after;
    }
    Some(at)
}

/// Copies `length` bytes from `from` to `at`, where what is copied may be read again; gives the end.
fn repeat(out: &mut [u8], from: usize, at: usize, length: usize) -> Option<usize> {
    let end = at.checked_add(length).filter(|&end| end <= out.len())?;
    if from + length <= at {
        out.copy_within(from..from + length, at);
    } else {
        for step in 0..length {
            out[at + step] = out[from + step];
        }
    }
    Some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_and_references() {
        let mut out = [0; 12];
        // "ab", then 10 bytes from two back: a length of 7 + 1 + 2.
        decompress(&[1, b'a', b'b', 7 << 5, 1, 1], &mut out).unwrap();
        assert_eq!(&out, b"abababababab");
        // "abcd", then 3 bytes from four back.
        decompress(&[3, b'a', b'b', b'c', b'd', 1 << 5, 3], &mut out[..7]).unwrap();
        assert_eq!(&out[..7], b"abcdabc");
    }

    #[test]
    fn what_leads_out_of_the_buffer_is_refused() {
        let mut out = [0; 7];
        for stream in [
            &[][..],
            &[3, 1, 2],
            &[6, 1, 2, 3, 4, 5, 6],
            &[7, 1, 2, 3, 4, 5, 6, 7, 8],
            &[0, 1, 4 << 5, 1],
            &[0, 1, 4 << 5],
            &[0, 1, 7 << 5, 1],
            &[0, 1, 7 << 5, 255, 0],
            &[0, 1, 2 << 5, 0],
        ] {
            assert!(decompress(stream, &mut out).is_err(), "{stream:?}");
        }
        decompress(&[0, 1, 4 << 5, 0], &mut out).unwrap();
        assert_eq!(out, [1; 7]);
    }
}
