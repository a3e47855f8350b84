//! `hyperslab attach inputs`.

use std::path::PathBuf;

use clap::Args;
use hyperslab::Result;
use hyperslab::attachments::{Attachments, Owner};
use hyperslab::blobs::BlobKey;
use serde_json::json;

use super::OwnerArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::session::Session;
use crate::verbs::blob::open_source;

/// Show from which files something was made, by the keys of their content, or write it down.
///
/// The content of these files is kept as long as it is written down, and `hyperslab blob get STORE KEY` gives it back. They have no names:
/// attach them, too, if those matter.
#[derive(Debug, Args)]
pub(super) struct Inputs {
    #[command(flatten)]
    owner: OwnerArgs,
    /// Write down that it was made from these files, and keep them; in place of what was written down before
    #[arg(long, value_name = "FILE", num_args = 1..)]
    set: Option<Vec<PathBuf>>,
}

impl Inputs {
    pub(super) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let (attachments, owner) = self.owner.open(session).await?;
        let keys = tokio::task::block_in_place(|| self.keys(&attachments, &owner))?;
        if console.wants_json() {
            console.json(&json!({ "owner": owner, "inputs": keys }))?;
            return Ok(Status::Done);
        }
        for key in keys {
            console.line(format_args!("{key}"))?;
        }
        Ok(Status::Done)
    }

    fn keys(&self, attachments: &Attachments, owner: &Owner) -> Result<Vec<BlobKey>> {
        if let Some(files) = &self.set {
            let mut sources = files.iter().map(open_source);
            attachments.attach_inputs(owner, &mut sources)?;
        }
        Ok(attachments
            .manifest(owner)?
            .inputs()
            .iter()
            .copied()
            .collect())
    }
}
