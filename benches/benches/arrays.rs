//! What does opening cost, and creating?

use std::hint::black_box;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use hyperslab::blocking::{Collection, Store};
use hyperslab::{
    ArrayBuf, AttributeSchema, AttributeType, Attributes, DType, Dimension, Schema, key,
};
use hyperslab_benches::{collection, folder, must};
use tempfile::TempDir;

const COUNT: i64 = 200;

fn small() -> Schema {
    let schema = Schema::builder(DType::Float32)
        .attribute(AttributeSchema::key("number", AttributeType::Int))
        .attribute(AttributeSchema::custom("station", AttributeType::Text))
        .dimension(Dimension::new("y", 16))
        .dimension(Dimension::new("x", 16));
    must(schema.build())
}

fn key_of(number: i64) -> Attributes {
    key! { number: number }
}

fn create(collection: &Collection, number: i64) {
    let cells = must(ArrayBuf::zeroed(DType::Float32, &[16, 16]));
    must(collection.create_with(key_of(number), key! { station: "tower" }, cells));
}

fn filled(folder: &TempDir, adapter: &str) -> Collection {
    let collection = collection(folder, adapter, "none", small());
    (0..COUNT).for_each(|number| create(&collection, number));
    collection
}

fn opening(c: &mut Criterion) {
    let mut group = c.benchmark_group("what does opening cost");
    for adapter in ["hdf5", "zarr"] {
        let folder = folder();
        let collection = filled(&folder, adapter);
        let path = folder.path().join(format!("{adapter}-none"));
        let path = path.to_string_lossy();
        group.bench_function(format!("{adapter}, a store and its collection"), |b| {
            b.iter(|| black_box(must(must(Store::open(&path)).collection("t"))));
        });
        let mut number = 0;
        group.bench_function(format!("{adapter}, one array of {COUNT}"), |b| {
            b.iter(|| {
                number = (number + 1) % COUNT;
                black_box(must(collection.get(key_of(number))))
            });
        });
        group.bench_function(format!("{adapter}, listing {COUNT}"), |b| {
            b.iter(|| black_box(must(collection.entries("number >= 0"))));
        });
    }
    group.finish();
}

fn creating(c: &mut Criterion) {
    let mut group = c.benchmark_group("what does creating cost");
    for adapter in ["hdf5", "zarr"] {
        let folder = folder();
        let collection = filled(&folder, adapter);
        let mut number = COUNT;
        group.bench_function(format!("{adapter}, a small array"), |b| {
            b.iter_batched(
                || {
                    number += 1;
                    number
                },
                |number| create(&collection, number),
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, opening, creating);
criterion_main!(benches);
