//! What the criterion groups measure with: stores of one array of 32 MiB, in a folder that goes with its owner.

use std::fmt::Display;

use hyperslab::blocking::{Array, Collection, Store};
use hyperslab::{
    ArrayBuf, AttributeSchema, AttributeType, DType, Dimension, Durability, Schema, StorageOptions,
    StoreOptions, key,
};
use tempfile::TempDir;

/// Lengths along time, y and x.
pub const SHAPE: [u64; 3] = [32, 512, 512];
/// Bytes of the large array.
pub const BYTES: u64 = 32 << 20;

/// Formats and codecs: adapter, codec, name.
pub const FORMS: [(&str, &str, &str); 4] = [
    ("hdf5", "none", "HDF5, raw"),
    ("hdf5", "deflate", "HDF5, deflate"),
    ("zarr", "none", "Zarr, raw"),
    ("zarr", "zstd", "Zarr, zstd"),
];

/// What is measured must exist.
///
/// # Panics
/// On an error: a benchmark that cannot be prepared ends at once.
#[expect(
    clippy::panic,
    reason = "criterion has no other way to end a benchmark"
)]
pub fn must<T, E: Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}

/// A folder for stores: in shared memory if there is such a thing, so that a disk does not decide.
#[must_use]
pub fn folder() -> TempDir {
    let shared = tempfile::tempdir_in("/dev/shm");
    must(shared.or_else(|_| tempfile::tempdir()))
}

/// A smooth field with six bits of noise, in steps of 1/64.
#[must_use]
pub fn cells() -> ArrayBuf {
    let mut noise = 1_u64;
    let cell = |index: u64| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let (y, x) = (index / 512 % 512, index % 512);
        let smooth = 40.0 * (y as f32 / 60.0).sin() + 25.0 * (x as f32 / 45.0).cos() + 280.0;
        ((smooth * 64.0).round() + (noise >> 58) as f32) / 64.0
    };
    let cells: Vec<f32> = (0..SHAPE.iter().product()).map(cell).collect();
    must(ArrayBuf::from_slice(&SHAPE, &cells))
}

fn options(adapter: &str) -> StoreOptions {
    let mut options = StoreOptions::default();
    options.write.durability = Durability::Relaxed;
    options.adapter = Some(adapter.to_owned());
    options
}

/// A store with one collection.
#[must_use]
pub fn collection(folder: &TempDir, adapter: &str, codec: &str, schema: Schema) -> Collection {
    let path = folder.path().join(format!("{adapter}-{codec}"));
    let store = must(Store::create_with(
        &path.to_string_lossy(),
        options(adapter),
    ));
    let storage = StorageOptions::from_iter([("codec".to_owned(), codec.into())]);
    must(store.create_collection_with("t", schema, storage))
}

/// The schema of the large array.
#[must_use]
pub fn large() -> Schema {
    let schema = Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("number", AttributeType::Int))
        .dimension(Dimension::new("time", SHAPE[0]))
        .dimension(Dimension::new("y", SHAPE[1]))
        .dimension(Dimension::new("x", SHAPE[2]));
    must(schema.build())
}

/// A store with the large array in it.
#[must_use]
pub fn array(folder: &TempDir, adapter: &str, codec: &str) -> Array {
    let collection = collection(folder, adapter, codec, large());
    must(collection.create_with(key! { number: 0 }, key! {}, cells()))
}
