//! `hyperslab du`: what collections take up.

use clap::Args;
use serde_json::json;

use super::ls::table;
use super::open_store;
use crate::args::Global;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

const EXAMPLE: &str = "\
Example:
  hyperslab du ./climate";

/// Show what collections take up: arrays, bytes stored, bytes around them, and bytes in memory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Du {
    /// The store: a path or a URL
    store: String,
    /// Only this collection
    collection: Option<String>,
}

impl Du {
    pub(crate) async fn run(self, global: &Global, console: &mut Console) -> Outcome {
        let store = open_store(&self.store, global).await?;
        let names = match &self.collection {
            Some(name) => vec![name.clone()],
            None => store.collections().await?,
        };
        let progress = console.progress("measuring collections");
        let (mut documents, mut rows) = (Vec::new(), Vec::new());
        for (index, name) in names.iter().enumerate() {
            progress.count(index as u64, names.len() as u64);
            let collection = store.collection(name).await?;
            let usage = collection.usage().await?;
            let schema = collection.schema();
            let cells = schema
                .shape()
                .iter()
                .fold(1, |count: u64, &size| count.saturating_mul(size));
            let array_bytes = cells.saturating_mul(schema.dtype().size() as u64);
            let memory_bytes = array_bytes.saturating_mul(usage.array_count);
            documents.push(json!({
                "name": name,
                "array_count": usage.array_count,
                "stored_bytes": usage.stored_bytes,
                "overhead_bytes": usage.overhead_bytes,
                "memory_bytes": memory_bytes,
            }));
            rows.push(vec![
                name.clone(),
                human::count(usage.array_count, "array"),
                format!("{} stored", human::bytes(usage.stored_bytes)),
                format!("{} around them", human::bytes(usage.overhead_bytes)),
                format!("{} in memory", human::bytes(memory_bytes)),
            ]);
        }
        drop(progress);
        if console.wants_json() {
            console.json(&json!({ "collections": documents }))?;
        } else {
            table(console, &rows)?;
        }
        Ok(Status::Done)
    }
}
