//! Who may append to a pack: one program at a time.
//!
//! Among ourselves the file `hyperslab.lock` beside the packs is locked by the system, so the lock of a program that was killed is
//! gone with it. For `disk-objectstore` the file `N.lock` stands beside the pack, which only its owner removes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use hyperslab_core::{Error, Result};

use super::folders::Folders;
use crate::files;

/// How the text of a mark of ours begins; the number of its process follows.
const OURS: &str = "hyperslab, process ";

/// How often a lock is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// The lock of all packers among ourselves, for as long as this lives.
#[derive(Debug)]
pub(super) struct PackerLock {
    _file: File,
}

impl PackerLock {
    /// Waits for it.
    ///
    /// # Errors
    /// `Locked` when another packer is at work for longer than that.
    pub(super) fn acquire(folders: &Folders, patience: Duration) -> Result<Self> {
        let path = folders.packer_lock();
        let fail = |source| Error::io("lock", path.display(), source);
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(fail)?;
        let begun = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                Err(TryLockError::Error(source)) => return Err(fail(source)),
                Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                    return Err(Error::locked(format!(
                        "objects are being packed in {}; wait, and try again",
                        folders.root().display()
                    )));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            }
        }
    }
}

/// The file by which `disk-objectstore` knows that a pack is being written, for as long as this lives.
#[derive(Debug)]
pub(super) struct PackMark {
    path: PathBuf,
}

impl PackMark {
    /// Makes it.
    ///
    /// # Errors
    /// `Locked` when it is there: another program writes the pack, or was killed while it did.
    pub(super) fn make(folders: &Folders, pack: u64) -> Result<Self> {
        let path = folders.pack_mark(pack);
        let fail = |source| Error::io("create", path.display(), source);
        // It has its text as soon as it has its name: one without would be taken for that of another program for good.
        let mut mark = files::unnamed(folders.sandbox()).map_err(fail)?;
        write!(mark, "{OURS}{}", std::process::id()).map_err(fail)?;
        match mark.persist_noclobber(&path) {
            Ok(_) => Ok(Self { path }),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
                if is_of_dead_process(&path) {
                    std::fs::remove_file(&path)
                        .map_err(|source| Error::io("delete", path.display(), source))?;
                    return Self::make(folders, pack);
                }
                Err(Error::locked(format!(
                    "{} says that another program writes into pack {pack}; wait for it, or delete the file if none does",
                    path.display()
                )))
            }
            Err(error) => Err(fail(error.error)),
        }
    }
}

/// Whether a mark was left by one of us: whoever holds the packers' lock knows that its process is gone.
fn is_of_dead_process(path: &std::path::Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.starts_with(OURS))
}

impl Drop for PackMark {
    fn drop(&mut self) {
        // One that stays is ours to remove the next time.
        let _ = std::fs::remove_file(&self.path);
    }
}
