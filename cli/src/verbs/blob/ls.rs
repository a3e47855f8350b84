//! `hyperslab blob ls`.

use clap::Args;
use hyperslab::Result;
use hyperslab::blobs::{BlobKey, BlobStat, Placement, Repository};
use serde_json::{Value, json};

use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};

/// So many objects are looked up at a time.
const BATCH: usize = 1000;

/// List the keys of all objects, in no order.
#[derive(Debug, Args)]
pub(super) struct Ls {
    /// The repository: a path or a URL
    repository: String,
    /// Say the size of each, too, and where it lies
    #[arg(short, long)]
    long: bool,
    /// Print only how many there are
    #[arg(long, conflicts_with = "long")]
    count: bool,
}

impl Ls {
    pub(super) fn run(self, console: &mut Console) -> Outcome {
        let repository = Repository::open(&self.repository)?;
        let mut keys = repository.list()?;
        if self.count {
            let count = keys.try_fold(0_u64, |count, key| key.map(|_| count + 1))?;
            match console.wants_json() {
                true => console.json(&json!({ "count": count }))?,
                false => console.line(format_args!("{count}"))?,
            }
            return Ok(Status::Done);
        }
        let mut documents = Vec::new();
        loop {
            let batch: Vec<BlobKey> = keys.by_ref().take(BATCH).collect::<Result<_>>()?;
            if batch.is_empty() {
                break;
            }
            let stats = match self.long {
                true => repository.stat_many(&batch)?,
                false => Vec::new(),
            };
            let stats = stats
                .iter()
                .map(Option::as_ref)
                .map(Some)
                .chain(std::iter::repeat(None));
            for (key, stat) in batch.iter().zip(stats) {
                match (stat, console.wants_json()) {
                    // Deleted meanwhile.
                    (Some(None), _) => {}
                    (stat, true) => documents.push(document(key, stat.flatten())),
                    (stat, false) => tell(key, stat.flatten(), console)?,
                }
            }
        }
        if console.wants_json() {
            console.json(&json!({ "objects": documents }))?;
        }
        Ok(Status::Done)
    }
}

fn tell(key: &BlobKey, stat: Option<&BlobStat>, console: &mut Console) -> Result<(), Failure> {
    match stat {
        None => console.line(format_args!("{key}")),
        Some(stat) => console.line(format_args!(
            "{key}  {:>12}  {}",
            stat.size,
            place(&stat.placement)
        )),
    }
}

/// Where an object lies, in words.
pub(super) fn place(placement: &Placement) -> String {
    match placement {
        Placement::Packed {
            pack,
            stored,
            compressed: true,
        } => format!("pack {pack}, compressed to {stored}"),
        Placement::Packed { pack, .. } => format!("pack {pack}"),
        Placement::Loose => "loose".to_owned(),
        _ => "damaged".to_owned(),
    }
}

/// An object as JSON.
pub(super) fn document(key: &BlobKey, stat: Option<&BlobStat>) -> Value {
    match stat {
        None => json!({ "key": key }),
        Some(stat) => json!({ "key": key, "size": stat.size, "placement": stat.placement }),
    }
}
