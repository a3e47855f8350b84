//! The identity index: which file an id has.
//!
//! 256 append-only text files per collection, by the first byte of the id. A line is `+ ID NAME` once the file is
//! published, `- ID NAME` before it is removed; the last line about an id holds.

use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use hyperslab_core::{Durability, Error, Result};
use rustix::fs::{FlockOperation, flock};
use uuid::Uuid;

/// Stands at the end of a line that a crash has torn. No name holds it, and it is what a disk shows for bytes that it lost.
const TORN: char = '\0';

/// The names of the living files of one shard by id.
type Names = HashMap<Uuid, String>;

/// The index files that have been read, by path.
#[derive(Debug, Default)]
pub(crate) struct IdIndex {
    read: Mutex<HashMap<PathBuf, Known>>,
}

/// What is known of one index file.
#[derive(Debug, Default)]
struct Known {
    device: u64,
    inode: u64,
    /// Bytes that have been read: whole lines.
    parsed: u64,
    names: Names,
}

impl Known {
    /// Reads what the file has grown by.
    fn catch_up(&mut self, file: &File) -> io::Result<()> {
        let metadata = file.metadata()?;
        let same = (self.device, self.inode) == (metadata.dev(), metadata.ino());
        if !same || metadata.len() < self.parsed {
            *self = Self {
                device: metadata.dev(),
                inode: metadata.ino(),
                ..Self::default()
            };
        }
        let mut grown = vec![0; usize::try_from(metadata.len() - self.parsed).unwrap_or(0)];
        file.read_exact_at(&mut grown, self.parsed)?;
        let whole = grown.iter().rposition(|&byte| byte == b'\n');
        let whole = &grown[..whole.map_or(0, |end| end + 1)];
        parse(&String::from_utf8_lossy(whole), &mut self.names);
        self.parsed += whole.len() as u64;
        Ok(())
    }
}

/// One index file, held so that nobody else adds to it.
#[derive(Debug)]
pub(crate) struct Shard {
    path: PathBuf,
    file: File,
}

/// What is said of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fact {
    /// It is published.
    Published,
    /// It is about to be removed.
    Removed,
}

fn shard_path(folder: &Path, id: Uuid) -> PathBuf {
    folder.join(format!("{:02x}", id.as_bytes()[0]))
}

fn parse(text: &str, names: &mut Names) {
    for line in text.lines() {
        let mut parts = line.splitn(3, ' ');
        let (Some(sign), Some(id), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        // A line that was torn by a crash says nothing, also where what is left of its name could be one.
        if line.contains(TORN) {
            continue;
        }
        let Ok(id) = Uuid::parse_str(id) else {
            continue;
        };
        match sign {
            "+" => {
                names.insert(id, name.to_owned());
            }
            "-" if names.get(&id).is_some_and(|known| known == name) => {
                names.remove(&id);
            }
            _ => {}
        }
    }
}

impl IdIndex {
    /// Looks at the names in one index file, as it is now.
    fn look<T: Default>(&self, path: &Path, work: impl FnOnce(&Names) -> T) -> Result<T> {
        match File::open(path) {
            Ok(file) => self.look_in(path, &file, work),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
            Err(source) => Err(Error::io("read", path.display(), source)),
        }
    }

    fn look_in<T>(&self, path: &Path, file: &File, work: impl FnOnce(&Names) -> T) -> Result<T> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let known = read.entry(path.to_owned()).or_default();
        known
            .catch_up(file)
            .map_err(|source| Error::io("read", path.display(), source))?;
        Ok(work(&known.names))
    }

    /// Forgets what was read in a folder that has been emptied.
    pub(crate) fn forget(&self, folder: &Path) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.retain(|path, _| !path.starts_with(folder));
    }

    /// The name of the file of that id, as far as the index knows.
    pub(crate) fn find(&self, folder: &Path, id: Uuid) -> Result<Option<String>> {
        self.look(&shard_path(folder, id), |names| names.get(&id).cloned())
    }

    /// Every file the index knows.
    pub(crate) fn all(&self, folder: &Path) -> Result<Vec<(Uuid, String)>> {
        let mut all = Vec::new();
        for first in 0..=255_u8 {
            self.look(&folder.join(format!("{first:02x}")), |names| {
                all.extend(names.iter().map(|(id, name)| (*id, name.clone())));
            })?;
        }
        Ok(all)
    }

    /// The names of every file the index knows.
    pub(crate) fn all_names(&self, folder: &Path) -> Result<HashSet<String>> {
        let all = self.all(folder)?;
        Ok(all.into_iter().map(|(_, name)| name).collect())
    }

    /// Holds the index file of an id.
    pub(crate) fn hold(folder: &Path, id: Uuid) -> Result<Shard> {
        let path = shard_path(folder, id);
        let open = || {
            OpenOptions::new()
                .read(true)
                .append(true)
                .create(true)
                .open(&path)
        };
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // The folder itself may be missing, but not that of the collection: it would be a deleted one.
                let machinery = folder.parent().and_then(Path::parent);
                if machinery.is_some_and(Path::is_dir) {
                    std::fs::create_dir_all(folder).and_then(|()| open())
                } else {
                    Err(error)
                }
            }
            other => other,
        };
        let file = file.map_err(|source| Error::io("open", path.display(), source))?;
        flock(&file, FlockOperation::LockExclusive)
            .map_err(|source| Error::io("lock", path.display(), source.into()))?;
        Ok(Shard { path, file })
    }
}

