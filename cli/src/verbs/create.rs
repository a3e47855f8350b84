//! `hyperslab create`: a collection from a schema, or from one document.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use hyperslab::{CollectionDocument, Error, MemoryCheck, Result, Schema, StorageOptions};
use serde_json::json;

use super::explain;
use super::storage::{StorageArgs, TileArgs};
use crate::args::AdapterArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::session::Session;

const EXAMPLE: &str = r#"Examples:
  hyperslab create ./climate weather --schema weather.json --chunks 1,90,180
  hyperslab create ./climate weather --schema weather.json --explain
  hyperslab show ./climate weather --json | hyperslab create ./archive --from -
  hyperslab create ./climate weather --schema weather.json --tile-counts 4,1,2

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

/// Make a collection from a schema, or from the document of another.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Create {
    /// The store: a path or a URL
    store: String,
    /// The collection; with --from it may be left out, and then the document names it
    #[arg(required_unless_present = "from")]
    collection: Option<String>,
    /// The schema as JSON; `-` reads it from standard input
    #[arg(long, value_name = "FILE", required_unless_present = "from")]
    schema: Option<PathBuf>,
    /// Name, schema and storage options as one JSON document, as `hyperslab show --json` prints it; `-` reads it from
    /// standard input
    #[arg(long, value_name = "FILE", conflicts_with = "schema")]
    from: Option<PathBuf>,
    #[command(flatten)]
    tiles: TileArgs,
    #[command(flatten)]
    adapter: AdapterArgs,
    #[command(flatten)]
    storage: StorageArgs,
    /// Show how the arrays would lie and why, and create nothing
    #[arg(long)]
    explain: bool,
    /// What to do when one array is larger than the memory limit, so that it can be read in parts only
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Check::Warn)]
    memory_check: Check,
}

/// What is done about arrays that are larger than the memory limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Check {
    /// Say so and go on
    Warn,
    /// Refuse
    Refuse,
    /// Nothing
    Off,
}

impl From<Check> for MemoryCheck {
    fn from(check: Check) -> Self {
        match check {
            Check::Warn => Self::Warn,
            Check::Refuse => Self::Refuse,
            Check::Off => Self::Off,
        }
    }
}

impl Create {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let is_input = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
        if session.is_shell() && (is_input(&self.schema) || is_input(&self.from)) {
            return Err(Error::invalid(
                "in a shell standard input are the lines to run; name a file instead of `-`",
            )
            .into());
        }
        let document = self.document()?;
        let mut options = self.adapter.store_options(session);
        options.memory_check = self.memory_check.into();
        let limit = options.memory_limit;
        let store = session.open_with(&self.store, options).await?;
        let CollectionDocument {
            name,
            schema,
            storage,
        } = document;
        let schema = self.tiles.apply(schema)?;
        if self.explain {
            let explained = store.explain_collection(&name, schema, storage).await?;
            return explain::print(&explained, console);
        }
        let collection = store.create_collection_with(&name, schema, storage).await?;
        let schema = collection.schema();
        if self.memory_check == Check::Warn
            && let Err(large) = limit.admit_whole(schema)
        {
            console.remark(format_args!("{}", large.message()))?;
        }
        console.report(
            &json!({ "collection": collection.meta() }),
            format_args!(
                "created collection {name}: {}{}",
                human::cells(schema.dtype(), &schema.shape()),
                match schema.tile_grid() {
                    None => String::new(),
                    Some(grid) => format!(
                        ", in {} tiles of {}",
                        human::shape(grid.counts()),
                        human::shape(grid.chunk_shape())
                    ),
                }
            ),
        )?;
        Ok(Status::Done)
    }

    /// What is to be made. The command line comes before what the document says.
    fn document(&self) -> Result<CollectionDocument> {
        let mut document = match (&self.from, &self.schema, &self.collection) {
            (Some(path), _, _) => CollectionDocument::from_json(&read(path)?)
                .map_err(|error| error.context(path.display()))?,
            (None, Some(path), Some(name)) => CollectionDocument {
                name: name.clone(),
                schema: Schema::from_json(&read(path)?)
                    .map_err(|error| error.context(path.display()))?,
                storage: StorageOptions::new(),
            },
            _ => {
                return Err(Error::invalid(
                    "name the collection, as in `hyperslab create ./store weather --schema weather.json`",
                ));
            }
        };
        if let Some(name) = &self.collection {
            document.name.clone_from(name);
        }
        document.storage.extend(self.storage.options()?);
        Ok(document)
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|source| Error::io("read", "standard input", source))?;
    } else {
        text = std::fs::read_to_string(path)
            .map_err(|source| Error::io("read the file", path.display(), source))?;
    }
    Ok(text)
}
