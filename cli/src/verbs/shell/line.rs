//! What a line of a shell asks for.

use clap::{CommandFactory, Parser};
use hyperslab::{Error, Result};

use super::fill::{ELSEWHERE, fill};
use super::{Shared, words};
use crate::args::Cli;
use crate::usage;

/// Lines that are no verbs of the command line.
pub(super) const OWN: [&str; 4] = ["use", "help", "exit", "quit"];

const USE: &str =
    "  use COLLECTION   the collection that is meant from here on; `use` alone for none";
const ASK: &str = "  help VERB        what a verb takes; `help` alone for all of them";
const LEAVE: &str = "  exit, quit       leave, as Ctrl-D does";

/// What is to be done.
#[derive(Debug)]
pub(super) enum Step {
    /// An empty line, or a comment.
    Nothing,
    /// Leave the shell.
    Exit,
    /// Mean this collection from here on.
    Use(Option<String>),
    /// Print this.
    Tell(String),
    /// Run a verb.
    Run(Box<Cli>),
}

/// A line that was typed.
pub(super) struct Line;

impl Line {
    /// Reads a line.
    ///
    /// # Errors
    /// `InvalidInput` for what is no line of a shell.
    pub(super) fn parse(text: &str, shared: &Shared) -> Result<Step> {
        let words: Vec<String> = words::split(text)?
            .into_iter()
            .map(|word| word.text)
            .collect();
        let texts: Vec<&str> = words.iter().map(String::as_str).collect();
        match texts.as_slice() {
            [] => Ok(Step::Nothing),
            ["exit" | "quit"] => Ok(Step::Exit),
            ["use"] => Ok(Step::Use(None)),
            ["use", name] => Ok(Step::Use(Some((*name).to_owned()))),
            ["use" | "exit" | "quit", ..] => Err(Error::invalid(format!(
                "'{}' takes less words; see `help`",
                texts[0]
            ))),
            ["help"] => Ok(Step::Tell(help())),
            ["help", "use"] => Ok(Step::Tell(USE.to_owned())),
            ["help", "help"] => Ok(Step::Tell(ASK.to_owned())),
            ["help", "exit" | "quit"] => Ok(Step::Tell(LEAVE.to_owned())),
            ["help", verb] => verb_line(vec![(*verb).to_owned(), "--help".to_owned()], shared),
            _ => verb_line(words, shared),
        }
    }
}

fn help() -> String {
    let mut text = format!(
        "Lines of the shell besides the verbs:\n{USE}\n{ASK}\n{LEAVE}\n\
         The verbs, without the store, and without the collection that is in use:"
    );
    for verb in Cli::command().get_subcommands() {
        if !ELSEWHERE.contains(&verb.get_name()) {
            let about = verb.get_about().map(ToString::to_string);
            text.push_str(&format!(
                "\n  {:<9} {}",
                verb.get_name(),
                about.unwrap_or_default()
            ));
        }
    }
    text
}

fn verb_line(words: Vec<String>, shared: &Shared) -> Result<Step> {
    if let Some(verb) = words
        .first()
        .filter(|verb| ELSEWHERE.contains(&verb.as_str()))
    {
        return Err(Error::invalid(format!(
            "`{verb}` has no place in a shell; run `hyperslab {verb}` outside"
        )));
    }
    let mut root = Cli::command();
    root.build();
    let asks_help = words.iter().any(|word| word == "--help" || word == "-h");
    let words = match asks_help {
        true => words,
        false => fill(&root, words, &shared.name, shared.used.as_deref()),
    };
    let words: Vec<String> = std::iter::once("hyperslab".to_owned())
        .chain(words)
        .collect();
    match Cli::try_parse_from(&words) {
        Ok(cli) => {
            check_global(&cli)?;
            Ok(Step::Run(Box::new(cli)))
        }
        Err(error) if usage::is_answer(&error) => Ok(Step::Tell(error.render().to_string())),
        Err(error) => Err(usage::complaint(&error, &words, usage::inside)),
    }
}

/// Refuses options that count for the whole program.
fn check_global(cli: &Cli) -> Result<()> {
    let global = &cli.global;
    let given = [
        ("--workers", global.workers.is_some()),
        ("--cache", global.cache.is_some()),
        ("--log-level", global.log_level.is_some()),
    ];
    match given.iter().find(|(_, is_given)| *is_given) {
        Some((name, _)) => Err(Error::invalid(format!(
            "{name} counts for the whole shell; give it when you start the shell"
        ))),
        None => Ok(()),
    }
}
