//! Shards: many chunks in one object, as the codec `sharding_indexed` of Zarr says, with the index at the end.
//!
//! The index has the offset and the length of each chunk as little-endian `u64`, all ones for a chunk that is not there,
//! and a CRC-32C.

use std::ops::Range;

use hyperslab_core::{Error, Result};
use serde_json::{Value, json};

/// Where each chunk of a shard lies; `None` for one that reads as fill.
pub(crate) type ShardIndex = Vec<Option<Range<u64>>>;

const ENTRY_BYTES: u64 = 16;
const CHECKSUM_BYTES: u64 = 4;

/// The length of the index of a shard of so many chunks, in bytes.
pub(crate) fn index_length(chunk_count: usize) -> u64 {
    chunk_count as u64 * ENTRY_BYTES + CHECKSUM_BYTES
}

/// The codec as Zarr metadata name it.
pub(crate) fn metadata(chunk_shape: &[u64], codecs: &[Value]) -> Value {
    json!({"name": "sharding_indexed", "configuration": {
        "chunk_shape": chunk_shape,
        "codecs": codecs,
        "index_codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "crc32c"},
        ],
        "index_location": "end",
    }})
}

/// Reads the index from the end of a shard of `size` bytes.
///
/// # Errors
/// `Corrupt` when the checksum does not hold or a chunk lies outside of the shard.
pub(crate) fn parse_index(end: &[u8], chunk_count: usize, size: u64) -> Result<ShardIndex> {
    let corrupt = |reason: &str| Error::corrupt(format!("the index of a shard {reason}"));
    let length = index_length(chunk_count);
    if end.len() as u64 != length || size < length {
        return Err(corrupt("is cut short"));
    }
    let Some((entries, checksum)) = end.split_last_chunk::<4>() else {
        return Err(corrupt("is cut short"));
    };
    if crc32c::crc32c(entries).to_le_bytes() != *checksum {
        return Err(corrupt("has a checksum that does not hold"));
    }
    let number = |bytes: &[u8]| bytes.try_into().map_or(u64::MAX, u64::from_le_bytes);
    entries
        .chunks_exact(16)
        .map(|entry| {
            let (offset, length) = (number(&entry[..8]), number(&entry[8..]));
            if offset == u64::MAX && length == u64::MAX {
                return Ok(None);
            }
            match offset.checked_add(length) {
                Some(end) if end <= size => Ok(Some(offset..end)),
                _ => Err(corrupt("points outside of the shard")),
            }
        })
        .collect()
}

/// The index of a shard whose chunks lie in these ranges, in the order of their numbers.
pub(crate) fn index_bytes(chunks: impl Iterator<Item = Option<Range<u64>>>) -> Vec<u8> {
    let mut index = Vec::new();
    for chunk in chunks {
        let (offset, length) = match chunk {
            Some(range) => (range.start, range.end - range.start),
            None => (u64::MAX, u64::MAX),
        };
        index.extend_from_slice(&offset.to_le_bytes());
        index.extend_from_slice(&length.to_le_bytes());
    }
    let checksum = crc32c::crc32c(&index).to_le_bytes();
    index.extend_from_slice(&checksum);
    index
}

/// Puts encoded chunks together, those that are there, in their order.
pub(crate) fn build(chunks: &[Option<&[u8]>]) -> Vec<u8> {
    let mut shard: Vec<u8> = Vec::new();
    let ranges = chunks.iter().map(|chunk| {
        chunk.map(|bytes| {
            let start = shard.len() as u64;
            shard.extend_from_slice(bytes);
            start..shard.len() as u64
        })
    });
    let index = index_bytes(ranges);
    shard.extend_from_slice(&index);
    shard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_together_is_found_again() {
        let shard = build(&[Some(b"ab"), None, Some(b"cde")]);
        let size = shard.len() as u64;
        let end = &shard[shard.len() - usize::try_from(index_length(3)).unwrap()..];
        assert_eq!(
            parse_index(end, 3, size).unwrap(),
            [Some(0..2), None, Some(2..5)]
        );
        for position in 0..end.len() {
            let mut damaged = end.to_vec();
            damaged[position] ^= 4;
            assert!(parse_index(&damaged, 3, size).is_err());
        }
        assert!(parse_index(&end[1..], 3, size).is_err());
    }
}
