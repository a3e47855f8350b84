//! A group of another program as a store that can only be read.
//!
//! Each variable that can be imported is a collection, called by its path, of one array. What the array looks like is decided
//! by [`plan_import`](super::plan_import), so that reading it here and importing it first give the same.

mod array;
mod check;
mod variable;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Capabilities, CheckRequest,
    CollectionMeta, Error, FindingSink, LockManager, Pace, ProcessLockManager, ReadStats, Result,
    StorageAdapter, StorageExplanation, StoreInfo, Usage, WriteOptions, WriterScope, blocking,
};
use uuid::Uuid;

use self::array::VariableHandle;
use self::variable::Variable;
use super::{ForeignGroup, VariableInfo};

/// A [`ForeignGroup`] of any format as a store. Every change is refused as `Unsupported`.
///
/// Identities are made of the URL and the path of a variable: they are the same each time the group is opened.
#[derive(Debug)]
pub struct ForeignStore {
    shared: Arc<Shared>,
}

/// What the store and the handles of its arrays share.
#[derive(Debug)]
struct Shared {
    group: Arc<dyn ForeignGroup>,
    url: String,
    locks: Arc<ProcessLockManager>,
    pace: Pace,
    /// The variables opened so far, by path: their coordinates are read once.
    opened: Mutex<HashMap<String, Arc<Variable>>>,
}

impl ForeignStore {
    /// The store that a group is. `url` is where it lies, the same each time, without secrets.
    #[must_use]
    pub fn new(group: Arc<dyn ForeignGroup>, url: impl Into<String>) -> Self {
        Self {
            shared: Arc::new(Shared {
                group,
                url: url.into(),
                locks: Arc::default(),
                pace: Pace::default(),
                opened: Mutex::default(),
            }),
        }
    }

    async fn open(&self, path: &str) -> Result<Arc<Variable>> {
        let (shared, path) = (Arc::clone(&self.shared), path.to_owned());
        blocking(move || shared.open(&path)).await
    }
}

impl Shared {
    /// Opens a variable, once. Blocks.
    fn open(&self, path: &str) -> Result<Arc<Variable>> {
        let path = path.trim_matches('/');
        if let Some(known) = self.opened().get(path) {
            return Ok(Arc::clone(known));
        }
        let opened = Arc::new(Variable::open(&*self.group, &self.url, path)?);
        self.opened().insert(path.to_owned(), Arc::clone(&opened));
        Ok(opened)
    }

    fn opened(&self) -> MutexGuard<'_, HashMap<String, Arc<Variable>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The variables of numbers that are not the coordinates of others, sorted. One that does not open is among them: what is
    /// wrong with it must not look as if it were not there. Blocks; reads no cell.
    fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        let variables = self.group.variables()?.into_iter();
        for VariableInfo { name, dtype, .. } in variables.filter(|found| !found.is_coordinate) {
            match dtype {
                Err(what) if self.group.variable(&name).is_ok() => {
                    tracing::info!(
                        "variable '{name}' of {} is left out: it is {what}",
                        self.url
                    );
                }
                _ => names.push(name),
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn refused(&self) -> Error {
        Error::unsupported(format!(
            "{} was written by another program and is read-only; import or copy it into a store, and change that",
            self.url
        ))
    }

    fn unknown(&self, what: &str) -> Error {
        Error::unsupported(format!(
            "{} was written by another program, and {what} is not known; import or copy it into a store to learn it",
            self.url
        ))
    }
}

#[async_trait]
impl StorageAdapter for ForeignStore {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            url: self.shared.url.clone(),
            adapter: "foreign",
            id: Uuid::new_v5(&Uuid::NAMESPACE_URL, self.shared.url.as_bytes()),
            format_version: 1,
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            writers: WriterScope::Process,
            persistent: true,
            read_only: true,
        }
    }

    fn read_stats(&self) -> ReadStats {
        self.shared.group.read_stats()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        Arc::clone(&self.shared.locks) as Arc<dyn LockManager>
    }

    async fn create_collection(&self, _collection: &CollectionMeta) -> Result<CollectionMeta> {
        Err(self.shared.refused())
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        match self.open(&collection.name).await {
            Ok(variable) if variable.collection.id == collection.id => Ok(variable.explain()),
            // One that would have to be made.
            _ => Err(self.shared.refused()),
        }
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        Ok(self.open(name).await?.collection.clone())
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.names()).await
    }

    async fn delete_collection(&self, _name: &str, _options: &WriteOptions) -> Result<()> {
        Err(self.shared.refused())
    }

    async fn clear_collection(
        &self,
        _collection: &CollectionMeta,
        _options: &WriteOptions,
    ) -> Result<()> {
        Err(self.shared.refused())
    }

    async fn create_array(
        &self,
        _collection: &CollectionMeta,
        _array: &ArrayMeta,
        _data: Option<ArrayBuf>,
        _options: &WriteOptions,
    ) -> Result<()> {
        Err(self.shared.refused())
    }

    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        let only = async { Ok(self.open(&collection.name).await?.entry()) };
        stream::once(only).boxed()
    }

    async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>> {
        let variable = self.open(&collection.name).await?;
        variable.check_locator(locator)?;
        let shared = Arc::clone(&self.shared);
        Ok(Arc::new(VariableHandle { shared, variable }))
    }

    async fn delete_array(
        &self,
        _collection: &CollectionMeta,
        _locator: &ArrayLocator,
        _options: &WriteOptions,
    ) -> Result<()> {
        Err(self.shared.refused())
    }

    async fn usage(&self, _collection: &CollectionMeta) -> Result<Usage> {
        Err(self.shared.unknown("what a variable takes up"))
    }

    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        check::check(&self.shared, request, sink).await
    }
}
