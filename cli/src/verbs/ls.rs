//! `hyperslab ls`: collections, or the arrays of one.

use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use hyperslab::{ArrayEntry, Collection, DType, Dimension, Error, ErrorKind, Result, Store};
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::numbers;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab ls ./climate
  hyperslab ls ./climate weather --where 'dt >= 2023-01-01 and station in (north, south)' --limit 10
  hyperslab ls ./climate weather --where 'station = north' --count
  hyperslab ls era5.nc
  hyperslab ls s3://weather/era5.zarr

A condition is NAME = VALUE with =, !=, <, <=, >, >=, or NAME in (A, B), joined by and, or, not and \
parentheses. A value with spaces stands in quotes. NAME is a key attribute, a custom attribute, for \
which each array has to be opened, or `id`.

In a netCDF or HDF5 file, or a Zarr group of another program, each variable is a collection of one array.";

/// How many collections are asked at once: in a bucket each answer takes its time.
const ASKED_AT_ONCE: usize = 16;

/// List collections, or the arrays of one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Ls {
    /// The store: a path or a URL
    store: String,
    /// The collection; without it, collections are listed
    collection: Option<String>,
    /// Only the arrays of which this holds
    #[arg(long = "where", value_name = "CONDITION", requires = "collection")]
    condition: Option<String>,
    /// Order by this key attribute instead of by the whole key; repeatable
    #[arg(long, value_name = "ATTRIBUTE", requires = "collection")]
    sort: Vec<String>,
    /// Turn the order round
    #[arg(long, requires = "collection")]
    reverse: bool,
    /// Leave out the first of them
    #[arg(long, value_name = "N", default_value_t = 0, requires = "collection")]
    #[arg(value_parser = numbers::whole, allow_negative_numbers = true)]
    offset: usize,
    /// List no more than this
    #[arg(long, value_name = "N", requires = "collection")]
    #[arg(value_parser = numbers::whole, allow_negative_numbers = true)]
    limit: Option<usize>,
    /// Only tell how many there are
    #[arg(long)]
    count: bool,
}

impl Ls {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = session.open(&self.store).await?;
        match &self.collection {
            None => self.collections(&store, console).await,
            Some(name) => self.arrays(&store.collection(name).await?, console).await,
        }
    }

    async fn collections(&self, store: &Store, console: &mut Console) -> Outcome {
        let names = store.collections().await?;
        if self.count {
            return tell_count(names.len(), console);
        }
        let progress = console.progress("listing");
        let asked = stream::iter(&names).map(|name| Listed::ask(store, name));
        let listed: Vec<Option<Listed>> = asked.buffered(ASKED_AT_ONCE).try_collect().await?;
        drop(progress);
        let listed: Vec<Listed> = listed.into_iter().flatten().collect();
        if console.wants_json() {
            console.json(&Listed::document(&listed))?;
            return Ok(Status::Done);
        }
        for left_out in listed
            .iter()
            .filter_map(|listed| listed.facts.as_ref().err())
        {
            console.remark(format_args!("left out: {left_out}"))?;
        }
        let rows: Vec<_> = listed.iter().filter_map(Listed::row).collect();
        if listed.is_empty() {
            console.remark(format_args!(
                "the store holds no collection; make one with `hyperslab create` or `import`"
            ))?;
        }
        table(console, &rows)?;
        Ok(Status::Done)
    }

    async fn arrays(&self, collection: &Collection, console: &mut Console) -> Outcome {
        let mut query = collection.find(self.condition.as_deref().unwrap_or_default());
        if self.sort.is_empty() {
            query = query.sorted();
        }
        for attribute in &self.sort {
            query = query.sorted_by(attribute);
        }
        if self.reverse {
            query = query.descending();
        }
        query = query.offset(self.offset);
        if let Some(limit) = self.limit {
            query = query.limit(limit);
        }
        if query.is_scan() {
            console.remark(format_args!(
                "the condition asks for more than the key, so arrays are opened one by one"
            ))?;
        }
        let progress = console.progress("listing");
        let entries = query.entries().await?;
        drop(progress);
        if self.count {
            return tell_count(entries.len(), console);
        }
        if console.wants_json() {
            let arrays: Vec<_> = entries.iter().map(entry_json).collect();
            console.json(&json!({ "collection": collection.name(), "arrays": arrays }))?;
        } else {
            if entries.is_empty() {
                console.remark(format_args!("no array is found"))?;
            }
            let rows: Vec<_> = entries.iter().map(entry_row).collect();
            table(console, &rows)?;
        }
        Ok(Status::Done)
    }
}

