//! What a recorded process did to its files, in order.

use std::fmt::{self, Display};
use std::path::PathBuf;

/// One change, or what is promised about those before it. Paths begin at the recorded folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Event {
    /// A new, empty file.
    Create(PathBuf),
    /// A new, empty folder.
    MakeFolder(PathBuf),
    /// Bytes of a file.
    Write {
        /// The file.
        path: PathBuf,
        /// Where the bytes begin.
        offset: u64,
        /// What was written.
        bytes: Vec<u8>,
    },
    /// A file is cut or grows to so many bytes.
    Resize(PathBuf, u64),
    /// A file or folder was synced.
    Sync(PathBuf),
    /// A file or folder has another name; what had that name is gone.
    Rename(PathBuf, PathBuf),
    /// Two files or folders have each other's name.
    Exchange(PathBuf, PathBuf),
    /// A file has a second name.
    Link(PathBuf, PathBuf),
    /// A name of a file, or an empty folder, is gone.
    Remove(PathBuf),
    /// The process told its parent something.
    Told(String),
}

impl Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(path) => write!(f, "create {}", path.display()),
            Self::MakeFolder(path) => write!(f, "mkdir {}", path.display()),
            Self::Write {
                path,
                offset,
                bytes,
            } => write!(f, "write {} {offset}+{}", path.display(), bytes.len()),
            Self::Resize(path, size) => write!(f, "resize {} to {size}", path.display()),
            Self::Sync(path) => write!(f, "sync {}", path.display()),
            Self::Rename(from, to) => write!(f, "rename {} to {}", from.display(), to.display()),
            Self::Exchange(one, other) => {
                write!(f, "exchange {} and {}", one.display(), other.display())
            }
            Self::Link(from, to) => write!(f, "link {} as {}", from.display(), to.display()),
            Self::Remove(path) => write!(f, "remove {}", path.display()),
            Self::Told(message) => write!(f, "told {message}"),
        }
    }
}
