//! Where the data lie, and that nothing of them stays.

use std::fs;
use std::path::{Path, PathBuf};

use super::options::Options;
use super::peers::interpreter;
use super::scale::{Box3, Scale};
use crate::Outcome;
use crate::shell::{command, output, run, target};

const SHARED_MEMORY: &str = "/dev/shm";

/// How many times the array all forms of it take together, with room to spare.
const COPY_COUNT: u64 = 16;

/// The folder of one run. It goes when this is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// What the file system is.
    pub(super) kind: String,
    next: u64,
}

impl Folder {
    /// A new folder where there is room.
    pub(super) fn create(options: &Options, scale: &Scale) -> Outcome<Self> {
        let needed = (scale.bytes() + scale.large_bytes()) * COPY_COUNT;
        let parent = match &options.folder {
            Some(folder) => folder.clone(),
            None if free(Path::new(SHARED_MEMORY)).is_some_and(|free| free > needed) => {
                SHARED_MEMORY.into()
            }
            None => target(),
        };
        let path = parent.join(format!("hyperslab-bench-{}", std::process::id()));
        fs::create_dir_all(&path).map_err(|e| format!("cannot create {}: {e}", path.display()))?;
        let kind = stat(&path, "%T").unwrap_or_else(|| "unknown".into());
        Ok(Self {
            path,
            kind,
            next: 0,
        })
    }

    /// A place in it.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A place that was never used.
    pub(super) fn fresh(&mut self) -> PathBuf {
        self.next += 1;
        self.path.join(format!("work-{}", self.next))
    }

    /// The cells that everything of that shape is made of.
    pub(super) fn source(&self, dtype: &str, shape: Box3) -> Outcome<PathBuf> {
        let shape = shape.map(|length| length.to_string());
        let file = self.at(&format!("source-{}.npy", shape.join("-")));
        if file.exists() {
            return Ok(file);
        }
        run(command(interpreter("peers")?)
            .arg("benches/peers/prepare.py")
            .arg(&file)
            .arg(dtype)
            .args(shape))?;
        Ok(file)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

/// Takes a file or a folder away, if it is there.
pub(super) fn remove(path: &Path) {
    // What cannot be removed now is inside of the folder of the run, which is tried again at the end.
    let _ = match path.is_dir() {
        true => fs::remove_dir_all(path),
        false => fs::remove_file(path),
    };
}

/// Copies a file or a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> Outcome {
    copy_tree(from, to).map_err(|e| format!("cannot copy {}: {e}", from.display()))
}

fn copy_tree(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Writes a result.
pub(super) fn save(file: &Path, text: &str) -> Outcome {
    fs::write(file, text).map_err(|e| format!("cannot write {}: {e}", file.display()))
}

/// Bytes that are free in a file system.
fn free(path: &Path) -> Option<u64> {
    let blocks: u64 = stat(path, "%a")?.parse().ok()?;
    let size: u64 = stat(path, "%S")?.parse().ok()?;
    Some(blocks * size)
}

fn stat(path: &Path, format: &str) -> Option<String> {
    let text = output(command("stat").args(["-f", "-c", format]).arg(path)).ok()?;
    Some(text.trim().to_owned())
}
