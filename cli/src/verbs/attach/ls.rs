//! `hyperslab attach ls`.

use std::collections::HashMap;

use clap::Args;
use hyperslab::attachments::{AttachedFile, Manifest, Owner};
use hyperslab::{Result, Store};
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
        if self.all {
            let names = names(&session.open(&self.owner.store).await?).await?;
            let found = tokio::task::block_in_place(|| attachments.manifests())?;
            return list_all(found, &names, console);
        }
        let manifest = tokio::task::block_in_place(|| attachments.manifest(&owner))?;
        if self.aiida {
            console.json(&manifest.to_aiida())?;
        } else if console.wants_json() {
            console.json(&json!({ "attachments": [of_owner(&owner, &manifest)] }))?;
        } else {
            tell(&manifest, console)?;
        }
        Ok(Status::Done)
    }
}

/// The names of collections, of which an owner has the identity. One that does not open has none.
async fn names(store: &Store) -> Result<HashMap<Owner, String>> {
    let mut names = HashMap::new();
    for name in store.collections().await? {
        if let Ok(collection) = store.collection(&name).await {
            names.insert(Owner::collection(&collection), name);
        }
    }
    Ok(names)
}

fn list_all(
    found: Vec<Result<(Owner, Manifest)>>,
    names: &HashMap<Owner, String>,
    console: &mut Console,
) -> Outcome {
    let (mut manifests, mut unreadable) = (Vec::new(), Vec::new());
    for manifest in found {
        match manifest {
            Ok(manifest) => manifests.push(manifest),
            Err(error) => unreadable.push(error),
        }
    }
    let name_of = |owner: &Owner| match owner {
        Owner::Store => None,
        Owner::Collection { collection } | Owner::Array { collection, .. } => {
            let collection = *collection;
            names.get(&Owner::Collection { collection })
        }
    };
    if console.wants_json() {
        let attachments = manifests.iter().map(|(owner, manifest)| {
            let mut document = of_owner(owner, manifest);
            document["collection"] = json!(name_of(owner));
            document
        });
        let unreadable = unreadable
            .iter()
            .map(|error| json!({ "kind": error.kind().name(), "message": error.message() }));
        console.json(&json!({
            "attachments": attachments.collect::<Vec<_>>(),
            "unreadable": unreadable.collect::<Vec<_>>(),
        }))?;
        return Ok(Status::Done);
    }
    for error in unreadable {
        console.remark(format_args!("left out: {error}"))?;
    }
    for (owner, manifest) in &manifests {
        match (owner, name_of(owner)) {
            (Owner::Collection { .. }, Some(name)) => {
                console.line(format_args!("collection {name}"))?;
            }
            (_, Some(name)) => console.line(format_args!("{owner} of {name}"))?,
            (Owner::Store, None) => console.line(format_args!("{owner}"))?,
            (_, None) => console.line(format_args!("{owner}, deleted or not readable"))?,
        }
        tell(manifest, console)?;
    }
    Ok(Status::Done)
}

/// What is attached to one owner as JSON.
fn of_owner(owner: &Owner, manifest: &Manifest) -> Value {
    let files = manifest.files().iter();
    let files: Vec<Value> = files.map(|(path, file)| document(path, file)).collect();
    json!({ "owner": owner, "files": files, "inputs": manifest.inputs() })
}

fn tell(manifest: &Manifest, console: &mut Console) -> Result<(), Failure> {
    let mut rows: Vec<Vec<String>> = manifest
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
    rows.extend(manifest.inputs().iter().map(|key| {
        let blank = String::new;
        vec![key.to_string(), blank(), blank(), "(an input)".to_owned()]
    }));
    table(console, &rows)
}

/// A file as JSON.
pub(super) fn document(path: &str, file: &AttachedFile) -> Value {
    json!({
        "path": path, "key": file.key, "size": file.size, "media_type": file.media_type, "attached": file.attached,
    })
}
