//! `hyperslab migrate`: a storage of Deker into a store of ours.

use clap::Args;
use hyperslab::{
    CopyPhase, Finding, MigrateOptions, MigrateReport, MigrateStep, MigratedCollection, Store,
    migrate,
};
use serde_json::{Value, json};

use super::storage::StorageArgs;
use crate::args::AdapterArgs;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::numbers;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab migrate ./deker-storage ./climate
  hyperslab migrate ./deker-storage s3://climate/era5 --collection weather

Arrays keep their identity, key and attributes; names that no other format can carry are changed, and \
told. First the storage is checked, at level 4; then each collection is copied and compared bit by bit. \
What was wrong and is right in the copy (links, counts of empty cells, times of tiles, marks) is told, \
and so is what cannot be read, which is left out: then the exit code is 1. Run again after an \
interruption, it goes on where it stopped. The storage is not changed; Deker may use it meanwhile.

The store may be another storage of Deker (--adapter deker); single collections are copied by `copy`.";

/// Copy a storage of Deker into another store. A store that is not there yet is made.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Migrate {
    /// The storage of Deker: a path or a URL
    #[arg(value_name = "DEKER-STORAGE")]
    from: String,
    /// The store
    #[arg(value_name = "STORE")]
    to: String,
    /// Only this collection; repeatable
    #[arg(long, value_name = "NAME")]
    collection: Vec<String>,
    /// Do not read both sides and compare them
    #[arg(long)]
    no_verify: bool,
    /// How many arrays are copied at once
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    #[arg(value_parser = numbers::count, allow_negative_numbers = true)]
    jobs: usize,
    #[command(flatten)]
    adapter: AdapterArgs,
    #[command(flatten)]
    storage: StorageArgs,
}

impl Migrate {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let storage = self.storage.options()?;
        // No store is made for a storage that is not there.
        let from = session.open(&self.from).await?;
        let options = MigrateOptions {
            collections: self.collection.clone(),
            storage: (!storage.is_empty()).then_some(storage),
            verify: !self.no_verify,
            concurrency: self.jobs,
        };
        let check = async |trial: &Store| options.check(&from, trial).await.map(drop);
        let to = self
            .adapter
            .open_or_create(&self.to, session, check)
            .await?;
        let progress = console.progress("checking");
        let report = migrate(&from, &to, &options, &|step| match step {
            MigrateStep::Checking => progress.say("checking the storage".to_owned()),
            MigrateStep::Copying {
                collection,
                progress: now,
            } => {
                let doing = match now.phase {
                    CopyPhase::Copying => "copying",
                    CopyPhase::Verifying => "verifying",
                };
                progress.say(format!(
                    "{collection}: {doing} {} of {}",
                    now.arrays,
                    human::count(now.array_count, "array")
                ));
                progress.bytes(now.bytes, now.byte_count);
            }
        })
        .await?;
        drop(progress);
        tell(&report, console)?;
        Ok(if report.is_whole() {
            Status::Done
        } else {
            Status::Found
        })
    }
}

fn tell(report: &MigrateReport, console: &mut Console) -> Result<(), Failure> {
    if console.wants_json() {
        return console.json(&document(report));
    }
    for finding in report.lost_besides() {
        console.remark(format_args!("left out: {}", named(finding)))?;
    }
    for finding in &report.repaired {
        console.remark(format_args!("right in the copy: {}", named(finding)))?;
    }
    for collection in &report.collections {
        tell_collection(collection, console)?;
    }
    Ok(())
}

fn named(finding: &Finding) -> String {
    match &finding.collection {
        Some(collection) => format!("{collection}, {}: {}", finding.subject, finding.message),
        None => format!("{}: {}", finding.subject, finding.message),
    }
}

fn tell_collection(collection: &MigratedCollection, console: &mut Console) -> Result<(), Failure> {
    let name = &collection.name;
    for renamed in &collection.renamed {
        console.remark(format_args!(
            "{} '{}' of collection '{name}' is called '{}' in the copy",
            renamed.what, renamed.from, renamed.to
        ))?;
    }
    match &collection.outcome {
        Err(error) => console.remark(format_args!("collection '{name}' was left out: {error}"))?,
        Ok(copied) => {
            for array in &copied.left_out {
                console.remark(format_args!(
                    "array {} of collection '{name}' was left out: {}",
                    array.array, array.message
                ))?;
            }
            for array in &copied.differences {
                console.remark(format_args!(
                    "array {} of collection '{name}' was left alone: {}",
                    array.array, array.message
                ))?;
            }
            let left_out = match copied.left_out.len() as u64 {
                0 => String::new(),
                count => format!(", {} left out", human::grouped(count)),
            };
            console.line(format_args!(
                "{name}: copied {} ({}), {} there already, {} verified{left_out}",
                human::count(copied.copied, "array"),
                human::bytes(copied.copied_bytes),
                human::grouped(copied.present),
                human::grouped(copied.verified)
            ))?;
        }
    }
    Ok(())
}

fn document(report: &MigrateReport) -> Value {
    let collections = report.collections.iter().map(|collection| {
        let mut told = json!({
            "name": collection.name,
            "renamed": collection.renamed.iter().map(|renamed| json!({
                "what": renamed.what, "from": renamed.from, "to": renamed.to,
            })).collect::<Vec<_>>(),
        });
        match &collection.outcome {
            Ok(copied) => {
                let list = |arrays: &[hyperslab::CopyDifference]| -> Value {
                    let tell = |array: &hyperslab::CopyDifference| {
                        json!({ "array": array.array, "id": array.id, "message": array.message })
                    };
                    arrays.iter().map(tell).collect()
                };
                told["collection"] = copied.collection.name().into();
                told["copied"] = copied.copied.into();
                told["copied_bytes"] = copied.copied_bytes.into();
                told["present"] = copied.present.into();
                told["verified"] = copied.verified.into();
                told["differences"] = list(&copied.differences);
                told["left_out"] = list(&copied.left_out);
            }
            Err(error) => {
                told["error"] = json!({
                    "kind": error.kind().to_string(),
                    "message": error.to_string(),
                });
            }
        }
        told
    });
    json!({
        "collections": collections.collect::<Vec<_>>(),
        "repaired": report.repaired,
        "lost": report.lost,
        "whole": report.is_whole(),
    })
}
