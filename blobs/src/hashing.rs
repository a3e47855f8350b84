//! Hashes of content.

use std::fmt;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::sync::mpsc::{channel, sync_channel};

use hyperslab_core::Error;
use serde::{Serialize, Serializer};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::{BlobKey, KeyFormat};

/// How much is read at a time.
pub(crate) const BLOCK_BYTES: usize = 512 << 10;

/// What is shorter is hashed by the thread that reads it.
const ALONE_BYTES: u64 = 1 << 20;

/// So many blocks may wait to be hashed.
const BLOCKS_AHEAD: usize = 4;

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
    Blake3(Box<blake3::Hasher>),
}

impl KeyHash {
    /// For keys of that format, which is one of content.
    pub(crate) fn new(format: KeyFormat) -> Self {
        match format {
            KeyFormat::Sha1 => Self::Sha1(Sha1::new()),
            KeyFormat::Blake3 => Self::Blake3(Box::default()),
            _ => Self::Sha256(Sha256::new()),
        }
    }

    /// The key of content.
    pub(crate) fn of(format: KeyFormat, content: &[u8]) -> BlobKey {
        let mut hash = Self::new(format);
        hash.update(content);
        hash.finish()
    }

    /// Takes more content.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(hash) => hash.update(bytes),
            Self::Sha1(hash) => hash.update(bytes),
            Self::Blake3(hash) => drop(hash.update(bytes)),
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
            Self::Blake3(hash) => BlobKey::of_digest(KeyFormat::Blake3, hash.finalize().as_bytes()),
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

/// What went wrong between a source and where its bytes are kept.
#[derive(Debug)]
pub(crate) enum Broken {
    /// Reading the source.
    Source(io::Error),
    /// Keeping what was read.
    Kept(io::Error),
}

impl Broken {
    /// As an error, when keeping fails with that.
    pub(crate) fn error(self, kept: impl FnOnce(io::Error) -> Error) -> Error {
        match self {
            Self::Kept(error) => kept(error),
            Self::Source(error) => match error.kind() {
                io::ErrorKind::InvalidData
                | io::ErrorKind::InvalidInput
                | io::ErrorKind::UnexpectedEof => {
                    Error::corrupt(format!("the source: {error}")).with_source(error)
                }
                _ => Error::io("read", "the source", error),
            },
        }
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Kept(error)
    }
}

impl From<Broken> for io::Error {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Source(error) | Broken::Kept(error) => error,
        }
    }
}

/// Reads a source to its end, block by block, and gives each block to `keep`: the size, and the hash of all of it.
pub(crate) fn drain(
    source: &mut dyn Read,
    mut keep: impl FnMut(&[u8]) -> io::Result<()>,
) -> Result<(u64, Sha256Digest), Broken> {
    let mut first = Vec::new();
    let mut limited = Read::take(&mut *source, ALONE_BYTES);
    limited.read_to_end(&mut first).map_err(Broken::Source)?;
    let mut hash = Sha256::new();
    if (first.len() as u64) < ALONE_BYTES {
        hash.update(&first);
        keep(&first).map_err(Broken::Kept)?;
        return Ok((first.len() as u64, Sha256Digest(hash.finalize().into())));
    }
    let mut whole = Read::chain(first.as_slice(), source);
    drain_beside(&mut whole, hash, &mut keep)
}

/// The same for a long source, with a thread that hashes while this one reads and keeps.
fn drain_beside(
    source: &mut dyn Read,
    mut hash: Sha256,
    keep: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(u64, Sha256Digest), Broken> {
    std::thread::scope(|scope| {
        let (full, filled) = sync_channel::<Vec<u8>>(BLOCKS_AHEAD);
        let (empty, emptied) = channel::<Vec<u8>>();
        let hashing = scope.spawn(move || {
            for block in filled {
                hash.update(&block);
                // Nobody waits for it at the end.
                let _ = empty.send(block);
            }
            Sha256Digest(hash.finalize().into())
        });
        let mut size = 0;
        loop {
            let mut block = emptied.try_recv().unwrap_or_default();
            block.clear();
            let mut limited = Read::take(&mut *source, BLOCK_BYTES as u64);
            limited.read_to_end(&mut block).map_err(Broken::Source)?;
            if block.is_empty() {
                break;
            }
            size += block.len() as u64;
            keep(&block).map_err(Broken::Kept)?;
            let sent = full.send(block);
            sent.map_err(|error| Broken::Kept(io::Error::other(error)))?;
        }
        drop(full);
        let hash = hashing.join();
        let failed = |_| Broken::Kept(io::Error::other("the thread that hashes has panicked"));
        let hash = hash.map_err(failed)?;
        Ok((size, hash))
    })
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
