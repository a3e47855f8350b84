//! `hyperslab attach`: files beside arrays.

mod collect;
mod get;
mod inputs;
mod ls;
mod put;
mod rm;

use clap::{Args, Subcommand};
use hyperslab::attachments::{Attachments, Owner};
use hyperslab::{Error, Result, Store};

use crate::args::Pair;
use crate::console::Console;
use crate::failure::Outcome;
use crate::select::KeyArgs;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab attach put ./climate report.pdf
  hyperslab attach put ./climate --to weather --key dt=2023-01-03 run.log --as logs/run.log
  hyperslab attach ls ./climate --to weather
  hyperslab attach get ./climate report.pdf -o report.pdf
  hyperslab attach inputs ./climate --to weather --set raw1.bin raw2.bin
  hyperslab attach collect ./climate --dry-run

Files are attached to the store, with --to to a collection, and with --key to one of its arrays. Their content lies in a \
repository of byte objects in the store (see `hyperslab blob`), each content once.";

/// Keep files beside arrays: attach them to the store, to a collection or to an array
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Attach {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Attach files
    Put(put::Put),
    /// Get what is attached
    Get(get::Get),
    /// List what is attached
    Ls(ls::Ls),
    /// Take away what is attached
    Rm(rm::Rm),
    /// Show or write down from which files something was made
    Inputs(inputs::Inputs),
    /// Delete the content of files that nothing names any more
    Collect(collect::Collect),
}

impl Attach {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        match self.verb {
            Verb::Put(verb) => verb.run(session, console).await,
            Verb::Get(verb) => verb.run(session, console).await,
            Verb::Ls(verb) => verb.run(session, console).await,
            Verb::Rm(verb) => verb.run(session, console).await,
            Verb::Inputs(verb) => verb.run(session, console).await,
            Verb::Collect(verb) => verb.run(session, console).await,
        }
    }
}

/// Opens a store that keeps what is attached.
async fn open(session: &Session, url: &str) -> Result<Store> {
    let store = session.open(url).await?;
    let capabilities = store.capabilities();
    if capabilities.read_only {
        return Err(Error::unsupported(format!(
            "{} was written by another program and is read-only here: nothing is attached to it; import it into a store first",
            store.info().url
        )));
    }
    match capabilities.persistent {
        true => Ok(store),
        false => Err(Error::unsupported(
            "a store in memory keeps nothing that is attached; copy it into a store on a disk or in a bucket first",
        )),
    }
}

/// To whom something is attached.
#[derive(Debug, Args)]
struct OwnerArgs {
    /// The store: a path or a URL
    store: String,
    /// The collection [default: the store itself]
    #[arg(long, value_name = "COLLECTION")]
    to: Option<String>,
    /// The array of the collection: its key as `dt=2023-01-03`, or `id=UUID`; repeatable
    #[arg(long, value_name = "KEY=VALUE", requires = "to")]
    key: Vec<Pair>,
}

impl OwnerArgs {
    /// The attachments of the store, and whose are meant: someone who is there.
    async fn open(&self, session: &Session) -> Result<(Attachments, Owner)> {
        let store = open(session, &self.store).await?;
        let owner = match &self.to {
            None => Owner::Store,
            Some(name) => {
                let collection = store.collection(name).await?;
                match self.key.is_empty() {
                    true => Owner::collection(&collection),
                    false => {
                        let key = KeyArgs {
                            key: self.key.clone(),
                        };
                        Owner::array(&key.open(&collection).await?)
                    }
                }
            }
        };
        let patience = session.global().store_options().write.lock_timeout;
        let attachments = Attachments::open(&self.store)?;
        Ok((attachments.with_patience(patience), owner))
    }
}
