//! Listing folders, each in one call of the system where that can be.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::Path;

use futures::StreamExt;
use futures::stream::BoxStream;
use hyperslab_core::{Error, Result};
use rustix::fs::{FileType, RawDir};

use super::super::key::{check_key, check_prefix};
use super::super::{Level, Listed};
use super::read::is_absent;
use super::{Disk, LocalObjects, MACHINERY, is_machinery};

/// Room for the names of a folder: first for some 20 000, then for some millions.
const BUFFER_BYTES: [usize; 2] = [1 << 20, 128 << 20];

/// All objects below a prefix, folder by folder.
pub(super) fn below<'a>(objects: &'a LocalObjects, prefix: &str) -> BoxStream<'a, Result<Listed>> {
    let checked = check_prefix(prefix).map(|()| VecDeque::from([prefix.to_owned()]));
    let folders = match checked {
        Ok(folders) => folders,
        Err(error) => return futures::stream::once(async { Err(error) }).boxed(),
    };
    futures::stream::unfold(folders, move |mut folders| async move {
        let folder = folders.pop_back()?;
        let level = objects.on_disk(move |disk| {
            let level = disk.level(&folder)?;
            Ok((folder, level))
        });
        Some(match level.await {
            Ok((folder, level)) => {
                let inner = level.folders.iter().rev();
                folders.extend(inner.map(|name| join(&folder, name)));
                let objects: Vec<_> = level.objects.into_iter().map(Ok).collect();
                (objects, folders)
            }
            Err(error) => (vec![Err(error)], VecDeque::new()),
        })
    })
    .flat_map(futures::stream::iter)
    .boxed()
}

impl Disk {
    /// What lies in one folder. A folder that a crash left empty is shown too.
    pub(super) fn level(&self, prefix: &str) -> Result<Level> {
        let folder = self.root.join(prefix);
        let mut level = Level::default();
        if is_machinery(prefix) {
            return Ok(level);
        }
        for (name, kind) in names(&folder)? {
            let key = join(prefix, &name);
            if is_machinery(&key) || check_key(&key).is_err() {
                continue;
            }
            if kind == FileType::Directory {
                if key != MACHINERY || self.has_more_than_machinery()? {
                    level.folders.push(name);
                }
                continue;
            }
            match std::fs::metadata(folder.join(&name)) {
                Ok(metadata) if metadata.is_file() => level.objects.push(Listed {
                    key,
                    size: metadata.len(),
                }),
                // A file system that does not tell kinds; a link to a folder is not followed, it may lead in a circle.
                Ok(metadata) if metadata.is_dir() && kind == FileType::Unknown => {
                    level.folders.push(name);
                }
                Ok(_) => {}
                Err(error) if is_absent(&error) => {}
                Err(error) => {
                    return Err(Error::io("list", folder.join(&name).display(), error));
                }
            }
        }
        level.folders.sort_unstable();
        level.objects.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(level)
    }

    fn has_more_than_machinery(&self) -> Result<bool> {
        let names = names(&self.root.join(MACHINERY))?;
        Ok(names
            .iter()
            .any(|(name, _)| !is_machinery(&join(MACHINERY, name))))
    }
}

fn join(prefix: &str, name: &str) -> String {
    if prefix.is_empty() {
        return name.to_owned();
    }
    format!("{prefix}/{name}")
}

/// The names in a folder and what they are, each once; none when there is no such folder.
///
/// One call of the system sees a folder at one moment. A folder too large for that is listed twice, so that a name that is
/// renamed over while the first listing passes it is found by the second.
fn names(folder: &Path) -> Result<Vec<(String, FileType)>> {
    let fail = |error: io::Error| Error::io("list", folder.display(), error);
    let mut all = Vec::new();
    for buffer_bytes in BUFFER_BYTES {
        let opened = match File::open(folder) {
            Ok(opened) => opened,
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        match names_of(&opened, buffer_bytes, &mut all) {
            Ok(true) => break,
            Ok(false) => {}
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        }
    }
    all.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
    all.dedup_by(|(a, _), (b, _)| a == b);
    Ok(all)
}

/// Adds the names in an open folder. Whether one call gave them all.
fn names_of(
    folder: &File,
    buffer_bytes: usize,
    names: &mut Vec<(String, FileType)>,
) -> io::Result<bool> {
    let mut buffer = Vec::with_capacity(buffer_bytes);
    let mut entries = RawDir::new(folder, buffer.spare_capacity_mut());
    let mut call_count = 0;
    loop {
        call_count += u32::from(entries.is_buffer_empty());
        let Some(entry) = entries.next() else { break };
        let entry = entry?;
        // A name that is not UTF-8 is none of ours.
        if let Ok(name) = entry.file_name().to_str()
            && name != "."
            && name != ".."
        {
            names.push((name.to_owned(), entry.file_type()));
        }
    }
    // The last call finds the end.
    Ok(call_count <= 2)
}
