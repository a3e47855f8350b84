//! Where the files of a container lie.

use std::fs::{DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use hyperslab_core::{Error, Result};

use crate::files::{UNNAMED, is_absent};

const LOOSE: &str = "loose";
const PACKS: &str = "packs";
const SANDBOX: &str = "sandbox";
const DUPLICATES: &str = "duplicates";

/// The pack into which `disk-objectstore` repacks another; it stays when that was killed.
pub(super) const UNENDED: i64 = -1;

/// The folders of a container.
#[derive(Debug, Clone)]
pub(super) struct Folders {
    root: PathBuf,
}

impl Folders {
    /// Those of a container that is there.
    ///
    /// # Errors
    /// `NotFound` when there are none.
    pub(super) fn of(root: &Path) -> Result<Self> {
        let root = std::path::absolute(root)
            .map_err(|source| Error::io("open", root.display(), source))?;
        for name in [LOOSE, PACKS, SANDBOX, DUPLICATES] {
            let folder = root.join(name);
            match std::fs::metadata(&folder) {
                Ok(found) if found.is_dir() => {}
                Err(error) if !is_absent(&error) => {
                    return Err(Error::io("open", folder.display(), error));
                }
                _ => {
                    return Err(Error::not_found(format!(
                        "there is no container in {}; make one, or check the path",
                        root.display()
                    )));
                }
            }
        }
        Ok(Self { root })
    }

    /// Whether a folder is not there, or has nothing but what whoever was killed over making a container has left.
    pub(super) fn is_free(root: &Path) -> Result<bool> {
        match is_begun(root) {
            Err(error) if is_absent(&error) => Ok(!root.exists()),
            begun => begun.map_err(|source| Error::io("read", root.display(), source)),
        }
    }

    /// The folder of a new container, which has nothing yet but what whoever was killed over making one has left.
    ///
    /// # Errors
    /// `AlreadyExists` when anything is there.
    pub(super) fn new(root: &Path) -> Result<Self> {
        let fail = |source| Error::io("create", root.display(), source);
        if root.exists() && !root.is_dir() {
            return Err(Error::already_exists(format!(
                "{} is a file; choose a new folder for the container",
                root.display()
            )));
        }
        make_all(root)?;
        let folders = Self {
            root: std::path::absolute(root).map_err(fail)?,
        };
        folders.check_new()?;
        Ok(folders)
    }

    /// Refuses a folder that has anything of somebody else.
    ///
    /// # Errors
    /// `AlreadyExists`.
    pub(super) fn check_new(&self) -> Result<()> {
        let fail = |source| Error::io("read", self.root.display(), source);
        match is_begun(&self.root).map_err(fail)? {
            true => Ok(()),
            false => Err(Error::already_exists(format!(
                "{} is not empty; choose a new folder for the container",
                self.root.display()
            ))),
        }
    }

    /// Makes the folders of a new container.
    pub(super) fn make(&self) -> Result<()> {
        for name in [LOOSE, PACKS, SANDBOX, DUPLICATES] {
            make_below(&self.root, &self.root.join(name))?;
        }
        self.sync()
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn config(&self) -> PathBuf {
        self.root.join("config.json")
    }

    pub(super) fn index(&self) -> PathBuf {
        self.root.join("packs.idx")
    }

    pub(super) fn pack_folder(&self) -> PathBuf {
        self.root.join(PACKS)
    }

    pub(super) fn pack(&self, number: i64) -> PathBuf {
        self.pack_folder().join(number.to_string())
    }

    /// The file by which other programs know that a pack is being written.
    pub(super) fn pack_mark(&self, number: i64) -> PathBuf {
        self.pack_folder().join(format!("{number}.lock"))
    }

    /// What is linked as a mark.
    pub(super) fn mark(&self) -> PathBuf {
        self.root.join("hyperslab.mark")
    }

    /// The file that packers of ours lock.
    pub(super) fn packer_lock(&self) -> PathBuf {
        self.root.join("hyperslab.lock")
    }

    /// The file that is locked by whoever puts, and by whoever deletes what nothing names.
    pub(super) fn gate(&self) -> PathBuf {
        self.root.join("hyperslab.gate")
    }

    /// When objects were put that are packed already.
    pub(super) fn leases(&self) -> PathBuf {
        self.root.join("hyperslab.leases")
    }

    pub(super) fn loose(&self) -> PathBuf {
        self.root.join(LOOSE)
    }

    /// The file of a loose object, in the folder that the first digits of its key name.
    pub(super) fn loose_file(&self, key: &str, prefix: usize) -> PathBuf {
        let (folder, name) = key.split_at_checked(prefix).unwrap_or(("", key));
        let mut path = self.loose();
        if !folder.is_empty() {
            path.push(folder);
        }
        path.push(name);
        path
    }

    /// The folder of files that are being written.
    pub(super) fn sandbox(&self) -> PathBuf {
        self.root.join(SANDBOX)
    }

    /// Makes the names in the folder of the container safe.
    pub(super) fn sync(&self) -> Result<()> {
        sync(&self.root)
    }

    /// The numbers of all packs, in order; [`UNENDED`] too.
    pub(super) fn packs(&self) -> Result<Vec<i64>> {
        let folder = self.pack_folder();
        let fail = |source| Error::io("list", folder.display(), source);
        let mut packs = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(fail)? {
            let name = entry.map_err(fail)?.file_name();
            let number = name.to_str().and_then(|name| name.parse::<i64>().ok());
            let is_pack =
                |number: &i64| *number >= UNENDED && name.to_str() == Some(&number.to_string());
            packs.extend(number.filter(is_pack));
        }
        packs.sort_unstable();
        Ok(packs)
    }

    /// Bytes of a pack; none when it is not there.
    pub(super) fn bytes_of(&self, pack: i64) -> Result<u64> {
        let path = self.pack(pack);
        match std::fs::metadata(&path) {
            Ok(found) => Ok(found.len()),
            Err(error) if is_absent(&error) => Ok(0),
            Err(source) => Err(Error::io("read", path.display(), source)),
        }
    }

    /// Bytes of all packs.
    pub(super) fn pack_bytes(&self) -> Result<u64> {
        self.packs()?
            .into_iter()
            .map(|pack| self.bytes_of(pack))
            .sum()
    }
}

/// Makes the names in a folder safe.
pub(super) fn sync(folder: &Path) -> Result<()> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(|source| Error::io("sync", folder.display(), source))
}

/// Whether a folder is empty, or has what whoever made a container there and was killed has left: no object, and no `config.json`.
fn is_begun(root: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = match name.to_str() {
            Some(LOOSE | PACKS | SANDBOX | DUPLICATES) => {
                entry.path().is_dir() && has_no_object(&entry.path())?
            }
            Some("packs.idx" | "packs.idx-wal" | "packs.idx-shm" | "packs.idx-journal") => true,
            _ => false,
        };
        if !is_ours {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether nothing is in a folder but a document that was not ended.
fn has_no_object(folder: &Path) -> io::Result<bool> {
    for entry in std::fs::read_dir(folder)? {
        if !entry?.file_name().to_string_lossy().starts_with(UNNAMED) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes a folder, with all above it that are not there, and their names safe.
pub(super) fn make_all(folder: &Path) -> Result<()> {
    if folder.is_dir() || folder.as_os_str().is_empty() {
        return Ok(());
    }
    let parent = folder.parent().unwrap_or(Path::new("."));
    make_all(parent)?;
    let parent = match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    };
    make_below(parent, folder)
}

/// Makes a folder, if it is not there, and its name safe.
pub(super) fn make_below(parent: &Path, folder: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o777).create(folder) {
        Ok(()) => sync(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::io("create", folder.display(), source)),
    }
}
