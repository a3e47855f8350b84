//! `hyperslab blob pack`.

use clap::Args;
use hyperslab::blobs::{PackOptions, PackReport, RepackOptions, RepackReport, Repository};
use serde_json::json;
use std::time::Duration;

use super::{Compression, keys};
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;

/// Pack the loose objects of a container, so that many small ones are one file.
///
/// Others may read and write meanwhile. Each object is safe in its pack, and read back, before its loose file goes.
#[derive(Debug, Args)]
pub(super) struct Pack {
    /// The container: a path
    repository: String,
    /// Which objects are compressed
    #[arg(long, value_enum, value_name = "WHICH")]
    compress: Option<Compression>,
    /// Leave the loose files where they are
    #[arg(long)]
    keep_loose: bool,
    /// Then copy packs with gaps into new ones; all packs, if --compress is given
    #[arg(long)]
    repack: bool,
    /// Write these packed objects as loose files instead
    #[arg(long, value_name = "KEY", num_args = 1.., conflicts_with_all = ["compress", "keep_loose", "repack"])]
    loosen: Vec<String>,
    /// Say what would be done, and do nothing
    #[arg(long, conflicts_with = "loosen")]
    dry_run: bool,
}

impl Pack {
    pub(super) fn run(self, patience: Duration, console: &mut Console) -> Outcome {
        let repository = Repository::open_with(&self.repository, patience)?;
        let container = repository.as_container("pack objects")?;
        if !self.loosen.is_empty() {
            let loosened = container.loosen(&keys(&repository, &self.loosen)?)?;
            console.report(
                &json!({ "loosened": loosened }),
                format_args!("{} written", human::count(loosened, "loose file")),
            )?;
            return Ok(Status::Done);
        }
        let progress = console.progress("packing objects");
        let options = PackOptions {
            compress: self.compress.unwrap_or_default().into(),
            clean: !self.keep_loose,
            dry_run: self.dry_run,
        };
        let packed = container.pack_loose(&options, &|done, total| progress.count(done, total))?;
        let repacked = match self.repack {
            true => {
                let options = RepackOptions {
                    compress: self.compress.map(Into::into),
                    dry_run: self.dry_run,
                };
                Some(container.repack(&options, &|done, total| progress.count(done, total))?)
            }
            false => None,
        };
        drop(progress);
        let is_sound = packed.damaged.is_empty()
            && repacked
                .as_ref()
                .is_none_or(|report| report.damaged.is_empty());
        if console.wants_json() {
            console.json(
                &json!({ "dry_run": self.dry_run, "packed": packed, "repacked": repacked }),
            )?;
        } else {
            tell_packed(&packed, self.dry_run, console)?;
            if let Some(report) = &repacked {
                tell_repacked(report, self.dry_run, console)?;
            }
        }
        Ok(if is_sound {
            Status::Done
        } else {
            Status::Found
        })
    }
}

/// What packing did.
pub(super) fn tell_packed(
    report: &PackReport,
    dry_run: bool,
    console: &mut Console,
) -> Result<(), Failure> {
    let would = if dry_run { "to be packed" } else { "packed" };
    let objects = human::count(report.packed, "object");
    let bytes = human::bytes(report.content_bytes);
    console.line(format_args!("{objects} {would}, {bytes}"))?;
    for key in &report.damaged {
        console.line(format_args!(
            "object {key} is damaged and stays loose; restore it from a copy"
        ))?;
    }
    Ok(())
}

/// What repacking did.
pub(super) fn tell_repacked(
    report: &RepackReport,
    dry_run: bool,
    console: &mut Console,
) -> Result<(), Failure> {
    let would = if dry_run {
        "to be replaced"
    } else {
        "replaced"
    };
    let packs = human::count(report.replaced.len() as u64, "pack");
    let (before, after) = (
        human::bytes(report.before_bytes),
        human::bytes(report.after_bytes),
    );
    console.line(format_args!("{packs} {would}, {before} become {after}"))?;
    for key in &report.damaged {
        console.line(format_args!(
            "object {key} is damaged and its pack stays; restore it from a copy"
        ))?;
    }
    Ok(())
}
