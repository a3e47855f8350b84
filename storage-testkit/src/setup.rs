//! Small collections and arrays to start a case with.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use hyperslab_core::{
    ArrayBuf, ArrayEntry, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType,
    Attributes, CheckLevel, CheckRequest, CollectionMeta, DType, Dimension, Durability, ErrorKind,
    Finding, Hyperslab, Result, Schema, SchemaBuilder, StorageAdapter, StorageOptions, WriteData,
    WriteOptions,
};
use uuid::Uuid;

/// Options of most cases: nobody crashes the machine here, so nothing is synced.
pub(crate) const OPTIONS: WriteOptions = WriteOptions {
    durability: Durability::Relaxed,
    lock_timeout: Duration::from_secs(60),
    ..WriteOptions::DEFAULT
};

/// Cells of a type and plain dimensions `d0`, `d1` ... of a shape.
pub(crate) fn cells(dtype: DType, shape: &[u64]) -> SchemaBuilder {
    shape
        .iter()
        .enumerate()
        .fold(Schema::builder(dtype), |builder, (number, &size)| {
            builder.dimension(Dimension::new(format!("d{number}"), size))
        })
}

/// Arrays without a key.
pub(crate) fn keyless(dtype: DType, shape: &[u64]) -> Schema {
    cells(dtype, shape).build().unwrap()
}

/// Arrays with the key attribute `n` and the custom attributes `note`, `level`, `a` and `b`.
pub(crate) fn keyed(dtype: DType, shape: &[u64]) -> Schema {
    cells(dtype, shape)
        .attribute(AttributeSchema::key("n", AttributeType::Int))
        .attribute(AttributeSchema::custom("note", AttributeType::Text))
        .attribute(AttributeSchema::custom("level", AttributeType::Int))
        .attribute(AttributeSchema::custom("a", AttributeType::Int))
        .attribute(AttributeSchema::custom("b", AttributeType::Int))
        .build()
        .unwrap()
}

pub(crate) fn key(n: i64) -> Attributes {
    Attributes::from_iter([("n", n)])
}

pub(crate) fn by_key(n: i64) -> ArrayLocator {
    ArrayLocator::Key(key(n))
}

/// A new array of that key.
pub(crate) fn meta(key: Attributes) -> ArrayMeta {
    ArrayMeta {
        id: Uuid::new_v4(),
        key,
        custom: Attributes::new(),
    }
}

pub(crate) fn collection_meta(
    name: &str,
    schema: Schema,
    storage: StorageOptions,
) -> CollectionMeta {
    CollectionMeta {
        name: name.to_owned(),
        id: Uuid::new_v4(),
        schema,
        storage,
    }
}

/// Creates a collection with the default storage options.
pub(crate) async fn create_collection(
    store: &dyn StorageAdapter,
    name: &str,
    schema: Schema,
) -> Arc<CollectionMeta> {
    let collection = collection_meta(name, schema, StorageOptions::new());
    store.create_collection(&collection).await.unwrap();
    Arc::new(store.read_collection(name).await.unwrap())
}

/// Creates an array without cells and opens it.
pub(crate) async fn create_array(
    store: &dyn StorageAdapter,
    collection: &Arc<CollectionMeta>,
    array: &ArrayMeta,
) -> Arc<dyn ArrayHandle> {
    store
        .create_array(collection, array, None, &OPTIONS)
        .await
        .unwrap();
    let locator = ArrayLocator::Id(array.id);
    store.open_array(collection, &locator).await.unwrap()
}

/// A hyperslab of all cells of the arrays of a collection.
pub(crate) fn all(collection: &CollectionMeta) -> Hyperslab {
    Hyperslab::full(&collection.schema.shape())
}

/// Reads into a buffer whose old content shows if a cell is left out.
pub(crate) async fn read(
    handle: &dyn ArrayHandle,
    dtype: DType,
    slab: &Hyperslab,
) -> Result<ArrayBuf> {
    let mut out = ArrayBuf::zeroed(dtype, &slab.shape()).unwrap();
    out.bytes_mut().fill(1);
    handle.read_into(slab, out).await
}

pub(crate) async fn read_all(
    handle: &dyn ArrayHandle,
    collection: &CollectionMeta,
) -> Result<ArrayBuf> {
    read(handle, collection.schema.dtype(), &all(collection)).await
}

pub(crate) async fn write_all(
    handle: &dyn ArrayHandle,
    collection: &CollectionMeta,
    cells: &ArrayBuf,
) -> Result<()> {
    let data = WriteData::Cells(cells.clone());
    handle.write(&all(collection), data, &OPTIONS).await
}

pub(crate) async fn list(
    store: &dyn StorageAdapter,
    collection: &CollectionMeta,
) -> Result<Vec<ArrayEntry>> {
    store.list_arrays(collection).try_collect().await
}

/// Runs a check of everything.
pub(crate) async fn check(store: &dyn StorageAdapter, repair: bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    let request = CheckRequest {
        level: CheckLevel::Data,
        collection: None,
        repair,
    };
    store.check(&request, &mut findings).await.unwrap();
    findings
}

/// The kind of the error that a call must give.
pub(crate) fn refusal<T: Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}
