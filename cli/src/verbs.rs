//! The verbs, one file each.

pub(crate) mod check;
pub(crate) mod clear;
pub(crate) mod completions;
pub(crate) mod copy;
pub(crate) mod create;
pub(crate) mod demo;
pub(crate) mod du;
mod explain;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod locks;
pub(crate) mod ls;
pub(crate) mod new;
pub(crate) mod read;
pub(crate) mod rm;
pub(crate) mod show;
mod storage;
pub(crate) mod write;

use hyperslab::{Collection, Connect, ErrorKind, Result, Store, StoreOptions};

use crate::args::{AdapterArgs, Cli, CollectionArgs, Global, Verb};
use crate::console::Console;
use crate::failure::Outcome;

/// Runs what the command line asks for.
pub(crate) async fn run(cli: Cli, console: &mut Console) -> Outcome {
    let global = &cli.global;
    match cli.verb {
        Verb::Init(verb) => verb.run(global, console).await,
        Verb::Create(verb) => verb.run(global, console).await,
        Verb::New(verb) => verb.run(global, console).await,
        Verb::Ls(verb) => verb.run(global, console).await,
        Verb::Show(verb) => verb.run(global, console).await,
        Verb::Read(verb) => verb.run(global, console).await,
        Verb::Write(verb) => verb.run(global, console).await,
        Verb::Clear(verb) => verb.run(global, console).await,
        Verb::Rm(verb) => verb.run(global, console).await,
        Verb::Import(verb) => verb.run(global, console).await,
        Verb::Export(verb) => verb.run(global, console).await,
        // The largest of all: many arrays are under way in it.
        Verb::Copy(verb) => Box::pin(verb.run(global, console)).await,
        Verb::Check(verb) => verb.run(global, console).await,
        Verb::Du(verb) => verb.run(global, console).await,
        Verb::Locks(verb) => verb.run(global, console).await,
        // The demo runs other verbs, so its future would contain itself.
        Verb::Demo(verb) => Box::pin(verb.run(global, console)).await,
        Verb::Completions(verb) => verb.run(console),
    }
}

/// Opens a store as the options say.
async fn open_store(store: &str, global: &Global) -> Result<Store> {
    Store::open_with(store, global.store_options()).await
}

impl CollectionArgs {
    /// Opens the collection.
    pub(crate) async fn open(&self, global: &Global) -> Result<Collection> {
        open_store(&self.store, global)
            .await?
            .collection(&self.collection)
            .await
    }
}

impl AdapterArgs {
    /// How the store is to be used, and by which adapter.
    fn store_options(&self, global: &Global) -> StoreOptions {
        StoreOptions {
            adapter: self.adapter.clone(),
            ..global.store_options()
        }
    }

    /// Opens a store, which must be of this adapter.
    async fn open(&self, store: &str, global: &Global) -> Result<Store> {
        Store::open_with(store, self.store_options(global)).await
    }

    /// Creates a store of this adapter.
    async fn create(&self, store: &str, global: &Global) -> Result<Store> {
        Store::create_with(store, self.store_options(global)).await
    }

    /// Opens a store, or creates it where there is none.
    async fn open_or_create(&self, store: &str, global: &Global) -> Result<Store> {
        match self.open(store, global).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                match self.create(store, global).await {
                    // Another command was faster.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                        self.open(store, global).await
                    }
                    created => created,
                }
            }
            opened => opened,
        }
    }
}
