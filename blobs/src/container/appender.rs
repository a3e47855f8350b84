//! The end of a pack, where objects are appended.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};

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
    file: BufWriter<File>,
    /// Where the next object begins.
    end: u64,
    rows: Vec<(BlobKey, Row)>,
}

impl<'a> Appender<'a> {
    pub(super) fn open(folders: &'a Folders, config: &'a Config, pack: i64) -> Result<Self> {
        let path = folders.pack(pack);
        let fail = |source| Error::io("open", path.display(), source);
        let is_new = !path.exists();
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(fail)?;
        let end = file.seek(SeekFrom::End(0)).map_err(fail)?;
        if is_new {
            folders::sync(path.parent().unwrap_or(folders.root()))?;
        }
        Ok(Self {
            folders,
            config,
            pack,
            file: BufWriter::with_capacity(BLOCK_BYTES, file),
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
            self.cut(self.end).map_err(fail)?;
            source.rewind().map_err(fail)?;
            row = self.copy(key, source, false).map_err(fail)?;
        }
        let Some(row) = row else {
            self.cut(self.end).map_err(fail)?;
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
            Compress::Always => true,
            Compress::WhereWorthIt => is_worth_it(&sample).map_err(fail)?,
        };
        let mut whole = Read::chain(sample.as_slice(), source);
        let copied = self.copy_stream(&mut whole, compressed);
        let copied = copied.map_err(|broken| broken.error(fail));
        let (key, row, sha256) = match copied {
            Ok(copied) => copied,
            Err(error) => {
                self.cut(self.end).map_err(fail)?;
                return Err(error);
            }
        };
        self.end += row.length;
        self.rows.push((key, row));
        Ok((key, row, sha256))
    }

    /// Takes back the object that was appended last.
    pub(super) fn withdraw(&mut self) -> Result<()> {
        let path = self.folders.pack(self.pack);
        if let Some((_, row)) = self.rows.pop() {
            self.end = row.offset;
            self.cut(self.end)
                .map_err(|error| Error::io("write", path.display(), error))?;
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

    /// Takes back what lies behind a place.
    fn cut(&mut self, end: u64) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().set_len(end)?;
        self.file.seek(SeekFrom::Start(end)).map(drop)
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

    /// Makes the bytes safe: the rows that they may get.
    pub(super) fn finish(mut self) -> Result<Vec<(BlobKey, Row)>> {
        let path = self.folders.pack(self.pack);
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(|source| Error::io("sync", path.display(), source))?;
        Ok(self.rows)
    }
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
