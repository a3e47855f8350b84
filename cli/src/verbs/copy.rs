//! `hyperslab copy`: a collection into another store, or under another name.

mod attached;
mod source;

use clap::Args;
use hyperslab::attachments::AttachmentsCopy;
use hyperslab::{CopyDifference, CopyOptions, CopyPhase, CopyReport, Store};
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
  hyperslab copy ./climate/weather ./archive/weather --adapter zarr
  hyperslab copy ./climate/weather s3://climate/era5/weather --access series
  hyperslab copy ./climate/weather ./climate/weather-2 --no-verify
  hyperslab copy era5.zarr/t ./climate/era5

Arrays keep their identity, key and attributes. When all is copied, both sides are read and compared \
bit by bit. Run again after an interruption, it goes on where it stopped: what is there is verified, \
not written again. An array that differs is reported, and the exit code is 1. Files that are attached to \
the collection and its arrays are copied with them, those of the store itself are not.

A copy reads as any reader does: a chunk that was lost is copied as the fill value. If you are not sure \
of the source, check it first: hyperslab check ./climate weather --level 4";

/// Copy a collection into another store, whatever the formats of the two. A store that is not there yet is made.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Copy {
    /// The collection: its store, a slash, and its name
    #[arg(value_name = "STORE/COLLECTION")]
    from: String,
    /// The copy: its store, a slash, and its name
    #[arg(value_name = "STORE2/COLLECTION2")]
    to: String,
    /// Replace an array of the copy that differs, instead of reporting it
    #[arg(long)]
    overwrite: bool,
    /// Leave out an array that cannot be read, tell it, and go on
    #[arg(long)]
    keep_going: bool,
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

impl Copy {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let (to_store, to_name) = match session.split(&self.to) {
            Some(parts) => parts,
            None => source::split(&self.to)?,
        };
        let storage = self.storage.options()?;
        // No store is made for a collection that is not there.
        let (from_store, from) = source::open(&self.from, session).await?;
        let check = async |trial: &Store| {
            let (schema, storage) = (from.schema().clone(), storage.clone());
            let explained = trial.explain_collection(&to_name, schema, storage).await;
            explained.map(drop)
        };
        let adapter = &self.adapter;
        let to = adapter.open_or_create(&to_store, session, check).await?;
        let options = CopyOptions {
            storage: (!storage.is_empty()).then_some(storage),
            verify: !self.no_verify,
            overwrite: self.overwrite,
            keep_going: self.keep_going,
            concurrency: self.jobs,
        };
        let progress = console.progress("copying");
        let report = hyperslab::copy(&from, &to, &to_name, &options, &|now| {
            let doing = match now.phase {
                CopyPhase::Copying => "copying",
                CopyPhase::Verifying => "verifying",
            };
            progress.say(format!(
                "{doing} {} of {}",
                now.arrays,
                human::count(now.array_count, "array")
            ));
            progress.bytes(now.bytes, now.byte_count);
        })
        .await?;
        progress.say("copying what is attached".to_owned());
        let attached = attached::copy(
            (&from_store, &from),
            (&to_store, &report.collection),
            &options,
        );
        drop(progress);
        // What became of the arrays is told whatever is wrong with the rest.
        let (attached, error) = match attached {
            Ok(attached) => (attached, None),
            Err(error) => (AttachmentsCopy::default(), Some(error)),
        };
        print(&report, &attached, &options, console)?;
        if let Some(error) = error {
            return Err(error.into());
        }
        let is_whole = report.differences.is_empty() && report.left_out.is_empty();
        Ok(match is_whole && attached::is_whole(&attached) {
            true => Status::Done,
            false => Status::Found,
        })
    }
}

fn print(
    report: &CopyReport,
    attached: &AttachmentsCopy,
    options: &CopyOptions,
    console: &mut Console,
) -> Result<(), Failure> {
    let advice = match options.overwrite {
        true => "",
        false => "; --overwrite replaces it",
    };
    for difference in &report.differences {
        console.remark(format_args!(
            "array {} was left alone: {}{advice}",
            difference.array, difference.message
        ))?;
    }
    for array in &report.left_out {
        console.remark(format_args!(
            "array {} was left out: {}",
            array.array, array.message
        ))?;
    }
    attached::remark(attached, &report.collection, advice, console)?;
    let present = match report.present {
        0 => String::new(),
        count => format!(", {} there already", human::grouped(count)),
    };
    let replaced = match report.replaced {
        0 => String::new(),
        count => format!(", {} replaced", human::grouped(count)),
    };
    let verified = match options.verify {
        true => format!("; {} verified", human::grouped(report.verified)),
        false => "; not verified".to_owned(),
    };
    let differ = match report.differences.len() as u64 {
        0 => String::new(),
        1 => ", 1 differs".to_owned(),
        count => format!(", {} differ", human::grouped(count)),
    };
    console.report(
        &document(report, attached, options.verify),
        format_args!(
            "copied {} ({}){} into collection {}{present}{replaced}{verified}{differ}",
            human::count(report.copied, "array"),
            human::bytes(report.copied_bytes),
            attached::summary(attached),
            report.collection.name()
        ),
    )
}

fn document(report: &CopyReport, attached: &AttachmentsCopy, verify: bool) -> Value {
    let list = |arrays: &[CopyDifference]| -> Value {
        let tell = |array: &CopyDifference| json!({"array": array.array, "id": array.id, "message": array.message});
        arrays.iter().map(tell).collect()
    };
    json!({
        "store": report.collection.store().info(),
        "collection": report.collection.name(),
        "copied": report.copied,
        "copied_bytes": report.copied_bytes,
        "present": report.present,
        "replaced": report.replaced,
        "verified": verify.then_some(report.verified),
        "differences": list(&report.differences),
        "left_out": list(&report.left_out),
        "attached": attached,
    })
}
