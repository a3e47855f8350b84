//! The Fletcher-32 checksum as the HDF5 filter computes it: over big-endian words of 16 bits.

use super::wide::wide;

wide! {
    /// The checksum of `bytes`.
    pub(super) fn fletcher32(bytes: &[u8]) -> u32 {
        // So many words can be added before a sum of 32 bits overflows.
        const BLOCK: u32 = 128;
        let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
        let (mut first, mut second) = (0_u32, 0_u32);
        let (whole, odd) = bytes.split_at(bytes.len() & !1);
        for block in whole.chunks(BLOCK as usize * 2) {
            // The second sum adds up the first one after each word, so it holds each word as often as words follow it,
            // and once more. Said like this the loop has no step that waits for the last one.
            let count = u32::try_from(block.len() / 2).unwrap_or(BLOCK);
            let (mut sum, mut weighted) = (0_u32, 0_u32);
            for (weight, word) in (0..count).rev().zip(block.chunks_exact(2)) {
                let word = u32::from(u16::from_be_bytes([word[0], word[1]]));
                // Neither can overflow in one block. A loop that looks for it does not become one over many words at once.
                sum = sum.wrapping_add(word);
                weighted = weighted.wrapping_add(word.wrapping_mul(weight.wrapping_add(1)));
            }
            second = fold(second + count * first + weighted);
            first = fold(first + sum);
        }
        if let [last] = odd {
            first += u32::from(*last) << 8;
            second += first;
            first = fold(first);
            second = fold(second);
        }
        fold(second) << 16 | fold(first)
    }
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

    #[test]
    fn long_input_has_the_sums_of_the_definition() {
        let bytes: Vec<u8> = (0..5001_u32)
            .map(|n| u8::try_from(n * n % 251).unwrap() | 0xf0)
            .collect();
        let (mut first, mut second) = (0_u64, 0_u64);
        for word in bytes.chunks(2) {
            first += u64::from(word[0]) * 256 + u64::from(word.get(1).copied().unwrap_or(0));
            second += first;
        }
        // Both sums are taken modulo 65535, with 65535 for zero.
        let modulo = |sum: u64| u32::try_from((sum - 1) % 65535 + 1).unwrap();
        assert_eq!(fletcher32(&bytes), modulo(second) << 16 | modulo(first));
    }
}
