//! Loose objects into packs.
//!
//! The order is what keeps every object whole at every moment: bytes at the end of a pack, synced and read back; then their rows, in
//! one transaction; then, if that is wanted, the loose files away. Whoever is killed in between leaves bytes that belong to nothing,
//! or an object that is there twice.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use flate2::write::ZlibEncoder;
use hyperslab_core::{Error, Result};
use serde::Serialize;

use super::config::Config;
use super::extent;
use super::folders::{self, Folders};
use super::index::Row;
use super::locks::{PackMark, PackerLock};
use super::{ContainerBlobs, loose};
use crate::hashing::{BLOCK_BYTES, KeyHash};
use crate::{BlobKey, BlobRepository};

/// How long a packer waits for another.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of an object is looked at to see whether it is worth compressing.
const SAMPLE_BYTES: u64 = 128 << 10;

/// Objects are not compressed when more than so many hundredths are left.
const WORTH_HUNDREDTHS: u64 = 90;

/// Which objects are compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compress {
    /// None.
    #[default]
    Never,
    /// All that get smaller by it.
    Always,
    /// Those whose first part gets smaller by a tenth.
    WhereWorthIt,
}

/// How loose objects are packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PackOptions {
    /// Which objects are compressed.
    pub compress: Compress,
    /// Remove the loose files of objects that are packed, once their rows are safe.
    pub clean: bool,
}

/// What packing did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PackReport {
    /// Objects that were packed.
    pub packed: u64,
    /// Bytes of their content.
    pub content_bytes: u64,
    /// Bytes that they take in packs.
    pub stored_bytes: u64,
    /// Loose files that were removed.
    pub cleaned: u64,
    /// Objects whose file does not hold what its name says. They stay as they are.
    pub damaged: Vec<BlobKey>,
}

impl ContainerBlobs {
    /// Packs all loose objects, in the order of their keys.
    ///
    /// # Errors
    /// `Locked` when another packer is at work; what the medium says. What was packed until then is packed.
    pub fn pack_loose(&self, options: &PackOptions) -> Result<PackReport> {
        let _lock = PackerLock::acquire(&self.folders, PATIENCE)?;
        let mut report = PackReport::default();
        let mut keys = loose::list(&self.folders, &self.config)?;
        keys.sort_unstable();
        let mut left = self.unpacked(keys)?.into_iter().peekable();
        let mut pack = 0;
        while left.peek().is_some() {
            pack = self.next_pack(pack)?;
            let _mark = PackMark::make(&self.folders, pack)?;
            let mut appender = Appender::open(&self.folders, &self.config, pack)?;
            while !appender.is_full() {
                let Some(key) = left.next() else { break };
                let mut file = match File::open(self.loose_path(&key)) {
                    // Deleted meanwhile.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    file => file.map_err(|source| {
                        Error::io("open", self.loose_path(&key).display(), source)
                    })?,
                };
                if !appender.append(&key, &mut file, options.compress)? {
                    report.damaged.push(key);
                }
            }
            let rows = appender.finish()?;
            self.verify(&rows)?;
            self.index.insert(&rows)?;
            for (key, row) in &rows {
                report.packed += 1;
                report.content_bytes += row.size;
                report.stored_bytes += row.length;
                if options.clean {
                    loose::remove(&self.loose_path(key))?;
                    report.cleaned += 1;
                }
            }
        }
        Ok(report)
    }

    /// Those of these keys that have no row.
    fn unpacked(&self, keys: Vec<BlobKey>) -> Result<Vec<BlobKey>> {
        let rows = self.index.find(&keys)?;
        let pairs = keys.into_iter().zip(rows);
        Ok(pairs
            .filter_map(|(key, row)| row.is_none().then_some(key))
            .collect())
    }

    /// The first pack from this one on that is not full.
    fn next_pack(&self, first: u64) -> Result<u64> {
        for pack in first.. {
            let path = self.folders.pack(pack);
            match std::fs::metadata(&path) {
                Ok(found) if found.len() >= self.config.pack_size_target => {}
                Ok(_) => return Ok(pack),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(pack),
                Err(source) => return Err(Error::io("read", path.display(), source)),
            }
        }
        Err(Error::internal("no number is left for a pack"))
    }

    /// Reads back what is about to get rows: another program that does not know our lock may have written there.
    fn verify(&self, rows: &[(BlobKey, Row)]) -> Result<()> {
        for (key, row) in rows {
            let mut reader = extent::open(&self.folders, key, *row)?;
            let mut hash = KeyHash::new(self.info().key_format);
            let read = hash.take_all(&mut reader);
            read.map_err(|source| Error::io("read", format_args!("object {key}"), source))?;
            if hash.finish() != *key {
                return Err(Error::conflict(format!(
                    "pack {} was written by another program at the same time; run nothing else that packs, and try again",
                    row.pack
                )));
            }
        }
        Ok(())
    }
}

/// Appends objects to a pack.
struct Appender<'a> {
    folders: &'a Folders,
    config: &'a Config,
    pack: u64,
    file: BufWriter<File>,
    /// Where the next object begins.
    end: u64,
    rows: Vec<(BlobKey, Row)>,
}

impl<'a> Appender<'a> {
    fn open(folders: &'a Folders, config: &'a Config, pack: u64) -> Result<Self> {
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

    fn is_full(&self) -> bool {
        self.end >= self.config.pack_size_target
    }

    /// Appends an object; false when it is not what its key says, and nothing of it stays.
    fn append(&mut self, key: &BlobKey, source: &mut File, compress: Compress) -> Result<bool> {
        let path = self.folders.pack(self.pack);
        let fail = |error| Error::io("write", path.display(), error);
        let tried = self.is_worth_it(source, compress).map_err(fail)?;
        let row = match tried {
            true => self.copy(key, source, true).map_err(fail)?,
            false => None,
        };
        // One that did not get smaller, too.
        let row = match row {
            Some(row) if row.length < row.size => Some(row),
            _ => {
                self.cut(self.end).map_err(fail)?;
                source.rewind().map_err(fail)?;
                self.copy(key, source, false).map_err(fail)?
            }
        };
        let Some(row) = row else {
            self.cut(self.end).map_err(fail)?;
            return Ok(false);
        };
        self.end += row.length;
        self.rows.push((key.clone(), row));
        Ok(true)
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
        let size = if compressed {
            let level = flate2::Compression::new(self.config.zlib_level());
            let mut encoder = ZlibEncoder::new(&mut counted, level);
            let size = hash.copy(source, &mut encoder)?;
            encoder.finish()?;
            size
        } else {
            hash.copy(source, &mut counted)?
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
                Read::take(&mut *source, SAMPLE_BYTES).read_to_end(&mut sample)?;
                source.rewind()?;
                let mut encoder = ZlibEncoder::new(Vec::new(), flate2::Compression::new(1));
                encoder.write_all(&sample)?;
                let left = encoder.finish()?.len() as u64;
                Ok(left * 100 < sample.len() as u64 * WORTH_HUNDREDTHS)
            }
        }
    }

    /// Makes the bytes safe: the rows that they may get.
    fn finish(mut self) -> Result<Vec<(BlobKey, Row)>> {
        let path = self.folders.pack(self.pack);
        self.file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all())
            .map_err(|source| Error::io("sync", path.display(), source))?;
        Ok(self.rows)
    }
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
