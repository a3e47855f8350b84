//! What is convenient on top of the contract, the same for every repository.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::Path;

use hyperslab_core::{Error, Result};

use crate::{BlobFinding, BlobKey, BlobReader, BlobRepository, BlobStat, Missing, Put, UNWATCHED};

/// The longest content that [`Blobs::content`] reads at once: whatever is larger is a stream.
const CONTENT_BYTES_MAX: u64 = 1 << 32;

/// What is convenient on top of a [`BlobRepository`].
///
/// ```
/// use hyperslab_blobs::{Blobs, MemoryBlobs};
///
/// let blobs = MemoryBlobs::new();
/// let put = blobs.put_bytes(b"a log")?;
/// assert_eq!(blobs.content(&put.key)?, b"a log");
/// assert!(blobs.put_bytes(b"a log")?.existed);
/// blobs.delete(&put.key)?;
/// assert!(!blobs.has(&put.key)?);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
pub trait Blobs: BlobRepository {
    /// Puts these bytes.
    ///
    /// # Errors
    /// As [`BlobRepository::put`].
    fn put_bytes(&self, mut bytes: &[u8]) -> Result<Put> {
        self.put(&mut bytes)
    }

    /// Puts the content of a file.
    ///
    /// # Errors
    /// As [`BlobRepository::put`]; `NotFound` and `Denied` of the file; `InvalidInput` for a folder, which has no bytes.
    fn put_file(&self, path: &Path) -> Result<Put> {
        let fail = |source| Error::io("open", path.display(), source);
        let mut file = File::open(path).map_err(fail)?;
        if file.metadata().map_err(fail)?.is_dir() {
            return Err(Error::invalid(format!(
                "{} is a folder; put the files in it",
                path.display()
            )));
        }
        self.put(&mut file)
            .map_err(|error| error.context(path.display()))
    }

    /// Whether an object is there.
    ///
    /// # Errors
    /// As [`BlobRepository::stat_many`].
    fn has(&self, key: &BlobKey) -> Result<bool> {
        Ok(self.stat(key)?.is_some())
    }

    /// Whether each of these objects is there, in their order.
    ///
    /// # Errors
    /// As [`BlobRepository::stat_many`].
    fn has_many(&self, keys: &[BlobKey]) -> Result<Vec<bool>> {
        let found = self.stat_many(keys)?;
        Ok(found.iter().map(Option::is_some).collect())
    }

    /// What is known of these objects, all of which must be there, in their order.
    ///
    /// # Errors
    /// `NotFound` that names all that are not there; as [`BlobRepository::stat_many`].
    fn stat_all(&self, keys: &[BlobKey]) -> Result<Vec<BlobStat>> {
        let found = self.stat_many(keys)?;
        let gone = keys.iter().zip(&found).filter(|(_, stat)| stat.is_none());
        absent(gone.map(|(key, _)| key))?;
        Ok(found.into_iter().flatten().collect())
    }

    /// What is known of an object without reading it, if it is there.
    ///
    /// # Errors
    /// As [`BlobRepository::stat_many`].
    fn stat(&self, key: &BlobKey) -> Result<Option<BlobStat>> {
        let found = self.stat_many(std::slice::from_ref(key))?;
        Ok(found.into_iter().next().flatten())
    }

    /// All of an object.
    ///
    /// # Errors
    /// As [`BlobRepository::open`]; `TooLarge` for more than 4 GiB, which are read as a stream.
    fn content(&self, key: &BlobKey) -> Result<Vec<u8>> {
        let mut reader = self.open(key)?;
        content_of(key, &mut *reader)
    }

    /// Reads every object: what is wrong.
    ///
    /// # Errors
    /// As [`BlobRepository::verify`].
    fn findings(&self) -> Result<Vec<BlobFinding>> {
        let mut findings = Vec::new();
        self.verify(&mut |finding| findings.push(finding), UNWATCHED)?;
        Ok(findings)
    }

    /// Deletes an object.
    ///
    /// # Errors
    /// As [`BlobRepository::delete_many`].
    fn delete(&self, key: &BlobKey) -> Result<()> {
        self.delete_many(std::slice::from_ref(key), Missing::Fail)
            .map(drop)
    }
}

impl<R: BlobRepository + ?Sized> Blobs for R {}

/// All of an object that is open.
fn content_of(key: &BlobKey, reader: &mut dyn BlobReader) -> Result<Vec<u8>> {
    let size = reader.size();
    if size > CONTENT_BYTES_MAX {
        return Err(Error::too_large(format!(
            "object {key} has {size} bytes; open it and read it as a stream"
        )));
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
    let read = reader.read_exact(&mut bytes);
    read.map_err(|source| read_failed(key, source))?;
    Ok(bytes)
}

/// That these keys are not there; nothing when there are none.
pub(crate) fn absent<'a>(keys: impl IntoIterator<Item = &'a BlobKey>) -> Result<()> {
    const NAMED_MAX: usize = 10;
    let mut names: Vec<String> = keys.into_iter().map(BlobKey::to_string).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Ok(());
    }
    let more = match names.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(NAMED_MAX);
    Err(gone(&format!("{}{more}", names.join(", "))))
}

/// That this key is not there.
pub(crate) fn not_there(key: &BlobKey) -> Error {
    gone(&key.to_string())
}

fn gone(names: &str) -> Error {
    Error::not_found(format!(
        "there is no object {names}; list those that there are"
    ))
}

/// Those that were found, once each; with [`Missing::Fail`] the error that names the others, if there are any.
pub(crate) fn those_there<'a, T>(
    keys: &'a [BlobKey],
    found: &[Option<T>],
    missing: Missing,
) -> Result<BTreeSet<&'a BlobKey>> {
    let (there, gone): (Vec<_>, Vec<_>) = keys
        .iter()
        .zip(found)
        .partition(|(_, found)| found.is_some());
    if missing == Missing::Fail {
        absent(gone.into_iter().map(|(key, _)| key))?;
    }
    Ok(there.into_iter().map(|(key, _)| key).collect())
}

/// What reading an object says.
pub(crate) fn read_failed(key: &BlobKey, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof => {
            let what = source.to_string();
            // It says so already, when it is checked.
            let what = match what.contains(&*key.text()) {
                true => what,
                false => format!("object {key}: {what}"),
            };
            Error::corrupt(format!("{what}; restore it from a copy")).with_source(source)
        }
        _ => Error::io("read", format_args!("object {key}"), source),
    }
}

/// Refuses keys of another format.
pub(crate) fn check_keys(
    repository: &(impl BlobRepository + ?Sized),
    keys: &[BlobKey],
) -> Result<()> {
    let format = repository.info().key_format;
    match keys.iter().find(|key| key.format() != format) {
        None => Ok(()),
        Some(key) => Err(Error::invalid(format!(
            "{key} is a key of format {}, and this repository has {format}",
            key.format()
        ))),
    }
}
