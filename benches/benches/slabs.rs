//! What does a small slab cost, a time series at a point, and a small update?

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use hyperslab::blocking::{Array, Subset};
use hyperslab::{ArrayBuf, DType};
use hyperslab_benches::{FORMS, array, folder, must};

/// Slabs of 8 x 32 x 32 that wander over the array.
fn slabs(array: &Array) -> impl Iterator<Item = Subset> {
    (0_i64..).map(|number| {
        let (z, y, x) = (number * 7 % 24, number * 131 % 480, number * 197 % 480);
        let slab = must(array.isel("time", z..z + 8));
        let slab = must(slab.isel("y", y..y + 32));
        must(slab.isel("x", x..x + 32))
    })
}

fn small_slab(c: &mut Criterion) {
    let mut group = c.benchmark_group("what does a small slab cost");
    for (adapter, codec, name) in FORMS {
        let folder = folder();
        let array = array(&folder, adapter, codec);
        let mut slabs = slabs(&array);
        group.bench_function(name, |b| {
            b.iter(|| black_box(slabs.next().map(|slab| must(slab.read_buf()))));
        });
    }
    group.finish();
}

fn series(c: &mut Criterion) {
    let mut group = c.benchmark_group("what does a time series at a point cost");
    for (adapter, codec, name) in FORMS {
        let folder = folder();
        let array = array(&folder, adapter, codec);
        let mut number = 0;
        group.bench_function(name, |b| {
            b.iter(|| {
                number += 1;
                let column = must(array.isel("y", number * 131 % 512));
                let column = must(column.isel("x", number * 197 % 512));
                black_box(must(column.read_buf()))
            });
        });
    }
    group.finish();
}

fn small_update(c: &mut Criterion) {
    let mut group = c.benchmark_group("what does a small update cost");
    group.sample_size(10);
    let cells = must(ArrayBuf::zeroed(DType::Float32, &[8, 32, 32]));
    for (adapter, codec, name) in FORMS {
        let folder = folder();
        let array = array(&folder, adapter, codec);
        let mut slabs = slabs(&array);
        group.bench_function(name, |b| {
            b.iter(|| slabs.next().map(|slab| must(slab.write_buf(cells.clone()))));
        });
    }
    group.finish();
}

criterion_group!(benches, small_slab, series, small_update);
criterion_main!(benches);
