//! `hyperslab rm`: an array, all arrays, or a collection.

use clap::Args;
use hyperslab::{Collection, ErrorKind, Result};
use serde_json::{Value, json};

use super::show::array_json;
use crate::args::CollectionArgs;
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::select::KeyArgs;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab rm ./climate weather dt=2023-01-03     one array
  hyperslab rm ./climate weather --all             all arrays; the collection stays
  hyperslab rm ./climate weather --collection      the collection and all its arrays

What is deleted cannot be brought back.";

/// Delete an array, all arrays, or a collection.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
#[command(group = clap::ArgGroup::new("what").args(["key", "all", "whole"]).required(true))]
pub(crate) struct Rm {
    #[command(flatten)]
    target: CollectionArgs,
    #[command(flatten)]
    key: KeyArgs,
    /// Delete all arrays, and keep the collection
    #[arg(long)]
    all: bool,
    /// Delete the collection and all its arrays
    #[arg(long = "collection", id = "whole")]
    whole: bool,
}

impl Rm {
    /// The collection of a store that is to be deleted as a whole, if one is.
    pub(crate) fn collection_of(&self, store: &str) -> Option<&str> {
        let is_meant = self.whole && self.target.store == store;
        is_meant.then_some(&self.target.collection)
    }

    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let name = &self.target.collection;
        let store = session.open(&self.target.store).await?;
        let collection = store.collection(name).await;
        let progress = console.progress("deleting");
        if self.whole {
            // Also one that does not open any more.
            store.delete_collection(name).await?;
            drop(progress);
            console.report(
                &json!({ "deleted": { "collection": name } }),
                format_args!("deleted collection {name}"),
            )?;
            return Ok(Status::Done);
        }
        let collection = collection?;
        if self.all {
            let array_count = collection.find("").count().await?;
            collection.clear().await?;
            drop(progress);
            console.report(
                &json!({ "deleted": { "arrays": array_count } }),
                format_args!(
                    "deleted {} of {name}",
                    human::count(array_count as u64, "array")
                ),
            )?;
        } else {
            let (document, array_name) = self.delete_array(&collection).await?;
            drop(progress);
            console.report(
                &json!({ "deleted": { "array": document } }),
                format_args!("deleted array {array_name} of {name}"),
            )?;
        }
        Ok(Status::Done)
    }

    /// Deletes one array, also one that does not open, if its id is given and the store finds it by that.
    async fn delete_array(&self, collection: &Collection) -> Result<(Value, String)> {
        let error = match self.key.open(collection).await {
            Ok(array) => {
                let told = (array_json(&array), array.name());
                return array.delete().await.map(|()| told);
            }
            Err(error) => error,
        };
        match (error.kind(), self.key.id()?) {
            (ErrorKind::Corrupt | ErrorKind::Unsupported, Some(id)) => {
                collection.delete_by_id(id).await?;
                let document = json!({ "collection": collection.name(), "id": id });
                Ok((document, format!("id={id}")))
            }
            _ => Err(error),
        }
    }
}