/// A collection in a list of all.
struct Listed {
    name: String,
    /// What it is, or why that cannot be told.
    facts: Result<Facts>,
}

struct Facts {
    dtype: DType,
    dimensions: Vec<Dimension>,
    tile_counts: Option<Vec<u64>>,
    array_count: usize,
}

impl Listed {
    /// `None` for one that was deleted meanwhile. One that is damaged or not understood does not hide the others.
    async fn ask(store: &Store, name: &str) -> Result<Option<Self>> {
        use ErrorKind::{Corrupt, InvalidInput, NotFound, TooLarge, Unsupported};
        let facts = match Facts::ask(store, name).await {
            Err(error) if error.kind() == NotFound => return Ok(None),
            Err(error) => match error.kind() {
                Corrupt | InvalidInput | TooLarge | Unsupported => Err(error),
                _ => return Err(error),
            },
            facts => facts,
        };
        let name = name.to_owned();
        Ok(Some(Self { name, facts }))
    }

    fn row(&self) -> Option<Vec<String>> {
        let facts = self.facts.as_ref().ok()?;
        let dimensions = facts.dimensions.iter();
        let dimensions: Vec<_> = dimensions
            .map(|dimension| format!("{} {}", dimension.name, dimension.size))
            .collect();
        Some(vec![
            self.name.clone(),
            facts.dtype.to_string(),
            dimensions.join(" x "),
            match &facts.tile_counts {
                None => human::count(facts.array_count as u64, "array"),
                Some(counts) => format!(
                    "{} of {} tiles",
                    human::count(facts.array_count as u64, "array"),
                    human::shape(counts)
                ),
            },
        ])
    }

    fn document(listed: &[Self]) -> Value {
        let (mut collections, mut unreadable) = (Vec::new(), Vec::new());
        for Self { name, facts } in listed {
            match facts {
                Ok(facts) => collections.push(json!({
                    "name": name,
                    "dtype": facts.dtype,
                    "shape": facts.dimensions.iter().map(|known| known.size).collect::<Vec<_>>(),
                    "dims": facts.dimensions.iter().map(|known| &known.name).collect::<Vec<_>>(),
                    "array_count": facts.array_count,
                })),
                Err(error) => unreadable.push(json!({
                    "name": name, "kind": error.kind().name(), "message": error.message(),
                })),
            }
        }
        json!({ "collections": collections, "unreadable": unreadable })
    }
}

impl Facts {
    async fn ask(store: &Store, name: &str) -> Result<Self> {
        let asked = async {
            let collection = store.collection(name).await?;
            Ok(Self {
                dtype: collection.schema().dtype(),
                dimensions: collection.schema().dimensions().to_vec(),
                tile_counts: (collection.schema().tile_grid()).map(|grid| grid.counts().to_vec()),
                array_count: collection.find("").count().await?,
            })
        };
        asked
            .await
            .map_err(|error: Error| error.context(format!("collection '{name}'")))
    }
}

fn tell_count(count: usize, console: &mut Console) -> Outcome {
    if console.wants_json() {
        console.json(&json!({ "count": count }))?;
    } else {
        console.line(format_args!("{count}"))?;
    }
    Ok(Status::Done)
}

fn entry_json(entry: &ArrayEntry) -> serde_json::Value {
    json!({ "key": entry.key.to_json(), "id": entry.id })
}

/// The words that name an array on the command line.
fn entry_row(entry: &ArrayEntry) -> Vec<String> {
    match entry.id {
        Some(id) if entry.key.is_empty() => vec![format!("id={id}")],
        _ => entry
            .key
            .iter()
            .map(|(name, value)| word(&format!("{name}={value}")))
            .collect(),
    }
}

/// One word of a shell.
fn word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "_-+.:=/@%,".contains(c);
    if text.chars().all(is_plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Columns side by side, two spaces between them.
pub(super) fn table(console: &mut Console, rows: &[Vec<String>]) -> Result<(), Failure> {
    let mut widths = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for row in rows {
        let line: String = row
            .iter()
            .zip(&widths)
            .map(|(cell, &width)| format!("{cell:width$}  "))
            .collect();
        console.line(format_args!("{}", line.trim_end()))?;
    }
    Ok(())
}
