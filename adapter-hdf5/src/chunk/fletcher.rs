//! The Fletcher-32 checksum as the HDF5 filter computes it: over big-endian words of 16 bits.

/// The checksum of `bytes`.
pub(super) fn fletcher32(bytes: &[u8]) -> u32 {
    // So many words can be added before the second sum overflows.
    const BLOCK: usize = 360 * 2;
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut first, mut second) = (0_u32, 0_u32);
    let (whole, odd) = bytes.split_at(bytes.len() & !1);
    for block in whole.chunks(BLOCK) {
        for word in block.chunks_exact(2) {
            first += u32::from(u16::from_be_bytes([word[0], word[1]]));
            second += first;
        }
        first = fold(first);
        second = fold(second);
    }
    if let [last] = odd {
        first += u32::from(*last) << 8;
        second += first;
        first = fold(first);
        second = fold(second);
    }
    fold(second) << 16 | fold(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sums() {
        assert_eq!(fletcher32(&[]), 0);
        // Words 0x0102 and 0x0300: sums 0x0402 and 0x0102 + 0x0402.
        assert_eq!(fletcher32(&[1, 2, 3]), 0x0504_0402);
    }
}
