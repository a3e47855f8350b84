//! `hyperslab blob rm`.

use clap::Args;
use hyperslab::blobs::{Missing, Repository};
use serde_json::json;

use super::keys;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;

/// Delete objects. If one of them is not there, none is deleted.
#[derive(Debug, Args)]
pub(super) struct Rm {
    /// The repository: a path or a URL
    repository: String,
    /// The keys of the objects
    #[arg(required = true)]
    keys: Vec<String>,
    /// Pass over what is not there
    #[arg(long)]
    ignore_missing: bool,
}

impl Rm {
    pub(super) fn run(self, console: &mut Console) -> Outcome {
        let repository = Repository::open(&self.repository)?;
        let keys = keys(&repository, &self.keys)?;
        let missing = match self.ignore_missing {
            true => Missing::Skip,
            false => Missing::Fail,
        };
        let count = repository.delete_many(&keys, missing)?;
        console.report(
            &json!({ "deleted": count }),
            format_args!("{} deleted", human::count(count, "object")),
        )?;
        Ok(Status::Done)
    }
}
