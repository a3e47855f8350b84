//! Files made of others: a second name for one, and one that keeps parts of another.

use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use async_trait::async_trait;
use hyperslab_core::{Durability, Error, Result};
use hyperslab_engine::{Outgoing, Scratch};
use rustix::fs::copy_file_range;
use rustix::io::Errno;

use super::super::{Condition, Files, Put, Version};
use super::publish::{holds, unique_time};
use super::read::is_absent;
use super::{Disk, LocalObjects, version_of};
use crate::edit::Piece;

/// So many bytes are copied at a time where the kernel does not do it.
const COPY_BYTES: usize = 256 << 10;

#[async_trait]
impl Files for LocalObjects {
    async fn read(&self, key: &str) -> Result<Option<(Outgoing, Version)>> {
        let key = key.to_owned();
        self.on_disk(move |disk| disk.read_buffer(&key)).await
    }

    async fn link(
        &self,
        from: &str,
        key: &str,
        condition: &Condition,
        durability: Durability,
    ) -> Result<Option<Put>> {
        let (from, key, condition) = (from.to_owned(), key.to_owned(), condition.clone());
        self.on_disk(move |disk| disk.link(&from, &key, &condition, durability))
            .await
    }

    async fn splice(
        &self,
        key: &str,
        pieces: Vec<Piece>,
        base: &Version,
        durability: Durability,
    ) -> Result<Put> {
        let (key, base) = (key.to_owned(), base.clone());
        self.on_disk(move |disk| disk.splice(&key, &pieces, &base, durability))
            .await
    }
}

impl Disk {
    fn read_buffer(&self, key: &str) -> Result<Option<(Outgoing, Version)>> {
        let path = self.path(key)?;
        let fail = |error| Error::io("read", path.display(), error);
        let Some(file) = open(&path)? else {
            return Ok(None);
        };
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Ok(None);
        }
        let size = usize::try_from(metadata.size())
            .map_err(|_| Error::too_large(format!("{} does not fit in memory", path.display())))?;
        let mut bytes = Outgoing::new(size);
        file.read_exact_at(bytes.grow(size), 0).map_err(fail)?;
        Ok(Some((bytes, version_of(&metadata))))
    }

    fn link(
        &self,
        from: &str,
        key: &str,
        condition: &Condition,
        durability: Durability,
    ) -> Result<Option<Put>> {
        let (source, path) = (self.path(from)?, self.path(key)?);
        let fail = |error| Error::io("put", path.display(), error);
        let Some(mut new) = self.new_link(&source, &path)? else {
            return Ok(None);
        };
        // Whoever staged it may not have been asked for as much.
        new.sync(&path, durability)?;
        let lock = |error| Error::io("lock", path.display(), error);
        let stripe = self.stripes.lock(key).map_err(lock)?;
        let metadata = new.file.metadata().map_err(fail)?;
        let found = match std::fs::metadata(&path) {
            Ok(found) if found.is_file() => Some(found),
            Ok(_) => None,
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(fail(error)),
        };
        let identity = |file: &std::fs::Metadata| (file.dev(), file.ino());
        let is_there = found.as_ref().map(identity) == Some(identity(&metadata));
        if !is_there {
            if !holds(condition, found.as_ref().map(version_of).as_ref()) {
                return Ok(Some(Put::Refused));
            }
            // Under the lock, and only when it becomes another state of this object.
            new.file.set_modified(unique_time()).map_err(fail)?;
            new.publish(&path)?;
            drop(stripe);
            let version = version_of(&new.file.metadata().map_err(fail)?);
            self.sync_names(&[path], durability)?;
            return Ok(Some(Put::Done(version)));
        }
        drop(stripe);
        self.sync_names(&[path], durability)?;
        Ok(found.map(|found| Put::Done(version_of(&found))))
    }

    fn splice(
        &self,
        key: &str,
        pieces: &[Piece],
        base: &Version,
        durability: Durability,
    ) -> Result<Put> {
        let path = self.path(key)?;
        let fail = |error| Error::io("put", path.display(), error);
        let Some(old) = open(&path)? else {
            return Ok(Put::Refused);
        };
        if version_of(&old.metadata().map_err(fail)?) != *base {
            return Ok(Put::Refused);
        }
        let new = self.new_temporary(&path)?;
        for piece in pieces {
            match piece {
                Piece::New(bytes) => (&new.file).write_all(bytes).map_err(fail)?,
                Piece::Old(range) => copy(&old, range.clone(), &new.file).map_err(fail)?,
            }
        }
        new.file.set_modified(unique_time()).map_err(fail)?;
        self.put_written(key, path, new, &Condition::Is(base.clone()), durability)
    }
}

fn open(path: &Path) -> Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(Error::io("read", path.display(), error)),
    }
}

/// Copies a range to where the other file stands, within the kernel if it can: some file systems share the blocks.
fn copy(old: &File, range: Range<u64>, new: &File) -> io::Result<()> {
    let mut from = range.start;
    while from < range.end {
        let length = usize::try_from(range.end - from).unwrap_or(usize::MAX);
        match copy_file_range(old, Some(&mut from), new, None, length) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::NOSYS | Errno::XDEV | Errno::INVAL | Errno::OPNOTSUPP | Errno::PERM) => {
                return copy_by_hand(old, from..range.end, new);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn copy_by_hand(old: &File, range: Range<u64>, mut new: &File) -> io::Result<()> {
    let mut buffer = Scratch::new(COPY_BYTES);
    let mut from = range.start;
    while from < range.end {
        let length =
            usize::try_from(range.end - from).map_or(COPY_BYTES, |left| left.min(COPY_BYTES));
        let piece = &mut buffer[..length];
        old.read_exact_at(piece, from)?;
        new.write_all(piece)?;
        from += length as u64;
    }
    Ok(())
}
