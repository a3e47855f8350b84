//! `hyperslab copy`: a collection into another store, or under another name.

use clap::Args;
use hyperslab::{Collection, CopyOptions, CopyPhase, CopyReport, Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::open_store;
use super::storage::StorageArgs;
use crate::args::{AdapterArgs, Global};
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;

const EXAMPLE: &str = "\
Examples:
  hyperslab copy ./climate/weather ./archive/weather --adapter zarr
  hyperslab copy ./climate/weather s3://climate/era5/weather --access series
  hyperslab copy ./climate/weather ./climate/weather-2 --no-verify
  hyperslab copy era5.zarr/t ./climate/era5

Arrays keep their identity, key and attributes. When all is copied, both sides are read and compared
bit by bit. Run again after an interruption, it goes on where it stopped: what is there is verified,
not written again. An array that differs is reported, and the exit code is 1.";

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
    /// Do not read both sides and compare them
    #[arg(long)]
    no_verify: bool,
    /// How many arrays are copied at once
    #[arg(long, value_name = "COUNT", default_value_t = 8)]
    jobs: usize,
    #[command(flatten)]
    adapter: AdapterArgs,
    #[command(flatten)]
    storage: StorageArgs,
}

impl Copy {
    pub(crate) async fn run(self, global: &Global, console: &mut Console) -> Outcome {
        let (to_store, to_name) = split(&self.to)?;
        let storage = self.storage.options()?;
        // No store is made for a collection that is not there.
        let from = open_source(&self.from, global).await?;
        let to = self.adapter.open_or_create(&to_store, global).await?;
        let options = CopyOptions {
            storage: (!storage.is_empty()).then_some(storage),
            verify: !self.no_verify,
            overwrite: self.overwrite,
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
        drop(progress);
        print(&report, options.verify, console)?;
        Ok(if report.differences.is_empty() {
            Status::Done
        } else {
            Status::Found
        })
    }
}

/// Opens the collection in `STORE/COLLECTION`. What another program wrote may have slashes in its name, so the longest store
/// that has it counts.
async fn open_source(text: &str, global: &Global) -> Result<Collection> {
    let (mut store, mut name) = split(text)?;
    let first = match open(&store, &name, global).await {
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        opened => return opened,
    };
    while let Ok((outer, folder)) = split(&store) {
        (store, name) = (outer, format!("{folder}/{name}"));
        if let Ok(opened) = open(&store, &name, global).await {
            return Ok(opened);
        }
    }
    Err(first)
}

async fn open(store: &str, name: &str, global: &Global) -> Result<Collection> {
    open_store(store, global).await?.collection(name).await
}

/// The store and the collection in `STORE/COLLECTION`; what stands behind the path of a URL belongs to the store.
fn split(text: &str) -> Result<(String, String)> {
    let end = match text.find("://") {
        Some(_) => text.find(['?', '#']).unwrap_or(text.len()),
        None => text.len(),
    };
    let (address, parameters) = text.split_at(end);
    match address.rsplit_once('/') {
        Some((store, name)) if !name.is_empty() && !store.is_empty() && !store.ends_with("/") => {
            Ok((format!("{store}{parameters}"), name.to_owned()))
        }
        _ => Err(Error::invalid(format!(
            "'{}' does not name a store and a collection; write it as ./store/collection",
            // There may be a secret in a URL.
            address
                .find("://")
                .map_or(address, |end| &address[..end + 3])
        ))),
    }
}

fn print(report: &CopyReport, verify: bool, console: &mut Console) -> Result<(), Failure> {
    for difference in &report.differences {
        console.remark(format_args!(
            "array {} was left alone: {}",
            difference.array, difference.message
        ))?;
    }
    let present = match report.present {
        0 => String::new(),
        count => format!(", {} there already", human::grouped(count)),
    };
    let replaced = match report.replaced {
        0 => String::new(),
        count => format!(", {} replaced", human::grouped(count)),
    };
    let verified = match verify {
        true => format!("; {} verified", human::grouped(report.verified)),
        false => "; not verified".to_owned(),
    };
    let differ = match report.differences.len() as u64 {
        0 => String::new(),
        1 => ", 1 differs".to_owned(),
        count => format!(", {} differ", human::grouped(count)),
    };
    console.report(
        &document(report, verify),
        format_args!(
            "copied {} ({}) into collection {}{present}{replaced}{verified}{differ}",
            human::count(report.copied, "array"),
            human::bytes(report.copied_bytes),
            report.collection.name()
        ),
    )
}

fn document(report: &CopyReport, verify: bool) -> Value {
    let differences = report.differences.iter();
    json!({
        "store": report.collection.store().info(),
        "collection": report.collection.name(),
        "copied": report.copied,
        "copied_bytes": report.copied_bytes,
        "present": report.present,
        "replaced": report.replaced,
        "verified": verify.then_some(report.verified),
        "differences": differences
            .map(|difference| json!({"array": difference.array, "message": difference.message}))
            .collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_and_a_collection_are_told_apart() {
        for (text, store, name) in [
            ("./a/b", "./a", "b"),
            ("a/b c/d", "a/b c", "d"),
            ("/a/b", "/a", "b"),
            ("./a?x/b", "./a?x", "b"),
            ("file:///a/b?adapter=zarr", "file:///a?adapter=zarr", "b"),
            (
                "s3://a/b/c?endpoint=http://x/y",
                "s3://a/b?endpoint=http://x/y",
                "c",
            ),
            ("s3://a/b/c#d/e", "s3://a/b#d/e", "c"),
        ] {
            assert_eq!(split(text).unwrap(), (store.to_owned(), name.to_owned()));
        }
        for text in ["", "a", "a/", "/a", "memory://a", "s3://a"] {
            assert!(split(text).is_err(), "{text}");
        }
    }
}
