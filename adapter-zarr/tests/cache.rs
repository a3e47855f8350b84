//! What is kept of chunks and of the indexes of shards never shows but in time.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use hyperslab_cf::foreign::ForeignGroup;
use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, Attributes,
    AxisSlab, CollectionMeta, DType, Dimension, ErrorKind, Hyperslab, RandomIds, Scalar, Schema,
    StorageAdapter, WriteData, WriteOptions,
};
use hyperslab_engine::Engine;
use hyperslab_testkit::objects::{BUCKET, S3Server};
use hyperslab_zarr::{Medium, ZarrAdapter, ZarrGroup};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use common::s3_store;

const SHAPE: [u64; 2] = [12, 40];

fn collection(storage: &Value) -> Arc<CollectionMeta> {
    let mut schema = Schema::builder(DType::Int32);
    for (axis, size) in SHAPE.into_iter().enumerate() {
        schema = schema.dimension(Dimension::new(format!("d{axis}"), size));
    }
    let schema = schema.attribute(AttributeSchema::key("n", AttributeType::Int));
    Arc::new(CollectionMeta {
        name: "weather".to_owned(),
        id: Uuid::new_v4(),
        schema: schema.build().unwrap(),
        storage: storage.as_object().unwrap().clone(),
    })
}

fn layouts() -> Vec<Value> {
    vec![
        json!({"chunks": [6, 8]}),
        json!({"chunks": [6, 8], "codec": "none", "checksum": false}),
        json!({"chunks": [3, 4], "shards": [6, 20]}),
        json!({"chunks": [3, 4], "shards": [6, 20], "codec": "none", "checksum": false}),
        json!({"chunks": [3, 4], "shards": [6, 20], "codec": "gzip", "transpose": [1, 0]}),
    ]
}

fn key() -> Attributes {
    Attributes::from_iter([("n", 1_i64)])
}

/// Makes a store with one array of zeros.
async fn make(medium: &Medium, storage: &Value) -> Arc<CollectionMeta> {
    let store = ZarrAdapter::create(medium, &RandomIds).await.unwrap();
    let collection = collection(storage);
    store.create_collection(&collection).await.unwrap();
    let array = ArrayMeta {
        id: Uuid::new_v4(),
        key: key(),
        custom: Attributes::new(),
    };
    let cells = ArrayBuf::from_slice(&SHAPE, &[0_i32; 480]).unwrap();
    let options = WriteOptions::default();
    let made = store.create_array(&collection, &array, Some(cells), &options);
    made.await.unwrap();
    collection
}

async fn open(
    medium: &Medium,
    collection: &Arc<CollectionMeta>,
    engine: Arc<Engine>,
) -> Arc<dyn ArrayHandle> {
    let store = ZarrAdapter::open(medium).await.unwrap().with_engine(engine);
    let locator = ArrayLocator::Key(key());
    store.open_array(collection, &locator).await.unwrap()
}

async fn read(handle: &dyn ArrayHandle, slab: &Hyperslab) -> Vec<i32> {
    let out = ArrayBuf::zeroed(DType::Int32, &slab.shape()).unwrap();
    let read = handle.read_into(slab, out).await.unwrap();
    read.as_slice::<i32>().unwrap().to_vec()
}

async fn fill(handle: &dyn ArrayHandle, slab: &Hyperslab, value: i32) {
    let value = WriteData::Scalar(Scalar::Int32(value));
    let options = WriteOptions::default();
    handle.write(slab, value, &options).await.unwrap();
}

fn random_slab(random: &mut fastrand::Rng) -> Hyperslab {
    let axes = SHAPE.map(|size| {
        let start = random.u64(..size);
        let stride = random.u64(1..4);
        AxisSlab {
            start,
            count: random.u64(1..=(size - start).div_ceil(stride)),
            stride,
        }
    });
    Hyperslab::new(axes.to_vec(), &SHAPE).unwrap()
}

