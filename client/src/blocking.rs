//! The same library for code that is not async: each call waits for the async one.
//!
//! ```
//! use hyperslab::blocking::Store;
//! use hyperslab::{DType, Dimension, Schema, key};
//!
//! let store = Store::create("memory://")?;
//! let schema = Schema::builder(DType::Float32).dimension(Dimension::new("x", 3)).build()?;
//! let series = store.create_collection("series", schema)?;
//! let id = series.create(key! {})?.id();
//! series.get_by_id(id)?.all().fill(1.5_f32)?;
//! # Ok::<(), hyperslab::Error>(())
//! ```

mod scope;

use std::ops::Deref;

use std::sync::OnceLock;

use hyperslab_core as core;
use hyperslab_core::{
    ArrayBuf, ArrayEntry, Attributes, CheckRequest, Element, Error, Finding, FindingSink, Index,
    IntoFilter, LabelSelector, LockInfo, Result, Scalar, Schema, Selection, StorageOptions,
    StoreOptions, Usage,
};
use ndarray::{ArrayD, ArrayRef, Dimension};
use tokio::runtime::{Handle, Runtime};
use uuid::Uuid;

use crate::workers::workers;
use crate::{Connect, CopyOptions, CopyProgress, CopyReport};

/// The threads that requests go through: those of the caller, or the library's own.
#[cfg(feature = "blobs")]
pub(crate) fn threads() -> Result<Handle> {
    Handle::try_current().or_else(|_| runtime().map(|runtime| runtime.handle().clone()))
}

/// The runtime of the library.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        if let Some(count) = workers() {
            builder.worker_threads(count);
        }
        builder.enable_all().build()
    });
    let runtime = runtime.as_ref();
    runtime.map_err(|error| Error::unavailable(format!("cannot start threads: {error}")))
}

/// Waits for a future of this library on its own runtime.
fn wait<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    if Handle::try_current().is_ok() {
        return Err(Error::invalid(
            "hyperslab::blocking was called from async code, which it would stall; call the async API there",
        ));
    }
    runtime()?.block_on(future)
}

/// A type that waits: derefs to its async twin for everything that needs no waiting.
macro_rules! waiting {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub struct $name(core::$name);

        impl Deref for $name {
            type Target = core::$name;

            fn deref(&self) -> &core::$name {
                &self.0
            }
        }
    };
}

waiting! {
    /// A [`Store`](core::Store) that waits.
    Store
}
waiting! {
    /// A [`Collection`](core::Collection) that waits.
    Collection
}
waiting! {
    /// An [`Array`](core::Array) that waits.
    Array
}
waiting! {
    /// A [`Subset`](core::Subset) that waits.
    Subset
}

pub use scope::Scope;

/// Copies a collection into `to` under `name`.
///
/// # Errors
/// As [`copy`](crate::copy()) does.
pub fn copy(
    from: &Collection,
    to: &Store,
    name: &str,
    options: &CopyOptions,
    progress: &(dyn Fn(CopyProgress) + Send + Sync),
) -> Result<CopyReport> {
    wait(crate::copy(&from.0, &to.0, name, options, progress))
}

/// Each method fails as the async method of the same name does.
#[expect(clippy::missing_errors_doc, reason = "the async twin says them")]
impl Store {
    /// Opens a store.
    pub fn open(url: &str) -> Result<Self> {
        wait(core::Store::open(url)).map(Self)
    }

    /// Opens a store to be used in a certain way.
    pub fn open_with(url: &str, options: StoreOptions) -> Result<Self> {
        wait(core::Store::open_with(url, options)).map(Self)
    }

    /// Creates a store.
    pub fn create(url: &str) -> Result<Self> {
        wait(core::Store::create(url)).map(Self)
    }

    /// Creates a store, to be used in a certain way.
    pub fn create_with(url: &str, options: StoreOptions) -> Result<Self> {
        wait(core::Store::create_with(url, options)).map(Self)
    }

    /// Creates a collection.
    pub fn create_collection(&self, name: &str, schema: Schema) -> Result<Collection> {
        wait(self.0.create_collection(name, schema)).map(Collection)
    }

    /// Creates a collection with options for the adapter.
    pub fn create_collection_with(
        &self,
        name: &str,
        schema: Schema,
        storage: StorageOptions,
    ) -> Result<Collection> {
        wait(self.0.create_collection_with(name, schema, storage)).map(Collection)
    }

