//! Copies of a container in folders of their own, of which each shares with the one before what has not changed.
//!
//! The order is what makes a copy whole while others write: loose objects first, then the index, then the packs. An object that is
//! packed meanwhile is in the index by then, and the bytes of every row of the index are in the packs.

use std::fs::{File, FileTimes};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use hyperslab_core::{Error, Result, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::folders::{self, Folders};
use super::locks::PackerLock;
use super::{ContainerBlobs, loose};
use crate::Watch;

/// How the folder of a copy is called; its time and some chance follow.
const PREFIX: &str = "backup_";

/// The link to the last one.
const LAST: &str = "last-backup";

/// What copying did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct BackupReport {
    /// Where the copy is: a container by itself.
    pub path: PathBuf,
    /// Files that were copied.
    pub copied: u64,
    /// Bytes of these.
    pub copied_bytes: u64,
    /// Files that are shared with the copy before.
    pub shared: u64,
    /// Older copies that were removed.
    pub removed: u64,
}

impl ContainerBlobs {
    /// Copies the container into a new folder within `folder`, which is made if it is not there. At most so many copies are kept, if
    /// that is said; the oldest go.
    ///
    /// # Errors
    /// `Locked` when objects are being packed; what the media say.
    pub fn backup(
        &self,
        folder: &Path,
        keep: Option<NonZeroUsize>,
        watch: &Watch<'_>,
    ) -> Result<BackupReport> {
        let _lock = PackerLock::acquire(&self.folders, self.patience)?;
        let fail = |source| Error::io("create", folder.display(), source);
        let place = std::path::absolute(folder).map_err(fail)?;
        if place.starts_with(self.folders.root()) {
            return Err(Error::invalid(format!(
                "{} lies in the container itself; choose a folder elsewhere",
                folder.display()
            )));
        }
        folders::make_all(folder)?;
        let last = copies(folder)?.pop();
        let now = Timestamp::now().civil();
        let chance = Uuid::new_v4().simple().to_string();
        let chance = chance.get(..4).unwrap_or_default();
        let name = format!("{PREFIX}{}_{chance}", now.strftime("%Y%m%d%H%M%S"));
        let making = folder.join(format!(".{name}"));
        let mut copy = Copy {
            from: &self.folders,
            to: Folders::new(&making)?,
            last: last.as_deref().map(Folders::of).transpose().ok().flatten(),
            report: BackupReport::default(),
        };
        let made = copy
            .to
            .make()
            .and_then(|()| self.copy_all(&mut copy, watch));
        let mut report = match made {
            Ok(()) => copy.report,
            Err(error) => {
                // What stays of it is no copy: it has another name.
                let _ = std::fs::remove_dir_all(&making);
                return Err(error);
            }
        };
        report.path = folder.join(&name);
        std::fs::rename(&making, &report.path).map_err(fail)?;
        folders::sync(folder)?;
        link_to(folder, &name)?;
        report.removed = prune(folder, keep)?;
        Ok(report)
    }

    fn copy_all(&self, copy: &mut Copy<'_>, watch: &Watch<'_>) -> Result<()> {
        let keys = loose::list(&self.folders, &self.config)?;
        let packs = self.folders.packs()?;
        let total = (keys.len() + packs.len()) as u64;
        let prefix = self.config.loose_prefix_len;
        for (done, key) in keys.iter().enumerate() {
            watch(done as u64, total);
            let text = key.text();
            copy.file(|folders| folders.loose_file(&text, prefix))?;
        }
        self.index.copy_to(&copy.to.index())?;
        for (done, pack) in packs.into_iter().enumerate() {
            watch((keys.len() + done) as u64, total);
            copy.file(|folders| folders.pack(pack))?;
        }
        copy.sync()?;
        self.config.write(&copy.to)
    }
}

/// A copy that is being made.
struct Copy<'a> {
    from: &'a Folders,
    to: Folders,
    last: Option<Folders>,
    report: BackupReport,
}

impl Copy<'_> {
    /// Copies a file, or shares it with the last copy if it has not changed since. One that is gone is passed over.
    fn file(&mut self, place: impl Fn(&Folders) -> PathBuf) -> Result<()> {
        let (from, to) = (place(self.from), place(&self.to));
        let fail = |source| Error::io("copy", from.display(), source);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent).map_err(fail)?;
        }
        let found = match std::fs::metadata(&from) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found.map_err(fail)?,
        };
        if let Some(last) = self.last.as_ref().map(&place) {
            let is_same = std::fs::metadata(&last).is_ok_and(|last| {
                last.len() == found.len()
                    && last
                        .modified()
                        .ok()
                        .is_some_and(|time| found.modified().ok() == Some(time))
            });
            if is_same && std::fs::hard_link(&last, &to).is_ok() {
                self.report.shared += 1;
                return Ok(());
            }
        }
        let bytes = match std::fs::copy(&from, &to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            bytes => bytes.map_err(fail)?,
        };
        let times = FileTimes::new().set_modified(found.modified().map_err(fail)?);
        let copied = File::options().append(true).open(&to);
        copied
            .and_then(|file| {
                file.set_times(times)?;
                file.sync_all()
            })
            .map_err(fail)?;
        self.report.copied += 1;
        self.report.copied_bytes += bytes;
        Ok(())
    }

    /// Makes the names safe.
    fn sync(&self) -> Result<()> {
        let loose = self.to.loose();
        let fail = |source| Error::io("list", loose.display(), source);
        for entry in std::fs::read_dir(&loose).map_err(fail)? {
            let path = entry.map_err(fail)?.path();
            if path.is_dir() {
                folders::sync(&path)?;
            }
        }
        folders::sync(&loose)?;
        folders::sync(self.to.pack(0).parent().unwrap_or(self.to.root()))
    }
}

/// The copies in a folder, the oldest first.
fn copies(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |source| Error::io("list", folder.display(), source);
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let is_copy = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if is_copy && ContainerBlobs::is_container(&entry.path()) {
            found.push(entry.path());
        }
    }
    // Two of one second are told apart by when they were ended.
    found.sort_by_cached_key(|path| {
        let name = path.file_name().unwrap_or_default().to_owned();
        let second = name.as_encoded_bytes().get(..PREFIX.len() + 14);
        let ended = std::fs::metadata(path.join("config.json")).and_then(|found| found.modified());
        (second.map(<[u8]>::to_vec), ended.ok())
    });
    Ok(found)
}

/// Leads the link to a copy.
fn link_to(folder: &Path, name: &str) -> Result<()> {
    let link = folder.join(LAST);
    let making = folder.join(format!(".{LAST}"));
    let fail = |source| Error::io("link", link.display(), source);
    match std::fs::remove_file(&making) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    std::os::unix::fs::symlink(name, &making)
        .and_then(|()| std::fs::rename(&making, &link))
        .map_err(fail)
}

/// Removes the oldest copies, so that so many stay.
fn prune(folder: &Path, keep: Option<NonZeroUsize>) -> Result<u64> {
    let Some(keep) = keep else { return Ok(0) };
    let mut found = copies(folder)?;
    let old: Vec<PathBuf> = found
        .drain(..found.len().saturating_sub(keep.get()))
        .collect();
    for path in &old {
        std::fs::remove_dir_all(path)
            .map_err(|source| Error::io("delete", path.display(), source))?;
    }
    Ok(old.len() as u64)
}
