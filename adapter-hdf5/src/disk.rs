//! Files on a disk: temporaries, publishing by one rename, syncing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use hyperslab_core::{Durability, Error, Result};
use rustix::fs::{CWD, FlockOperation, RenameFlags, copy_file_range, flock, renameat_with};
use rustix::io::Errno;

/// The end of the name of a temporary file or folder.
pub(crate) const TEMPORARY: &str = ".tmp";

static COUNTER: AtomicU64 = AtomicU64::new(0);

/// A file under construction. It is removed when it is dropped without having been published.
#[derive(Debug)]
pub(crate) struct TempFile {
    path: PathBuf,
    file: File,
    published: bool,
}

/// A name that no other process of this machine uses at the same time, with the process in it.
pub(crate) fn temporary_name() -> String {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let time = time.map_or(0, |since| since.as_nanos());
    format!("{}-{number}-{time:x}{TEMPORARY}", std::process::id())
}

impl TempFile {
    /// A new file in `folder`, locked as long as it is open so that nobody takes it for a leftover.
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(temporary_name());
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .open(&path)
        };
        let file = match open() {
            // A store that was copied without its hidden folders gets them back.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound
                    && folder
                        .parent()
                        .is_some_and(|machinery| machinery.parent().is_some_and(Path::is_dir)) =>
            {
                std::fs::create_dir_all(folder).and_then(|()| open())
            }
            other => other,
        };
        let file = file.map_err(|source| Error::io("create", path.display(), source))?;
        let temporary = Self {
            path,
            file,
            published: false,
        };
        // A file system without locks is no reason to fail: the process in the name protects the file as well.
        let _ = flock(&temporary.file, FlockOperation::NonBlockingLockExclusive);
        Ok(temporary)
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the file where it is, as one that others know of.
    pub(crate) fn leave(mut self) {
        self.published = true;
    }

    /// The file, to be written.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// Makes the bytes of the file safe, before it gets the name `target`.
    pub(crate) fn sync(&self, target: &Path, durability: Durability) -> Result<()> {
        if durability.syncs() {
            self.file
                .sync_all()
                .map_err(|source| Error::io("sync", target.display(), source))?;
        }
        Ok(())
    }

    /// Gives the file its name, which must be free. The caller syncs the folder.
    ///
    /// # Errors
    /// `AlreadyExists` when another file has it.
    pub(crate) fn publish_new(mut self, target: &Path) -> Result<()> {
        rename_new(&self.path, target)
            .map_err(|source| Error::io("create", target.display(), source))?;
        self.published = true;
        Ok(())
    }

    /// The same, and gives the file back with the error when it did not get its name.
    pub(crate) fn try_publish_new(mut self, target: &Path) -> Result<(), (Self, io::Error)> {
        match rename_new(&self.path, target) {
            Ok(()) => {
                self.published = true;
                Ok(())
            }
            Err(error) => Err((self, error)),
        }
    }

    /// Gives the file its name, and the file that had it loses it. The caller syncs the folder.
    pub(crate) fn replace(mut self, target: &Path) -> Result<()> {
        std::fs::rename(&self.path, target)
            .map_err(|source| Error::io("replace", target.display(), source))?;
        self.published = true;
        Ok(())
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if !self.published {
            // What cannot be removed is found by a check.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Renames without ever replacing anything.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Not every file system knows that flag; a hard link does the same for a file.
        Err(Errno::INVAL | Errno::NOSYS) if from.is_file() => {
            std::fs::hard_link(from, to)?;
            std::fs::remove_file(from)
        }
        // And a folder can only take the place of an empty one.
        Err(Errno::INVAL | Errno::NOSYS) if !to.exists() => std::fs::rename(from, to),
        Err(error) => Err(error.into()),
    }
}

