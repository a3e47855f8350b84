//! Loose objects, read on all cores while those before them are appended.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use hyperslab_core::{Error, Result};
use rayon::prelude::*;

use super::appender::{Appender, SMALL_BYTES};
use super::packing::Compress;
use super::{ContainerBlobs, WORTH_A_THREAD};
use crate::BlobKey;
use crate::files;
use crate::hashing::KeyHash;

/// So many objects are made safe at a time, so that not all of their rows are in memory at once.
const ROWS_MAX: usize = 1 << 15;

/// So many loose objects are read at a time.
const READ_AHEAD: usize = 256;

/// A loose object as it was found.
enum Loose {
    /// Deleted meanwhile.
    Gone,
    /// It is not what its name says.
    Damaged,
    Small(Vec<u8>),
    /// It is read when it is appended.
    Large,
}

/// The file of a loose object, and how many bytes it has.
enum Opened {
    Bytes(File, u64),
    /// Deleted meanwhile.
    Gone,
    /// No file of bytes.
    Other,
}

/// Loose objects that are to be packed.
pub(super) struct Reading<'a, I> {
    blobs: &'a ContainerBlobs,
    left: I,
    read: VecDeque<(BlobKey, Loose)>,
}

impl<'a, I: Iterator<Item = BlobKey> + Send> Reading<'a, I> {
    pub(super) fn begin(blobs: &'a ContainerBlobs, mut left: I) -> Result<Self> {
        let read = blobs.read_loose_objects(&mut left)?;
        Ok(Self {
            blobs,
            left,
            read: read.into(),
        })
    }

    /// Whether all has been appended: something is read as long as anything is left.
    pub(super) fn is_ended(&self) -> bool {
        self.read.is_empty()
    }

    /// Appends what comes next until the pack is full, or has as many rows as are made safe at a time: those that are damaged.
    pub(super) fn append_to(
        &mut self,
        appender: &mut Appender<'_>,
        compress: Compress,
    ) -> Result<Vec<BlobKey>> {
        // Once into the pool, not for each batch: a thread that sleeps takes longer to wake than many files to read.
        rayon::scope(|_| {
            let mut damaged = Vec::new();
            while !self.is_ended() && has_room(appender) {
                let is_behind = self.read.len() <= READ_AHEAD;
                let (appended, next) = rayon::join(
                    || {
                        let read = &mut self.read;
                        self.blobs
                            .append_all(read, appender, compress, &mut damaged)
                    },
                    // Not when so many are waiting for the next pack.
                    || match is_behind {
                        true => self.blobs.read_loose_objects(&mut self.left),
                        false => Ok(Vec::new()),
                    },
                );
                appended?;
                self.read.extend(next?);
                if self.is_ended() {
                    let next = self.blobs.read_loose_objects(&mut self.left)?;
                    self.read.extend(next);
                }
            }
            Ok(damaged)
        })
    }
}

fn has_room(appender: &Appender<'_>) -> bool {
    !appender.is_full() && appender.row_count() < ROWS_MAX
}

impl ContainerBlobs {
    /// The next loose objects.
    fn read_loose_objects(
        &self,
        left: &mut impl Iterator<Item = BlobKey>,
    ) -> Result<Vec<(BlobKey, Loose)>> {
        let keys: Vec<BlobKey> = left.take(READ_AHEAD).collect();
        let read = keys.into_par_iter().with_min_len(WORTH_A_THREAD);
        read.map(|key| self.read_loose(key)).collect()
    }

    /// Appends what was read, as far as there is room.
    fn append_all(
        &self,
        read: &mut VecDeque<(BlobKey, Loose)>,
        appender: &mut Appender<'_>,
        compress: Compress,
        damaged: &mut Vec<BlobKey>,
    ) -> Result<()> {
        while has_room(appender) {
            let Some((key, loose)) = read.pop_front() else {
                break;
            };
            if !self.append_loose(&key, loose, appender, compress)? {
                damaged.push(key);
            }
        }
        Ok(())
    }

    /// Appends what was found; false when it is damaged.
    fn append_loose(
        &self,
        key: &BlobKey,
        loose: Loose,
        appender: &mut Appender<'_>,
        compress: Compress,
    ) -> Result<bool> {
        match loose {
            Loose::Gone => Ok(true),
            Loose::Damaged => Ok(false),
            Loose::Small(content) => appender
                .append_bytes(key, &content, compress)
                .map(|()| true),
            Loose::Large => match self.find_loose(key)? {
                Opened::Bytes(mut file, _) => appender.append(key, &mut file, compress),
                Opened::Gone => Ok(true),
                Opened::Other => Ok(false),
            },
        }
    }

    fn find_loose(&self, key: &BlobKey) -> Result<Opened> {
        let path = self.loose_path(key);
        match files::open(&path) {
            Ok((file, bytes)) => Ok(Opened::Bytes(file, bytes)),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => Ok(Opened::Gone),
                io::ErrorKind::InvalidData => Ok(Opened::Other),
                _ => Err(Error::io("read", path.display(), error)),
            },
        }
    }

    /// The content of a loose object, checked if it is small.
    fn read_loose(&self, key: BlobKey) -> Result<(BlobKey, Loose)> {
        let (file, bytes) = match self.find_loose(&key)? {
            Opened::Bytes(file, bytes) => (file, bytes),
            Opened::Gone => return Ok((key, Loose::Gone)),
            Opened::Other => return Ok((key, Loose::Damaged)),
        };
        if bytes > SMALL_BYTES {
            return Ok((key, Loose::Large));
        }
        let mut content = vec![0; usize::try_from(bytes).unwrap_or_default()];
        file.read_exact_at(&mut content, 0)
            .map_err(|source| Error::io("read", self.loose_path(&key).display(), source))?;
        match KeyHash::of(key.format(), &content) == key {
            true => Ok((key, Loose::Small(content))),
            false => Ok((key, Loose::Damaged)),
        }
    }
}