    /// Opens a collection.
    pub fn collection(&self, name: &str) -> Result<Collection> {
        wait(self.0.collection(name)).map(Collection)
    }

    /// The names of all collections, sorted.
    pub fn collections(&self) -> Result<Vec<String>> {
        wait(self.0.collections())
    }

    /// Deletes a collection and all its arrays.
    pub fn delete_collection(&self, name: &str) -> Result<()> {
        wait(self.0.delete_collection(name))
    }

    /// Creates a collection as one JSON document says.
    pub fn create_collection_from_json(&self, text: &str) -> Result<Collection> {
        wait(self.0.create_collection_from_json(text)).map(Collection)
    }

    /// Flushes what arrays keep, and refuses every later call until it is reopened.
    pub fn close(&self) -> Result<()> {
        wait(self.0.close())
    }

    /// Opens the store again if it is closed, and closes it when what this returns goes out of scope.
    ///
    /// ```
    /// use hyperslab::blocking::Store;
    ///
    /// let store = Store::create("memory://")?;
    /// {
    ///     let open = store.scope();
    ///     open.collections()?;
    /// }
    /// assert!(store.is_closed() && store.collections().is_err());
    /// assert_eq!(store.scope().collections()?.len(), 0);
    /// # Ok::<(), hyperslab::Error>(())
    /// ```
    #[must_use = "the store is closed when this is dropped"]
    pub fn scope(&self) -> Scope {
        self.0.reopen();
        Scope::new(self.clone())
    }

    /// What all collections take up together, or one.
    pub fn usage(&self, collection: Option<&str>) -> Result<Usage> {
        wait(self.0.usage(collection))
    }

    /// Who holds exclusive locks, of all or of one collection.
    pub fn lock_holders(&self, collection: Option<&str>) -> Result<Vec<LockInfo>> {
        wait(self.0.lock_holders(collection))
    }

    /// Removes the stale records of holders that have gone, of all or of one collection.
    pub fn clear_locks(&self, collection: Option<&str>) -> Result<Vec<LockInfo>> {
        wait(self.0.clear_locks(collection))
    }

    /// Looks for faults until the first is found.
    pub fn check_until_first(&self, request: &CheckRequest) -> Result<Option<Finding>> {
        wait(self.0.check_until_first(request))
    }

    /// Looks for faults.
    pub fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        wait(self.0.check(request, sink))
    }
}

/// Each method fails as the async method of the same name does.
#[expect(clippy::missing_errors_doc, reason = "the async twin says them")]
impl Collection {
    /// Creates an array of fill values with this key.
    pub fn create(&self, key: Attributes) -> Result<Array> {
        wait(self.0.create(key).into_future()).map(Array)
    }

    /// Creates an array with this key, these custom attributes and these cells.
    pub fn create_with(
        &self,
        key: Attributes,
        custom: Attributes,
        data: ArrayBuf,
    ) -> Result<Array> {
        wait(self.0.create(key).custom(custom).data(data).into_future()).map(Array)
    }

    /// Opens the array with this key.
    pub fn get(&self, key: Attributes) -> Result<Array> {
        wait(self.0.get(key)).map(Array)
    }

    /// Opens the array with this identity.
    pub fn get_by_id(&self, id: Uuid) -> Result<Array> {
        wait(self.0.get_by_id(id)).map(Array)
    }

    /// Opens the only array of the collection.
    pub fn only(&self) -> Result<Array> {
        wait(self.0.only()).map(Array)
    }

    /// The keys of the arrays found, in key order.
    pub fn entries(&self, filter: impl IntoFilter) -> Result<Vec<ArrayEntry>> {
        wait(self.0.find(filter).sorted().entries())
    }

    /// The arrays found, in key order.
    pub fn find(&self, filter: impl IntoFilter) -> Result<Vec<Array>> {
        let arrays = wait(self.0.find(filter).sorted().all())?;
        Ok(arrays.into_iter().map(Array).collect())
    }

    /// The first array found, in key order.
    pub fn first(&self, filter: impl IntoFilter) -> Result<Option<Array>> {
        Ok(wait(self.0.find(filter).sorted().first())?.map(Array))
    }

