//! How fast is a whole read, and a whole write?

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use hyperslab::{ArrayBuf, DType, key};
use hyperslab_benches::{BYTES, FORMS, SHAPE, array, cells, collection, folder, large, must};

fn whole_read(c: &mut Criterion) {
    let mut group = c.benchmark_group("how fast is a whole read");
    group.throughput(Throughput::Bytes(BYTES)).sample_size(20);
    for (adapter, codec, name) in FORMS {
        let folder = folder();
        let array = array(&folder, adapter, codec);
        group.bench_function(format!("{name}, fresh memory"), |b| {
            b.iter(|| black_box(must(array.all().read::<f32>())));
        });
        let mut buffer = Some(must(ArrayBuf::zeroed(DType::Float32, &SHAPE)));
        let runtime = must(tokio::runtime::Runtime::new());
        group.bench_function(format!("{name}, given buffer"), |b| {
            b.iter(|| {
                // The buffer goes down and comes back, as a program that reads in a loop does it.
                let given = buffer.take();
                let subset = array.all();
                let read = given.map(|given| must(runtime.block_on((*subset).read_into(given))));
                buffer = read;
            });
        });
    }
    group.finish();
}

fn whole_write(c: &mut Criterion) {
    let mut group = c.benchmark_group("how fast is a whole write");
    group.throughput(Throughput::Bytes(BYTES)).sample_size(10);
    let cells = cells();
    for (adapter, codec, name) in FORMS {
        let folder = folder();
        let collection = collection(&folder, adapter, codec, large());
        let mut number = 0;
        group.bench_function(name, |b| {
            b.iter_batched(
                || {
                    number += 1;
                    if number > 1 {
                        must(collection.delete(key! { number: number - 1 }));
                    }
                    (number, cells.clone())
                },
                |(number, cells)| {
                    must(collection.create_with(key! { number: number }, key! {}, cells))
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}

criterion_group!(benches, whole_read, whole_write);
criterion_main!(benches);
