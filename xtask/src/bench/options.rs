//! What is asked of `cargo xtask bench --peers`.

use std::path::PathBuf;

use super::peers::Peer;
use crate::Outcome;

pub(super) const USAGE: &str = "cargo xtask bench --peers [--only W1,H2,...] [--with PEER,...] [--size MIB] [--rounds N] \
    [--dir FOLDER] [--threads N] [--json FILE] [--markdown FILE] [--bars] [--vary] [--smoke]";

/// Checked options.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Workloads by the name of their group; none means all.
    pub(super) only: Vec<String>,
    /// Peers beside us; none means all.
    pub(super) with: Vec<String>,
    /// Size of the arrays; else 128, and 256 beside Deker.
    pub(super) size_mib: Option<u64>,
    /// How often each peer does each workload.
    pub(super) rounds: usize,
    /// Where the data lie; else in shared memory if there is room.
    pub(super) folder: Option<PathBuf>,
    /// How many threads each peer may have, where it can be told.
    pub(super) threads: Option<usize>,
    /// Where all measurements go.
    pub(super) json: Option<PathBuf>,
    /// Where the page of the documentation goes.
    pub(super) markdown: Option<PathBuf>,
    /// Fail when a bar is missed.
    pub(super) bars: bool,
    /// Other types, chunks and slabs, once each.
    pub(super) vary: bool,
    /// As small and as quick as can be, to see that all works.
    pub(super) smoke: bool,
}

impl Options {
    pub(super) fn parse(arguments: &[String]) -> Outcome<Self> {
        let mut options = Self::default();
        let mut rounds = None;
        let mut rest = arguments.iter();
        while let Some(flag) = rest.next() {
            let mut value = || {
                let value = rest.next();
                value.ok_or_else(|| format!("{flag} needs a value; usage: {USAGE}"))
            };
            match flag.as_str() {
                "--only" => options.only = list(value()?),
                "--with" => options.with = list(value()?),
                "--size" => options.size_mib = Some(number(flag, value()?)?),
                "--rounds" => rounds = Some(number(flag, value()?)?),
                "--dir" => options.folder = Some(value()?.into()),
                "--threads" => options.threads = Some(number(flag, value()?)?),
                "--json" => options.json = Some(value()?.into()),
                "--markdown" => options.markdown = Some(value()?.into()),
                "--bars" => options.bars = true,
                "--vary" => options.vary = true,
                "--smoke" => options.smoke = true,
                other => return Err(format!("unexpected argument '{other}'; usage: {USAGE}")),
            }
        }
        let once = options.vary || options.smoke;
        options.rounds = rounds.unwrap_or(if once { 1 } else { 5 });
        options.check()
    }

    fn check(self) -> Outcome<Self> {
        let whole = |size: u64| size > 0 && size.is_multiple_of(64);
        if !self.size_mib.is_none_or(whole) {
            return Err(
                "--size is a multiple of 64 MiB, so that all types fill whole shards".into(),
            );
        }
        let known = |name: &String| Peer::ALL.iter().any(|peer| name == peer.name());
        if let Some(unknown) = self.with.iter().find(|name| !known(name)) {
            let names = Peer::ALL.map(Peer::name).join(", ");
            return Err(format!("no peer '{unknown}'; there are {names}"));
        }
        if self.rounds == 0 || self.threads == Some(0) {
            return Err("--rounds and --threads are at least 1".into());
        }
        Ok(self)
    }

    /// Whether the group of a workload was asked for.
    pub(super) fn wants(&self, group: &str) -> bool {
        let asked = |name: &String| name.eq_ignore_ascii_case(group);
        self.only.is_empty() || self.only.iter().any(asked)
    }
}

fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::to_owned).collect()
}

fn number<T: std::str::FromStr>(flag: &str, text: &str) -> Outcome<T> {
    text.parse()
        .map_err(|_| format!("{flag} {text} is not a number"))
}

#[cfg(test)]
mod tests {
    use super::Options;

    fn parse(line: &str) -> Result<Options, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&words)
    }

    #[test]
    fn what_is_not_said_is_chosen() {
        let options = parse("").unwrap();
        assert_eq!((options.size_mib, options.rounds), (None, 5));
        assert_eq!(parse("--size 64").unwrap().size_mib, Some(64));
        assert_eq!(parse("--smoke").unwrap().rounds, 1);
        assert_eq!(parse("--vary --rounds 3").unwrap().rounds, 3);
    }

    #[test]
    fn groups_are_chosen_by_name() {
        let options = parse("--only w1,H2").unwrap();
        assert!(options.wants("W1") && options.wants("H2") && !options.wants("W2"));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for line in [
            "--size",
            "--size x",
            "--size 100",
            "--rounds 0",
            "--fast",
            "--with x",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
