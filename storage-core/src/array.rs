//! One array: its name, its facts, and the way to its cells.

mod json;

use std::fmt;
use std::sync::Arc;

use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    ArrayBuf, ArrayHandle, ArrayMeta, Attributes, Collection, Coordinates, DType, Error, Index,
    LabelSelector, Result, Schema, Selection, Subset,
};

/// An open array of a collection. Cheap to clone.
///
/// Cells are always read as last published, also when another process published them; key, custom attributes and identity
/// are those of the moment it was opened or last [refreshed](Self::refresh).
#[derive(Clone)]
pub struct Array {
    collection: Collection,
    meta: ArrayMeta,
    // Opened on first use: an array that was just created need not be read back to be known.
    handle: Arc<OnceCell<Arc<dyn ArrayHandle>>>,
}

impl Array {
    pub(crate) async fn open(collection: Collection, handle: Arc<dyn ArrayHandle>) -> Result<Self> {
        let meta = handle.meta().await?;
        Ok(Self {
            collection,
            meta,
            handle: Arc::new(OnceCell::new_with(Some(handle))),
        })
    }

    pub(crate) fn created(collection: Collection, meta: ArrayMeta) -> Self {
        Self {
            collection,
            meta,
            handle: Arc::default(),
        }
    }

    /// The identity.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.meta.id
    }

    /// The key attributes, in schema order.
    #[must_use]
    pub fn key(&self) -> &Attributes {
        &self.meta.key
    }

    /// The custom attributes that are set, in schema order.
    #[must_use]
    pub fn custom(&self) -> &Attributes {
        &self.meta.custom
    }

    /// What a person calls it: its key, or its identity when it has none.
    #[must_use]
    pub fn name(&self) -> String {
        if self.key().is_empty() {
            format!("id={}", self.id())
        } else {
            self.key().to_string()
        }
    }

    /// The collection it belongs to.
    #[must_use]
    pub fn collection(&self) -> &Collection {
        &self.collection
    }

    /// The schema it obeys.
    #[must_use]
    pub fn schema(&self) -> &Schema {
        self.collection.schema()
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.schema().dtype()
    }

    /// The size of each dimension.
    #[must_use]
    pub fn shape(&self) -> Vec<u64> {
        self.schema().shape()
    }

    /// The dimensions with their sizes, slowest first.
    #[must_use]
    pub fn named_shape(&self) -> Vec<(&str, u64)> {
        let dimensions = self.schema().dimensions().iter();
        dimensions
            .map(|dimension| (dimension.name.as_str(), dimension.size))
            .collect()
    }

    /// The coordinates of one axis of this array; a time scale that starts at an attribute starts at this array's value.
    ///
    /// # Errors
    /// `InvalidInput` when that attribute is not set.
    pub fn coordinates(&self, axis: usize) -> Result<Option<Coordinates>> {
        self.schema()
            .coordinates(axis, &[self.key(), self.custom()])
    }

    /// All cells.
    #[must_use]
    pub fn all(&self) -> Subset {
        Subset::all(self.clone())
    }

    /// Narrows one dimension by coordinate: `array.sel("lat", -10.0..=10.0)`.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such dimension or coordinate.
    pub fn sel(&self, dimension: &str, label: impl Into<LabelSelector>) -> Result<Subset> {
        self.all().sel(dimension, label)
    }

    /// Narrows one dimension by position: `array.isel("time", 0)`.
    ///
    /// # Errors
    /// `InvalidInput` when there is no such dimension or position.
    pub fn isel(&self, dimension: &str, index: impl Into<Index>) -> Result<Subset> {
        self.all().isel(dimension, index)
    }

    /// Narrows all dimensions at once, in order: integers are positions, floats, text and times are coordinates.
    ///
    /// # Errors
    /// `InvalidInput` when the selection does not fit the dimensions.
    pub fn select(&self, selection: &Selection) -> Result<Subset> {
        self.all().select(selection)
    }

    /// Sets custom attributes and leaves the others.
    ///
    /// # Errors
    /// `InvalidInput` for a key attribute, an unknown name or a wrong type; `Locked`, `NotFound`.
    pub async fn update(&mut self, custom: Attributes) -> Result<()> {
        self.change(custom, &[]).await
    }

    /// Removes custom attributes; one that is not set is passed over.
    ///
    /// # Errors
    /// `InvalidInput` for a name that is no custom attribute; `Locked`, `NotFound`.
    pub async fn unset(&mut self, names: &[&str]) -> Result<()> {
        self.change(Attributes::new(), names).await
    }

    /// Sets some custom attributes, removes others and leaves the rest, in one change: after an error nothing has changed.
    ///
    /// # Errors
    /// As [`update`](Self::update) and [`unset`](Self::unset); `InvalidInput` for one that is to be set and removed.
    pub async fn change(&mut self, custom: Attributes, removed: &[&str]) -> Result<()> {
        let custom = self.schema().check_custom(&custom)?;
        for name in removed {
            self.schema().check_custom_name(name)?;
            if custom.get(name).is_some() {
                return Err(Error::invalid(format!(
                    "attribute '{name}' is to be set and to be removed; choose one"
                )));
            }
        }
        let removed: Vec<String> = removed.iter().map(|&name| name.to_owned()).collect();
        let options = &self.collection.store().shared().options.write;
        self.meta = self
            .handle()
            .await?
            .update_attributes(&custom, &removed, options)
            .await?;
        Ok(())
    }

    /// Reads the attributes again, as last published.
    ///
    /// # Errors
    /// `NotFound` when the array has been deleted.
    pub async fn refresh(&mut self) -> Result<()> {
        self.meta = self.handle().await?.meta().await?;
        Ok(())
    }

    /// Publishes what was written through this array, and what was cloned from it, with [`Durability::Buffered`](crate::Durability::Buffered),
    /// all at once; returns when it is safe. Without buffered writes there is nothing to do.
    ///
    /// # Errors
    /// `NotFound` when the array has been deleted, `Locked`, `Unavailable`; what was written is kept and can be flushed again.
    pub async fn flush(&self) -> Result<()> {
        self.collection.store().shared().adapter()?;
        match self.handle.get() {
            Some(handle) => handle.flush().await,
            // Never opened, so never written to.
            None => Ok(()),
        }
    }

    /// Forgets what was written through this array with [`Durability::Buffered`](crate::Durability::Buffered) and is not published
    /// yet, for one that cannot be flushed: a chunk that such a write changes in part may be damaged. Returns how many writes
    /// were forgotten.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn discard(&self) -> Result<usize> {
        self.collection.store().shared().adapter()?;
        match self.handle.get() {
            Some(handle) => handle.discard().await,
            None => Ok(0),
        }
    }

    /// Deletes the array.
    ///
    /// # Errors
    /// `NotFound` when it has been deleted already; `Locked`.
    pub async fn delete(self) -> Result<()> {
        self.collection
            .delete_at(&crate::ArrayLocator::Id(self.id()))
            .await
    }

    /// The way to the cells.
    ///
    /// # Errors
    /// `InvalidInput` when the store is closed; `NotFound`, and what else opening may fail with.
    pub(crate) async fn handle(&self) -> Result<&Arc<dyn ArrayHandle>> {
        self.collection.store().shared().adapter()?;
        let open = async || {
            let handle = self.collection.open_handle(&self.meta.locator()).await?;
            // The key may name another array by now.
            if handle.meta().await?.id == self.id() {
                return Ok(handle);
            }
            Err(Error::not_found(format!(
                "array {} of collection '{}' was deleted and created anew; open it again",
                self.name(),
                self.collection.name()
            )))
        };
        self.handle.get_or_try_init(open).await
    }
}

impl fmt::Debug for Array {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Array")
            .field("collection", &self.collection.name())
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

/// Refuses cells of another type or shape.
pub(crate) fn check_cells(schema: &Schema, shape: &[u64], data: &ArrayBuf) -> Result<()> {
    if data.dtype() != schema.dtype() {
        return Err(Error::invalid(format!(
            "cells are {}, the collection holds {}; convert them first",
            data.dtype(),
            schema.dtype()
        )));
    }
    if data.shape() != shape {
        return Err(Error::invalid(format!(
            "cells have shape {:?}, the selection has {shape:?}; they must be the same",
            data.shape()
        )));
    }
    Ok(())
}
