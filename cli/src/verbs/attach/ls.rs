//! `hyperslab attach ls`.

use clap::Args;
use hyperslab::Result;
use hyperslab::attachments::{AttachedFile, Manifest, Owner};
use serde_json::{Value, json};

use super::OwnerArgs;
use crate::console::Console;
use crate::failure::{Failure, Outcome, Status};
use crate::human;
use crate::session::Session;
use crate::verbs::ls::table;

/// List what is attached: to the store, a collection or an array, or to all of them.
#[derive(Debug, Args)]
pub(super) struct Ls {
    #[command(flatten)]
    owner: OwnerArgs,
    /// Whatever is attached in the store
    #[arg(long, conflicts_with_all = ["to", "key"])]
    all: bool,
    /// Print the files as the tree that AiiDA keeps of them
    #[arg(long, conflicts_with = "all")]
    aiida: bool,
}

impl Ls {
    pub(super) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let (attachments, owner) = self.owner.open(session).await?;
        let found = tokio::task::block_in_place(|| -> Result<Vec<(Owner, Manifest)>> {
            let owners = match self.all {
                true => attachments.owners()?,
                false => vec![owner],
            };
            let manifests = owners.into_iter();
            manifests
                .map(|owner| Ok((owner, attachments.manifest(&owner)?)))
                .collect()
        })?;
        if self.aiida {
            let tree = found.first().map(|(_, manifest)| manifest.to_aiida());
            console.json(&tree.unwrap_or_else(|| json!({})))?;
            return Ok(Status::Done);
        }
        if console.wants_json() {
            let owners = found.iter().map(|(owner, manifest)| {
                let files = manifest.files().iter();
                let files: Vec<Value> = files.map(|(path, file)| document(path, file)).collect();
                json!({ "owner": owner, "files": files, "inputs": manifest.inputs() })
            });
            console.json(&json!({ "attachments": owners.collect::<Vec<_>>() }))?;
            return Ok(Status::Done);
        }
        for (owner, manifest) in &found {
            if self.all {
                console.line(format_args!("{owner}"))?;
            }
            tell(manifest, console)?;
        }
        Ok(Status::Done)
    }
}

fn tell(manifest: &Manifest, console: &mut Console) -> Result<(), Failure> {
    let rows: Vec<Vec<String>> = manifest
        .files()
        .iter()
        .map(|(path, file)| {
            vec![
                file.key.to_string(),
                human::bytes(file.size),
                human::time(file.attached),
                path.clone(),
                file.media_type.clone().unwrap_or_default(),
            ]
        })
        .collect();
    table(console, &rows)
}

/// A file as JSON.
pub(super) fn document(path: &str, file: &AttachedFile) -> Value {
    json!({
        "path": path, "key": file.key, "size": file.size, "media_type": file.media_type, "attached": file.attached,
    })
}
