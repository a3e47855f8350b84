//! Objects in a pack: so many bytes from a place on, as they are or as a stream of zlib.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::bufread::ZlibDecoder;
use hyperslab_core::{Error, Result};

use super::folders::Folders;
use super::index::Row;
use crate::reader::{ReadAt, Streamed};
use crate::{BlobKey, BlobReader};

/// How much of a stream is read or skipped at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// Opens an object.
///
/// # Errors
/// `NotFound` when the pack is not there; `Corrupt` when it ends before the object does.
pub(super) fn open(folders: &Folders, key: &BlobKey, row: Row) -> Result<Box<dyn BlobReader>> {
    let path = folders.pack(row.pack);
    let fail = |source| Error::io("open", path.display(), source);
    let file = File::open(&path).map_err(fail)?;
    let end = row.offset.checked_add(row.length);
    let bytes = file.metadata().map_err(fail)?.len();
    if end.is_none_or(|end| end > bytes) || (!row.compressed && row.length != row.size) {
        return Err(Error::corrupt(format!(
            "object {key} is said to be {} bytes from {} on in {}, which has {bytes}; restore it from a copy",
            row.length,
            row.offset,
            path.display()
        )));
    }
    let extent = Extent {
        file: Arc::new(file),
        offset: row.offset,
        length: row.length,
    };
    Ok(match row.compressed {
        false => Box::new(Streamed::new(extent, row.size)),
        true => Box::new(Streamed::new(Inflated::new(extent), row.size)),
    })
}

/// A part of a file.
#[derive(Debug, Clone)]
struct Extent {
    file: Arc<File>,
    offset: u64,
    length: u64,
}

impl ReadAt for Extent {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset);
        let length = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
        let out = out.get_mut(..length).unwrap_or_default();
        self.file.read_at(out, self.offset + offset)
    }
}

/// The content of a compressed part. A place behind the last one is read on to, one before it from the start again.
#[derive(Debug)]
struct Inflated {
    extent: Extent,
    stream: ZlibDecoder<Stored>,
    place: u64,
}

/// The stored bytes of a part.
type Stored = io::BufReader<Streamed<Extent>>;

fn stored(extent: &Extent) -> Stored {
    let streamed = Streamed::new(extent.clone(), extent.length);
    io::BufReader::with_capacity(BUFFER_BYTES, streamed)
}

impl Inflated {
    fn new(extent: Extent) -> Self {
        Self {
            stream: ZlibDecoder::new(stored(&extent)),
            extent,
            place: 0,
        }
    }

    fn restart(&mut self) {
        self.stream.reset(stored(&self.extent));
        self.place = 0;
    }
}

impl ReadAt for Inflated {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        if offset < self.place {
            self.restart();
        }
        let mut skipped = [0; 4096];
        while self.place < offset {
            let length = usize::try_from(offset - self.place).unwrap_or(usize::MAX);
            let length = length.min(skipped.len());
            let count = self
                .stream
                .read(skipped.get_mut(..length).unwrap_or_default())?;
            if count == 0 {
                return Ok(0);
            }
            self.place += count as u64;
        }
        let count = self.stream.read(out)?;
        self.place += count as u64;
        Ok(count)
    }
}
