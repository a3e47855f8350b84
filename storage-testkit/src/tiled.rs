//! Any adapter with every array cut into tiles, so that all that is asked of arrays is asked of tiled ones too.

use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, Capabilities, CheckRequest,
    CollectionMeta, FindingSink, LockManager, ReadStats, Result, Schema, StorageAdapter,
    StorageExplanation, StoreInfo, Usage, WriteOptions,
};

/// A store whose collections have tiles that their users do not know of.
#[derive(Debug)]
pub struct Tiled(Arc<dyn StorageAdapter>);

impl Tiled {
    /// The same store in tiles.
    #[must_use]
    pub fn over(store: Arc<dyn StorageAdapter>) -> Arc<dyn StorageAdapter> {
        Arc::new(Self(store))
    }

    /// The length of a tile along each axis, so that there are several that do not divide the axis, and one along the last.
    #[must_use]
    pub fn tile_shape(shape: &[u64]) -> Vec<u64> {
        let axes = shape.iter().enumerate();
        axes.map(|(axis, &size)| match axis {
            0 | 1 => (size * 2 / 5).max(1),
            _ => size.max(1),
        })
        .collect()
    }
}

fn in_tiles(collection: &CollectionMeta) -> CollectionMeta {
    let mut tiled = collection.clone();
    let shape = tiled.schema.shape();
    if !shape.is_empty() && tiled.schema.tile_shape().is_none() {
        let builder = tiled.schema.to_builder();
        tiled.schema = builder
            .tile_shape(Tiled::tile_shape(&shape))
            .build()
            .unwrap();
    }
    tiled
}

/// The schema without the tiles.
fn whole(schema: &Schema) -> Schema {
    let mut json: serde_json::Value = serde_json::from_str(&schema.to_json()).unwrap();
    if let Some(fields) = json.as_object_mut() {
        fields.remove("tile_shape");
    }
    Schema::from_json(&json.to_string()).unwrap()
}

#[async_trait]
impl StorageAdapter for Tiled {
    fn info(&self) -> StoreInfo {
        self.0.info()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn read_stats(&self) -> ReadStats {
        self.0.read_stats()
    }

    fn locks(&self) -> Arc<dyn LockManager> {
        self.0.locks()
    }

    async fn create_collection(&self, collection: &CollectionMeta) -> Result<CollectionMeta> {
        self.0.create_collection(&in_tiles(collection)).await?;
        Ok(collection.clone())
    }

    async fn explain(&self, collection: &CollectionMeta) -> Result<StorageExplanation> {
        self.0.explain(&in_tiles(collection)).await
    }

    async fn read_collection(&self, name: &str) -> Result<CollectionMeta> {
        let mut collection = self.0.read_collection(name).await?;
        // Tiles that a user has chosen stay.
        let is_ours = collection
            == in_tiles(&CollectionMeta {
                schema: whole(&collection.schema),
                ..collection.clone()
            });
        if is_ours {
            collection.schema = whole(&collection.schema);
        }
        Ok(collection)
    }

    async fn list_collections(&self) -> Result<Vec<String>> {
        self.0.list_collections().await
    }

    async fn delete_collection(&self, name: &str, options: &WriteOptions) -> Result<()> {
        self.0.delete_collection(name, options).await
    }

    async fn clear_collection(
        &self,
        collection: &CollectionMeta,
        options: &WriteOptions,
    ) -> Result<()> {
        self.0
            .clear_collection(&in_tiles(collection), options)
            .await
    }

    async fn create_array(
        &self,
        collection: &CollectionMeta,
        array: &ArrayMeta,
        data: Option<ArrayBuf>,
        options: &WriteOptions,
    ) -> Result<()> {
        let collection = in_tiles(collection);
        self.0.create_array(&collection, array, data, options).await
    }

    fn list_arrays<'a>(
        &'a self,
        collection: &'a CollectionMeta,
    ) -> BoxStream<'a, Result<ArrayEntry>> {
        // Names do not depend on tiles.
        self.0.list_arrays(collection)
    }

    async fn open_array(
        &self,
        collection: &Arc<CollectionMeta>,
        locator: &ArrayLocator,
    ) -> Result<Arc<dyn ArrayHandle>> {
        let collection = Arc::new(in_tiles(collection));
        self.0.open_array(&collection, locator).await
    }

    async fn delete_array(
        &self,
        collection: &CollectionMeta,
        locator: &ArrayLocator,
        options: &WriteOptions,
    ) -> Result<()> {
        let collection = in_tiles(collection);
        self.0.delete_array(&collection, locator, options).await
    }

    async fn usage(&self, collection: &CollectionMeta) -> Result<Usage> {
        self.0.usage(&in_tiles(collection)).await
    }

    async fn check(&self, request: &CheckRequest, sink: &mut dyn FindingSink) -> Result<()> {
        self.0.check(request, sink).await
    }
}
