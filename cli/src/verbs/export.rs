//! `hyperslab export`: a piece of an array in a file of its own.

use std::path::PathBuf;

use clap::Args;

use super::read::save;
use crate::args::CollectionArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::output::Format;
use crate::select::{KeyArgs, SelectArgs};
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab export ./climate coads -o coads.nc
  hyperslab export ./climate coads --sel COADSY=-10..10 -o tropics.nc";

/// Put a piece of an array in a netCDF file with coordinates, units and fill value, or in a file of another format.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Export {
    #[command(flatten)]
    target: CollectionArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    selection: SelectArgs,
    /// The file; the ending tells the format: .nc, .npy, .csv, .json or .png
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

impl Export {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let format = Format::of(&self.output)?;
        let collection = self.target.open(session).await?;
        let array = self.key.open(&collection).await?;
        let subset = self.selection.apply(&array)?;
        save(&subset, &self.output, format, None, console).await?;
        Ok(Status::Done)
    }
}
