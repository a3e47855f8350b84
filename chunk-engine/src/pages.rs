//! Checksums of the pages of a chunk, by which a part of it is verified without the rest.

use std::sync::LazyLock;

use hyperslab_core::{Error, Result};

/// Bytes of a page. The last one of a chunk may be shorter.
pub const PAGE_BYTES: usize = 8 << 10;

/// The CRC-32C of each page, and of all bytes together.
///
/// ```
/// use hyperslab_engine::page_sums;
///
/// let bytes = vec![7; 20_000];
/// let (sums, whole) = page_sums(&bytes);
/// assert_eq!(sums.len(), 3);
/// assert_eq!(page_sums(&bytes[8192..16384]), (vec![sums[1]], sums[1]));
/// assert_ne!(whole, sums[0]);
/// ```
#[must_use]
pub fn page_sums(bytes: &[u8]) -> (Vec<u32>, u32) {
    let sums: Vec<u32> = bytes.chunks(PAGE_BYTES).map(crc32c::crc32c).collect();
    let last = bytes.chunks(PAGE_BYTES).next_back().map_or(0, <[u8]>::len);
    let whole = sums.iter().enumerate().fold(0, |whole, (number, sum)| {
        match number + 1 < sums.len() || last == PAGE_BYTES {
            true => behind_a_page(whole) ^ sum,
            false => crc32c::crc32c_combine(whole, *sum, last),
        }
    });
    (sums, whole)
}

/// Compares bytes that begin with a page with the checksums of their pages.
pub(crate) fn verify(bytes: &[u8], sums: &[u8]) -> Result<()> {
    let (sums, _) = sums.as_chunks::<4>();
    let pages = bytes.chunks(PAGE_BYTES);
    let mut pairs = pages.zip(sums);
    if pairs.all(|(page, sum)| crc32c::crc32c(page) == u32::from_le_bytes(*sum)) {
        return Ok(());
    }
    Err(Error::corrupt("a checksum of a page does not hold"))
}

/// What a checksum becomes when a page of zeros follows. That is linear: it is the sum of what each of its bits becomes.
fn behind_a_page(crc: u32) -> u32 {
    static BY_BYTE: LazyLock<[[u32; 256]; 4]> = LazyLock::new(|| {
        let becomes = |bit: usize| crc32c::crc32c_combine(1 << bit, 0, PAGE_BYTES);
        let bits: [u32; 32] = std::array::from_fn(becomes);
        let sum = |byte: usize, bits: &[u32]| {
            let set = bits.iter().enumerate();
            let set = set.filter(|(bit, _)| byte >> bit & 1 == 1);
            set.fold(0, |sum, (_, becomes)| sum ^ becomes)
        };
        std::array::from_fn(|place| {
            std::array::from_fn(|byte| sum(byte, &bits[8 * place..8 * place + 8]))
        })
    });
    let parts = crc.to_le_bytes().into_iter().zip(BY_BYTE.iter());
    parts.fold(0, |sum, (byte, table)| sum ^ table[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_of_all_is_made_of_those_of_the_pages() {
        let bytes: Vec<u8> = (0..50_000_u32).map(|n| (n * n % 251) as u8).collect();
        for length in [0, 1, 8191, 8192, 8193, 16384, 50_000] {
            let bytes = &bytes[..length];
            let (sums, whole) = page_sums(bytes);
            assert_eq!(whole, crc32c::crc32c(bytes), "{length} bytes");
            assert_eq!(sums.len(), length.div_ceil(PAGE_BYTES));
            let sums: Vec<u8> = sums.into_iter().flat_map(u32::to_le_bytes).collect();
            verify(bytes, &sums).unwrap();
            if length > 0 {
                let mut damaged = bytes.to_vec();
                damaged[length / 2] ^= 1;
                assert!(verify(&damaged, &sums).is_err());
            }
        }
    }
}
