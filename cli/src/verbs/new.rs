//! `hyperslab new`: an array in a collection.

use std::path::PathBuf;

use clap::Args;
use hyperslab::{Error, Role};
use serde_json::json;

use super::show::array_json;
use super::write::cells_for;
use crate::args::{CollectionArgs, Pair};
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::output::npy;
use crate::select::attributes;
use crate::session::Session;

const EXAMPLE: &str = "\
Example:
  hyperslab new ./climate weather dt=2023-01-03 --set station=north --from day.npy";

/// Make an array in a collection. Without --from, every cell is the fill value.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct New {
    #[command(flatten)]
    target: CollectionArgs,
    /// The key attributes, every one of them; none where the schema has none
    #[arg(value_name = "KEY=VALUE")]
    key: Vec<Pair>,
    /// A custom attribute; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<Pair>,
    /// All cells, from a file of NumPy
    #[arg(long, value_name = "FILE.npy")]
    from: Option<PathBuf>,
    /// Convert the cells of the file where each of them fits the collection's type
    #[arg(long, requires = "from")]
    cast: bool,
}

impl New {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let collection = self.target.open(session).await?;
        let schema = collection.schema();
        let custom = attributes(schema, &self.set, Role::Custom)?;
        let mut new = match self.key.as_slice() {
            [only] if only.name == "id" => {
                let id = only.value.parse().map_err(|source| {
                    Error::invalid(format!("'{}' is not a UUID", only.value)).with_source(source)
                })?;
                collection.create(hyperslab::Attributes::new()).id(id)
            }
            key => collection.create(attributes(schema, key, Role::Key)?),
        };
        new = new.custom(custom);
        if let Some(path) = &self.from {
            new = new.data(cells_for(schema.dtype(), npy::read(path)?, self.cast)?);
        }
        let progress = console.progress("writing");
        let array = new.await?;
        drop(progress);
        console.report(
            &json!({ "array": array_json(&array) }),
            format_args!("created array {} in {}", array.name(), collection.name()),
        )?;
        Ok(Status::Done)
    }
}
