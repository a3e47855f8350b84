//! The end of a pack, where objects are appended.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, Write};

use hyperslab_core::{Error, Result};

use super::Compression;
use super::config::Config;
use super::folders::{self, Folders};
use super::index::Row;
use super::packing::Compress;
use crate::hashing::{BLOCK_BYTES, Broken, KeyHash, Sha256Digest, drain};
use crate::{BlobKey, KeyFormat};

/// How much of an object is looked at to see whether it is worth compressing.
const SAMPLE_BYTES: usize = 128 << 10;

/// What is not longer is read whole, and appended from memory.
pub(super) const SMALL_BYTES: u64 = 64 << 10;

/// Objects are not compressed when more than so many hundredths are left.
const WORTH_HUNDREDTHS: u64 = 90;

/// Appends objects to a pack.
pub(super) struct Appender<'a> {
    folders: &'a Folders,
    config: &'a Config,
    pack: i64,
    file: BufWriter<Tail>,
    /// Where the next object begins.
    end: u64,
    rows: Vec<(BlobKey, Row)>,
}

impl<'a> Appender<'a> {
    pub(super) fn open(folders: &'a Folders, config: &'a Config, pack: i64) -> Result<Self> {
        let path = folders.pack(pack);
        let fail = |source| Error::io("open", path.display(), source);
        let is_new = !path.exists();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(fail)?;
        let end = file.metadata().map_err(fail)?.len();
        if is_new {
            folders::sync(path.parent().unwrap_or(folders.root()))?;
        }
        Ok(Self {
            folders,
            config,
            pack,
            file: BufWriter::with_capacity(BLOCK_BYTES, Tail { file, end }),
            end,
            rows: Vec::new(),
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.end >= self.config.pack_size_target
    }

    /// How many objects have been appended.
    pub(super) fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Appends an object that is in memory.
    pub(super) fn append_bytes(
        &mut self,
        key: &BlobKey,
        content: &[u8],
        compress: Compress,
    ) -> Result<()> {
        let path = self.folders.pack(self.pack);
        let fail = |error| Error::io("write", path.display(), error);
        let packed = self.compressed(content, compress).map_err(fail)?;
        let stored = packed.as_deref().unwrap_or(content);
        self.file.write_all(stored).map_err(fail)?;
        let row = Row {
            compressed: packed.is_some(),
            size: content.len() as u64,
            offset: self.end,
            length: stored.len() as u64,
            pack: self.pack,
        };
        self.end += row.length;
        self.rows.push((*key, row));
        Ok(())
    }

    /// The content compressed, if that is wanted and makes it smaller.
    fn compressed(&self, content: &[u8], compress: Compress) -> io::Result<Option<Vec<u8>>> {
        let sample = content.get(..SAMPLE_BYTES).unwrap_or(content);
        let wanted = match compress {
            // One without bytes would begin where the next does, and the package would take both for one place.
            _ if content.is_empty() => return self.config.compression.encoded(content).map(Some),
            Compress::Never => false,
            Compress::Always => true,
            Compress::WhereWorthIt => is_worth_it(sample)?,
        };
        if !wanted {
            return Ok(None);
        }
        let packed = self.config.compression.encoded(content)?;
        Ok((packed.len() < content.len()).then_some(packed))
    }

    /// Appends an object of a file; false when it is not what its key says, and nothing of it stays.
    pub(super) fn append(
        &mut self,
        key: &BlobKey,
        source: &mut File,
        compress: Compress,
    ) -> Result<bool> {
        let path = self.folders.pack(self.pack);
        let fail = |error| Error::io("write", path.display(), error);
        let tried = self.is_worth_it(source, compress).map_err(fail)?;
        let mut row = self.copy(key, source, tried).map_err(fail)?;
        // One that did not get smaller is kept as it is.
        if tried && row.is_none_or(|row| row.length >= row.size) {
            self.cut(self.end)?;
            source.rewind().map_err(fail)?;
            row = self.copy(key, source, false).map_err(fail)?;
        }
        let Some(row) = row else {
            self.cut(self.end)?;
            return Ok(false);
        };
        self.end += row.length;
        self.rows.push((*key, row));
        Ok(true)
    }

    /// Appends what is left of a source, whose key is not known before it was read: its row, its size and its hash. What was appended
    /// is taken back with [`withdraw`](Self::withdraw).
    pub(super) fn append_stream(
        &mut self,
        source: &mut dyn Read,
        compress: Compress,
    ) -> Result<(BlobKey, Row, Sha256Digest)> {
        let path = self.folders.pack(self.pack);
        let fail = |error| Error::io("write", path.display(), error);
        let mut sample = Vec::new();
        let mut limited = Read::take(&mut *source, SAMPLE_BYTES as u64);
        let read = limited.read_to_end(&mut sample);
        read.map_err(|error| Broken::Source(error).error(fail))?;
        let compressed = match compress {
            _ if sample.is_empty() => true,
            Compress::Never => false,
            // There is no way back once all of it has been read.
            Compress::Always => self.compressed(&sample, compress).map_err(fail)?.is_some(),
            Compress::WhereWorthIt => is_worth_it(&sample).map_err(fail)?,
        };
        let mut whole = Read::chain(sample.as_slice(), source);
        let copied = self.copy_stream(&mut whole, compressed);
        let copied = copied.map_err(|broken| broken.error(fail));
        let (key, row, sha256) = match copied {
            Ok(copied) => copied,
            Err(error) => {
                self.cut(self.end)?;
                return Err(error);
            }
        };
        self.end += row.length;
        self.rows.push((key, row));
        Ok((key, row, sha256))
    }

    /// Takes back the object that was appended last.
    pub(super) fn withdraw(&mut self) -> Result<()> {
        if let Some((_, row)) = self.rows.pop() {
            self.end = row.offset;
            self.cut(self.end)?;
        }
        Ok(())
    }

    fn copy_stream(
        &mut self,
        source: &mut dyn Read,
        compressed: bool,
    ) -> Result<(BlobKey, Row, Sha256Digest), Broken> {
        let format = self.config.hash_type;
        let mut other = (format != KeyFormat::Sha256).then(|| KeyHash::new(format));
        let mut counted = Counted {
            inner: &mut self.file,
            count: 0,
        };
        let mut copy = |to: &mut dyn Write| {
            drain(source, |block| {
                other.iter_mut().for_each(|hash| hash.update(block));
                to.write_all(block)
            })
        };
        let (size, sha256) = match compressed {
            true => self.config.compression.encode(&mut counted, copy)?,
            false => copy(&mut counted)?,
        };
        let key = match other {
            Some(hash) => hash.finish(),
            None => BlobKey::of_digest(KeyFormat::Sha256, &sha256.0),
        };
        let row = Row {
            compressed,
            size,
            offset: self.end,
            length: counted.count,
            pack: self.pack,
        };
        Ok((key, row, sha256))
    }

    /// Copies an object behind the last one; `None` when it is not what its key says.
    fn copy(
        &mut self,
        key: &BlobKey,
        source: &mut File,
        compressed: bool,
    ) -> io::Result<Option<Row>> {
        let mut hash = KeyHash::new(self.config.hash_type);
        let mut counted = Counted {
            inner: &mut self.file,
            count: 0,
        };
        let mut copied = |to: &mut dyn Write| hash.copy(source, to);
        let size = match compressed {
            true => self.config.compression.encode(&mut counted, copied)?,
            false => copied(&mut counted)?,
        };
        let length = counted.count;
        Ok((hash.finish() == *key).then_some(Row {
            compressed,
            size,
            offset: self.end,
            length,
            pack: self.pack,
        }))
    }

    /// Takes back what lies behind a place, all of which is ours.
    fn cut(&mut self, end: u64) -> Result<()> {
        let path = self.folders.pack(self.pack);
        let fail = |source| Error::io("write", path.display(), source);
        self.file.flush().map_err(fail)?;
        let tail = self.file.get_mut();
        if !tail.is_last().map_err(fail)? {
            return Err(in_use(self.pack));
        }
        tail.file.set_len(end).map_err(fail)?;
        tail.end = end;
        Ok(())
    }

    fn is_worth_it(&self, source: &mut File, compress: Compress) -> io::Result<bool> {
        let size = source.metadata()?.len();
        match compress {
            Compress::Never => Ok(false),
            Compress::Always => Ok(size > 0),
            Compress::WhereWorthIt if size == 0 => Ok(false),
            Compress::WhereWorthIt => {
                let mut sample = Vec::new();
                Read::take(&mut *source, SAMPLE_BYTES as u64).read_to_end(&mut sample)?;
                source.rewind()?;
                is_worth_it(&sample)
            }
        }
    }

    /// Makes the bytes safe: the rows that they may get, and whether nobody else has appended meanwhile.
    pub(super) fn finish(mut self) -> Result<(Vec<(BlobKey, Row)>, bool)> {
        let path = self.folders.pack(self.pack);
        let fail = |source| Error::io("sync", path.display(), source);
        self.file.flush().map_err(fail)?;
        let tail = self.file.get_ref();
        tail.file.sync_all().map_err(fail)?;
        let alone = tail.is_last().map_err(fail)?;
        Ok((self.rows, alone))
    }
}

/// The end of a pack. What is written goes behind all that is there, also behind what another program has appended that does not know
/// our lock: nothing of it is written over.
struct Tail {
    file: File,
    /// Where the pack ends if nobody else appends.
    end: u64,
}

impl Tail {
    fn is_last(&self) -> io::Result<bool> {
        Ok(self.file.metadata()?.len() == self.end)
    }
}

impl Write for Tail {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.end += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is said when another program has written where we did.
pub(super) fn in_use(pack: i64) -> Error {
    Error::conflict(format!(
        "pack {pack} was written by another program at the same time; run nothing else that packs, and try again"
    ))
}

/// Whether the first part of an object gets enough smaller.
fn is_worth_it(sample: &[u8]) -> io::Result<bool> {
    let left = Compression::Zlib(1).encoded(sample)?.len() as u64;
    Ok(left * 100 < sample.len() as u64 * WORTH_HUNDREDTHS)
}

/// Counts what is written.
struct Counted<'a, W> {
    inner: &'a mut W,
    count: u64,
}

impl<W: Write> Write for Counted<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
