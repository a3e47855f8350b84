//! `hyperslab shell`: the same verbs, one after the other, on a store that stays open.

mod complete;
mod editor;
mod fill;
mod line;
mod words;

use std::io::{self, BufRead, IsTerminal};

use clap::Args;
use hyperslab::{Error, Result, Store};

use self::editor::{Editor, Typed};
use self::line::{Line, Step};
use crate::args::Verb;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab shell ./climate
  hyperslab shell s3://climate/era5 < nightly.txt

In the shell the store is not named, and after `use weather` neither is the collection:
  ls
  use weather
  read dt=2023-01-03 --sel lat=-10..10
  show other-collection
  use                                    no collection again
  help read                              what a verb takes
  exit                                   or Ctrl-D

An error does not end the shell; Ctrl-C cancels what is typed, or what is running. The tab key \
completes verbs, collections, attributes, dimensions and labels. Lines are kept in \
~/.local/state/hyperslab/shell-history.

When standard input is not a terminal, each line of it is run, `#` begins a comment, and the first \
line that fails ends the shell with its exit code.";

/// Give verbs one after the other to a store that stays open, so that what was read stays in memory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Shell {
    /// The store: a path or a URL
    store: String,
}

/// What a shell knows from one line to the next.
#[derive(Debug, Clone)]
struct Shared {
    /// The name the store was opened under.
    name: String,
    store: Store,
    /// The collection in use.
    used: Option<String>,
}

impl Shell {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        if session.is_shell() {
            return Err(
                Error::invalid("this is a shell already; leave it with `exit` first").into(),
            );
        }
        let store = session.open(&self.store).await?;
        let mut shared = Shared {
            name: self.store,
            store,
            used: None,
        };
        let outcome = if io::stdin().is_terminal() {
            interact(&mut shared, session, console).await
        } else {
            follow(&mut shared, session, console).await
        };
        let closed = shared.store.close().await;
        let status = outcome?;
        closed?;
        Ok(status)
    }
}

/// Runs what a person types, until they leave.
async fn interact(shared: &mut Shared, session: &Session, console: &mut Console) -> Outcome {
    let mut editor = Editor::new()?;
    if let Some(why) = editor.forgets() {
        console.remark(format_args!("lines are not kept: {why}"))?;
    }
    loop {
        let typed;
        (editor, typed) = editor.read(shared).await?;
        let text = match typed {
            Typed::Line(text) => text,
            Typed::Cancelled => continue,
            Typed::Garbled => {
                let garbled =
                    "what was typed is no UTF-8 text and is dropped; set the terminal to UTF-8";
                console.settle(Err(Error::invalid(garbled).into()));
                continue;
            }
            Typed::End => return Ok(Status::Done),
        };
        // What is pasted may be several lines.
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let step = Line::parse(line, shared);
            let outcome = tokio::select! {
                outcome = run(step, shared, session, console) => outcome,
                _ = tokio::signal::ctrl_c() => Err(Error::cancelled("interrupted").into()),
            };
            console.adopt(session.global());
            let code = match outcome {
                Ok(Ended::Shell) => return Ok(Status::Done),
                Ok(Ended::Line(status)) => console.settle(Ok(status)),
                Err(Failure::Unread) => return Err(Failure::Unread),
                Err(failure) => console.settle(Err(failure)),
            };
            if code != 0 {
                let left = lines.filter(|line| !line.trim().is_empty()).count() as u64;
                if left > 0 {
                    let left = human::count(left, "line");
                    console.remark(format_args!("{left} behind it are not run"))?;
                }
                break;
            }
        }
    }
}

/// Runs the lines of standard input until one fails.
async fn follow(shared: &mut Shared, session: &Session, console: &mut Console) -> Outcome {
    for number in 1.. {
        let Some(text) = next_line()? else {
            break;
        };
        // Editors of Windows put a byte order mark before a text.
        let text = match number {
            1 => text.trim_start_matches('\u{feff}'),
            _ => &text,
        };
        let step = Line::parse(text, shared);
        let outcome = run(step, shared, session, console).await;
        console.flush()?;
        match outcome {
            Ok(Ended::Shell) => break,
            Ok(Ended::Line(Status::Done)) => console.adopt(session.global()),
            Ok(Ended::Line(failed)) => return Ok(failed),
            Err(Failure::Error(error)) => {
                return Err(error.context(format!("line {number}")).into());
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(Status::Done)
}

/// The next line of standard input, which is not held meanwhile: a verb may read what follows.
fn next_line() -> Result<Option<String>> {
    let mut line = Vec::new();
    let read = io::stdin().lock().read_until(b'\n', &mut line);
    match read.map_err(|source| Error::io("read", "standard input", source))? {
        0 => Ok(None),
        _ => String::from_utf8(line)
            .map(Some)
            .map_err(|source| Error::invalid("a line is not UTF-8").with_source(source)),
    }
}

/// What a line led to.
enum Ended {
    Line(Status),
    Shell,
}

/// Does what a line says.
async fn run(
    step: Result<Step>,
    shared: &mut Shared,
    session: &Session,
    console: &mut Console,
) -> Result<Ended, Failure> {
    match step? {
        Step::Nothing => Ok(Ended::Line(Status::Done)),
        Step::Exit => Ok(Ended::Shell),
        Step::Use(None) => {
            shared.used = None;
            Ok(Ended::Line(Status::Done))
        }
        Step::Use(Some(name)) => {
            // Opened to see whether it is there.
            shared.store.collection(&name).await?;
            shared.used = Some(name);
            Ok(Ended::Line(Status::Done))
        }
        Step::Tell(text) => {
            console.line(format_args!("{}", text.trim_end()))?;
            Ok(Ended::Line(Status::Done))
        }
        Step::Run(cli) => {
            let global = cli.global.over(session.global());
            console.adopt(&global);
            let within = Session::within(global, &shared.name, shared.store.clone());
            let deleted = match &cli.verb {
                Verb::Rm(rm) => rm.collection_of(&shared.name).map(str::to_owned),
                _ => None,
            };
            let status = crate::verbs::run(cli.verb, &within, console).await?;
            if deleted.is_some() && deleted == shared.used {
                shared.used = None;
            }
            Ok(Ended::Line(status))
        }
    }
}
