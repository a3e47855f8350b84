//! Hashes of content.

use std::fmt;
use std::fmt::Write as _;
use std::io::{self, Read};

use serde::{Serialize, Serializer};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{BlobKey, KeyFormat};

/// How much is read at a time.
pub(crate) const BLOCK_BYTES: usize = 512 << 10;

/// How much is read first.
const FIRST_BLOCK_BYTES: usize = 8 << 10;

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

/// The hash of content that a key is made of.
pub(crate) enum KeyHash {
    Sha256(Sha256),
    Sha1(Sha1),
}

impl KeyHash {
    /// For keys of that format, which is one of content.
    pub(crate) fn new(format: KeyFormat) -> Self {
        match format {
            KeyFormat::Sha1 => Self::Sha1(Sha1::new()),
            _ => Self::Sha256(Sha256::new()),
        }
    }

    /// Takes more content.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
        }
    }

    /// Reads a source to its end.
    pub(crate) fn take_all(&mut self, source: &mut dyn Read) -> io::Result<u64> {
        self.copy(source, &mut io::sink())
    }

    /// Copies a source to its end: how many bytes.
    pub(crate) fn copy(
        &mut self,
        source: &mut dyn Read,
        to: &mut dyn io::Write,
    ) -> io::Result<u64> {
        blocks(source, |block| {
            self.update(block);
            to.write_all(block)
        })
    }

    /// The key of all that was read.
    pub(crate) fn finish(self) -> BlobKey {
        match self {
            Self::Sha256(hash) => BlobKey::of_digest(KeyFormat::Sha256, &hash.finalize()),
            Self::Sha1(hash) => BlobKey::of_digest(KeyFormat::Sha1, &hash.finalize()),
        }
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
    let size = blocks(source, |block| {
        hash.update(block);
        keep(block)
    })?;
    Ok((size, Sha256Digest(hash.finalize().into())))
}

/// Reads a source to its end, block by block: how many bytes.
fn blocks(source: &mut dyn Read, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<u64> {
    // Most objects are small, and memory for a large block takes longer than they do.
    let (mut block, mut size) = (vec![0; FIRST_BLOCK_BYTES], 0);
    loop {
        let count = match source.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            count => count?,
        };
        let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(size);
        };
        each(bytes)?;
        size += count as u64;
        if count == block.len() && count < BLOCK_BYTES {
            block.resize(BLOCK_BYTES.min(4 * count), 0);
        }
    }
}
