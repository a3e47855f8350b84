//! `hyperslab ls`: collections, or the arrays of one.

use clap::Args;
use hyperslab::{ArrayEntry, Collection, Store};
use serde_json::json;

use super::open_store;
use crate::args::Global;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;

const EXAMPLE: &str = "\
Examples:
  hyperslab ls ./climate
  hyperslab ls ./climate weather --where 'dt >= 2023-01-01 and station in (north, south)' --limit 10

A condition is NAME = VALUE with =, !=, <, <=, >, >=, or NAME in (A, B), joined by and, or, not and
parentheses. A value with spaces stands in quotes.";

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
    offset: usize,
    /// List no more than this
    #[arg(long, value_name = "N", requires = "collection")]
    limit: Option<usize>,
    /// Only tell how many there are
    #[arg(long)]
    count: bool,
}

impl Ls {
    pub(crate) async fn run(self, global: &Global, console: &mut Console) -> Outcome {
        let store = open_store(&self.store, global).await?;
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
        let (mut documents, mut rows) = (Vec::new(), Vec::new());
        for name in &names {
            let collection = store.collection(name).await?;
            let schema = collection.schema();
            let array_count = collection.find("").count().await?;
            let dimensions: Vec<_> = schema
                .dimensions()
                .iter()
                .map(|dimension| format!("{} {}", dimension.name, dimension.size))
                .collect();
            documents.push(json!({
                "name": name,
                "dtype": schema.dtype(),
                "shape": schema.shape(),
                "dims": schema.dimensions().iter().map(|known| &known.name).collect::<Vec<_>>(),
                "array_count": array_count,
            }));
            rows.push(vec![
                name.clone(),
                schema.dtype().to_string(),
                dimensions.join(" x "),
                human::count(array_count as u64, "array"),
            ]);
        }
        if console.wants_json() {
            console.json(&json!({ "collections": documents }))?;
        } else if rows.is_empty() {
            console.remark(format_args!(
                "the store holds no collection; make one with `hyperslab create` or `import`"
            ))?;
        } else {
            table(console, &rows)?;
        }
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
        if self.count {
            return tell_count(query.count().await?, console);
        }
        let progress = console.progress("listing");
        let entries = query.entries().await?;
        drop(progress);
        if console.wants_json() {
            let arrays: Vec<_> = entries.iter().map(entry_json).collect();
            console.json(&json!({ "collection": collection.name(), "arrays": arrays }))?;
        } else {
            let rows: Vec<_> = entries.iter().map(entry_row).collect();
            table(console, &rows)?;
        }
        Ok(Status::Done)
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
