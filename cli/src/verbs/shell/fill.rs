//! A line of a shell as a whole command: the store and the collection in use filled in, as the verb has them.

use clap::{Arg, Command};

/// Verbs that have no place in a shell: they make stores, name two of them or none, or are for other shells.
pub(super) const ELSEWHERE: [&str; 6] = ["init", "migrate", "blob", "demo", "shell", "completions"];

/// Verbs whose collection is a new one, so that the one in use is never meant.
const NEW_COLLECTION: [&str; 2] = ["create", "import"];

/// Where the words of a line are: those that are neither options nor their values.
pub(super) fn positionals(command: &Command, words: &[String], from: usize) -> Vec<usize> {
    let mut found = Vec::new();
    let mut index = from;
    while let Some(word) = words.get(index) {
        if word == "--" {
            found.extend(index + 1..words.len());
            break;
        }
        if word.len() > 1 && word.starts_with('-') {
            index += usize::from(takes_next(command, word));
        } else {
            found.push(index);
        }
        index += 1;
    }
    found
}

/// Whether the value of an option is the word behind it.
pub(super) fn takes_next(command: &Command, word: &str) -> bool {
    option(command, word).is_some_and(|arg| arg.get_action().takes_values())
        && !(word.starts_with("--") && word.contains('='))
        && (word.starts_with("--") || word.chars().count() == 2)
}

/// The option that a word is.
pub(super) fn option<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let mut known = command.get_arguments();
    if let Some(long) = word.strip_prefix("--") {
        let name = long.split('=').next();
        return known.find(|arg| arg.get_long().is_some() && arg.get_long() == name);
    }
    let short = word.strip_prefix('-')?.chars().next()?;
    known.find(|arg| arg.get_short() == Some(short))
}

/// Fills in what the shell knows. Words of a verb that is not known stay as they are, for clap to say so.
pub(super) fn fill(
    root: &Command,
    mut words: Vec<String>,
    store: &str,
    used: Option<&str>,
) -> Vec<String> {
    let Some(&at) = positionals(root, &words, 0).first() else {
        return words;
    };
    let Some(verb) = root.find_subcommand(&words[at]) else {
        return words;
    };
    // Some verbs have verbs of their own.
    let inner = positionals(verb, &words, at + 1).first().copied();
    let inner = inner.and_then(|at| Some((verb.find_subcommand(&words[at])?, at)));
    let (verb, at) = inner.unwrap_or((verb, at));
    let given = positionals(verb, &words, at + 1);
    if verb.get_name() == "copy" {
        for &place in &given {
            if !words[place].contains('/') {
                words[place] = format!("{store}/{}", words[place]);
            }
        }
        return words;
    }
    let Some(place) = place_of(verb, "store") else {
        return words;
    };
    // Right behind what comes before it, so that an option whose value is forgotten does not take it.
    let behind = place
        .checked_sub(1)
        .map(|before| given.get(before).copied());
    let at = behind
        .unwrap_or(Some(at))
        .map_or(words.len(), |index| index + 1);
    let takes_used =
        place_of(verb, "collection").is_some() && !NEW_COLLECTION.contains(&verb.get_name());
    let names_another = given
        .get(place)
        .is_some_and(|&index| !words[index].contains('='));
    let filled = std::iter::once(store).chain(used.filter(|_| takes_used && !names_another));
    let filled: Vec<String> = filled.map(str::to_owned).collect();
    words.splice(at..at, filled);
    words
}

/// Which of the positional arguments of a verb has that name.
pub(super) fn place_of(verb: &Command, id: &str) -> Option<usize> {
    verb.get_positionals()
        .position(|positional| positional.get_id() == id)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::args::Cli;

    fn filled(line: &str, used: Option<&str>) -> String {
        let mut root = Cli::command();
        root.build();
        let words = line.split(' ').map(str::to_owned).collect();
        fill(&root, words, "S", used).join(" ")
    }

    #[test]
    fn the_store_and_the_collection_are_filled_in() {
        for (line, used, expected) in [
            ("ls", None, "ls S"),
            ("ls", Some("w"), "ls S w"),
            ("ls other --count", Some("w"), "ls S other --count"),
            ("ls --where", Some("w"), "ls S w --where"),
            ("ls --where a=1", Some("w"), "ls S w --where a=1"),
            ("--json ls", None, "--json ls S"),
            ("--memory-limit 4G ls w", None, "--memory-limit 4G ls S w"),
            ("read w dt=1", None, "read S w dt=1"),
            (
                "read dt=1 --sel lat=-1..1",
                Some("w"),
                "read S w dt=1 --sel lat=-1..1",
            ),
            (
                "read --sel lat=-1..1 dt=1",
                Some("w"),
                "read S w --sel lat=-1..1 dt=1",
            ),
            ("read -o x.nc", Some("w"), "read S w -o x.nc"),
            ("read -ox.nc v", Some("w"), "read S -ox.nc v"),
            ("write --value=-3", Some("w"), "write S w --value=-3"),
            ("rm --collection", Some("w"), "rm S w --collection"),
            ("create x --schema f", Some("w"), "create S x --schema f"),
            ("create --from f", Some("w"), "create S --from f"),
            ("import f.nc x", Some("w"), "import f.nc S x"),
            ("copy w other", None, "copy S/w S/other"),
            (
                "copy w ./archive/w --jobs 2",
                None,
                "copy S/w ./archive/w --jobs 2",
            ),
            ("locks --clean", Some("w"), "locks S w --clean"),
            ("attach ls --all", Some("w"), "attach ls S --all"),
            ("attach put a.log --as x", None, "attach put S a.log --as x"),
            ("attach", None, "attach"),
            ("frobnicate w", Some("w"), "frobnicate w"),
            ("--version", None, "--version"),
        ] {
            assert_eq!(filled(line, used), expected, "{line}");
        }
    }

    #[test]
    fn every_verb_of_a_shell_has_a_store_to_fill_in() {
        let mut root = Cli::command();
        root.build();
        for verb in root.get_subcommands() {
            let name = verb.get_name();
            let known = ELSEWHERE.contains(&name) || matches!(name, "copy" | "help");
            let mut inner = verb
                .get_subcommands()
                .filter(|verb| verb.get_name() != "help");
            let has = match verb.has_subcommands() {
                true => inner.all(|verb| place_of(verb, "store").is_some()),
                false => place_of(verb, "store").is_some(),
            };
            assert!(known || has, "{name}");
        }
    }
}
