//! Objects as they are read.

use std::io::{self, Read, Seek, SeekFrom};

/// An open object: a stream that can be moved about, and ranges of it. It is the object it was when it was opened, also when that
/// has been packed since. When it has been deleted, it is read to its end where files are kept as long as they are open, and
/// reading says `NotFound` elsewhere.
pub trait BlobReader: Read + Seek + Send {
    /// Bytes of the content.
    fn size(&self) -> u64;

    /// Reads from a place on, without moving the stream: how many bytes; fewer than `out` has only at the end.
    ///
    /// # Errors
    /// What the medium says.
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
}

/// Where a stream of that size is after a seek. Places behind the end are allowed, as in files; those before the start are not.
pub(crate) fn place_after(to: SeekFrom, now: u64, size: u64) -> io::Result<u64> {
    let place = match to {
        SeekFrom::Start(place) => Some(place),
        SeekFrom::Current(by) => now.checked_add_signed(by),
        SeekFrom::End(by) => size.checked_add_signed(by),
    };
    place.ok_or_else(|| {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            "a place before the start of the object",
        )
    })
}

/// Gives a stream to what can read at places.
#[derive(Debug)]
pub(crate) struct Streamed<R> {
    inner: R,
    size: u64,
    place: u64,
}

/// What can read at places.
pub(crate) trait ReadAt: Send {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
}

impl<R: ReadAt> Streamed<R> {
    pub(crate) fn new(inner: R, size: u64) -> Self {
        Self {
            inner,
            size,
            place: 0,
        }
    }
}

impl<R: ReadAt> Read for Streamed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = BlobReader::read_at(self, self.place, out)?;
        self.place += count as u64;
        Ok(count)
    }
}

impl<R: ReadAt> Seek for Streamed<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.place = place_after(to, self.place, self.size)?;
        Ok(self.place)
    }
}

impl<R: ReadAt> BlobReader for Streamed<R> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(offset);
        let length = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..length).filter(|rest| !rest.is_empty()) {
            match self.inner.read_at(offset + done as u64, rest) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => done += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}
