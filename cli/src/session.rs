//! Where verbs get their stores from: opened for one command, or open for as long as a shell runs.

use hyperslab::{Connect, Error, Result, Store, StoreOptions};

use crate::args::Global;

/// What the verbs of one command line share.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    global: Global,
    opened: Option<Opened>,
}

/// The store that a shell keeps open, by the name it was opened under.
#[derive(Debug, Clone)]
struct Opened {
    name: String,
    store: Store,
}

impl Session {
    /// A session that opens each store anew.
    pub(crate) const fn new(global: Global) -> Self {
        Self {
            global,
            opened: None,
        }
    }

    /// The same, with a store that is open already under the name that verbs will ask for.
    pub(crate) fn within(global: Global, name: &str, store: Store) -> Self {
        let opened = Opened {
            name: name.to_owned(),
            store,
        };
        Self {
            global,
            opened: Some(opened),
        }
    }

    /// What was asked for on the command line.
    pub(crate) const fn global(&self) -> &Global {
        &self.global
    }

    /// Whether this is a line of a shell.
    pub(crate) const fn is_shell(&self) -> bool {
        self.opened.is_some()
    }

    /// Opens a store as the options say.
    pub(crate) async fn open(&self, store: &str) -> Result<Store> {
        self.open_with(store, self.global.store_options()).await
    }

    /// Opens a store to be used in a certain way; the one that is open already is not opened again.
    pub(crate) async fn open_with(&self, store: &str, options: StoreOptions) -> Result<Store> {
        let Some(opened) = self.opened.as_ref().filter(|opened| opened.name == store) else {
            return Store::open_with(store, options).await;
        };
        let adapter = opened.store.info().adapter;
        match &options.adapter {
            Some(wanted) if wanted != adapter => Err(Error::unsupported(format!(
                "the store {store} uses the adapter '{adapter}', not '{wanted}'; leave out --adapter"
            ))),
            _ => Ok(opened.store.with_options(options)),
        }
    }

    /// The open store and the collection in `STORE/COLLECTION`, when that is the open store.
    pub(crate) fn split(&self, text: &str) -> Option<(String, String)> {
        let name = &self.opened.as_ref()?.name;
        let collection = text.strip_prefix(name.as_str())?.strip_prefix('/')?;
        (!collection.is_empty()).then(|| (name.clone(), collection.to_owned()))
    }
}
