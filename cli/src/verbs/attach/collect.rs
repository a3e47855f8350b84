//! `hyperslab attach collect`.

use clap::Args;
use hyperslab::attachments::Attachments;
use hyperslab::blobs::CollectPlan;
use serde_json::json;

use crate::args::Wait;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::session::Session;

/// Delete the content of files that nothing in the store names any more. Others may attach files meanwhile.
#[derive(Debug, Args)]
pub(super) struct Collect {
    /// The store: a path or a URL
    store: String,
    /// What was put within this time stays: seconds, or `5m`, `24h` [default: 24h]
    #[arg(long, value_name = "TIME", allow_negative_numbers = true)]
    age: Option<Wait>,
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
}

impl Collect {
    pub(super) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let store = super::open(session, &self.store).await?;
        let attachments = Attachments::open(&self.store)?;
        let usual = CollectPlan::default();
        let plan = CollectPlan {
            age: self.age.map_or(usual.age, |age| age.0),
            dry_run: self.dry_run,
        };
        let progress = console.progress("collecting");
        let report = tokio::task::block_in_place(|| attachments.collect(&store, &plan))?;
        drop(progress);
        let status = match report.missing.is_empty() {
            true => Status::Done,
            false => Status::Found,
        };
        if console.wants_json() {
            console.json(&json!({ "dry_run": self.dry_run, "collected": report }))?;
            return Ok(status);
        }
        let would = if self.dry_run {
            "to be deleted"
        } else {
            "deleted"
        };
        console.line(format_args!(
            "{} {would}, {}; {} named, {} too young",
            human::count(report.deleted, "object"),
            human::bytes(report.deleted_bytes),
            human::grouped(report.live),
            human::grouped(report.young)
        ))?;
        for key in &report.missing {
            console.line(format_args!(
                "object {key} is named and not there; restore it from a copy"
            ))?;
        }
        Ok(status)
    }
}
