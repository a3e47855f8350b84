//! An array as JSON, for programs.

use serde_json::{Map, Value, json};

use super::Array;

impl Array {
    /// All that is known of the array without reading a cell: its identity, collection, key and custom attributes, dtype, shape,
    /// named shape, dimensions with the coordinates of *this* array (a time scale starts at its own time), and the schema.
    ///
    /// Coordinates have the form that they have in the schema; [`Subset::describe`](crate::Subset::describe) lists them one by one.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use hyperslab_core::{DType, Dimension, MemoryAdapter, Schema, Store, StoreOptions, key};
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let store = Store::new(Arc::new(MemoryAdapter::new()), StoreOptions::default());
    /// let schema = Schema::builder(DType::Int8).dimension(Dimension::new("x", 3)).build()?;
    /// let array = store.create_collection("series", schema).await?.create(key! {}).await?;
    /// assert_eq!(array.to_json()["named_shape"]["x"], 3);
    /// # Ok::<(), hyperslab_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn to_json(&self) -> Value {
        let named: Map<String, Value> = self
            .named_shape()
            .into_iter()
            .map(|(name, size)| (name.to_owned(), size.into()))
            .collect();
        json!({
            "collection": self.collection().name(),
            "id": self.id(),
            "key": self.key().to_json(),
            "custom": self.custom().to_json(),
            "dtype": self.dtype(),
            "shape": self.shape(),
            "dims": named.keys().collect::<Vec<_>>(),
            "named_shape": named,
            "fill_value": self.schema().fill_value().to_json(),
            "dimensions": self.dimensions_json(),
            "schema": self.schema(),
        })
    }

    fn dimensions_json(&self) -> Vec<Value> {
        let dimensions = self.schema().dimensions().iter().enumerate();
        dimensions
            .map(|(axis, dimension)| {
                let mut known = dimension.clone();
                // A time scale whose start is not set stays as the schema has it.
                if let Ok(coordinates) = self.coordinates(axis) {
                    known.coordinates = coordinates;
                }
                json!(known)
            })
            .collect()
    }
}
