//! `hyperslab du`: what collections take up.

use clap::Args;
use hyperslab::{Error, ErrorKind, Result, Store, Usage};
use serde_json::{Value, json};

use super::ls::table;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab du ./climate
  hyperslab du ./climate weather --bytes";

/// Show what collections take up: arrays, bytes stored, bytes around them, and bytes in memory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Du {
    /// The store: a path or a URL
    store: String,
    /// Only this collection
    collection: Option<String>,
    /// Print exact numbers of bytes
    #[arg(long)]
    bytes: bool,
}

/// What one collection takes up, or all of them.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    usage: Usage,
    /// All cells uncompressed.
    memory_bytes: u64,
}

impl Du {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = session.open(&self.store).await?;
        let names = match &self.collection {
            Some(name) => vec![name.clone()],
            None => store.collections().await?,
        };
        let progress = console.progress("measuring collections");
        let (mut documents, mut rows, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        let mut total = Size::default();
        for (index, name) in names.iter().enumerate() {
            progress.count(index as u64, names.len() as u64);
            match Size::of(&store, name).await {
                Ok(size) => {
                    documents.push(size.document(Some(name)));
                    rows.push(self.row(name, &size));
                    total = total.and(&size);
                }
                // Deleted meanwhile.
                Err(error) if self.collection.is_none() && error.kind() == ErrorKind::NotFound => {}
                Err(error) if self.collection.is_none() && is_of_one(&error) => {
                    unreadable.push((name, error));
                }
                Err(error) => return Err(error.into()),
            }
        }
        drop(progress);
        if documents.is_empty() && !unreadable.is_empty() {
            let (_, error) = unreadable.swap_remove(0);
            return Err(error.into());
        }
        if console.wants_json() {
            let unreadable = unreadable.iter().map(|(name, error)| {
                json!({ "name": name, "kind": error.kind().name(), "message": error.message() })
            });
            console.json(&json!({
                "collections": documents,
                "unreadable": unreadable.collect::<Vec<_>>(),
                "total": total.document(None),
            }))?;
            return Ok(Status::Done);
        }
        for (name, error) in unreadable {
            console.remark(format_args!("left out: collection '{name}': {error}"))?;
        }
        if self.collection.is_none() {
            rows.push(self.row("total", &total));
        }
        table(console, &rows)?;
        Ok(Status::Done)
    }

    fn row(&self, name: &str, size: &Size) -> Vec<String> {
        let bytes = |count: u64| match self.bytes {
            true => format!("{count} B"),
            false => human::bytes(count),
        };
        vec![
            name.to_owned(),
            human::count(size.usage.array_count, "array"),
            format!("{} stored", bytes(size.usage.stored_bytes)),
            format!("{} around them", bytes(size.usage.overhead_bytes)),
            format!("{} in memory", bytes(size.memory_bytes)),
        ]
    }
}

/// Whether it is one collection that cannot be measured, and not the store.
fn is_of_one(error: &Error) -> bool {
    use ErrorKind::{Corrupt, InvalidInput, TooLarge, Unsupported};
    matches!(
        error.kind(),
        Corrupt | InvalidInput | TooLarge | Unsupported
    )
}

impl Size {
    async fn of(store: &Store, name: &str) -> Result<Self> {
        let collection = store.collection(name).await?;
        let usage = collection.usage().await?;
        let array_bytes = collection.schema().array_bytes();
        Ok(Self {
            usage,
            memory_bytes: array_bytes.saturating_mul(usage.array_count),
        })
    }

    fn and(&self, other: &Self) -> Self {
        Self {
            usage: self.usage + other.usage,
            memory_bytes: self.memory_bytes.saturating_add(other.memory_bytes),
        }
    }

    fn document(&self, name: Option<&str>) -> Value {
        let mut document = serde_json::Map::new();
        if let Some(name) = name {
            document.insert("name".to_owned(), name.into());
        }
        for (field, value) in [
            ("array_count", self.usage.array_count),
            ("stored_bytes", self.usage.stored_bytes),
            ("overhead_bytes", self.usage.overhead_bytes),
            ("memory_bytes", self.memory_bytes),
        ] {
            document.insert(field.to_owned(), value.into());
        }
        document.into()
    }
}
