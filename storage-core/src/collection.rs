//! A collection: arrays of one schema.

mod create;
mod document;
mod query;

use std::sync::Arc;

pub use create::NewArray;
pub use document::CollectionDocument;
pub use query::Query;

use crate::{
    Array, ArrayHandle, ArrayLocator, Attributes, CollectionMeta, Error, IntoFilter, Result,
    Schema, StorageExplanation, Store, Usage,
};
use uuid::Uuid;

/// A collection of arrays. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Collection {
    store: Store,
    meta: Arc<CollectionMeta>,
}

impl Collection {
    pub(crate) fn new(store: Store, meta: Arc<CollectionMeta>) -> Self {
        Self { store, meta }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.meta.name
    }

    /// What its arrays look like.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        &self.meta.schema
    }

    /// Name, identity, schema and storage options.
    #[must_use]
    pub fn meta(&self) -> &CollectionMeta {
        &self.meta
    }

    /// Name, schema and storage options as one JSON document, indented, as
    /// [`Store::create_collection_from_json`] takes it.
    #[must_use]
    pub fn to_json(&self) -> String {
        CollectionDocument::of(&self.meta).to_json()
    }

    /// The store it lies in.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Begins a new array with this key; `.await` creates it.
    ///
    /// ```no_run
    /// # use hyperslab_core::{ArrayBuf, Collection, key};
    /// # async fn example(weather: Collection) -> hyperslab_core::Result<()> {
    /// let empty = weather.create(key! { dt: "2023-01-03" }).await?;
    /// let zeros = ArrayBuf::zeroed(weather.schema().dtype(), &weather.schema().shape())?;
    /// let filled = weather.create(key! { dt: "2023-01-04" }).custom(key! { source: "gauge" }).data(zeros).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn create(&self, key: Attributes) -> NewArray {
        NewArray::new(self.clone(), key)
    }

    /// Opens the array with this key, at the cost of one look-up.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` when the key is not complete or of the wrong type.
    pub async fn get(&self, key: Attributes) -> Result<Array> {
        let key = self.schema().check_key(&key)?;
        if key.is_empty() {
            return Err(Error::invalid(format!(
                "the arrays of collection '{}' have no key; open one by its id",
                self.name()
            )));
        }
        self.open(&ArrayLocator::Key(key)).await
    }

    /// Opens the array with this identity, at the cost of one look-up.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get_by_id(&self, id: Uuid) -> Result<Array> {
        self.open(&ArrayLocator::Id(id)).await
    }

    /// Opens the only array of the collection.
    ///
    /// # Errors
    /// `NotFound` when there is none, `InvalidInput` when there are several, naming some of them.
    pub async fn only(&self) -> Result<Array> {
        let found = self.find("").limit(4).entries().await?;
        match found.as_slice() {
            [] => Err(Error::not_found(format!(
                "collection '{}' holds no array; create one, or import one",
                self.name()
            ))),
            [entry] => self.open(&entry.locator()).await,
            several => {
                let names: Vec<_> = several.iter().take(3).map(query::name).collect();
                let more = if several.len() > 3 { ", ..." } else { "" };
                Err(Error::invalid(format!(
                    "collection '{}' holds several arrays; name one by its key: {}{more}",
                    self.name(),
                    names.join("; ")
                )))
            }
        }
    }

    /// Begins a search: a [`Filter`](crate::Filter), or its text form such as `dt >= 2023-01-01 and station in (a, b)`.
    /// Empty text means every array.
    pub fn find(&self, filter: impl IntoFilter) -> Query {
        Query::new(self.clone(), filter.into_filter(self.schema()))
    }

    /// Deletes the array with this key.
    ///
    /// # Errors
    /// `NotFound`, `InvalidInput`, `Locked`.
    pub async fn delete(&self, key: Attributes) -> Result<()> {
        let key = self.schema().check_key(&key)?;
        self.delete_at(&ArrayLocator::Key(key)).await
    }

    /// Deletes the array with this identity.
    ///
    /// # Errors
    /// `NotFound`, `Locked`.
    pub async fn delete_by_id(&self, id: Uuid) -> Result<()> {
        self.delete_at(&ArrayLocator::Id(id)).await
    }

    /// Deletes all arrays.
    ///
    /// # Errors
    /// `Locked`; what was deleted until then stays deleted.
    pub async fn clear(&self) -> Result<()> {
        let shared = self.store.shared();
        shared
            .adapter()?
            .clear_collection(&self.meta, &shared.options.write)
            .await
    }

    /// How its arrays lie, and why.
    ///
    /// # Errors
    /// `InvalidInput` when its storage options are none that the adapter knows.
    pub async fn explain(&self) -> Result<StorageExplanation> {
        self.store.shared().adapter()?.explain(&self.meta).await
    }

    /// What it takes up.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn usage(&self) -> Result<Usage> {
        self.store.shared().adapter()?.usage(&self.meta).await
    }

    pub(crate) async fn delete_at(&self, locator: &ArrayLocator) -> Result<()> {
        let shared = self.store.shared();
        shared
            .adapter()?
            .delete_array(&self.meta, locator, &shared.options.write)
            .await
    }

    pub(crate) async fn open(&self, locator: &ArrayLocator) -> Result<Array> {
        Array::open(self.clone(), self.open_handle(locator).await?).await
    }

    pub(crate) async fn open_handle(&self, locator: &ArrayLocator) -> Result<Arc<dyn ArrayHandle>> {
        self.store
            .shared()
            .adapter()?
            .open_array(&self.meta, locator)
            .await
    }
}

/// The attributes `{ name: value, ... }`, for keys and custom attributes. Dates and UUIDs may be given as text: the schema
/// knows the type.
///
/// ```
/// use hyperslab_core::key;
///
/// let key = key! { dt: "2023-01-03T00:00Z", station: 7 };
/// assert_eq!(key.to_string(), "dt=2023-01-03T00:00Z, station=7");
/// ```
#[macro_export]
macro_rules! key {
    ($($name:ident : $value:expr),* $(,)?) => {{
        #[allow(unused_mut, reason = "an empty list changes nothing")]
        let mut attributes = $crate::Attributes::new();
        $(attributes.insert(stringify!($name), $value);)*
        attributes
    }};
}
