//! `hyperslab blob put`.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use hyperslab::blobs::{Put as Object, Repository};
use hyperslab::{Error, Result};
use serde_json::json;

use super::Compression;
use crate::console::Console;
use crate::failure::{Outcome, Status};

/// Put files: each becomes an object, and its key is printed. What is there already is not put again.
///
/// Several files are made safe together, in a container straight in a pack, which is much faster for many small ones.
#[derive(Debug, Args)]
pub(super) struct Put {
    /// The repository: a path or a URL
    repository: String,
    /// The files; `-` for standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Compress them, in a container
    #[arg(long, value_enum, value_name = "WHICH")]
    compress: Option<Compression>,
}

impl Put {
    pub(super) fn run(self, patience: Duration, console: &mut Console) -> Outcome {
        let repository = Repository::open_with(&self.repository, patience)?;
        if self
            .files
            .iter()
            .filter(|path| *path == Path::new("-"))
            .count()
            > 1
        {
            return Err(Error::invalid("standard input is named twice; it is read once").into());
        }
        let progress = console.progress("putting files");
        let total = self.files.len() as u64;
        let opened = Cell::new(0);
        let open = |path: &PathBuf| {
            opened.set(opened.get() + 1);
            progress.count(opened.get() - 1, total);
            open_source(path)
        };
        let mut sources = self.files.iter().map(open);
        let puts: Vec<Object> = match (self.compress, self.files.as_slice()) {
            (None, [path]) => vec![repository.put(&mut *open_source(path)?)?],
            (None, _) => repository.put_many(&mut sources)?,
            (Some(which), _) => repository
                .as_container("compress objects")?
                .put_packed(&mut sources, which.into())?,
        };
        drop(progress);
        if console.wants_json() {
            let objects = self.files.iter().zip(&puts).map(|(path, put)| {
                json!({
                    "file": path.display().to_string(), "key": put.key, "size": put.size, "sha256": put.sha256,
                    "existed": put.existed,
                })
            });
            console.json(&json!({ "objects": objects.collect::<Vec<_>>() }))?;
            return Ok(Status::Done);
        }
        for (path, put) in self.files.iter().zip(&puts) {
            console.line(format_args!("{}  {}", put.key, path.display()))?;
        }
        Ok(Status::Done)
    }
}

/// Opens a file to be put, or standard input.
pub(crate) fn open_source<'a>(path: &PathBuf) -> Result<Box<dyn Read + 'a>> {
    if path == Path::new("-") {
        return Ok(Box::new(io::stdin().lock()));
    }
    let fail = |source| Error::io("open", path.display(), source);
    let file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(Error::invalid(format!(
            "{} is a folder; name the files in it",
            path.display()
        )));
    }
    Ok(Box::new(file))
}
