//! `hyperslab clear`: cells back to the fill value.

use clap::Args;
use serde_json::json;

use super::show::array_json;
use crate::args::CollectionArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::select::{KeyArgs, SelectArgs};
use crate::session::Session;

const EXAMPLE: &str = "\
Example:
  hyperslab clear ./climate weather dt=2023-01-03 --sel lat=80..90";

/// Set a piece of an array back to the fill value; without a selection, all of it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Clear {
    #[command(flatten)]
    target: CollectionArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    selection: SelectArgs,
}

impl Clear {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let collection = self.target.open(session).await?;
        let array = self.key.open(&collection).await?;
        let subset = self.selection.apply(&array)?;
        let progress = console.progress("clearing");
        subset.clear().await?;
        drop(progress);
        let cell_count = subset.hyperslab()?.cell_count();
        console.report(
            &json!({ "array": array_json(&array), "cleared_cells": cell_count }),
            format_args!(
                "cleared {} of {}",
                human::count(cell_count, "cell"),
                array.name()
            ),
        )?;
        Ok(Status::Done)
    }
}
