//! A new array, before it is there.

use std::future::IntoFuture;
use std::pin::Pin;

use uuid::Uuid;

use crate::array::check_cells;
use crate::{Array, ArrayBuf, ArrayMeta, Attributes, Collection, Result};

/// An array that is about to be created: `.await` it.
#[derive(Debug)]
#[must_use = "an array is created when this is awaited"]
pub struct NewArray {
    collection: Collection,
    key: Attributes,
    custom: Attributes,
    id: Option<Uuid>,
    data: Option<ArrayBuf>,
}

impl NewArray {
    pub(super) fn new(collection: Collection, key: Attributes) -> Self {
        Self {
            collection,
            key,
            custom: Attributes::new(),
            id: None,
            data: None,
        }
    }

    /// Sets the custom attributes.
    pub fn custom(mut self, custom: Attributes) -> Self {
        self.custom = custom;
        self
    }

    /// Sets the identity; without one a new one is made.
    pub fn id(mut self, id: Uuid) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets all cells at once, which costs less than creating and then writing. Without data every cell is the fill value.
    pub fn data(mut self, data: ArrayBuf) -> Self {
        self.data = Some(data);
        self
    }

    async fn create(self) -> Result<Array> {
        let schema = self.collection.schema();
        let id = self.id.unwrap_or_else(|| self.collection.store().new_id());
        let meta = ArrayMeta {
            id,
            key: schema.check_key(&self.key)?,
            custom: schema.check_custom(&self.custom)?,
        };
        if let Some(data) = &self.data {
            check_cells(schema, &schema.shape(), data)?;
        }
        let store = self.collection.store().clone();
        let shared = store.shared();
        let options = &shared.options.write;
        shared
            .adapter()?
            .create_array(self.collection.meta(), &meta, self.data, options)
            .await?;
        Ok(Array::created(self.collection, meta))
    }
}

impl IntoFuture for NewArray {
    type Output = Result<Array>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.create())
    }
}
