//! Open files, kept as long as they are what their path names.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hyperslab_core::{Begun, Error, Result};
use hyperslab_engine::is_settled;
use rustix::time::{ClockId, clock_getres};

use crate::file::ArrayFile;

/// How many files are kept open.
const FILE_COUNT_MAX: usize = 128;

/// What tells one file from the next of the same name. An inode is not used again as long as its file is open, as it is
/// here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    device: u64,
    inode: u64,
    length: u64,
    /// Seconds and nanoseconds of the last change of its bytes.
    modified: (i64, i64),
    /// And of anything of it: a program can set the other time back, and not this one.
    changed: (i64, i64),
}

impl FileIdentity {
    /// The identity of a file with these metadata.
    pub(crate) fn of(metadata: &std::fs::Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            length: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether the next change of the file may have the same times as the last one, on a disk whose times have a fraction.
    pub(crate) fn is_fresh(&self) -> bool {
        let (seconds, nanoseconds) = self.changed;
        if nanoseconds == 0 && self.modified.1 == 0 {
            return !self.is_settled();
        }
        let since = u64::try_from(seconds)
            .ok()
            .zip(u32::try_from(nanoseconds).ok());
        let since = since.map(|(seconds, nanoseconds)| Duration::new(seconds, nanoseconds));
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        // A change of the future may come again.
        since.is_none_or(|since| now.map_or(true, |now| since + tick() > now))
    }

    /// The bytes of the file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// What stays the same as long as nobody writes into the file.
    pub(crate) fn mark(&self) -> String {
        let (seconds, nanoseconds) = self.modified;
        format!("{}-{}-{seconds}.{nanoseconds}", self.device, self.inode)
    }

    /// What stays the same as long as nobody writes into the file, also in a copy that keeps times.
    pub(crate) fn state(&self) -> String {
        let (seconds, nanoseconds) = self.modified;
        format!("{} bytes at {seconds}.{nanoseconds:09}", self.length)
    }

    /// Whether both are of one file, in whatever state.
    pub(crate) fn is_file_of(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether what is kept of this state is told from what the file becomes when another program changes it in place.
    pub(crate) fn is_settled(&self) -> bool {
        is_settled(self.changed.0, SystemTime::now())
    }
}

/// Changes of a file that are so far apart have different times: the clock of files goes on once in half of it.
fn tick() -> Duration {
    static TICK: LazyLock<Duration> = LazyLock::new(|| {
        let coarse = clock_getres(ClockId::RealtimeCoarse);
        let nanoseconds = u64::try_from(coarse.tv_nsec).unwrap_or(0);
        2 * Duration::from_nanos(nanoseconds).max(Duration::from_millis(1))
    });
    *TICK
}

/// Open array files by path.
#[derive(Debug, Default)]
pub(crate) struct FileCache {
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    by_path: HashMap<PathBuf, Arc<ArrayFile>>,
    /// Paths in the order of opening.
    order: VecDeque<PathBuf>,
}

impl FileCache {
    /// The file that `path` names now.
    ///
    /// # Errors
    /// As [`ArrayFile::begin_open`].
    pub(crate) fn open(self: &Arc<Self>, path: &Path, variable: &str) -> Result<Arc<ArrayFile>> {
        self.begin_open(path, variable)?.finish()
    }

    /// Begins to open it: a small file is open at once.
    ///
    /// # Errors
    /// As [`ArrayFile::begin_open`].
    pub(crate) fn begin_open(
        self: &Arc<Self>,
        path: &Path,
        variable: &str,
    ) -> Result<Begun<Arc<ArrayFile>>> {
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(source) => {
                if source.kind() == io::ErrorKind::NotFound {
                    self.lock().by_path.remove(path);
                }
                return Err(Error::io("open", path.display(), source));
            }
        };
        let identity = FileIdentity::of(&metadata);
        if let Some(known) = self.lock().by_path.get(path)
            && known.identity() == identity
            && known.variable() == variable
        {
            return Ok(Begun::Done(Arc::clone(known)));
        }
        let (cache, path) = (Arc::clone(self), path.to_owned());
        let opened = ArrayFile::begin_open(&path, variable)?;
        opened.and_then(move |opened| Ok(cache.keep(path, opened)))
    }

    fn keep(&self, path: PathBuf, opened: ArrayFile) -> Arc<ArrayFile> {
        let opened = Arc::new(opened);
        let mut files = self.lock();
        if files
            .by_path
            .insert(path.clone(), Arc::clone(&opened))
            .is_none()
        {
            files.order.push_back(path);
        }
        while files.order.len() > FILE_COUNT_MAX {
            if let Some(oldest) = files.order.pop_front() {
                files.by_path.remove(&oldest);
            }
        }
        opened
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
