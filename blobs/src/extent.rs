//! Objects that are a part of a file: so many bytes from a place on, as they are or compressed.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use flate2::bufread::{DeflateDecoder, ZlibDecoder};

use crate::BlobReader;
use crate::reader::{ReadAt, Streamed};

/// How much of a stream is read or skipped at a time.
const BUFFER_BYTES: usize = 64 << 10;

/// How the bytes of a part are what they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// They are it.
    None,
    /// A stream of zlib (RFC 1950).
    Zlib,
    /// A frame of Zstandard (RFC 8878).
    Zstd,
    /// A stream of deflate without a frame (RFC 1951).
    Deflate,
}

/// A part of a file.
#[derive(Debug, Clone)]
pub(crate) struct Extent {
    file: Arc<File>,
    offset: u64,
    length: u64,
}

impl Extent {
    pub(crate) fn new(file: Arc<File>, offset: u64, length: u64) -> Self {
        Self {
            file,
            offset,
            length,
        }
    }

    /// The object that it holds, whose content has so many bytes.
    pub(crate) fn reader(self, encoding: Encoding, size: u64) -> Box<dyn BlobReader> {
        match encoding {
            Encoding::None => Box::new(Streamed::new(self, size)),
            encoding => Box::new(Streamed::new(Inflated::new(self, encoding, size), size)),
        }
    }

    /// Its bytes as a stream, from the first on.
    fn stored(&self) -> Stored {
        let streamed = Streamed::new(self.clone(), self.length);
        io::BufReader::with_capacity(BUFFER_BYTES, streamed)
    }
}

/// The stored bytes of a part.
type Stored = io::BufReader<Streamed<Extent>>;

impl ReadAt for Extent {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset);
        let length = usize::try_from(left).map_or(out.len(), |left| left.min(out.len()));
        let out = out.get_mut(..length).unwrap_or_default();
        self.file.read_at(out, self.offset.saturating_add(offset))
    }
}

/// A stream that is decompressed.
enum Decoder {
    Zlib(ZlibDecoder<Stored>),
    Zstd(Box<zstd::stream::read::Decoder<'static, Stored>>),
    Deflate(DeflateDecoder<Stored>),
}

impl Decoder {
    fn new(extent: &Extent, encoding: Encoding) -> io::Result<Self> {
        Ok(match encoding {
            Encoding::Deflate => Self::Deflate(DeflateDecoder::new(extent.stored())),
            Encoding::Zstd => {
                let decoder = zstd::stream::read::Decoder::with_buffer(extent.stored())?;
                Self::Zstd(Box::new(decoder))
            }
            _ => Self::Zlib(ZlibDecoder::new(extent.stored())),
        })
    }
}

impl Read for Decoder {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Zlib(stream) => stream.read(out),
            Self::Zstd(stream) => stream.read(out).map_err(|error| match error.kind() {
                // What the decoder says itself.
                io::ErrorKind::Other => io::Error::new(io::ErrorKind::InvalidData, error),
                _ => error,
            }),
            Self::Deflate(stream) => stream.read(out),
        }
    }
}

/// The content of a compressed part. A place behind the last one is read on to, one before it from the start again.
struct Inflated {
    extent: Extent,
    encoding: Encoding,
    /// Bytes of the content.
    size: u64,
    /// `None` before the first read.
    stream: Option<Decoder>,
    place: u64,
}

impl Inflated {
    fn new(extent: Extent, encoding: Encoding, size: u64) -> Self {
        Self {
            size,
            stream: None,
            extent,
            encoding,
            place: 0,
        }
    }
}

impl ReadAt for Inflated {
    fn read_at(&mut self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let stream = match &mut self.stream {
            Some(stream) if offset >= self.place => stream,
            old => {
                self.place = 0;
                old.insert(Decoder::new(&self.extent, self.encoding)?)
            }
        };
        let mut skipped = [0; 4096];
        while self.place < offset {
            let length = usize::try_from(offset - self.place).unwrap_or(usize::MAX);
            let length = length.min(skipped.len());
            let count = stream.read(skipped.get_mut(..length).unwrap_or_default())?;
            if count == 0 {
                return Ok(0);
            }
            self.place += count as u64;
        }
        let count = stream.read(out)?;
        self.place += count as u64;
        // Its end has the checksum of a stream, and one that goes on is another one.
        if self.place == self.size && stream.read(&mut [0])? > 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the stream goes on where the object ends",
            ));
        }
        Ok(count)
    }
}
