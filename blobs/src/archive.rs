//! Archives that AiiDA exports: a zip file, in which each object is `repo/KEY`. They are read in place.

mod writing;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hyperslab_core::{Error, Result};
use zip::{CompressionMethod, ZipArchive};

use crate::convenience::{check_keys, not_there, read_failed};
use crate::extent::{Encoding, Extent};
use crate::repository::sum;
use crate::verified::verified;
use crate::{
    BlobInfo, BlobKey, BlobKeys, BlobReader, BlobRepository, BlobStat, BlobUsage, KeyFormat,
    Missing, Placement, Put,
};

/// The folder of objects.
const FOLDER: &str = "repo/";

/// The objects of an archive.
#[derive(Debug)]
pub struct ArchiveBlobs {
    path: PathBuf,
    file: Arc<File>,
    entries: BTreeMap<BlobKey, Entry>,
}

/// Where an object lies.
#[derive(Debug, Clone, Copy)]
struct Entry {
    offset: u64,
    length: u64,
    size: u64,
    encoding: Encoding,
}

impl ArchiveBlobs {
    /// Opens an archive. What is in it beside objects is passed over.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` for what is no zip file; `Unsupported` for an object that is encrypted, or compressed in another way than by
    /// deflate.
    pub fn open(path: &Path) -> Result<Self> {
        let fail = |source| Error::io("open", path.display(), source);
        let file = File::open(path).map_err(fail)?;
        let mut archive = ZipArchive::new(io::BufReader::new(&file)).map_err(|source| {
            Error::corrupt(format!("{} is no archive: {source}", path.display()))
                .with_source(source)
        })?;
        let mut entries = BTreeMap::new();
        for number in 0..archive.len() {
            let found = archive.by_index_raw(number).map_err(|source| {
                Error::corrupt(format!("{}: {source}", path.display())).with_source(source)
            })?;
            // What has no name that reads is none of ours.
            let key = found.name().ok().and_then(|name| {
                let name = name.strip_prefix(FOLDER)?;
                BlobKey::parse(KeyFormat::Sha256, name).ok()
            });
            let Some(key) = key else { continue };
            let encoding = match found.compression() {
                CompressionMethod::Stored if !found.encrypted() => Encoding::None,
                CompressionMethod::Deflated if !found.encrypted() => Encoding::Deflate,
                other => {
                    return Err(Error::unsupported(format!(
                        "{}: object {key} is encrypted, or compressed by {other}, which is not read here",
                        path.display()
                    )));
                }
            };
            let Some(offset) = found.data_start() else {
                return Err(Error::corrupt(format!(
                    "{}: object {key} does not say where it begins",
                    path.display()
                )));
            };
            entries.insert(
                key,
                Entry {
                    offset,
                    length: found.compressed_size(),
                    size: found.size(),
                    encoding,
                },
            );
        }
        drop(archive);
        Ok(Self {
            path: path.to_owned(),
            file: Arc::new(file),
            entries,
        })
    }

    fn refused<T>(&self) -> Result<T> {
        Err(Error::denied(format!(
            "{} is an archive, which can only be read; copy its objects into a container",
            self.path.display()
        )))
    }
}

impl BlobRepository for ArchiveBlobs {
    fn info(&self) -> BlobInfo {
        BlobInfo {
            id: None,
            key_format: KeyFormat::Sha256,
            read_only: true,
        }
    }

    fn put(&self, _source: &mut dyn Read) -> Result<Put> {
        self.refused()
    }

    fn stat_many(&self, keys: &[BlobKey]) -> Result<Vec<Option<BlobStat>>> {
        check_keys(self, keys)?;
        let stat = |key| {
            self.entries.get(key).map(|entry| BlobStat {
                size: entry.size,
                placement: Placement::Packed {
                    pack: 0,
                    stored: entry.length,
                    compressed: entry.encoding != Encoding::None,
                },
            })
        };
        Ok(keys.iter().map(stat).collect())
    }

    fn open(&self, key: &BlobKey) -> Result<Box<dyn BlobReader>> {
        check_keys(self, std::slice::from_ref(key))?;
        let Some(entry) = self.entries.get(key) else {
            return Err(not_there(key));
        };
        let extent = Extent::new(Arc::clone(&self.file), entry.offset, entry.length);
        verified(key, extent.reader(entry.encoding, entry.size))
            .map_err(|source| read_failed(key, source))
    }

    fn list(&self) -> Result<BlobKeys<'_>> {
        Ok(Box::new(self.entries.keys().cloned().map(Ok)))
    }

    fn delete_many(&self, _keys: &[BlobKey], _missing: Missing) -> Result<u64> {
        self.refused()
    }

    fn usage(&self) -> Result<BlobUsage> {
        let entries = self.entries.values();
        Ok(BlobUsage {
            objects: self.entries.len() as u64,
            content_bytes: sum(entries.clone().map(|entry| entry.size)),
            stored_bytes: sum(entries.map(|entry| entry.length)),
        })
    }

    fn erase(&self) -> Result<()> {
        self.refused()
    }
}
