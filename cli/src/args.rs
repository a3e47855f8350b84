//! The command line: what is common to all verbs. What belongs to one verb stands in its own file.

use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use hyperslab::{MemoryLimit, StoreOptions, TimeStep, WriteOptions};

use crate::{numbers, verbs};

/// Stores collections of labelled N-d arrays, and reads and writes any rectangular piece of them.
#[derive(Debug, Parser)]
#[command(
    name = "hyperslab",
    version,
    propagate_version = true,
    max_term_width = 100
)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

const EXIT_CODES: &str = "\
Exit codes:
  0 done            1 found something amiss     2 wrong usage or input   3 not found
  4 exists already  5 locked                    6 conflict               7 corrupt
  8 unsupported     9 too large                 10 denied                11 unavailable
  12 cancelled      70 a defect of hyperslab

Try it: hyperslab demo";

/// Options that every verb takes.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Global {
    /// Print one JSON document (docs/cli-json.md) instead of text
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub(crate) json: bool,
    /// Say more: the causes of an error, and with -vv what the library does
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Everywhere")]
    pub(crate) verbose: u8,
    /// Print nothing but what was asked for, and errors
    #[arg(
        short,
        long,
        global = true,
        conflicts_with = "verbose",
        help_heading = "Everywhere"
    )]
    pub(crate) quiet: bool,
    /// The most memory one read may take, such as 512M or 4G [default: 3/4 of the machine's]
    #[arg(
        long,
        global = true,
        value_name = "SIZE",
        help_heading = "Everywhere",
        allow_negative_numbers = true
    )]
    pub(crate) memory_limit: Option<MemoryLimit>,
    /// The most memory for decoded chunks that are kept, 0 for none [default: 1/4 of the machine's]
    #[arg(
        long,
        global = true,
        value_name = "SIZE",
        help_heading = "Everywhere",
        allow_negative_numbers = true
    )]
    pub(crate) cache: Option<MemoryLimit>,
    /// How many threads work at once [default: one for each core]
    #[arg(long, global = true, value_name = "COUNT", help_heading = "Everywhere")]
    #[arg(value_parser = numbers::workers, allow_negative_numbers = true)]
    pub(crate) workers: Option<usize>,
    /// How long to wait for somebody else's lock: seconds, or `500ms`, `5m` [default: 60]
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        help_heading = "Everywhere",
        allow_negative_numbers = true
    )]
    pub(crate) lock_timeout: Option<Wait>,
    /// How often to look again at a lock of another program that tells nobody when it lets go [default: 10ms]
    #[arg(
        long,
        global = true,
        value_name = "TIME",
        help_heading = "Everywhere",
        allow_negative_numbers = true
    )]
    pub(crate) lock_interval: Option<Wait>,
    /// Say on standard error what the library does, from this level on
    #[arg(long, global = true, value_name = "LEVEL", help_heading = "Everywhere")]
    #[arg(value_enum)]
    pub(crate) log_level: Option<LogLevel>,
}

impl Global {
    /// How the store is to be used.
    pub(crate) fn store_options(&self) -> StoreOptions {
        let usual = WriteOptions::default();
        StoreOptions {
            memory_limit: self.memory_limit.unwrap_or_default(),
            cache_bytes: self.cache.map(MemoryLimit::bytes),
            write: WriteOptions {
                lock_timeout: self.lock_timeout.map_or(usual.lock_timeout, |wait| wait.0),
                lock_interval: self
                    .lock_interval
                    .map_or(usual.lock_interval, |wait| wait.0),
                ..usual
            },
            ..StoreOptions::default()
        }
    }

    /// These options where they were given, else those of `base`.
    pub(crate) fn over(&self, base: &Self) -> Self {
        Self {
            json: self.json || base.json,
            verbose: self.verbose.max(if self.quiet { 0 } else { base.verbose }),
            quiet: self.quiet || (base.quiet && self.verbose == 0),
            memory_limit: self.memory_limit.or(base.memory_limit),
            cache: self.cache.or(base.cache),
            workers: self.workers.or(base.workers),
            lock_timeout: self.lock_timeout.or(base.lock_timeout),
            lock_interval: self.lock_interval.or(base.lock_interval),
            log_level: self.log_level.or(base.log_level),
        }
    }
}

/// From which level on the library says what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// A length of time: a number of seconds, or one with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wait(pub(crate) Duration);

impl std::str::FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let told = "write seconds like 60 or 0.5, or a length of time like 500ms or 5m";
        if let Ok(seconds) = text.parse::<u64>() {
            return Ok(Self(Duration::from_secs(seconds)));
        }
        if let Ok(seconds) = text.parse::<f64>() {
            let wait = Duration::try_from_secs_f64(seconds);
            return wait.map(Self).map_err(|_| told.to_owned());
        }
        let step: TimeStep = text.parse().map_err(|_| told.to_owned())?;
        u64::try_from(step.as_nanoseconds())
            .map(|nanoseconds| Self(Duration::from_nanos(nanoseconds)))
            .map_err(|_| told.to_owned())
    }
}

