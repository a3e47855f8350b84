//! The verbs, one file each.

pub(crate) mod attach;
pub(crate) mod blob;
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
pub(crate) mod migrate;
pub(crate) mod new;
pub(crate) mod read;
pub(crate) mod rm;
pub(crate) mod shell;
pub(crate) mod show;
mod storage;
pub(crate) mod write;

use hyperslab::{Collection, Connect, ErrorKind, Result, Store, StoreOptions};

use crate::args::{AdapterArgs, CollectionArgs, Verb};
use crate::console::Console;
use crate::failure::Outcome;
use crate::session::Session;

/// Runs one verb.
pub(crate) async fn run(verb: Verb, session: &Session, console: &mut Console) -> Outcome {
    match verb {
        Verb::Init(verb) => verb.run(session, console).await,
        Verb::Create(verb) => verb.run(session, console).await,
        Verb::New(verb) => verb.run(session, console).await,
        Verb::Ls(verb) => verb.run(session, console).await,
        Verb::Show(verb) => verb.run(session, console).await,
        Verb::Read(verb) => verb.run(session, console).await,
        Verb::Write(verb) => verb.run(session, console).await,
        Verb::Clear(verb) => verb.run(session, console).await,
        Verb::Rm(verb) => verb.run(session, console).await,
        Verb::Import(verb) => verb.run(session, console).await,
        Verb::Export(verb) => verb.run(session, console).await,
        // The largest of all: many arrays are under way in it.
        Verb::Copy(verb) => Box::pin(verb.run(session, console)).await,
        Verb::Migrate(verb) => Box::pin(verb.run(session, console)).await,
        Verb::Check(verb) => verb.run(session, console).await,
        Verb::Du(verb) => verb.run(session, console).await,
        Verb::Attach(verb) => verb.run(session, console).await,
        Verb::Blob(verb) => verb.run(session, console).await,
        Verb::Locks(verb) => verb.run(session, console).await,
        // The demo runs other verbs, so its future would contain itself.
        Verb::Demo(verb) => Box::pin(verb.run(session, console)).await,
        // So does a shell.
        Verb::Shell(verb) => Box::pin(verb.run(session, console)).await,
        Verb::Completions(verb) => verb.run(console),
    }
}

impl CollectionArgs {
    /// Opens the collection.
    pub(crate) async fn open(&self, session: &Session) -> Result<Collection> {
        session
            .open(&self.store)
            .await?
            .collection(&self.collection)
            .await
    }
}

impl AdapterArgs {
    /// How the store is to be used, and by which adapter.
    fn store_options(&self, session: &Session) -> StoreOptions {
        StoreOptions {
            adapter: self.adapter.clone(),
            ..session.global().store_options()
        }
    }

    /// Opens a store, which must be of this adapter.
    async fn open(&self, store: &str, session: &Session) -> Result<Store> {
        session.open_with(store, self.store_options(session)).await
    }

    /// Creates a store of this adapter.
    async fn create(&self, store: &str, session: &Session) -> Result<Store> {
        Store::create_with(store, self.store_options(session)).await
    }

    /// Opens a store, or creates it where there is none. Before one is created, `check` may find something against what is to be
    /// put there: it is given a store like it, so that none is left empty.
    async fn open_or_create(
        &self,
        store: &str,
        session: &Session,
        check: impl AsyncFnOnce(&Store) -> Result<()>,
    ) -> Result<Store> {
        match self.open(store, session).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let trial = hyperslab::trial(store, self.store_options(session)).await?;
                check(&trial).await?;
                match self.create(store, session).await {
                    // Another command was faster.
                    Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                        self.open(store, session).await
                    }
                    created => created,
                }
            }
            opened => opened,
        }
    }
}
