//! Hashes of content.

use std::fmt;
use std::fmt::Write as _;
use std::io::{self, Read};

use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

/// How much is read at a time.
pub(crate) const BLOCK_BYTES: usize = 512 << 10;

/// The SHA-256 of the content of an object, whatever its key is made of.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sha256Digest(pub [u8; 32]);

impl Sha256Digest {
    /// That of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Reads a source to its end, block by block, and gives each block to `keep`: the size, and the hash of all of it.
pub(crate) fn drain(
    source: &mut dyn Read,
    mut keep: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<(u64, Sha256Digest)> {
    let mut hash = Sha256::new();
    let (mut block, mut size) = (vec![0; BLOCK_BYTES], 0);
    loop {
        let count = match source.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok((size, Sha256Digest(hash.finalize().into())));
        };
        hash.update(bytes);
        keep(bytes)?;
        size += count as u64;
    }
}