/// Copies bytes of one file into another one.
pub(crate) fn copy_range(
    (source, mut from): (&File, u64),
    (target, mut to): (&File, u64),
    mut length: u64,
) -> io::Result<()> {
    while length > 0 {
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        match copy_file_range(source, Some(&mut from), target, Some(&mut to), most) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(copied) => length -= copied as u64,
            Err(Errno::INTR) => {}
            // Not every file system can, nor between any two.
            Err(Errno::XDEV | Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                return copy_through_memory((source, from), (target, to), length);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn copy_through_memory(
    (source, from): (&File, u64),
    (target, to): (&File, u64),
    length: u64,
) -> io::Result<()> {
    let mut block = vec![0; 1 << 20];
    let mut done = 0;
    while done < length {
        let size = usize::try_from(length - done).map_or(block.len(), |left| left.min(block.len()));
        source.read_exact_at(&mut block[..size], from + done)?;
        target.write_all_at(&block[..size], to + done)?;
        done += size as u64;
    }
    Ok(())
}

/// Makes the folder of a store, and the names on the way to it safe as far as they were made now.
pub(crate) fn make_root(root: &Path) -> io::Result<()> {
    let root = std::path::absolute(root)?;
    let missing = root.ancestors().take_while(|folder| !folder.exists());
    // Its own name in any case: who made it may not have come so far.
    let made = missing.count().max(1);
    std::fs::create_dir_all(&root)?;
    for folder in root.ancestors().skip(1).take(made) {
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            // A folder in which one may do everything but look.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            synced => synced?,
        }
    }
    Ok(())
}

/// Makes the names in the folder of `path` safe.
pub(crate) fn sync_parent(path: &Path, durability: Durability) -> Result<()> {
    match path.parent() {
        Some(folder) => sync_folder(folder, durability),
        None => Ok(()),
    }
}

/// Makes the names in a folder safe.
pub(crate) fn sync_folder(folder: &Path, durability: Durability) -> Result<()> {
    if !durability.syncs() {
        return Ok(());
    }
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|source| Error::io("sync", folder.display(), source))
}

/// Swaps two folders, at once.
pub(crate) fn exchange(one: &Path, other: &Path) -> Result<()> {
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)
        .map_err(|source| Error::io("exchange", one.display(), source.into()))
}

/// Keeps whoever publishes in a collection apart from whoever takes all of it away. Held only while names change.
#[derive(Debug)]
pub(crate) struct Fence {
    _folder: File,
}

impl Fence {
    /// Lets others publish at the same time. `NotFound` when the collection in that folder has been deleted.
    pub(crate) fn shared(folder: &Path) -> Result<Self> {
        Self::new(folder, FlockOperation::LockShared)
    }

    /// Keeps everybody else out.
    pub(crate) fn exclusive(folder: &Path) -> Result<Self> {
        Self::new(folder, FlockOperation::LockExclusive)
    }

    fn new(folder: &Path, operation: FlockOperation) -> Result<Self> {
        let fail = |source: io::Error| Error::io("lock", folder.display(), source);
        let opened = File::open(folder).map_err(fail)?;
        // A file system without locks is used by one process at a time, as the format says.
        let _ = flock(&opened, operation);
        let (held, named) = (
            opened.metadata().map_err(fail)?,
            std::fs::metadata(folder).map_err(fail)?,
        );
        if (held.dev(), held.ino()) == (named.dev(), named.ino()) {
            return Ok(Self { _folder: opened });
        }
        Err(Error::not_found(format!(
            "the collection in {} was deleted",
            folder.display()
        )))
    }
}

/// Whether the process that made a temporary has gone.
pub(crate) fn is_leftover(path: &Path) -> bool {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("");
    let process = name.split('-').next().unwrap_or("");
    if process.parse::<u32>().is_ok() && Path::new("/proc").join(process).exists() {
        return false;
    }
    match File::open(path) {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok(),
        Err(_) => false,
    }
}

/// The names in a folder but `.` and `..`, sorted; none when there is no such folder.
pub(crate) fn list(folder: &Path) -> Result<Vec<String>> {
    let mut names = list_in_any_order(folder)?;
    names.sort_unstable();
    Ok(names)
}

/// The names in a folder but `.` and `..`, each once; none when there is no such folder.
///
/// A folder of up to some 100 000 files is listed in one call of the system, so that a file that is replaced meanwhile
/// is neither missed nor seen twice.
pub(crate) fn list_in_any_order(folder: &Path) -> Result<Vec<String>> {
    const BUFFER_BYTES: usize = 8 << 20;
    let fail = |source: io::Error| Error::io("list", folder.display(), source);
    let opened = match File::open(folder) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut buffer = Vec::with_capacity(BUFFER_BYTES);
    let mut entries = rustix::fs::RawDir::new(&opened, buffer.spare_capacity_mut());
    let (mut names, mut call_count) = (Vec::new(), 0);
    loop {
        call_count += u32::from(entries.is_buffer_empty());
        let Some(entry) = entries.next() else { break };
        let entry = entry.map_err(|source| fail(source.into()))?;
        // A name that is not UTF-8 is none of ours, but a check shows it.
        let name = entry.file_name().to_string_lossy();
        if name != "." && name != ".." {
            names.push(name.into_owned());
        }
    }
    // The last call finds the end. With more than one before it, a name may have come twice.
    if call_count > 2 {
        names.sort_unstable();
        names.dedup();
    }
    Ok(names)
}
