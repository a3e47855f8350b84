//! Content that is checked against its key as it is read.

use std::io::{self, Read, Seek, SeekFrom};

use bytes::Bytes;

use crate::hashing::KeyHash;
use crate::reader::{ReadAt, Streamed, place_after};
use crate::{BlobKey, BlobReader};

/// What is not longer is read whole, and checked, when it is opened.
pub(crate) const WHOLE_BYTES_MAX: u64 = 64 << 10;

/// Whether content is checked against its key when it is read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Verification {
    /// An object of up to 64 KiB is checked when it is opened. A longer one is checked as it is read from its start to its end, in
    /// however many pieces, and the last piece of one that is damaged is an error of the kind `InvalidData` instead. Of one that is
    /// read in part nothing is known.
    #[default]
    Always,
    /// What is read is what lies there.
    Never,
}

/// A stream of an object that checks it.
///
/// # Errors
/// `InvalidData` when it is known by now that it is not what its key says.
pub(crate) fn verified(
    key: &BlobKey,
    mut reader: Box<dyn BlobReader>,
) -> io::Result<Box<dyn BlobReader>> {
    let size = reader.size();
    if size > WHOLE_BYTES_MAX {
        return Ok(Box::new(Verified {
            inner: reader,
            key: *key,
            hash: Some(KeyHash::new(key.format())),
            hashed: 0,
            place: 0,
        }));
    }
    let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
    let mut done = 0;
    while let Some(rest) = content.get_mut(done..).filter(|rest| !rest.is_empty()) {
        done += reader.read_at(done as u64, rest)?;
    }
    match KeyHash::of(key.format(), &content) == *key {
        true => Ok(Box::new(Streamed::new(Bytes::from(content), size))),
        false => Err(damaged(key)),
    }
}

fn damaged(key: &BlobKey) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("object {key} is damaged: it has another content than its key says"),
    )
}

/// A long object, of which so much from its start on has been read and hashed.
struct Verified {
    inner: Box<dyn BlobReader>,
    key: BlobKey,
    /// `None` when all of it has been.
    hash: Option<KeyHash>,
    hashed: u64,
    place: u64,
}

impl Verified {
    /// Takes what was read at a place.
    fn take(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(hash) = &mut self.hash else {
            return Ok(());
        };
        let known = self.hashed.checked_sub(offset).map(usize::try_from);
        let Some(Ok(known)) = known else {
            return Ok(());
        };
        let new = bytes.get(known..).unwrap_or_default();
        hash.update(new);
        self.hashed += new.len() as u64;
        if self.hashed < self.inner.size() {
            return Ok(());
        }
        let is_sound = self
            .hash
            .take()
            .is_none_or(|hash| hash.finish() == self.key);
        if is_sound {
            return Ok(());
        }
        // It stays damaged for whoever goes on.
        self.hash = Some(KeyHash::new(self.key.format()));
        self.hashed = 0;
        Err(damaged(&self.key))
    }
}

impl Read for Verified {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.read_at(self.place, out)?;
        self.place += count as u64;
        Ok(count)
    }
}

impl Seek for Verified {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = place_after(to, self.place, self.inner.size())?;
        Ok(self.place)
    }
}

impl BlobReader for Verified {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read_at(offset, out);
        let count = read.map_err(|error| match error.kind() {
            // What a decoder says of a stream that is none.
            io::ErrorKind::InvalidData
            | io::ErrorKind::InvalidInput
            | io::ErrorKind::UnexpectedEof => {
                let what = format!("object {} is damaged: {error}", self.key);
                io::Error::new(io::ErrorKind::InvalidData, what)
            }
            _ => error,
        })?;
        self.take(offset, out.get(..count).unwrap_or_default())?;
        Ok(count)
    }
}

impl ReadAt for Bytes {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|place| self.get(place..));
        rest.unwrap_or_default().read(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyFormat;

    fn reader(content: &[u8]) -> Box<dyn BlobReader> {
        let size = content.len() as u64;
        Box::new(Streamed::new(Bytes::copy_from_slice(content), size))
    }

    fn key_of(content: &[u8]) -> BlobKey {
        KeyHash::of(KeyFormat::Sha256, content)
    }

    #[test]
    fn damage_is_told_at_the_end_at_the_latest() {
        for length in [0, 1, 65_536, 65_537, 300_000] {
            let content = vec![7_u8; length];
            let key = key_of(&content);
            let opened = |content: &[u8]| verified(&key, reader(content));
            let mut out = Vec::new();
            opened(&content).unwrap().read_to_end(&mut out).unwrap();
            assert_eq!(out, content);
            let Some(last) = length.checked_sub(1) else {
                continue;
            };
            for place in [0, last / 2, last] {
                let mut flipped = content.clone();
                flipped[place] ^= 1;
                let read = opened(&flipped).and_then(|mut reader| {
                    // In pieces that overlap, and after a look at the end.
                    let mut piece = [0; 1000];
                    reader.read_at(length as u64 - 1, &mut piece)?;
                    reader.read_at(0, &mut piece)?;
                    reader.read_to_end(&mut Vec::new())
                });
                assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
            }
        }
    }
}