    /// The last array found, in key order.
    pub fn last(&self, filter: impl IntoFilter) -> Result<Option<Array>> {
        Ok(wait(self.0.find(filter).last())?.map(Array))
    }

    /// How many arrays are found.
    pub fn count(&self, filter: impl IntoFilter) -> Result<usize> {
        wait(self.0.find(filter).count())
    }

    /// What it takes up.
    pub fn usage(&self) -> Result<Usage> {
        wait(self.0.usage())
    }

    /// Deletes the array with this key.
    pub fn delete(&self, key: Attributes) -> Result<()> {
        wait(self.0.delete(key))
    }

    /// Deletes all arrays.
    pub fn clear(&self) -> Result<()> {
        wait(self.0.clear())
    }
}

/// Each method fails as the async method of the same name does.
#[expect(clippy::missing_errors_doc, reason = "the async twin says them")]
impl Array {
    /// As [`flush`](core::Array::flush).
    ///
    /// # Errors
    /// As there.
    pub fn flush(&self) -> Result<()> {
        wait(self.0.flush())
    }

    /// As [`discard`](core::Array::discard).
    ///
    /// # Errors
    /// As there.
    pub fn discard(&self) -> Result<usize> {
        wait(self.0.discard())
    }

    /// All cells.
    #[must_use]
    pub fn all(&self) -> Subset {
        Subset(self.0.all())
    }

    /// Narrows one dimension by coordinate.
    pub fn sel(&self, dimension: &str, label: impl Into<LabelSelector>) -> Result<Subset> {
        self.0.sel(dimension, label).map(Subset)
    }

    /// Narrows one dimension by position.
    pub fn isel(&self, dimension: &str, index: impl Into<Index>) -> Result<Subset> {
        self.0.isel(dimension, index).map(Subset)
    }

    /// Narrows all dimensions at once.
    pub fn select(&self, selection: &Selection) -> Result<Subset> {
        self.0.select(selection).map(Subset)
    }

    /// Sets custom attributes and leaves the others.
    pub fn update(&mut self, custom: Attributes) -> Result<()> {
        wait(self.0.update(custom))
    }

    /// Removes custom attributes.
    pub fn unset(&mut self, names: &[&str]) -> Result<()> {
        wait(self.0.unset(names))
    }

    /// Sets some custom attributes and removes others, in one change.
    pub fn change(&mut self, custom: Attributes, removed: &[&str]) -> Result<()> {
        wait(self.0.change(custom, removed))
    }

    /// Deletes the array.
    pub fn delete(self) -> Result<()> {
        wait(self.0.delete())
    }
}

/// Each method fails as the async method of the same name does.
#[expect(clippy::missing_errors_doc, reason = "the async twin says them")]
impl Subset {
    /// Narrows one dimension by coordinate.
    pub fn sel(self, dimension: &str, label: impl Into<LabelSelector>) -> Result<Self> {
        self.0.sel(dimension, label).map(Self)
    }

    /// Narrows one dimension by position.
    pub fn isel(self, dimension: &str, index: impl Into<Index>) -> Result<Self> {
        self.0.isel(dimension, index).map(Self)
    }

    /// Narrows all dimensions that are left.
    pub fn select(self, selection: &Selection) -> Result<Self> {
        self.0.select(selection).map(Self)
    }

    /// Reads the cells.
    pub fn read<T: Element>(&self) -> Result<ArrayD<T>> {
        wait(self.0.read())
    }

    /// Reads the cells into a new buffer.
    pub fn read_buf(&self) -> Result<ArrayBuf> {
        wait(self.0.read_buf())
    }

    /// Writes an `ndarray` array of the same shape.
    pub fn write<T: Element, D: Dimension>(&self, cells: &ArrayRef<T, D>) -> Result<()> {
        wait(self.0.write(cells))
    }

    /// Writes a buffer of the same shape.
    pub fn write_buf(&self, cells: ArrayBuf) -> Result<()> {
        wait(self.0.write_buf(cells))
    }

    /// Sets every cell to one value.
    pub fn fill(&self, value: impl Into<Scalar>) -> Result<()> {
        wait(self.0.fill(value))
    }

    /// Sets every cell back to the fill value.
    pub fn clear(&self) -> Result<()> {
        wait(self.0.clear())
    }
}
