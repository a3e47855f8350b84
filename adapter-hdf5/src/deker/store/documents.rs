//! The documents of arrays that are made of tiles. Deker changes one in place, with an exclusive `flock` on it.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use hyperslab_core::{ArrayMeta, Durability, Error, Result, WriteOptions};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use uuid::Uuid;

use super::{Known, Store};
use crate::cache::FileIdentity;
use crate::deker::attributes;
use crate::deker::folders::Kind;
use crate::deker::guard::{self, Patience, patiently};
use crate::disk::{self, TempFile};

/// No document is longer.
const BYTES_MAX: u64 = 64 << 20;

impl Store {
    /// What an array of tiles says of itself.
    ///
    /// # Errors
    /// `NotFound`; `Locked` when Deker changes it all the time; `Corrupt`, `Unsupported`.
    pub(in crate::deker) fn read_document(&self, known: &Known, id: Uuid) -> Result<ArrayMeta> {
        let path = known.folders.file(Kind::Virtual, id);
        let meta = patiently(self.patience, || {
            let (text, identity) = read(&path)?;
            attributes::decode(&known.layout, &text).map_err(|error| match identity.is_fresh() {
                // Deker makes a document without a lock, so it may not be whole yet.
                true => guard::changing(&path),
                false => error.context(path.display()),
            })
        })?;
        if meta.id == id {
            return Ok(meta);
        }
        Err(Error::corrupt(format!(
            "{} is the document of the array {}; run `check`",
            path.display(),
            meta.id
        )))
    }

    /// Writes the document of an array into a file that has not its name yet.
    pub(in crate::deker) fn stage_document(
        &self,
        known: &Known,
        array: &ArrayMeta,
        target: &Path,
        durability: Durability,
    ) -> Result<TempFile> {
        let text = attributes::encode(&known.layout, array)?;
        let staged = TempFile::create(&self.make_temporaries()?)?;
        staged
            .file()
            .write_all(text.as_bytes())
            .map_err(|source| Error::io("write", target.display(), source))?;
        staged.sync(target, durability)?;
        Ok(staged)
    }

    /// Puts the next document of an array in place of the last one. The caller holds the array's lock.
    pub(in crate::deker) fn update_document(
        &self,
        known: &Known,
        id: Uuid,
        change: impl FnOnce(&mut ArrayMeta) -> Result<()>,
        options: &WriteOptions,
    ) -> Result<ArrayMeta> {
        let path = known.folders.file(Kind::Virtual, id);
        let writing = patiently(Patience::of(options), || guard::write(&path))?;
        let mut meta = self.read_document(known, id)?;
        change(&mut meta)?;
        let staged = self.stage_document(known, &meta, &path, options.durability)?;
        std::fs::metadata(&path).map_err(|source| Error::io("replace", path.display(), source))?;
        staged.replace(&path)?;
        drop(writing);
        disk::sync_parent(&path, options.durability)?;
        Ok(meta)
    }
}

/// Reads a document that is shared for so long.
fn read(path: &Path) -> Result<(String, FileIdentity)> {
    let fail = |source| Error::io("read", path.display(), source);
    let file = File::open(path).map_err(fail)?;
    // A file system without locks is used by one process at a time.
    if flock(&file, FlockOperation::NonBlockingLockShared) == Err(Errno::WOULDBLOCK) {
        return Err(Error::locked(format!(
            "{} is being changed by Deker; wait, or ask who runs it",
            path.display()
        )));
    }
    let identity = FileIdentity::of(&file.metadata().map_err(fail)?);
    let mut text = String::new();
    match file.take(BYTES_MAX).read_to_string(&mut text) {
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Err(Error::corrupt(
            format!("{} is not UTF-8; run `check`", path.display()),
        )),
        read => read.map(|_| (text, identity)).map_err(fail),
    }
}
