//! `hyperslab create`: a collection from a schema.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use hyperslab::{Error, Result, Schema};
use serde_json::json;

use super::explain;
use super::storage::StorageArgs;
use crate::args::{AdapterArgs, CollectionArgs, Global};
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

const EXAMPLE: &str = r#"Examples:
  hyperslab create ./climate weather --schema weather.json --chunks 1,90,180
  hyperslab create ./climate weather --schema weather.json --explain

where weather.json is
  {
    "version": 1,
    "dtype": "float32",
    "dimensions": [
      {"name": "hour", "size": 24,
       "coordinates": {"kind": "time_scale", "start": "$dt", "step": "PT1H"}},
      {"name": "lat", "size": 90,
       "coordinates": {"kind": "scale", "start": -89, "step": 2, "unit": "degrees_north"}},
      {"name": "lon", "size": 180,
       "coordinates": {"kind": "scale", "start": 21, "step": 2, "unit": "degrees_east"}}
    ],
    "attributes": [
      {"name": "dt", "type": "datetime", "role": "key"},
      {"name": "station", "type": "text", "role": "custom"}
    ]
  }"#;

/// Make a collection from a schema.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Create {
    #[command(flatten)]
    target: CollectionArgs,
    /// The schema as JSON; `-` reads it from standard input
    #[arg(long, value_name = "FILE")]
    schema: PathBuf,
    #[command(flatten)]
    adapter: AdapterArgs,
    #[command(flatten)]
    storage: StorageArgs,
    /// Show how the arrays would lie and why, and create nothing
    #[arg(long)]
    explain: bool,
}

impl Create {
    pub(crate) async fn run(self, global: &Global, console: &mut Console) -> Outcome {
        let schema = read_schema(&self.schema)?;
        let store = self.adapter.open(&self.target.store, global).await?;
        let name = &self.target.collection;
        let storage = self.storage.options()?;
        if self.explain {
            let explained = store.explain_collection(name, schema, storage).await?;
            return explain::print(&explained, console);
        }
        let collection = store.create_collection_with(name, schema, storage).await?;
        let schema = collection.schema();
        console.report(
            &json!({ "collection": collection.meta() }),
            format_args!(
                "created collection {name}: {}",
                human::cells(schema.dtype(), &schema.shape())
            ),
        )?;
        Ok(Status::Done)
    }
}

fn read_schema(path: &Path) -> Result<Schema> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|source| Error::io("read", "standard input", source))?;
    } else {
        text = std::fs::read_to_string(path)
            .map_err(|source| Error::io("read the schema", path.display(), source))?;
    }
    Schema::from_json(&text).map_err(|error| error.context(path.display()))
}
