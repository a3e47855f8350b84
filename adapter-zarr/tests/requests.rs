//! How many requests it takes, and how many of them one after another.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{StreamExt, TryStreamExt};
use hyperslab_cf::foreign::ForeignGroup;
use hyperslab_core::{
    ArrayBuf, ArrayHandle, ArrayLocator, ArrayMeta, AttributeSchema, AttributeType, Attributes,
    AxisSlab, CollectionMeta, DType, Dimension, Hyperslab, RandomIds, Schema, StorageAdapter,
    WriteOptions,
};
use hyperslab_engine::Engine;
use hyperslab_testkit::objects::{FaultPlan, FaultStore, RequestCounts, S3Server};
use hyperslab_zarr::{Medium, ZarrAdapter, ZarrGroup};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use serde_json::json;
use uuid::Uuid;

use common::s3_store;

fn medium(store: Arc<dyn ObjectStore>) -> Medium {
    Medium::of(store, "one", "s3://bucket/one").unwrap()
}

fn collection(sizes: &[u64], storage: &serde_json::Value) -> Arc<CollectionMeta> {
    let mut schema = Schema::builder(DType::Float32);
    for (axis, &size) in sizes.iter().enumerate() {
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

fn key(n: i64) -> Attributes {
    Attributes::from_iter([("n", n)])
}

fn array(n: i64) -> ArrayMeta {
    ArrayMeta {
        id: Uuid::new_v4(),
        key: key(n),
        custom: Attributes::new(),
    }
}

async fn create_arrays(store: &ZarrAdapter, collection: &CollectionMeta, count: i64) {
    let options = WriteOptions::default();
    let made = (0..count).map(|n| {
        let options = &options;
        async move {
            store
                .create_array(collection, &array(n), None, options)
                .await
        }
    });
    let made: Result<Vec<_>, _> = futures::stream::iter(made).buffered(64).try_collect().await;
    made.unwrap();
}

/// A store of so many empty arrays, and a server of it.
async fn served(count: i64) -> (S3Server, Arc<CollectionMeta>) {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let place = medium(Arc::clone(&objects));
    let store = ZarrAdapter::create(&place, &RandomIds).await.unwrap();
    let collection = collection(&[4], &json!({}));
    store.create_collection(&collection).await.unwrap();
    create_arrays(&store, &collection, count).await;
    (S3Server::over(objects), collection)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collection_is_opened_and_an_array_found_in_few_requests() {
    let (server, _) = served(1000).await;
    let store = ZarrAdapter::open(&medium(s3_store(&server.endpoint())))
        .await
        .unwrap();
    let collection = Arc::new(store.read_collection("weather").await.unwrap());
    let counts = server.request_counts();
    assert!(counts.total() <= 3, "{counts:?}");

    server.reset_counts();
    let found = store
        .open_array(&collection, &ArrayLocator::Key(key(500)))
        .await;
    found.unwrap();
    let counts = server.request_counts();
    assert!(counts.total() <= 2 && counts.head == 0, "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_costs_its_pages() {
    const ARRAYS: u64 = 10_000;
    const PAGE: u64 = 1000;
    let (server, collection) = served(i64::try_from(ARRAYS).unwrap()).await;
    let store = ZarrAdapter::open(&medium(s3_store(&server.endpoint())))
        .await
        .unwrap();
    server.reset_counts();
    let listed: Vec<_> = store.list_arrays(&collection).try_collect().await.unwrap();
    assert_eq!(listed.len() as u64, ARRAYS);
    let counts = server.request_counts();
    assert!(counts.total() <= ARRAYS / PAGE + 1, "{counts:?}");
}

/// An array full of cells on a store that counts, opened anew.
async fn opened(sizes: &[u64], storage: &serde_json::Value) -> (FaultStore, Arc<dyn ArrayHandle>) {
    let counted = stored(sizes, storage).await;
    let handle = opened_through(&counted, Engine::new(1 << 30)).await;
    (counted, handle)
}

/// An array full of cells on a store that counts.
async fn stored(sizes: &[u64], storage: &serde_json::Value) -> FaultStore {
    let counted = FaultStore::new(Arc::new(InMemory::new()), FaultPlan::default(), 0);
    let collection = collection(sizes, storage);
    let made = medium(Arc::new(counted.clone()));
    let made = ZarrAdapter::create(&made, &RandomIds).await.unwrap();
    made.create_collection(&collection).await.unwrap();
    let mut random = fastrand::Rng::with_seed(1);
    let count = sizes.iter().product::<u64>();
    let cells: Vec<f32> = (0..count).map(|_| random.f32()).collect();
    let cells = ArrayBuf::from_slice(sizes, &cells).unwrap();
    let (options, array) = (WriteOptions::default(), array(1));
    let created = made.create_array(&collection, &array, Some(cells), &options);
    created.await.unwrap();
    counted
}

/// Opens the array by an adapter that knows nothing of it yet.
async fn opened_through(counted: &FaultStore, engine: Arc<Engine>) -> Arc<dyn ArrayHandle> {
    let place = medium(Arc::new(counted.clone()));
    let store = ZarrAdapter::open(&place).await.unwrap().with_engine(engine);
    let collection = Arc::new(store.read_collection("weather").await.unwrap());
    let locator = ArrayLocator::Key(key(1));
    store.open_array(&collection, &locator).await.unwrap()
}

async fn counts_of_read(
    counted: &FaultStore,
    handle: &dyn ArrayHandle,
    slab: &Hyperslab,
) -> RequestCounts {
    counted.reset_counts();
    let out = ArrayBuf::zeroed(DType::Float32, &slab.shape()).unwrap();
    handle.read_into(slab, out).await.unwrap();
    counted.request_counts()
}

fn row(at: u64, from: u64, count: u64, sizes: &[u64]) -> Hyperslab {
    let columns = AxisSlab {
        start: from,
        count,
        stride: 1,
    };
    Hyperslab::new(vec![AxisSlab::at(at), columns], sizes).unwrap()
}

#[tokio::test]
async fn one_chunk_is_one_request() {
    let sizes = [64, 64];
    let (counted, handle) = opened(&sizes, &json!({"chunks": [16, 16]})).await;
    let counts = counts_of_read(&counted, &*handle, &row(3, 17, 10, &sizes)).await;
    let one = RequestCounts {
        get: 1,
        ..RequestCounts::default()
    };
    assert_eq!(counts, one);
}

#[tokio::test]
async fn a_part_of_a_shard_is_two_requests_and_then_one() {
    let sizes = [64, 64];
    let storage = json!({"chunks": [8, 8], "shards": [32, 32]});
    let counted = stored(&sizes, &storage).await;
    let handle = opened_through(&counted, Engine::new(0)).await;
    for most in [2, 1] {
        let counts = counts_of_read(&counted, &*handle, &row(3, 2, 20, &sizes)).await;
        assert!(counts.total() <= most && counts.head == 0, "{counts:?}");
    }
}

/// Chunks that are there decoded are not fetched, but their object is always asked for its state.
#[tokio::test]
async fn cells_that_are_kept_cost_one_question() {
    let sizes = [64, 64];
    for storage in [
        json!({"chunks": [32, 32]}),
        json!({"chunks": [8, 8], "shards": [32, 32]}),
        json!({"chunks": [8, 8], "shards": [32, 32], "codec": "none", "checksum": false}),
    ] {
        let counted = stored(&sizes, &storage).await;
        let engine = Engine::new(1 << 20);
        let handle = opened_through(&counted, Arc::clone(&engine)).await;
        let part = row(3, 2, 20, &sizes);
        let counts = counts_of_read(&counted, &*handle, &part).await;
        assert!(counts.total() <= 2 && counts.head == 0, "{counts:?}");
        let decoded = engine.stats().report().chunks_decoded;
        for _ in 0..3 {
            let counts = counts_of_read(&counted, &*handle, &part).await;
            assert_eq!(counts.total(), 1, "{counts:?} of {storage}");
        }
        // What is raw is read anew, and no more of it than is wanted.
        let is_raw = storage.get("checksum").is_some();
        let counts = counts_of_read(&counted, &*handle, &part).await;
        assert_eq!(
            (counts.head, counts.get + counts.get_range),
            if is_raw { (0, 1) } else { (1, 0) }
        );
        assert_eq!(engine.stats().report().chunks_decoded, decoded);
    }
}

/// A few rows of a large chunk that is stored as it is in memory.
#[tokio::test]
async fn a_part_of_a_raw_chunk_is_fetched_alone() {
    let sizes = [1024, 1024];
    let storage =
        json!({"chunks": [1024, 512], "shards": "none", "codec": "none", "checksum": false});
    let counted = stored(&sizes, &storage).await;
    let engine = Engine::new(1 << 30);
    let handle = opened_through(&counted, Arc::clone(&engine)).await;
    let counts = counts_of_read(&counted, &*handle, &row(700, 100, 300, &sizes)).await;
    assert_eq!((counts.head, counts.total()), (0, 1));
    assert_eq!(engine.stats().report().bytes_fetched, 300 * 4);
}

/// How far away the store is where time is measured.
const TRIP: Duration = Duration::from_millis(20);

/// 64 MiB of 32 chunks.
const MANY: [u64; 3] = [32, 512, 1024];

async fn many_chunks() -> (FaultStore, Arc<dyn ArrayHandle>) {
    let (counted, handle) = opened(&MANY, &json!({"chunks": [1, 512, 1024]})).await;
    counted.set_plan(FaultPlan::latency(TRIP));
    (counted, handle)
}

/// Chunks side by side: the chunks, and then the head. The clock of the test moves only while nothing else does, so it
/// counts round trips, however busy the machine is.
#[tokio::test]
async fn many_chunks_take_few_round_trips() {
    let (counted, handle) = many_chunks().await;
    let sizes = MANY;
    let counts = counts_of_read(&counted, &*handle, &Hyperslab::full(&sizes)).await;
    assert_eq!((counts.get, counts.total()), (33, 33));

    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    counts_of_read(&counted, &*handle, &Hyperslab::full(&sizes)).await;
    let trips = begun.elapsed().as_secs_f64() / TRIP.as_secs_f64();
    println!("{trips} round trips");
    assert!(trips <= 3.0, "{trips} round trips");
}

/// The best of several rounds, since the machine may be busy with something else.
#[tokio::test(flavor = "multi_thread")]
async fn concurrent_reads_of_many_chunks_are_fast() {
    const LIMIT: Duration = Duration::from_millis(120);
    const ROUNDS: usize = 15;
    let (counted, handle) = many_chunks().await;
    let mut taken = Vec::new();
    while taken.len() < ROUNDS {
        let begun = Instant::now();
        counts_of_read(&counted, &*handle, &Hyperslab::full(&MANY)).await;
        taken.push(begun.elapsed());
    }
    taken.sort_unstable();
    let (best, median) = (taken[0], taken[ROUNDS / 2]);
    println!(
        "64 MiB of 32 chunks at {TRIP:?} a request: {best:?} at best, {median:?} in the median"
    );
    assert!(best < LIMIT, "{taken:?}");
}

/// The index of the shard, and then the chunks: two trips, whatever is done beside them.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_shard_comes_in_two_trips() {
    const LIMIT: Duration = Duration::from_millis(45);
    const ROUNDS: usize = 15;
    let sizes = [1024, 1024];
    let counted = stored(
        &sizes,
        &json!({"chunks": [128, 128], "shards": [1024, 1024]}),
    )
    .await;
    counted.set_plan(FaultPlan::latency(TRIP));
    let mut taken = Vec::new();
    while taken.len() < ROUNDS {
        let handle = opened_through(&counted, Engine::new(1 << 30)).await;
        let begun = Instant::now();
        counts_of_read(&counted, &*handle, &row(300, 100, 600, &sizes)).await;
        taken.push(begun.elapsed());
    }
    taken.sort_unstable();
    println!(
        "a part of a shard, cold: {:?} at best, {:?} in the median",
        taken[0],
        taken[ROUNDS / 2]
    );
    assert!(taken[0] < LIMIT, "{taken:?}");
}

/// The document of the collection and the head of the array are asked for at once.
#[tokio::test(start_paused = true)]
async fn an_array_is_found_in_one_round_trip() {
    let counted = FaultStore::new(Arc::new(InMemory::new()), FaultPlan::default(), 0);
    let place = medium(Arc::new(counted.clone()));
    let store = ZarrAdapter::create(&place, &RandomIds).await.unwrap();
    let collection = collection(&[4], &json!({}));
    store.create_collection(&collection).await.unwrap();
    create_arrays(&store, &collection, 1).await;
    counted.set_plan(FaultPlan::latency(TRIP));
    let begun = tokio::time::Instant::now();
    let found = store
        .open_array(&collection, &ArrayLocator::Key(key(0)))
        .await;
    found.unwrap();
    assert!(begun.elapsed() < TRIP * 2, "{:?}", begun.elapsed());
}

/// A group of another program that was not consolidated: one object for each variable, side by side, and once.
#[tokio::test(flavor = "multi_thread")]
async fn the_variables_of_a_foreign_group_are_asked_for_concurrently() {
    const TRIP: Duration = Duration::from_millis(20);
    const VARIABLES: u64 = 60;
    let counted = FaultStore::new(Arc::new(InMemory::new()), FaultPlan::default(), 0);
    let put = async |path: String, metadata: serde_json::Value| {
        let path = path.as_str().into();
        let put = counted.put(&path, metadata.to_string().into());
        put.await.unwrap();
    };
    let group = json!({"zarr_format": 3, "node_type": "group"});
    put("one/zarr.json".to_owned(), group).await;
    for number in 0..VARIABLES {
        let array = json!({
            "zarr_format": 3, "node_type": "array", "shape": [4], "data_type": "int16", "fill_value": 0,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2]}},
            "chunk_key_encoding": {"name": "default"},
            "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        });
        put(format!("one/v{number}/zarr.json"), array).await;
    }
    counted.set_plan(FaultPlan::latency(TRIP));
    counted.reset_counts();
    let place = medium(Arc::new(counted.clone()));
    let runtime = tokio::runtime::Handle::current();
    let listing = tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        let group = ZarrGroup::open(&place, runtime, Engine::shared()).unwrap();
        assert_eq!(group.variables().unwrap().len() as u64, VARIABLES);
        (begun.elapsed(), group)
    });
    let (taken, group) = listing.await.unwrap();
    let counts = counted.request_counts();
    assert_eq!((counts.get, counts.total()), (1 + VARIABLES, 2 + VARIABLES));
    // One after another they would take 60 trips.
    assert!(taken < TRIP * 20, "{taken:?}");
    counted.reset_counts();
    let again = tokio::task::spawn_blocking(move || group.variables().map(|found| found.len()));
    assert_eq!(again.await.unwrap().unwrap() as u64, VARIABLES);
    assert_eq!(counted.request_counts().total(), 1);
}

/// What others have put under a prefix would be hidden by a store there.
#[tokio::test]
async fn a_prefix_that_is_taken_is_refused() {
    let objects: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    let theirs = object_store::path::Path::from("one/zarr.json");
    object_store::ObjectStoreExt::put(&objects, &theirs, "not ours".into())
        .await
        .unwrap();
    let error = ZarrAdapter::create(&medium(Arc::clone(&objects)), &RandomIds).await;
    let error = error.err().unwrap();
    assert_eq!(error.kind(), hyperslab_core::ErrorKind::AlreadyExists);
    assert!(error.message().contains("zarr.json"), "{error}");
    let other = Medium::of(objects, "two", "s3://bucket/two").unwrap();
    ZarrAdapter::create(&other, &RandomIds).await.unwrap();
}
