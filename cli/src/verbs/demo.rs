//! `hyperslab demo`: what the command can do, on a real file.

use std::path::{Path, PathBuf};

use clap::{Args, Parser};
use hyperslab::{Error, Result};
use serde_json::json;

use crate::args::Cli;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::output::check_is_no_url;
use crate::session::Session;

const EXAMPLE: &str = "\
Example:
  hyperslab demo ./demo";

/// Monthly means of the sea surface, 2 degrees; NOAA, public domain.
const SAMPLE: &[u8] = include_bytes!("../../../examples/data/coads_climatology.nc");
const SAMPLE_NAME: &str = "coads_climatology.nc";

/// Each command with what it is for. `FILE` and `DIR` stand for the sample and the folder.
const STEPS: [(&str, &str); 9] = [
    ("Make a store", "init DIR/store"),
    (
        "Import a variable of a netCDF file, with its coordinates",
        "import FILE DIR/store coads --variable SST",
    ),
    ("See what there is", "ls DIR/store"),
    ("See what it looks like", "show DIR/store coads"),
    (
        "Select by label: the tropics in the first month",
        "read DIR/store coads --isel TIME=0 --sel COADSY=-23..23",
    ),
    (
        "See what that reads from the disk",
        "read DIR/store coads --isel TIME=0 --sel COADSY=-23..23 --explain",
    ),
    (
        "Draw a picture",
        "read DIR/store coads --isel TIME=0 -o DIR/sst.png",
    ),
    (
        "Put the tropics in a netCDF file for other programs",
        "export DIR/store coads --sel COADSY=-23..23 -o DIR/tropics.nc",
    ),
    (
        "Check every chunk of every array",
        "check DIR/store --level 4",
    ),
];

/// Show all of this on a real sample: import, select by label, draw, export, check.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Demo {
    /// Where to put the store and the files; must be empty, or not there yet [default: hyperslab-demo]
    folder: Option<PathBuf>,
    /// Another netCDF file with a variable SST over TIME, COADSY and COADSX
    #[arg(long, value_name = "FILE")]
    sample: Option<PathBuf>,
}

impl Demo {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let folder = self.folder.clone().unwrap_or_else(free_folder);
        let sample = self.prepare(&folder)?;
        for (purpose, words) in STEPS {
            let words = words.split(' ').map(|word| expand(word, &folder, &sample));
            let words: Vec<_> = std::iter::once("hyperslab".to_owned())
                .chain(words)
                .collect();
            if !console.wants_json() {
                console.line(format_args!("# {purpose}\n$ {}", words.join(" ")))?;
            }
            let status = run_words(words, session, console).await?;
            if status == Status::Found {
                return Ok(status);
            }
            if !console.wants_json() {
                console.line(format_args!(""))?;
            }
            console.flush()?;
        }
        let picture = folder.join("sst.png");
        console.report(
            &json!({ "folder": folder, "picture": picture }),
            format_args!(
                "Look at {}; the store is an ordinary folder of netCDF files.",
                picture.display()
            ),
        )?;
        Ok(Status::Done)
    }

    /// Makes the folder and puts the sample in it.
    fn prepare(&self, folder: &Path) -> Result<PathBuf> {
        check_is_no_url(folder)?;
        let shown = folder.display();
        if is_used(folder).map_err(|error| Error::io("read", &shown, error))? {
            return Err(Error::already_exists(format!(
                "{shown} is not empty; name another folder, as in `hyperslab demo ./demo2`"
            )));
        }
        std::fs::create_dir_all(folder).map_err(|error| Error::io("make", &shown, error))?;
        if let Some(sample) = &self.sample {
            return Ok(sample.clone());
        }
        let sample = folder.join(SAMPLE_NAME);
        std::fs::write(&sample, SAMPLE)
            .map_err(|error| Error::io("write", sample.display(), error))?;
        Ok(sample)
    }
}

/// The first of `hyperslab-demo`, `hyperslab-demo-2`, ... that is not in use: the demo can be run again.
fn free_folder() -> PathBuf {
    let names = (2..).map(|number| format!("hyperslab-demo-{number}").into());
    std::iter::once(PathBuf::from("hyperslab-demo"))
        .chain(names)
        .find(|folder| !is_used(folder).unwrap_or(false))
        .unwrap_or_default()
}

fn is_used(folder: &Path) -> std::io::Result<bool> {
    match folder.read_dir() {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

fn expand(word: &str, folder: &Path, sample: &Path) -> String {
    match (word, word.strip_prefix("DIR/")) {
        ("FILE", _) => sample.display().to_string(),
        (_, Some(name)) => folder.join(name).display().to_string(),
        _ => word.to_owned(),
    }
}

/// Runs one command as if it had been typed, with the options of this one.
async fn run_words(words: Vec<String>, session: &Session, console: &mut Console) -> Outcome {
    let cli = Cli::try_parse_from(words).map_err(|source| {
        let error = Error::internal("the demo has a wrong command").with_source(source);
        Failure::from(error)
    })?;
    super::run(cli.verb, session, console).await
}
