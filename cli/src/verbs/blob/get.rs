//! `hyperslab blob get`.

use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};

use clap::Args;
use hyperslab::Error;
use hyperslab::blobs::{BlobReader, Repository};
use serde_json::json;

use super::keys;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::output::{check_is_path, publish};

/// Get an object, or a piece of it: to standard output, or into a file.
///
/// What is read from its start to its end is checked against its key.
#[derive(Debug, Args)]
pub(super) struct Get {
    /// The repository: a path or a URL
    repository: String,
    /// The key of the object
    key: String,
    /// The bytes from A to B, without B; either may be left out
    #[arg(long, value_name = "A..B", allow_hyphen_values = true)]
    range: Option<Piece>,
    /// The file; it is written whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// A piece of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    first: u64,
    end: Option<u64>,
}

impl std::str::FromStr for Piece {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let told = || {
            "write the first byte and the one behind the last, as 0..1024, 100.. or ..10".to_owned()
        };
        let (first, end) = text.split_once("..").ok_or_else(told)?;
        let number = |text: &str| text.parse::<u64>().map_err(|_| told());
        let first = if first.is_empty() { 0 } else { number(first)? };
        let end = if end.is_empty() {
            None
        } else {
            Some(number(end)?)
        };
        match end {
            Some(end) if end < first => Err(format!(
                "the piece ends at {end}, before it begins at {first}"
            )),
            _ => Ok(Self { first, end }),
        }
    }
}

impl Get {
    pub(super) fn run(self, console: &mut Console) -> Outcome {
        if self.output.is_none() && console.wants_json() {
            return Err(
                Error::invalid("--json needs a file for the content; name one with -o").into(),
            );
        }
        let repository = Repository::open(&self.repository)?;
        let key = keys(&repository, std::slice::from_ref(&self.key))?;
        let key = key.first().ok_or_else(|| Error::internal("no key"))?;
        let mut reader = repository.open(key)?;
        let size = reader.size();
        let piece = self.range.unwrap_or(Piece {
            first: 0,
            end: None,
        });
        if piece.first > size || piece.end.is_some_and(|end| end > size) {
            return Err(Error::invalid(format!(
                "object {key} has {size} bytes; ask for a piece within"
            ))
            .into());
        }
        let length = piece.end.unwrap_or(size) - piece.first;
        let moved = reader.seek(SeekFrom::Start(piece.first));
        moved.map_err(|source| unread(&self.key, source))?;
        let Some(path) = &self.output else {
            give(&mut *reader, length, &self.key, console)?;
            return Ok(Status::Done);
        };
        check_is_path(path)?;
        let progress = console.progress("getting the object");
        save(&mut *reader, length, &self.key, path)?;
        drop(progress);
        console.report(
            &json!({ "key": key, "bytes": length, "output": path.display().to_string() }),
            format_args!("{} in {}", human::bytes(length), path.display()),
        )?;
        Ok(Status::Done)
    }
}

/// Prints so many bytes of an object.
pub(crate) fn give(
    reader: &mut dyn BlobReader,
    length: u64,
    name: &str,
    console: &mut Console,
) -> Result<(), Failure> {
    copy(reader, length, console.writer())?.map_err(|source| unread(name, source))?;
    Ok(())
}

/// Puts so many bytes of an object into a file, whole or not at all.
pub(crate) fn save(
    reader: &mut dyn BlobReader,
    length: u64,
    name: &str,
    path: &Path,
) -> Result<(), Error> {
    let mut failed = None;
    let published = publish(path, |to| {
        copy(reader, length, to)?.map_err(|source| {
            // It is the object that cannot be read, not the file that cannot be written.
            failed = Some(unread(name, source));
            io::ErrorKind::Other.into()
        })
    });
    match failed {
        Some(error) => Err(error),
        None => published,
    }
}

/// What reading an object says.
fn unread(name: &str, source: io::Error) -> Error {
    match source.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            Error::corrupt(format!("{source}; restore it from a copy"))
        }
        _ => Error::io("read", format_args!("'{name}'"), source),
    }
}

/// Copies so many bytes: what writing says, and in it what reading says.
fn copy(
    reader: &mut dyn BlobReader,
    length: u64,
    to: &mut dyn io::Write,
) -> io::Result<io::Result<()>> {
    let mut block = vec![0; 256 << 10];
    let mut left = length;
    while left > 0 {
        let wanted = usize::try_from(left).map_or(block.len(), |left| left.min(block.len()));
        let room = block.get_mut(..wanted).unwrap_or_default();
        let count = match reader.read(room) {
            Ok(0) => return Ok(Err(io::ErrorKind::UnexpectedEof.into())),
            Ok(count) => count,
            Err(error) => return Ok(Err(error)),
        };
        to.write_all(block.get(..count).unwrap_or_default())?;
        left -= count as u64;
    }
    to.flush().map(Ok)
}
