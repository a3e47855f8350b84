//! Reading files that are never changed in place.

use std::fs::{File, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;
use std::time::SystemTime;

use bytes::Bytes;
use hyperslab_core::{Begun, Error, Pace, Result};
use hyperslab_engine::is_settled;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::super::at_hand::{AtHand, Opened};
use super::super::spans::{cut, merge};
use super::super::{Object, Ranges, Tail, Version};
use super::{Disk, version_of};

/// Ranges with at most this gap are read together.
const GAP_BYTES_MAX: u64 = 64 << 10;
/// Merging stops here.
const SPAN_BYTES_MAX: u64 = 8 << 20;
/// A file of this size is read sooner than another thread wakes up.
const SMALL_BYTES: u64 = 64 << 10;

impl AtHand for Disk {
    fn open(&self, key: &str) -> Result<Option<Opened>> {
        let path = self.path(key)?;
        let Some((file, metadata)) = open(&path)? else {
            return Ok(None);
        };
        Ok(Some(Opened {
            version: version_of(&metadata),
            size: metadata.size(),
            settled: is_settled(metadata.ctime(), SystemTime::now()),
            file,
            path,
        }))
    }

    fn state(&self, key: &str) -> Result<Option<Version>> {
        self.version(&self.path(key)?)
    }

    fn pace(&self) -> &Pace {
        &self.pace
    }
}

impl Disk {
    pub(super) fn begin_read_whole(&self, key: &str) -> Result<Begun<Option<Object>>> {
        let path = self.path(key)?;
        let Some((file, metadata)) = open(&path)? else {
            return Ok(Begun::Done(None));
        };
        let is_small = metadata.size() <= SMALL_BYTES;
        let read = move || {
            Ok(Some(Object {
                bytes: read_at(&file, 0..metadata.size(), &path)?,
                version: version_of(&metadata),
            }))
        };
        if is_small {
            return read().map(Begun::Done);
        }
        Ok(Begun::nothing(read))
    }

    pub(super) fn read_ranges(
        &self,
        key: &str,
        ranges: &[Range<u64>],
        expected: Option<&Version>,
    ) -> Result<Ranges> {
        let path = self.path(key)?;
        let Some((file, metadata)) = open(&path)? else {
            return Ok(Ranges::Absent);
        };
        let version = version_of(&metadata);
        if expected.is_some_and(|expected| *expected != version) {
            return Ok(Ranges::Changed);
        }
        let spans = merge(ranges, GAP_BYTES_MAX, SPAN_BYTES_MAX);
        if spans.iter().any(|span| span.range.end > metadata.size()) {
            return Err(too_short(&path, metadata.size()));
        }
        let read = spans.into_iter().map(|span| {
            let bytes = read_at(&file, span.range.clone(), &path)?;
            Ok((span, bytes))
        });
        let read = read.collect::<Result<Vec<_>>>()?;
        let parts = cut(ranges, &read).ok_or_else(|| too_short(&path, metadata.size()))?;
        Ok(Ranges::Found { parts, version })
    }

    pub(super) fn read_tail(&self, key: &str, length: u64) -> Result<Option<Tail>> {
        let path = self.path(key)?;
        let Some((file, metadata)) = open(&path)? else {
            return Ok(None);
        };
        let size = metadata.size();
        Ok(Some(Tail {
            bytes: read_at(&file, size.saturating_sub(length)..size, &path)?,
            size,
            version: version_of(&metadata),
        }))
    }

    /// The state of a file; `None` when there is none, or a folder.
    pub(super) fn version(&self, path: &Path) -> Result<Option<Version>> {
        match std::fs::metadata(path) {
            Ok(metadata) => Ok(metadata.is_file().then(|| version_of(&metadata))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(Error::io("read", path.display(), error)),
        }
    }
}

/// A regular file and what it is; `None` when there is no file.
fn open(path: &Path) -> Result<Option<(File, Metadata)>> {
    let fail = |error: io::Error| Error::io("read", path.display(), error);
    // Nobody waits here for the other end of a pipe.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(error) => {
            let error = io::Error::from(error);
            return if is_absent(&error) {
                Ok(None)
            } else {
                Err(fail(error))
            };
        }
    };
    let metadata = file.metadata().map_err(fail)?;
    Ok(metadata.is_file().then_some((file, metadata)))
}

/// Whether an error means that there can be no such file.
pub(super) fn is_absent(error: &io::Error) -> bool {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    matches!(
        code,
        Some(Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG)
    )
}

fn read_at(file: &File, range: Range<u64>, path: &Path) -> Result<Bytes> {
    let length = usize::try_from(range.end - range.start)
        .map_err(|_| Error::too_large(format!("{} does not fit in memory", path.display())))?;
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, range.start) {
        Ok(()) => Ok(Bytes::from(bytes)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let size = file.metadata().map_or(0, |metadata| metadata.size());
            Err(too_short(path, size))
        }
        Err(error) => Err(Error::io("read", path.display(), error)),
    }
}

fn too_short(path: &Path, size: u64) -> Error {
    Error::corrupt(format!(
        "{} has only {size} bytes and should have more; run `hyperslab check`",
        path.display()
    ))
}
