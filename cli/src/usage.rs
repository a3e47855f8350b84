//! What is wrong with the words of a command line, on one line as every other error.

use clap::CommandFactory;
use clap::error::ErrorKind;
use hyperslab::Error;

use crate::args::Cli;

/// Whether that which the parser has to say answers a question, and is no complaint.
pub(crate) fn is_answer(error: &clap::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    )
}

/// The complaint of the parser about these words as an error of ours. `help` says where to read about a verb, or about all.
pub(crate) fn complaint(
    error: &clap::Error,
    words: &[String],
    help: impl FnOnce(Option<&str>) -> String,
) -> Error {
    let text = error.render().to_string();
    let mut message: Option<String> = None;
    let mut tips = Vec::new();
    let mut usage = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(tip) = line.strip_prefix("tip: ") {
            tips.extend(right_tip(tip, words));
        } else if let Some(shown) = line.strip_prefix("Usage: ") {
            usage = Some(verb_of(shown));
        } else if !line.starts_with("For more information") && usage.is_none() {
            let line = line.strip_prefix("error: ").unwrap_or(line);
            message = Some(match message {
                None => line.to_owned(),
                Some(before) if before.ends_with(':') => format!("{before} {line}"),
                Some(before) if line.starts_with('[') => format!("{before} {line}"),
                Some(before) => format!("{before}, {line}"),
            });
        }
    }
    let parts = message.into_iter().chain(tips);
    let parts = parts.chain(usage.map(|verb| format!("see `{}`", help(verb))));
    Error::invalid(parts.collect::<Vec<_>>().join("; "))
}

/// Where to read about a verb outside of a shell.
pub(crate) fn outside(verb: Option<&str>) -> String {
    match verb {
        Some(verb) => format!("hyperslab {verb} --help"),
        None => "hyperslab --help".to_owned(),
    }
}

/// The same in a shell.
pub(crate) fn inside(verb: Option<&str>) -> String {
    match verb {
        Some(verb) => format!("help {verb}"),
        None => "help".to_owned(),
    }
}

/// The verb in `hyperslab VERB [OPTIONS] ...`.
fn verb_of(usage: &str) -> Option<&str> {
    let verb = usage.split(' ').nth(1)?;
    verb.starts_with(|first: char| first.is_ascii_lowercase())
        .then_some(verb)
}

/// A tip as it is right here. The parser does not know that a word behind an option was meant for its value.
fn right_tip(tip: &str, words: &[String]) -> Option<String> {
    let quoted = tip.strip_prefix("to pass '");
    let Some(value) = quoted.and_then(|rest| rest.split('\'').next()) else {
        return Some(tip.to_owned());
    };
    if value.starts_with("--") {
        return None;
    }
    let at = words.iter().position(|word| word.starts_with(value))?;
    match at.checked_sub(1).map(|before| words[before].as_str()) {
        Some("--") => None,
        Some(option) if takes_value(option) => Some(format!("write it as {option}={}", words[at])),
        _ => Some(tip.to_owned()),
    }
}

fn takes_value(word: &str) -> bool {
    let Some(name) = word.strip_prefix("--") else {
        return false;
    };
    let root = Cli::command();
    let commands = std::iter::once(&root).chain(root.get_subcommands());
    let mut known = commands.flat_map(clap::Command::get_arguments);
    known.any(|arg| arg.get_long() == Some(name) && arg.get_action().takes_values())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn complaint_of(line: &str) -> String {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let error = Cli::try_parse_from(&words).unwrap_err();
        assert!(!is_answer(&error), "{line}");
        complaint(&error, &words, outside).to_string()
    }

    #[test]
    fn a_complaint_is_one_line_that_says_what_to_do() {
        for (line, expected) in [
            (
                "hyperslab ls s --frob",
                "unexpected argument '--frob' found; see `hyperslab ls --help`",
            ),
            (
                "hyperslab read",
                "the following required arguments were not provided: <STORE>, <COLLECTION>; \
                 see `hyperslab read --help`",
            ),
            (
                "hyperslab check s --level 5",
                "invalid value '5' for '--level <LEVEL>': write a whole number from 1 to 4",
            ),
            (
                "hyperslab lss",
                "unrecognized subcommand 'lss'; a similar subcommand exists: 'ls'; see `hyperslab --help`",
            ),
        ] {
            assert_eq!(complaint_of(line), expected, "{line}");
        }
        let told = complaint_of("hyperslab ls s --log-level loud");
        assert!(
            told.contains("'loud'") && told.contains("[possible values: error, "),
            "{told}"
        );
    }

    #[test]
    fn a_value_with_a_dash_is_told_how_to_write() {
        for (line, expected) in [
            (
                "hyperslab write s c --set -x=1",
                Some("; write it as --set=-x=1; "),
            ),
            ("hyperslab write s c --value 1 -- -1", None),
            ("hyperslab ls -x", Some("use '-- -x'")),
        ] {
            let told = complaint_of(line);
            match expected {
                Some(expected) => assert!(told.contains(expected), "{line}: {told}"),
                None => assert!(!told.contains("'-- "), "{line}: {told}"),
            }
        }
        for option in ["--lock-timeout", "--memory-limit", "--workers", "--limit"] {
            let told = complaint_of(&format!("hyperslab ls s c {option} -1"));
            assert!(
                told.starts_with(&format!("invalid value '-1' for '{option} ")),
                "{told}"
            );
        }
    }
}
