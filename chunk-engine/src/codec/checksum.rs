//! Checksums behind the bytes they cover.

use hyperslab_core::{Error, Result};

use super::{Codec, fletcher};

/// Bytes of any of them.
pub(super) const LENGTH: usize = 4;

/// The checksum of `bytes`.
pub(super) fn of(codec: &Codec, bytes: &[u8]) -> [u8; LENGTH] {
    let sum = match codec {
        Codec::Crc32c => crc32c::crc32c(bytes),
        _ => fletcher::fletcher32(bytes),
    };
    sum.to_le_bytes()
}

/// The bytes before a checksum, which agrees with them.
pub(super) fn content<'a>(codec: &Codec, bytes: &'a [u8]) -> Result<&'a [u8]> {
    bytes
        .split_last_chunk::<LENGTH>()
        .filter(|(content, stored)| of(codec, content) == **stored)
        .map(|(content, _)| content)
        .ok_or_else(|| Error::corrupt("the checksum of a chunk does not hold"))
}
