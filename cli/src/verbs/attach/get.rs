//! `hyperslab attach get`.

use std::path::PathBuf;

use clap::Args;
use hyperslab::Error;
use serde_json::json;

use super::OwnerArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::output::check_is_path;
use crate::session::Session;
use crate::verbs::blob::{give, save};

/// Get what is attached: to standard output, or into a file.
#[derive(Debug, Args)]
pub(super) struct Get {
    #[command(flatten)]
    owner: OwnerArgs,
    /// The path under which it is attached
    path: String,
    /// The file; it is written whole or not at all
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Get {
    pub(super) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        if self.output.is_none() && console.wants_json() {
            return Err(
                Error::invalid("--json needs a file for the content; name one with -o").into(),
            );
        }
        let (attachments, owner) = self.owner.open(session).await?;
        tokio::task::block_in_place(|| {
            let mut reader = attachments.read(&owner, &self.path)?;
            let size = reader.size();
            let Some(output) = &self.output else {
                give(&mut *reader, size, &self.path, console)?;
                return Ok(Status::Done);
            };
            check_is_path(output)?;
            let progress = console.progress("getting the file");
            save(&mut *reader, size, &self.path, output)?;
            drop(progress);
            console.report(
                &json!({ "path": self.path, "bytes": size, "output": output.display().to_string() }),
                format_args!("{} in {}", human::bytes(size), output.display()),
            )?;
            Ok(Status::Done)
        })
    }
}
