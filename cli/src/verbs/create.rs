//! `hyperslab create`: a collection from a schema.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use hyperslab::{Error, Result, Schema, StorageOptions};
use serde_json::{Value, json};

use super::{check_adapter, open_store};
use crate::args::{CollectionArgs, Global};
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

const EXAMPLE: &str = r#"Example:
  hyperslab create ./climate weather --schema weather.json --chunks 1,90,180

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
    /// How the arrays are stored [default: hdf5 on a disk]
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    #[command(flatten)]
    storage: StorageArgs,
}

/// How arrays are stored.
#[derive(Debug, Clone, Args)]
pub(crate) struct StorageArgs {
    /// The length of a chunk along each dimension, as `1,90,180`, or `auto`
    #[arg(long, value_name = "LENGTHS", help_heading = "Storage")]
    chunks: Option<String>,
    /// The codec of a chunk, and its level if wanted: `deflate:4`, `zstd:3`, `blosc`, `none`
    #[arg(long, value_name = "NAME[:LEVEL]", help_heading = "Storage")]
    codec: Option<String>,
}

impl StorageArgs {
    /// The options as the adapter takes them.
    pub(crate) fn options(&self) -> Result<StorageOptions> {
        let mut options = StorageOptions::new();
        if let Some(chunks) = &self.chunks {
            options.insert("chunks".to_owned(), chunk_lengths(chunks)?);
        }
        if let Some(codec) = &self.codec {
            let (name, level) = match codec.split_once(':') {
                Some((name, level)) => (name, Some(level)),
                None => (codec.as_str(), None),
            };
            options.insert("codec".to_owned(), name.into());
            if let Some(level) = level {
                let level: u64 = level.parse().map_err(|_| {
                    Error::invalid(format!("codec '{codec}': the level must be a whole number"))
                })?;
                options.insert("level".to_owned(), level.into());
            }
        }
        Ok(options)
    }
}

fn chunk_lengths(text: &str) -> Result<Value> {
    if text == "auto" {
        return Ok(text.into());
    }
    let length = |part: &str| {
        part.trim().parse::<u64>().map(Value::from).map_err(|_| {
            Error::invalid(format!(
                "chunks '{text}': write one length per dimension, as 1,90,180"
            ))
        })
    };
    text.split(',').map(length).collect()
}

impl Create {
    pub(crate) async fn run(self, global: &Global, console: &mut Console) -> Outcome {
        let schema = read_schema(&self.schema)?;
        let store = open_store(&self.target.store, global).await?;
        check_adapter(&store, self.adapter.as_deref())?;
        let name = &self.target.collection;
        let storage = self.storage.options()?;
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
