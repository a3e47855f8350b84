//! The text files of the project.

use std::fs;
use std::path::Path;

use crate::Outcome;
use crate::shell::root;

/// A file that the rules read.
#[derive(Debug)]
pub(super) struct TextFile {
    /// From the root, with `/`.
    pub(super) path: String,
    /// What it says.
    pub(super) text: String,
}

impl TextFile {
    /// Whether it is Rust that ships: no test, no example, no benchmark.
    pub(super) fn is_production(&self) -> bool {
        let side = ["tests", "examples", "benches"];
        let stem_is_tests = self.path.ends_with("/tests.rs") || self.path.ends_with("_tests.rs");
        self.path.ends_with(".rs")
            && !stem_is_tests
            && !self.path.split('/').any(|part| side.contains(&part))
    }
}

const KINDS: [&str; 9] = ["rs", "md", "toml", "py", "txt", "sh", "yml", "json", "lock"];
const FOLDERS_LEFT_OUT: [&str; 6] = [
    "target",
    ".git",
    ".venv",
    "__pycache__",
    "corpus",
    "artifacts",
];

/// All text files, in order of their paths.
pub(super) fn read() -> Outcome<Vec<TextFile>> {
    let mut files = Vec::new();
    walk(&root(), "", &mut files).map_err(|e| format!("cannot read the project's files: {e}"))?;
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<TextFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if entry.file_type()?.is_dir() {
            let demo = name.starts_with("hyperslab-demo");
            if !demo && !FOLDERS_LEFT_OUT.contains(&name.as_str()) {
                walk(&entry.path(), &format!("{path}/"), files)?;
            }
        } else if is_text(&name) {
            let text = fs::read_to_string(entry.path())?;
            files.push(TextFile { path, text });
        }
    }
    Ok(())
}

fn is_text(name: &str) -> bool {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => KINDS.contains(&extension),
        // Scripts and licences; `.git` is a file in a linked work tree, with a path of the machine.
        _ => !name.starts_with(".git"),
    }
}
