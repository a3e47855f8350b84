//! `hyperslab du`: what collections take up.

use clap::Args;
use hyperslab::attachments::Attachments;
use hyperslab::blobs::BlobUsage;
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

/// Show what collections take up: arrays, bytes stored, bytes around them, and bytes in memory; and what is attached.
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

/// What was measured.
#[derive(Debug, Default)]
struct Measured {
    collections: Vec<(String, Size)>,
    /// What is attached, if anything ever was.
    attached: Option<BlobUsage>,
    /// Collections that could not be measured, and why; what is attached has no name.
    unreadable: Vec<(Option<String>, Error)>,
}

impl Measured {
    async fn of(store: &Store, names: Vec<String>, console: &Console) -> Result<Self> {
        let mut measured = Self::default();
        let progress = console.progress("measuring collections");
        let count = names.len() as u64;
        for (index, name) in names.into_iter().enumerate() {
            progress.count(index as u64, count);
            match Size::of(store, &name).await {
                Ok(size) => measured.collections.push((name, size)),
                // Deleted meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) if is_of_one(&error) => {
                    measured.unreadable.push((Some(name), error));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(measured)
    }

    fn total(&self) -> Size {
        let attached = Usage {
            stored_bytes: self.attached.map_or(0, |attached| attached.stored_bytes),
            ..Usage::default()
        };
        let attached = Size {
            usage: attached,
            memory_bytes: 0,
        };
        let sizes = self.collections.iter().map(|(_, size)| size);
        sizes.fold(attached, |total, size| total.and(size))
    }

    fn document(&self) -> Value {
        let collections = self.collections.iter();
        let collections = collections.map(|(name, size)| size.document(Some(name)));
        let unreadable = self.unreadable.iter().map(|(name, error)| {
            json!({ "name": name, "kind": error.kind().name(), "message": error.message() })
        });
        json!({
            "collections": collections.collect::<Vec<_>>(),
            "unreadable": unreadable.collect::<Vec<_>>(),
            "attached": self.attached,
            "total": self.total().document(None),
        })
    }
}

impl Du {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = session.open(&self.store).await?;
        let measured = match &self.collection {
            Some(name) => Measured {
                collections: vec![(name.clone(), Size::of(&store, name).await?)],
                ..Measured::default()
            },
            None => measure_all(&store, &self.store, console).await?,
        };
        if console.wants_json() {
            console.json(&measured.document())?;
            return Ok(Status::Done);
        }
        for (name, error) in &measured.unreadable {
            let what = match name {
                Some(name) => format!("collection '{name}'"),
                None => "what is attached".to_owned(),
            };
            console.remark(format_args!("left out: {what}: {error}"))?;
        }
        let collections = measured.collections.iter();
        let mut rows: Vec<Vec<String>> = collections
            .map(|(name, size)| self.row(name, size))
            .collect();
        rows.extend(
            measured
                .attached
                .map(|attached| self.attached_row(&attached)),
        );
        if self.collection.is_none() {
            rows.push(self.row("total", &measured.total()));
        }
        table(console, &rows)?;
        Ok(Status::Done)
    }

    fn row(&self, name: &str, size: &Size) -> Vec<String> {
        vec![
            name.to_owned(),
            human::count(size.usage.array_count, "array"),
            format!("{} stored", self.bytes(size.usage.stored_bytes)),
            format!("{} around them", self.bytes(size.usage.overhead_bytes)),
            format!("{} in memory", self.bytes(size.memory_bytes)),
        ]
    }

    fn attached_row(&self, attached: &BlobUsage) -> Vec<String> {
        vec![
            "attached".to_owned(),
            human::count(attached.objects, "object"),
            format!("{} stored", self.bytes(attached.stored_bytes)),
        ]
    }

    fn bytes(&self, count: u64) -> String {
        match self.bytes {
            true => format!("{count} B"),
            false => human::bytes(count),
        }
    }
}

/// Measures all collections of a store, and what is attached.
async fn measure_all(store: &Store, url: &str, console: &Console) -> Result<Measured> {
    let mut measured = Measured::of(store, store.collections().await?, console).await?;
    if measured.collections.is_empty() && !measured.unreadable.is_empty() {
        return Err(measured.unreadable.swap_remove(0).1);
    }
    match measure_attached(url) {
        Err(error) if is_of_one(&error) => measured.unreadable.push((None, error)),
        usage => measured.attached = usage?,
    }
    Ok(measured)
}

/// What the attachments of a store take up, if anything was ever attached.
fn measure_attached(url: &str) -> Result<Option<BlobUsage>> {
    tokio::task::block_in_place(|| {
        let attachments = match Attachments::open(url) {
            Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
            attachments => attachments?,
        };
        let repository = attachments.repository()?;
        repository.map(|found| found.usage()).transpose()
    })
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
