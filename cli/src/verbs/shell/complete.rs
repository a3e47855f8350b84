//! What may stand at the end of a line that is being typed.

use clap::Command;
use hyperslab::{Coordinates, Schema};

use super::fill::{ELSEWHERE, option, place_of, positionals, takes_next};
use super::line::OWN;
use super::words::{Word, quote, typed};

/// What completions are made of.
pub(super) trait Known {
    /// The names of all collections.
    fn collections(&self) -> Vec<String>;
    /// The schema of one.
    fn schema(&self, collection: &str) -> Option<Schema>;
    /// The collection in use.
    fn used(&self) -> Option<&str>;
}

/// Where the last word of `line` begins, and what it may become.
pub(super) fn complete(root: &Command, line: &str, known: &dyn Known) -> (usize, Vec<String>) {
    let words = typed(line);
    let Some((last, before)) = words.split_last() else {
        return (line.len(), Vec::new());
    };
    let before: Vec<String> = before.iter().map(|word| word.text.clone()).collect();
    let mut found = candidates(root, &before, &last.text, known);
    found.retain(|candidate| candidate.starts_with(&last.text) && *candidate != last.text);
    found.dedup();
    let Word { start, .. } = last;
    (*start, found.iter().map(|text| quote(text)).collect())
}

fn candidates(root: &Command, before: &[String], last: &str, known: &dyn Known) -> Vec<String> {
    match before
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["use"] => return known.collections(),
        ["help"] => return verbs(root, &[]),
        _ => {}
    }
    let Some(&at) = positionals(root, before, 0).first() else {
        return verbs(root, &OWN);
    };
    let Some(verb) = root.find_subcommand(&before[at]) else {
        return Vec::new();
    };
    let typed = Typed::of(verb, before, at, known);
    match before.last().filter(|word| takes_next(verb, word)) {
        Some(word) => typed.values_of(
            option(verb, word).map_or("", |arg| arg.get_id().as_str()),
            last,
        ),
        None if last.starts_with('-') => options(verb),
        None => typed.words(),
    }
}

fn verbs(root: &Command, more: &[&str]) -> Vec<String> {
    let verbs = root.get_subcommands().map(Command::get_name);
    verbs
        .filter(|verb| !ELSEWHERE.contains(verb) && *verb != "help")
        .chain(more.iter().copied())
        .map(str::to_owned)
        .collect()
}

fn options(verb: &Command) -> Vec<String> {
    let longs = verb.get_arguments().filter_map(|arg| arg.get_long());
    longs.map(|long| format!("--{long}")).collect()
}

/// A verb with what was typed behind it.
struct Typed<'a> {
    verb: &'a Command,
    known: &'a dyn Known,
    /// The words before that are neither options nor their values, from the collection on.
    given: Vec<&'a str>,
    /// The collection that is meant, as far as that is said.
    collection: Option<&'a str>,
}

impl<'a> Typed<'a> {
    fn of(verb: &'a Command, before: &'a [String], at: usize, known: &'a dyn Known) -> Self {
        let given = positionals(verb, before, at + 1).into_iter();
        // The collection stands where the store would.
        let skipped = place_of(verb, "store").unwrap_or(0);
        let given: Vec<&str> = given
            .skip(skipped)
            .map(|index| before[index].as_str())
            .collect();
        let named = given.first().copied().filter(|word| !word.contains('='));
        Self {
            verb,
            known,
            collection: named.or(known.used()),
            given,
        }
    }

    fn schema(&self) -> Option<Schema> {
        self.known.schema(self.collection?)
    }

    /// What may stand there but for options.
    fn words(&self) -> Vec<String> {
        let mut found = Vec::new();
        let takes_collection = place_of(self.verb, "collection").is_some();
        if (takes_collection && self.given.is_empty()) || self.verb.get_name() == "copy" {
            found.extend(self.known.collections());
        }
        if place_of(self.verb, "key").is_some()
            && let Some(schema) = self.schema()
        {
            let is_given = |name: &str| {
                let begins = |word: &&str| word.split('=').next() == Some(name);
                self.given.iter().any(begins)
            };
            let names = schema.key_attributes().map(|known| known.name.as_str());
            found.extend(
                names
                    .filter(|name| !is_given(name))
                    .map(|name| format!("{name}=")),
            );
        }
        found
    }

    /// What the value of an option may be.
    fn values_of(&self, option: &str, last: &str) -> Vec<String> {
        let Some(schema) = self.schema() else {
            return Vec::new();
        };
        let custom = schema.custom_attributes().map(|known| known.name.as_str());
        match option {
            "sel" | "isel" => {
                if option == "sel" && last.contains('=') {
                    return labels(&schema, last);
                }
                let dimensions = schema.dimensions().iter();
                dimensions.map(|known| format!("{}=", known.name)).collect()
            }
            "set" => custom.map(|name| format!("{name}=")).collect(),
            "unset" => custom.map(str::to_owned).collect(),
            "sort" => schema
                .key_attributes()
                .map(|known| known.name.clone())
                .collect(),
            "condition" => {
                let attributes = schema.attributes().iter();
                attributes.map(|known| known.name.clone()).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The labels that may stand behind `DIM=`, or behind the dots of a range of them.
fn labels(schema: &Schema, last: &str) -> Vec<String> {
    let Some((name, value)) = last.split_once('=') else {
        return Vec::new();
    };
    let begun = match value.rsplit_once("..") {
        Some((low, _)) => format!("{name}={low}.."),
        None => format!("{name}="),
    };
    let dimension = schema.dimensions().iter().find(|known| known.name == name);
    match dimension.and_then(|known| known.coordinates.as_ref()) {
        Some(Coordinates::Labels { labels }) => labels
            .iter()
            .map(|label| format!("{begun}{label}"))
            .collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