impl Shard {
    /// The name of the file of that id, as it is now.
    pub(crate) fn find(&self, index: &IdIndex, id: Uuid) -> Result<Option<String>> {
        index.look_in(&self.path, &self.file, |names| names.get(&id).cloned())
    }

    /// Adds a line.
    pub(crate) fn add(
        &mut self,
        fact: Fact,
        id: Uuid,
        name: &str,
        durability: Durability,
    ) -> Result<()> {
        let sign = match fact {
            Fact::Published => '+',
            Fact::Removed => '-',
        };
        let fail = |source: io::Error| Error::io("write", self.path.display(), source);
        let length = self.file.metadata().map_err(fail)?.len();
        let mut last = [b'\n'];
        if length > 0 {
            self.file
                .read_exact_at(&mut last, length - 1)
                .map_err(fail)?;
        }
        // Half a line, left by a crash, must not swallow this one.
        let start = match last {
            [b'\n'] => String::new(),
            _ => format!("{TORN}\n"),
        };
        let line = format!("{start}{sign} {id} {name}\n");
        let mut file = &self.file;
        file.write_all(line.as_bytes()).map_err(fail)?;
        if durability.syncs() {
            self.file.sync_data().map_err(fail)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_holds_and_a_torn_one_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let ids = folder.path().join("c/.hyperslab/ids");
        std::fs::create_dir_all(folder.path().join("c")).unwrap();
        let (a, b, c) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let add = |fact, id, name| {
            let mut shard = IdIndex::hold(&ids, id).unwrap();
            shard.add(fact, id, name, Durability::Relaxed).unwrap();
        };
        add(Fact::Published, a, "k=a b");
        std::fs::write(ids.join("00"), {
            let mut text = std::fs::read(ids.join("00")).unwrap();
            text.extend_from_slice(b"+ 0000");
            text
        })
        .unwrap();
        add(Fact::Published, b, "k=b");
        let index = IdIndex::default();
        assert_eq!(index.find(&ids, a).unwrap().unwrap(), "k=a b");
        assert_eq!(index.find(&ids, b).unwrap().unwrap(), "k=b");
        add(Fact::Removed, b, "k=other");
        assert_eq!(index.find(&ids, b).unwrap().unwrap(), "k=b");
        add(Fact::Removed, b, "k=b");
        assert_eq!(index.find(&ids, b).unwrap(), None);
        assert_eq!(index.all(&ids).unwrap(), [(a, "k=a b".to_owned())]);
        // Torn in the middle of its name, k=12.
        let mut text = std::fs::read(ids.join("00")).unwrap();
        text.extend_from_slice(format!("+ {c} k=1").as_bytes());
        std::fs::write(ids.join("00"), text).unwrap();
        add(Fact::Published, b, "k=b");
        assert_eq!(index.find(&ids, c).unwrap(), None);
        assert_eq!(index.find(&ids, b).unwrap().unwrap(), "k=b");
    }
}