/// What is to be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Make an empty store
    Init(verbs::init::Init),
    /// Make a collection from a schema
    Create(verbs::create::Create),
    /// Make an array in a collection
    New(verbs::new::New),
    /// List collections, or the arrays of one
    Ls(verbs::ls::Ls),
    /// Show what a store, a collection or an array is
    Show(verbs::show::Show),
    /// Read a piece of an array: look at it, or put it in a file
    Read(verbs::read::Read),
    /// Write a piece of an array, or its attributes
    Write(verbs::write::Write),
    /// Set a piece of an array back to the fill value
    Clear(verbs::clear::Clear),
    /// Delete an array, all arrays, or a collection
    Rm(verbs::rm::Rm),
    /// Make collections from the variables of a netCDF or HDF5 file
    Import(verbs::import::Import),
    /// Put a piece of an array in a netCDF file, or one of another format
    Export(verbs::export::Export),
    /// Copy a collection into another store, or under another name
    Copy(verbs::copy::Copy),
    /// Copy a storage of Deker into a store
    Migrate(verbs::migrate::Migrate),
    /// Look for faults, and mend what can be mended
    Check(verbs::check::Check),
    /// Show what collections take up
    Du(verbs::du::Du),
    /// Keep files beside arrays: attached to one, a collection or the store
    Attach(verbs::attach::Attach),
    /// Keep files as byte objects, in containers of AiiDA or in a bucket
    Blob(verbs::blob::Blob),
    /// Show who holds locks
    Locks(verbs::locks::Locks),
    /// Show all of this on a real sample: import, select, draw, check
    Demo(verbs::demo::Demo),
    /// Give these verbs one after the other to a store that stays open
    Shell(verbs::shell::Shell),
    /// Print the completions of a shell
    Completions(verbs::completions::Completions),
}

/// A store and one of its collections.
#[derive(Debug, Clone, Args)]
pub(crate) struct CollectionArgs {
    /// The store: a path or a URL
    pub(crate) store: String,
    /// The collection
    pub(crate) collection: String,
}

/// The adapter of a store.
#[derive(Debug, Clone, Args)]
pub(crate) struct AdapterArgs {
    /// How the arrays are stored: `hdf5`, `zarr`, or `deker` for a storage that Deker uses too [default: hdf5 on a disk,
    /// zarr in a bucket; a store that is there knows]
    #[arg(long, value_name = "NAME")]
    pub(crate) adapter: Option<String>,
}

/// `NAME=VALUE` on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl std::str::FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => Ok(Self {
                name: name.trim().to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("write it as NAME=VALUE".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn waits_are_seconds_or_have_a_unit() {
        for (text, milliseconds) in [
            ("60", 60_000),
            ("0.25", 250),
            ("500ms", 500),
            ("5m", 300_000),
            ("PT1S", 1000),
        ] {
            let wait: Wait = text.parse().unwrap();
            assert_eq!(wait.0, Duration::from_millis(milliseconds), "{text}");
        }
        for text in ["", "-1", "soon", "-5m", "nan", "1e300", "1mo"] {
            assert!(text.parse::<Wait>().is_err(), "{text}");
        }
    }

    #[test]
    fn options_of_a_line_come_before_those_of_the_shell() {
        let of = |words: &[&str]| {
            let words = ["hyperslab"].iter().chain(words).chain(&["ls", "s"]);
            Cli::try_parse_from(words).unwrap().global
        };
        let base = of(&[
            "--json",
            "-v",
            "--lock-timeout",
            "3",
            "--memory-limit",
            "4G",
        ]);
        let merged = of(&["--lock-timeout", "7", "-q"]).over(&base);
        assert!(merged.json && merged.quiet && merged.verbose == 0);
        let options = merged.store_options();
        assert_eq!(options.write.lock_timeout, Duration::from_secs(7));
        assert_eq!(options.write.lock_interval, Duration::from_millis(10));
        assert_eq!(options.memory_limit.bytes(), 4 << 30);
        let quiet = of(&["-q"]);
        assert!(!of(&["-v"]).over(&quiet).quiet && of(&[]).over(&quiet).quiet);
    }

    #[test]
    fn the_command_line_is_consistent_and_every_verb_has_an_example() {
        Cli::command().debug_assert();
        for verb in Cli::command().get_subcommands() {
            let help = verb
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(
                help.contains(&format!("hyperslab {}", verb.get_name())),
                "{} has no example",
                verb.get_name()
            );
        }
    }
}
