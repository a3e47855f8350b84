//! The locks under which conditions are decided.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{MACHINERY, STRIPES};

/// How many lock files there are. All processes of a store must agree on it, and on the hash.
const COUNT: usize = 256;

/// The lock files, and a queue in front of each for the threads of this process.
#[derive(Debug)]
pub(super) struct Stripes {
    folder: PathBuf,
    queues: Vec<Mutex<()>>,
    shared: bool,
}

/// Nobody else decides a condition on the same key as long as this lives.
#[derive(Debug)]
pub(super) struct Stripe<'a> {
    _file: Option<File>,
    _queue: MutexGuard<'a, ()>,
}

impl Stripes {
    pub(super) fn new(root: &Path) -> io::Result<Self> {
        // A lock on the folder itself shows without a write whether the file system knows locks.
        let shared = match flock(File::open(root)?, FlockOperation::NonBlockingLockShared) {
            Ok(()) | Err(Errno::WOULDBLOCK) => true,
            Err(error) => !has_no_locks(error),
        };
        Ok(Self {
            folder: root.join(MACHINERY).join(STRIPES),
            queues: (0..COUNT).map(|_| Mutex::new(())).collect(),
            shared,
        })
    }

    /// Whether other processes are kept out too.
    pub(super) fn are_shared(&self) -> bool {
        self.shared
    }

    /// Waits for the lock of a key. It is held for microseconds only: while a condition is looked at and a name changed.
    pub(super) fn lock(&self, key: &str) -> io::Result<Stripe<'_>> {
        let index = index_of(key);
        let queue = self.queues[index]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let file = if self.shared {
            Some(self.lock_file(&format!("{index:02x}"))?)
        } else {
            None
        };
        Ok(Stripe {
            _file: file,
            _queue: queue,
        })
    }

    fn lock_file(&self, name: &str) -> io::Result<File> {
        let path = self.folder.join(name);
        loop {
            let file = open(&path)?;
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => {}
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            }
            // Somebody may have cleaned up meanwhile: a lock on a file without a name keeps nobody out.
            let held = file.metadata()?;
            match std::fs::metadata(&path) {
                Ok(named) if (named.dev(), named.ino()) == (held.dev(), held.ino()) => {
                    return Ok(file);
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let open = || {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
    };
    match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(folder)?;
            open()
        }
        (opened, _) => opened,
    }
}

fn has_no_locks(error: Errno) -> bool {
    matches!(
        error,
        Errno::NOSYS | Errno::NOTSUP | Errno::NOLCK | Errno::INVAL
    )
}

/// The lock of a key: the first byte of an FNV hash, the same in every build on every machine.
fn index_of(key: &str) -> usize {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    usize::from((hash ^ (hash >> 32)).to_le_bytes()[0])
}
