//! Temporary files, and what killed processes leave of them.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use hyperslab_core::{Error, Result};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::publish::Temporary;
use super::{Disk, TEMPORARIES};

/// Where nobody can tell whether a temporary file is in use, it is left alone for so long.
const AGE_MIN: Duration = Duration::from_secs(3600);

impl Disk {
    /// A new file that nobody else has, on the same file system as `target`. The first one also sweeps.
    pub(super) fn new_temporary(&self, target: &Path) -> Result<Temporary> {
        let folder = self.machinery(TEMPORARIES);
        if !self.swept.swap(true, Ordering::Relaxed) {
            sweep(&folder);
        }
        let path = folder.join(new_name());
        let create = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match create() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                std::fs::create_dir_all(&folder).and_then(|()| create())
            }
            created => created,
        };
        let file = file.map_err(|error| Error::io("put", target.display(), error))?;
        // Says that the file is in use, to processes of other machines too where the file system knows locks.
        let _ = flock(&file, FlockOperation::NonBlockingLockExclusive);
        Ok(Temporary::new(path, file))
    }

    /// A second name for a file, to be renamed; `None` when there is no such file, or the file system has no second names.
    pub(super) fn new_link(&self, source: &Path, target: &Path) -> Result<Option<Temporary>> {
        let path = self.machinery(TEMPORARIES).join(new_name());
        let fail = |error| Error::io("put", target.display(), error);
        match rustix::fs::link(source, &path) {
            Ok(()) => {}
            Err(
                Errno::NOENT
                | Errno::PERM
                | Errno::MLINK
                | Errno::XDEV
                | Errno::OPNOTSUPP
                | Errno::NOSYS,
            ) => {
                return Ok(None);
            }
            Err(error) => return Err(fail(error.into())),
        }
        match File::open(&path) {
            Ok(file) => Ok(Some(Temporary::new(path, file))),
            Err(error) => {
                let _ = std::fs::remove_file(&path);
                Err(fail(error))
            }
        }
    }
}

fn new_name() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let random = uuid::Uuid::new_v4().as_u64_pair().0;
    format!("{}-{number}-{random:x}", std::process::id())
}

/// Removes what killed processes left. What cannot be looked at or removed stays.
fn sweep(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        if is_leftover(&entry.path()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let process = name.and_then(|name| name.split('-').next()?.parse::<u32>().ok());
    if process.is_some_and(|process| Path::new("/proc").join(process.to_string()).exists()) {
        return false;
    }
    let age = std::fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map(|modified| {
            SystemTime::now()
                .duration_since(modified)
                .unwrap_or_default()
        });
    if !age.is_ok_and(|age| age >= AGE_MIN) {
        return false;
    }
    File::open(path)
        .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}
