//! `hyperslab blob stat`.

use clap::Args;
use hyperslab::blobs::{Blobs, Repository};
use serde_json::json;

use super::keys;
use super::ls::{document, place};
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

/// Show what a repository is and holds, or how large objects are and where they lie.
#[derive(Debug, Args)]
pub(super) struct Stat {
    /// The repository: a path or a URL
    repository: String,
    /// The keys of objects
    keys: Vec<String>,
}

impl Stat {
    pub(super) fn run(self, console: &mut Console) -> Outcome {
        let repository = Repository::open(&self.repository)?;
        match self.keys.as_slice() {
            [] => whole(&repository, console),
            texts => some(&repository, texts, console),
        }
    }
}

fn whole(repository: &Repository, console: &mut Console) -> Outcome {
    let info = repository.info();
    let progress = console.progress("measuring");
    let usage = repository.usage()?;
    drop(progress);
    if console.wants_json() {
        console.json(&json!({
            "repository": {
                "id": info.id, "key_format": info.key_format.name(), "read_only": info.read_only,
                "objects": usage.objects, "content_bytes": usage.content_bytes, "stored_bytes": usage.stored_bytes,
            },
        }))?;
        return Ok(Status::Done);
    }
    if let Some(id) = info.id {
        console.line(format_args!("id       {id}"))?;
    }
    let access = if info.read_only {
        ", can only be read"
    } else {
        ""
    };
    console.line(format_args!("keys     {}{access}", info.key_format))?;
    console.line(format_args!("objects  {}", human::grouped(usage.objects)))?;
    console.line(format_args!(
        "content  {}",
        human::bytes(usage.content_bytes)
    ))?;
    console.line(format_args!(
        "stored   {}",
        human::bytes(usage.stored_bytes)
    ))?;
    Ok(Status::Done)
}

fn some(repository: &Repository, texts: &[String], console: &mut Console) -> Outcome {
    let keys = keys(repository, texts)?;
    let stats = repository.stat_all(&keys)?;
    let found = keys.iter().zip(&stats);
    if console.wants_json() {
        let objects = found.map(|(key, stat)| document(key, Some(stat)));
        console.json(&json!({ "objects": objects.collect::<Vec<_>>() }))?;
        return Ok(Status::Done);
    }
    for (key, stat) in found {
        console.line(format_args!(
            "{key}  {}  {}",
            stat.size,
            place(&stat.placement)
        ))?;
    }
    Ok(Status::Done)
}
