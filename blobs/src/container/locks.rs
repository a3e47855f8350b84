//! Who may append to a pack: one program at a time.
//!
//! Among ourselves the file `hyperslab.lock` beside the packs is locked by the system, so the lock of a program that was killed is
//! gone with it. For `disk-objectstore` the file `N.lock` stands beside the pack, which only its owner removes.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hyperslab_core::{Error, Result};
use tempfile::NamedTempFile;

use super::folders::Folders;
use crate::files;

/// The text of a mark of ours.
const OURS: &str = "hyperslab";

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
        wait(&file, patience, &path, || {
            format!(
                "objects are being packed in {}; wait, and try again",
                folders.root().display()
            )
        })?;
        Ok(Self { _file: file })
    }

    /// Waits for that of whoever makes a container, which is on the folder itself: it leaves no file.
    ///
    /// # Errors
    /// `Locked` when another one is being made there for longer than that.
    pub(super) fn of_maker(folders: &Folders, patience: Duration) -> Result<Self> {
        let root = folders.root();
        let file = File::open(root).map_err(|source| Error::io("lock", root.display(), source))?;
        wait(&file, patience, root, || {
            format!(
                "a container is being made in {}; wait, and open it",
                root.display()
            )
        })?;
        Ok(Self { _file: file })
    }
}

/// Waits until a file is locked for us alone.
fn wait(file: &File, patience: Duration, path: &Path, held: impl Fn() -> String) -> Result<()> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(source)) => {
                return Err(Error::io("lock", path.display(), source));
            }
            Err(TryLockError::WouldBlock) if begun.elapsed() >= patience => {
                return Err(Error::locked(held()));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
        }
    }
}

/// The file by which `disk-objectstore` knows that a pack is being written, for as long as this lives.
#[derive(Debug)]
pub(super) struct PackMark {
    path: PathBuf,
}

impl PackMark {
    /// Makes it. The caller holds the lock of all packers.
    ///
    /// # Errors
    /// `Locked` when it is there: another program writes the pack, or was killed while it did.
    pub(super) fn make(folders: &Folders, pack: i64) -> Result<Self> {
        let path = folders.pack_mark(pack);
        let fail = |source| Error::io("create", path.display(), source);
        match marked(folders, &path) {
            Ok(()) => Ok(Self { path }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                if is_ours(&path) {
                    std::fs::remove_file(&path)
                        .map_err(|source| Error::io("delete", path.display(), source))?;
                    return Self::make(folders, pack);
                }
                Err(Error::locked(format!(
                    "{} says that another program writes into pack {pack}; wait for it, or delete the file if none does",
                    path.display()
                )))
            }
            Err(error) => Err(fail(error)),
        }
    }
}

/// Makes a mark that says whose it is whenever it has its name, also after a power cut: one without its text would be taken for that of
/// another program for good. So it is a second name of a file that was made safe once.
fn marked(folders: &Folders, path: &Path) -> io::Result<()> {
    let text = folders.mark();
    if !is_ours(&text) {
        write_mark(folders)?.persist(&text)?;
    }
    match std::fs::hard_link(&text, path) {
        // Files have one name here.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
            ) =>
        {
            write_mark(folders)?.persist_noclobber(path)?;
            Ok(())
        }
        linked => linked,
    }
}

fn write_mark(folders: &Folders) -> io::Result<NamedTempFile> {
    let mut mark = files::unnamed(folders.sandbox())?;
    mark.write_all(OURS.as_bytes())?;
    mark.as_file().sync_all()?;
    Ok(mark)
}

/// Whether a mark is one of ours: whoever holds the packers' lock knows that its process is gone.
fn is_ours(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.starts_with(OURS))
}

impl Drop for PackMark {
    fn drop(&mut self) {
        // One that stays is ours to remove the next time.
        let _ = std::fs::remove_file(&self.path);
    }
}