/// The cells of a slab in a model of the array.
fn positions(slab: &Hyperslab) -> Vec<usize> {
    let [rows, columns] = [&slab.axes()[0], &slab.axes()[1]];
    let at = |row, column| {
        let position = rows.position(row) * SHAPE[1] + columns.position(column);
        usize::try_from(position).unwrap()
    };
    (0..rows.count)
        .flat_map(|row| (0..columns.count).map(move |column| at(row, column)))
        .collect()
}

/// Handles of one array: of two openings of the store that keep chunks, and of one that keeps none.
async fn every_write_is_seen(media: &dyn Fn() -> Medium) {
    for storage in layouts() {
        let collection = make(&media(), &storage).await;
        let engines = [Engine::new(1 << 20), Engine::new(1 << 20), Engine::new(0)];
        let mut handles = Vec::new();
        for engine in &engines {
            handles.push(open(&media(), &collection, Arc::clone(engine)).await);
        }
        let mut random = fastrand::Rng::with_seed(11);
        let mut model = [0; 480];
        for step in 1..60 {
            let (writer, slab) = (random.usize(..handles.len()), random_slab(&mut random));
            fill(&*handles[writer], &slab, step).await;
            positions(&slab).into_iter().for_each(|at| model[at] = step);
            for _ in 0..4 {
                let slab = random_slab(&mut random);
                let wanted: Vec<i32> = positions(&slab).into_iter().map(|at| model[at]).collect();
                for handle in &handles {
                    assert_eq!(read(&**handle, &slab).await, wanted, "{step} of {storage}");
                }
            }
        }
        let kept = engines
            .each_ref()
            .map(|engine| engine.stats().report().cache_hits);
        let is_raw = storage.get("checksum").is_some();
        assert!(
            (is_raw || kept[0] > 0) && kept[2] == 0,
            "{kept:?} {storage}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_is_seen_on_a_disk() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicI32::new(0);
    // Each layout has a folder, and each handle a medium of its own.
    let medium = || {
        let number = count.fetch_add(1, Ordering::Relaxed) / 4;
        let path = folder.path().join(number.to_string());
        std::fs::create_dir_all(&path).unwrap();
        Medium::folder(&path).unwrap()
    };
    every_write_is_seen(&medium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_is_seen_in_memory() {
    let count = AtomicI32::new(0);
    let media: Vec<Medium> = layouts().iter().map(|_| Medium::memory()).collect();
    let medium = || {
        let number = count.fetch_add(1, Ordering::Relaxed) / 4;
        media[usize::try_from(number).unwrap()].clone()
    };
    every_write_is_seen(&medium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_write_is_seen_in_a_bucket() {
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(folder.path());
    let count = AtomicI32::new(0);
    let medium = || {
        let prefix = (count.fetch_add(1, Ordering::Relaxed) / 4).to_string();
        let url = format!("s3://{BUCKET}/{prefix}");
        Medium::of(s3_store(&server.endpoint()), &prefix, &url).unwrap()
    };
    every_write_is_seen(&medium).await;
}

/// Every write is of the whole array, so no read may see two values, or one that is older than the last that was acknowledged.
async fn reads_are_whole(medium: Medium, storage: Value) {
    const WRITES: i32 = 150;
    let collection = make(&medium, &storage).await;
    let written = Arc::new(AtomicI32::new(0));
    let mut readers = Vec::new();
    for (seed, budget) in [(1, 1 << 20), (2, 1 << 20), (3, 0)] {
        let handle = open(&medium, &collection, Engine::new(budget)).await;
        let written = Arc::clone(&written);
        let storage = storage.clone();
        readers.push(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(seed);
            while written.load(Ordering::SeqCst) < WRITES {
                let slab = random_slab(&mut random);
                let least = written.load(Ordering::SeqCst);
                let cells = read(&*handle, &slab).await;
                let whole = cells.iter().all(|cell| *cell == cells[0]);
                assert!(whole && cells[0] >= least, "{least} {cells:?} {storage}");
            }
        }));
    }
    let writer = open(&medium, &collection, Engine::new(1 << 20)).await;
    let whole = Hyperslab::full(&SHAPE);
    for value in 1..=WRITES {
        fill(&*writer, &whole, value).await;
        written.store(value, Ordering::SeqCst);
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_are_whole_while_others_write() {
    for storage in layouts() {
        let folder = tempfile::tempdir().unwrap();
        reads_are_whole(Medium::folder(folder.path()).unwrap(), storage.clone()).await;
        reads_are_whole(Medium::memory(), storage).await;
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    };
    paths.flat_map(below).collect()
}

/// Puts a file in the place of another, as programs do.
fn replace(path: &Path, bytes: &[u8]) {
    let new = path.with_extension("new");
    std::fs::write(&new, bytes).unwrap();
    std::fs::rename(new, path).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_is_never_kept() {
    for storage in [
        json!({"chunks": [12, 40]}),
        json!({"chunks": [6, 8], "shards": [12, 40]}),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let medium = Medium::folder(folder.path()).unwrap();
        let collection = make(&medium, &storage).await;
        let whole = Hyperslab::full(&SHAPE);
        let cells: Vec<i32> = (0..480).map(|cell| cell * 77_777).collect();
        let engine = Engine::new(1 << 20);
        let handle = open(&medium, &collection, Arc::clone(&engine)).await;
        let data = WriteData::Cells(ArrayBuf::from_slice(&SHAPE, &cells).unwrap());
        let options = WriteOptions::default();
        handle.write(&whole, data, &options).await.unwrap();
        let chunk = files(folder.path())
            .into_iter()
            .find(|path| path.to_str().unwrap().contains("/weather/c/"))
            .or_else(|| {
                files(folder.path())
                    .into_iter()
                    .find(|path| path.ends_with("c/0/0"))
            })
            .unwrap();
        let good = std::fs::read(&chunk).unwrap();
        let mut random = fastrand::Rng::with_seed(2);
        let axis = |start| AxisSlab {
            start,
            count: 5,
            stride: 1,
        };
        let part = Hyperslab::new(vec![axis(0), axis(0)], &SHAPE).unwrap();
        let wanted: Vec<i32> = positions(&part).into_iter().map(|at| cells[at]).collect();
        for _ in 0..20 {
            let mut bad = good.clone();
            // In the first chunk, or in what says where it is.
            bad[random.usize(..20)] ^= 1 << random.u8(..8);
            replace(&chunk, &bad);
            for _ in 0..2 {
                let out = ArrayBuf::zeroed(DType::Int32, &part.shape()).unwrap();
                let error = handle.read_into(&part, out).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
            }
            replace(&chunk, &good);
            for _ in 0..2 {
                assert_eq!(read(&*handle, &part).await, wanted);
            }
        }
        assert!(engine.stats().report().cache_hits >= 20);
    }
}

/// A group of another program: its shards are replaced as a whole, and its chunks are kept when they have been left alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_group_is_read_as_it_is_now() {
    for storage in layouts() {
        let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let place = |prefix: &str| Medium::of(Arc::clone(&objects), prefix, "s3://b/1").unwrap();
        let medium = place("one");
        let collection = make(&medium, &storage).await;
        let engine = Engine::new(1 << 20);
        let group = {
            let below = object_store::path::Path::from("one/weather");
            let listed = objects.list_with_delimiter(Some(&below)).await.unwrap();
            let medium = place(listed.common_prefixes[0].as_ref());
            let engine = Arc::clone(&engine);
            let runtime = tokio::runtime::Handle::current();
            let opened = move || ZarrGroup::open(&medium, runtime, engine);
            Arc::new(tokio::task::spawn_blocking(opened).await.unwrap().unwrap())
        };
        let writer = open(&medium, &collection, Engine::new(0)).await;
        let mut random = fastrand::Rng::with_seed(5);
        let mut model = [0; 480];
        for step in 1..40 {
            let slab = random_slab(&mut random);
            fill(&*writer, &slab, step).await;
            positions(&slab).into_iter().for_each(|at| model[at] = step);
            let slabs: Vec<Hyperslab> = (0..4).map(|_| random_slab(&mut random)).collect();
            let (group, wanted) = (Arc::clone(&group), slabs.clone());
            let read = move || {
                let variables = group.variables().unwrap();
                let data = variables.iter().find(|found| found.dimensions.len() == 2);
                let data = group.variable(&data.unwrap().name).unwrap().unwrap();
                let read = wanted.iter().map(|slab| {
                    let out = ArrayBuf::zeroed(DType::Int32, &slab.shape()).unwrap();
                    let read = data.read_into(slab, out).unwrap();
                    read.as_slice::<i32>().unwrap().to_vec()
                });
                read.collect::<Vec<_>>()
            };
            let found = tokio::task::spawn_blocking(read).await.unwrap();
            for (slab, found) in slabs.iter().zip(found) {
                let wanted: Vec<i32> = positions(slab).into_iter().map(|at| model[at]).collect();
                assert_eq!(found, wanted, "{step} of {storage}");
            }
        }
        let is_raw = storage.get("checksum").is_some();
        assert!(is_raw || engine.stats().report().cache_hits > 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn parts_of_raw_chunks_are_those_of_the_whole(
        shape in proptest::collection::vec(1..30_u64, 2),
        chunk in proptest::collection::vec(1..12_u64, 2),
        shards in proptest::option::of(1..3_u64),
        seed in any::<u64>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut storage = json!({"chunks": chunk, "codec": "none", "checksum": false});
            if let Some(ratio) = shards {
                storage["shards"] = json!(chunk.iter().map(|length| length * ratio).collect::<Vec<_>>());
            }
            raw_parts(&shape, &storage, seed).await;
        });
    }
}

async fn raw_parts(shape: &[u64], storage: &Value, seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(seed);
    let count = shape.iter().product::<u64>();
    let cells: Vec<i32> = (0..count).map(|_| random.i32(..)).collect();
    let slabs: Vec<Hyperslab> = (0..20)
        .map(|_| {
            let axes = shape.iter().map(|&size| {
                let (start, stride) = (random.u64(..size), random.u64(1..5));
                let count = random.u64(1..=(size - start).div_ceil(stride));
                AxisSlab {
                    start,
                    count,
                    stride,
                }
            });
            Hyperslab::new(axes.collect(), shape).unwrap()
        })
        .collect();
    for medium in [Medium::folder(folder.path()).unwrap(), Medium::memory()] {
        let mut schema = Schema::builder(DType::Int32);
        for (axis, &size) in shape.iter().enumerate() {
            schema = schema.dimension(Dimension::new(format!("d{axis}"), size));
        }
        let schema = schema.attribute(AttributeSchema::key("n", AttributeType::Int));
        let collection = Arc::new(CollectionMeta {
            name: "raw".to_owned(),
            id: Uuid::new_v4(),
            schema: schema.build().unwrap(),
            storage: storage.as_object().unwrap().clone(),
        });
        let store = ZarrAdapter::create(&medium, &RandomIds).await.unwrap();
        let array = ArrayMeta {
            id: Uuid::new_v4(),
            key: key(),
            custom: Attributes::new(),
        };
        // Shards that do not fit are refused.
        if store.create_collection(&collection).await.is_err() {
            return;
        }
        let data = ArrayBuf::from_slice(shape, &cells).unwrap();
        let options = WriteOptions::default();
        store
            .create_array(&collection, &array, Some(data), &options)
            .await
            .unwrap();
        let handle = open(&medium, &collection, Engine::new(1 << 20)).await;
        for slab in &slabs {
            let [rows, columns] = [&slab.axes()[0], &slab.axes()[1]];
            let wanted: Vec<i32> = (0..rows.count)
                .flat_map(|row| (0..columns.count).map(move |column| (row, column)))
                .map(|(row, column)| {
                    let at = rows.position(row) * shape[1] + columns.position(column);
                    cells[usize::try_from(at).unwrap()]
                })
                .collect();
            assert_eq!(read(&*handle, slab).await, wanted, "{storage} {slab:?}");
        }
    }
}
