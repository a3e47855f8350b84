//! The line that a person edits: its history and its completions.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use clap::{Command, CommandFactory};
use hyperslab::{Error, Result, Schema, blocking};
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Helper};
use tokio::runtime::Handle;

use super::Shared;
use super::complete::{Known, complete};
use crate::args::Cli;

/// How many lines are kept.
const LINES_MAX: usize = 10_000;

/// What a person typed.
pub(super) enum Typed {
    Line(String),
    /// Ctrl-C.
    Cancelled,
    /// Bytes that are no text.
    Garbled,
    /// Ctrl-D.
    End,
}

/// Reads lines from a terminal.
pub(super) struct Editor {
    inner: rustyline::Editor<Completions, FileHistory>,
    /// Where lines are kept, or why they are not.
    history: Result<PathBuf>,
}

impl Editor {
    pub(super) fn new() -> Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .max_history_size(LINES_MAX)
            .map_err(of_terminal)?
            .auto_add_history(true)
            .build();
        let mut inner = rustyline::Editor::with_config(config).map_err(of_terminal)?;
        let history = history_file();
        if let Ok(path) = &history
            && path.exists()
        {
            // One that cannot be read is none.
            let _ = inner.load_history(path);
        }
        Ok(Self { inner, history })
    }

    /// Why lines are not kept, if they are not.
    pub(super) fn forgets(&self) -> Option<&Error> {
        self.history.as_ref().err()
    }

    /// Waits for a line, on a thread for that.
    pub(super) async fn read(mut self, shared: &Shared) -> Result<(Self, Typed)> {
        let prompt = prompt(shared);
        let mut root = Cli::command();
        root.build();
        self.inner.set_helper(Some(Completions {
            shared: shared.clone(),
            runtime: Handle::current(),
            root,
        }));
        blocking(move || {
            let typed = match self.inner.readline(&prompt) {
                Ok(line) => Typed::Line(line),
                Err(ReadlineError::Interrupted) => Typed::Cancelled,
                Err(ReadlineError::Eof) => Typed::End,
                Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                    forget_typed();
                    Typed::Garbled
                }
                Err(error) => return Err(of_terminal(error)),
            };
            if let (Typed::Line(_), Ok(path)) = (&typed, &self.history) {
                // Line by line: a shell that is killed has kept what was typed.
                let _ = self.inner.append_history(path);
            }
            Ok((self, typed))
        })
        .await
    }
}

fn of_terminal(error: ReadlineError) -> Error {
    Error::unavailable(format!("the terminal: {error}")).with_source(error)
}

/// Drops what was typed and not read yet: the rest of a line that is not understood is none of its own.
fn forget_typed() {
    #[cfg(unix)]
    {
        use rustix::termios::{QueueSelector, tcflush};
        // What cannot be dropped is read as the next line.
        let _ = tcflush(std::io::stdin(), QueueSelector::IFlush);
    }
}

/// The last part of the store's name, and the collection in use.
fn prompt(shared: &Shared) -> String {
    let path = shared.name.split(['?', '#']).next().unwrap_or_default();
    let name = path.trim_end_matches('/').rsplit('/').next();
    let name = name.filter(|name| !name.is_empty()).unwrap_or("hyperslab");
    match &shared.used {
        Some(used) => format!("{name}/{used}> "),
        None => format!("{name}> "),
    }
}

/// Where the lines of a person are kept: a file in the folder for the state of programs, which is made.
fn history_file() -> Result<PathBuf> {
    let set = |name: &str| {
        let value = std::env::var_os(name).filter(|value| !value.is_empty());
        value.map(PathBuf::from).filter(|path| path.is_absolute())
    };
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local").join("state")));
    let folder = state
        .ok_or_else(|| Error::not_found("there is no home folder"))?
        .join("hyperslab");
    make_private(&folder).map_err(|source| Error::io("make", folder.display(), source))?;
    Ok(folder.join("shell-history"))
}

/// Makes a folder that nobody else looks into: keys of arrays may be private.
fn make_private(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Completes from the store that is open.
struct Completions {
    shared: Shared,
    runtime: Handle,
    root: Command,
}

impl Known for Completions {
    fn collections(&self) -> Vec<String> {
        let listed = self.runtime.block_on(self.shared.store.collections());
        listed.unwrap_or_default()
    }

    fn schema(&self, collection: &str) -> Option<Schema> {
        let opened = self
            .runtime
            .block_on(self.shared.store.collection(collection));
        Some(opened.ok()?.schema().clone())
    }

    fn used(&self) -> Option<&str> {
        self.shared.used.as_deref()
    }
}

impl Completer for Completions {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let line = line.get(..position).unwrap_or(line);
        Ok(complete(&self.root, line, self))
    }
}

impl Hinter for Completions {
    type Hint = String;
}

impl Highlighter for Completions {}

impl Validator for Completions {}

impl Helper for Completions {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use hyperslab::{MemoryAdapter, Store, StoreOptions};

    use super::*;

    #[test]
    fn the_prompt_says_where_one_is() {
        let store = Store::new(Arc::new(MemoryAdapter::new()), StoreOptions::default());
        for (name, used, expected) in [
            ("./data/climate/", None, "climate> "),
            ("s3://b/era5?endpoint=http://x/y", Some("t"), "era5/t> "),
            ("memory://", None, "memory:> "),
        ] {
            let shared = Shared {
                name: name.to_owned(),
                store: store.clone(),
                used: used.map(str::to_owned),
            };
            assert_eq!(prompt(&shared), expected);
        }
    }
}
