//! `hyperslab attach rm`.

use clap::Args;
use serde_json::json;

use super::OwnerArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::session::Session;

/// Take away what is attached. The content stays until it is collected, and as long as anything else names it.
#[derive(Debug, Args)]
pub(super) struct Rm {
    #[command(flatten)]
    owner: OwnerArgs,
    /// The path, or that of a folder
    path: String,
}

impl Rm {
    pub(super) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let (attachments, owner) = self.owner.open(session).await?;
        let count = tokio::task::block_in_place(|| attachments.detach(&owner, &self.path))?;
        console.report(
            &json!({ "detached": count }),
            format_args!("{} taken away", human::count(count as u64, "file")),
        )?;
        Ok(Status::Done)
    }
}
