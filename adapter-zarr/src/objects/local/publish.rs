//! Putting and deleting: a new file beside, then one change of a name.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hyperslab_core::{Durability, Error, Result};
use rustix::io::Errno;

use super::super::body::Body;
use super::super::{Condition, Put, Version};
use super::read::is_absent;
use super::{Disk, version_of};

/// How often a folder is made again that a deletion took away at the same time.
const ATTEMPTS: u32 = 1000;

impl Disk {
    pub(super) fn put(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Condition,
        durability: Durability,
    ) -> Result<Put> {
        let path = self.path(key)?;
        // A look without the lock, so that a refusal costs no write.
        if *condition != Condition::None && !holds(condition, self.version(&path)?.as_ref()) {
            return Ok(Put::Refused);
        }
        let new = self.written(&path, |mut file| file.write_all(bytes))?;
        self.put_written(key, path, new, condition, durability)
    }

    /// Puts a file that is complete.
    pub(super) fn put_written(
        &self,
        key: &str,
        path: PathBuf,
        mut new: Temporary,
        condition: &Condition,
        durability: Durability,
    ) -> Result<Put> {
        new.sync(&path, durability)?;
        match condition {
            Condition::None => new.publish(&path)?,
            _ => {
                let lock = |error| Error::io("lock", path.display(), error);
                let _stripe = self.stripes.lock(key).map_err(lock)?;
                if !holds(condition, self.version(&path)?.as_ref()) {
                    return Ok(Put::Refused);
                }
                new.publish(&path)?;
            }
        }
        let metadata = (new.file)
            .metadata()
            .map_err(|error| Error::io("put", path.display(), error))?;
        self.sync_names(&[path], durability)?;
        Ok(Put::Done(version_of(&metadata)))
    }

    /// Puts files that nobody else puts. Each is synced once, and each folder once after all of its files have come.
    pub(super) fn put_new(&self, objects: &[(String, Body)], durability: Durability) -> Result<()> {
        let paths = objects.iter().map(|(key, _)| self.path(key));
        let paths = paths.collect::<Result<Vec<_>>>()?;
        // One open at a time: many arrays may be made at once, and a process may have only so many files.
        for (path, (_, body)) in paths.iter().zip(objects) {
            let mut new = self.written(path, |file| body.write(file))?;
            new.sync(path, durability)?;
            new.publish(path)?;
        }
        self.sync_names(&paths, durability)
    }

    /// A new file with what `write` puts into it, without its name.
    fn written(
        &self,
        path: &Path,
        write: impl FnOnce(&File) -> io::Result<()>,
    ) -> Result<Temporary> {
        let new = self.new_temporary(path)?;
        let fail = |error: io::Error| Error::io("put", path.display(), error);
        write(&new.file).map_err(fail)?;
        new.file.set_modified(unique_time()).map_err(fail)?;
        Ok(new)
    }

    pub(super) fn delete_if(
        &self,
        key: &str,
        version: &Version,
        durability: Durability,
    ) -> Result<bool> {
        let path = self.path(key)?;
        let lock = |error| Error::io("lock", path.display(), error);
        let stripe = self.stripes.lock(key).map_err(lock)?;
        if self.version(&path)?.as_ref() != Some(version) {
            return Ok(false);
        }
        self.delete(&path)?;
        drop(stripe);
        self.sync_names(&[path], durability)?;
        Ok(true)
    }

    /// Deletes a file and the folders that are empty without it.
    pub(super) fn delete(&self, path: &Path) -> Result<()> {
        match std::fs::remove_file(path) {
            Ok(()) => {}
            Err(error) if is_absent(&error) => {}
            // A prefix of other keys is no object.
            Err(_) if path.is_dir() => return Ok(()),
            Err(error) => return Err(Error::io("delete", path.display(), error)),
        }
        for folder in path.ancestors().skip(1) {
            // Most often because it is not empty; a folder that stays is only untidy.
            if folder == self.root || std::fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// A file under construction. It is removed when it is dropped without having been published.
#[derive(Debug)]
pub(super) struct Temporary {
    path: PathBuf,
    pub(super) file: File,
    is_published: bool,
}

impl Temporary {
    pub(super) fn new(path: PathBuf, file: File) -> Self {
        Self {
            path,
            file,
            is_published: false,
        }
    }

    pub(super) fn sync(&self, target: &Path, durability: Durability) -> Result<()> {
        if !durability.syncs() {
            return Ok(());
        }
        let synced = self.file.sync_all();
        synced.map_err(|error| Error::io("put", target.display(), error))
    }

    /// Gives the file its name.
    pub(super) fn publish(&mut self, target: &Path) -> Result<()> {
        for _ in 0..ATTEMPTS {
            let fail = |error: io::Error| refused(target, error);
            match std::fs::rename(&self.path, target) {
                Ok(()) => {
                    self.is_published = true;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    let made = target.parent().map(std::fs::create_dir_all);
                    match made {
                        // A folder was taken away meanwhile: one above, or the last one between the two steps of making it.
                        Some(Err(error))
                            if matches!(
                                error.kind(),
                                io::ErrorKind::NotFound | io::ErrorKind::AlreadyExists
                            ) => {}
                        Some(Err(error)) => return Err(fail(error)),
                        Some(Ok(())) | None => {}
                    }
                }
                // An empty folder of that name is what a deletion that was cut short leaves.
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    std::fs::remove_dir(target).map_err(|_| fail(error))?;
                }
                Err(error) => return Err(fail(error)),
            }
        }
        Err(Error::unavailable(format!(
            "cannot put {}: its folder is deleted again and again; try again later",
            target.display()
        )))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.is_published {
            // What cannot be removed is swept by a later put.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

pub(super) fn holds(condition: &Condition, found: Option<&Version>) -> bool {
    match condition {
        Condition::None => true,
        Condition::Absent => found.is_none(),
        Condition::Is(version) => found == Some(version),
    }
}

fn refused(target: &Path, error: io::Error) -> Error {
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    match code {
        Some(Errno::NAMETOOLONG) => Error::invalid(format!(
            "cannot put {}: a part of the key is longer than this disk takes",
            target.display()
        )),
        Some(Errno::ISDIR | Errno::NOTDIR | Errno::EXIST | Errno::NOTEMPTY) => {
            Error::invalid(format!(
                "cannot put {}: one object's key would be a folder of another's",
                target.display()
            ))
        }
        _ => Error::io("put", target.display(), error),
    }
}

/// The time now, later than every time this process was given before.
pub(super) fn unique_time() -> SystemTime {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(0));
    let before = LAST.fetch_max(now, Ordering::Relaxed);
    let time = if before < now {
        now
    } else {
        LAST.fetch_add(1, Ordering::Relaxed) + 1
    };
    SystemTime::UNIX_EPOCH + Duration::from_nanos(time)
}
