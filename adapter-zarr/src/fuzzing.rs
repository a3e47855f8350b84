//! What arbitrary bytes are thrown at.

use crate::shard::parse_index;

/// Parses an index of as many chunks as the length allows, as it is and with a checksum that holds.
pub fn shard_index(bytes: &[u8]) {
    let Some((&[low, high], rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let size = u64::from(u16::from_le_bytes([low, high])) + rest.len() as u64;
    // Any error will do.
    drop(parse_index(rest, rest.len() / 16, size));
    let mut whole = rest
        .get(..rest.len() / 16 * 16)
        .unwrap_or_default()
        .to_vec();
    whole.extend(crc32c::crc32c(&whole).to_le_bytes());
    drop(parse_index(&whole, rest.len() / 16, size));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            super::shard_index(&bytes);
        }
    }
}
