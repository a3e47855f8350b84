//! `hyperslab blob maintain`.

use clap::Args;
use hyperslab::blobs::{CleanReport, MaintainPlan, Repository};
use serde_json::json;
use std::time::Duration;

use super::Compression;
use super::pack::{tell_packed, tell_repacked};
use crate::args::Wait;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;

/// Put a repository in order: pack what is loose, and remove what nobody needs any more.
///
/// This may be done while others read and write. With --offline packs with gaps are copied into new ones, too, what was left behind
/// goes at once, and the index is put together anew: for times when nobody else uses the repository.
#[derive(Debug, Args)]
pub(super) struct Maintain {
    /// The repository: a path or a URL
    repository: String,
    /// Nobody else uses it: do all of it
    #[arg(long)]
    offline: bool,
    /// Leave loose objects loose
    #[arg(long)]
    no_pack: bool,
    /// Copy packs with gaps into new ones
    #[arg(long, conflicts_with = "no_repack")]
    repack: bool,
    /// Leave packs as they are
    #[arg(long)]
    no_repack: bool,
    /// Remove nothing
    #[arg(long)]
    no_clean: bool,
    /// Put the index together anew
    #[arg(long, conflicts_with = "no_vacuum")]
    vacuum: bool,
    /// Leave the index as it is
    #[arg(long)]
    no_vacuum: bool,
    /// Which objects are compressed when they are packed
    #[arg(long, value_enum, value_name = "WHICH", default_value_t)]
    compress: Compression,
    /// How long what was left behind stays: seconds, or `5m`, `24h` [default: 24h, with --offline 0]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    age: Option<Wait>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Maintain {
    fn plan(&self) -> MaintainPlan {
        let usual = match self.offline {
            true => MaintainPlan::offline(),
            false => MaintainPlan::live(),
        };
        MaintainPlan {
            dry_run: self.dry_run,
            pack: !self.no_pack,
            repack: (usual.repack || self.repack) && !self.no_repack,
            clean: !self.no_clean,
            vacuum: (usual.vacuum || self.vacuum) && !self.no_vacuum,
            compress: self.compress.into(),
            age: self.age.map_or(usual.age, |age| age.0),
        }
    }

    pub(super) fn run(self, patience: Duration, console: &mut Console) -> Outcome {
        let repository = Repository::open_with(&self.repository, patience)?;
        let progress = console.progress("putting in order");
        let report =
            repository.maintain(&self.plan(), &|done, total| progress.count(done, total))?;
        drop(progress);
        let damaged = report
            .packed
            .iter()
            .any(|report| !report.damaged.is_empty())
            || report
                .repacked
                .iter()
                .any(|report| !report.damaged.is_empty());
        let status = if damaged { Status::Found } else { Status::Done };
        if console.wants_json() {
            console.json(&json!({ "dry_run": self.dry_run, "maintained": report }))?;
            return Ok(status);
        }
        if let Some(report) = &report.packed {
            tell_packed(report, self.dry_run, console)?;
        }
        if let Some(report) = &report.repacked {
            tell_repacked(report, self.dry_run, console)?;
        }
        if let Some(report) = &report.cleaned {
            tell_cleaned(report, self.dry_run, console)?;
        }
        if let Some(bytes) = report.vacuumed_bytes.filter(|_| !self.dry_run) {
            console.line(format_args!("index smaller by {}", human::bytes(bytes)))?;
        }
        Ok(status)
    }
}

fn tell_cleaned(report: &CleanReport, dry_run: bool, console: &mut Console) -> Result<(), Failure> {
    let would = if dry_run { "to be removed" } else { "removed" };
    let packs = report.packs.len() as u64;
    console.line(format_args!(
        "{}, {} and {} {would}, {}",
        human::count(report.loose, "loose file"),
        human::count(report.abandoned, "abandoned file"),
        human::count(packs, "pack"),
        human::bytes(report.freed_bytes)
    ))?;
    let mended = if dry_run {
        "can be healed"
    } else {
        "was healed"
    };
    for key in &report.healed {
        console.line(format_args!(
            "object {key} was damaged in its pack and {mended} from its loose file"
        ))?;
    }
    Ok(())
}
