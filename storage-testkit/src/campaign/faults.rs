//! Processes whose medium fails now and then.
//!
//! The adapter under test opens its stores with faults in a worker, which it knows by the environment variable
//! [`WORKER`](super::WORKER), and without them in the test itself.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hyperslab_core::{
    ArrayBuf, AttributeSchema, AttributeType, AxisSlab, CollectionMeta, DType, ErrorKind,
    Hyperslab, LockKey, LockRequest, StorageAdapter, StorageOptions, WriteData, WriteOptions,
};
use serde_json::{Value, json};

use super::neighbours::{spawn_two, witness_of};
use super::worker::{path_of, tell};
use super::{Persistent, all_messages};
use crate::fixture::{LONG, long, random, runtime};
use crate::model::offsets;
use crate::setup::{
    by_key, cells, check, collection_meta, create_array, key, meta, read, read_all,
};
use crate::stress::{SHAPE, judge_read};

/// Makes the medium worse for so long, beside the faults of the workers: kills its server, say.
pub type Disturb = fn(&Path, Duration);

const PATIENCE: Duration = Duration::from_secs(60);

/// Two processes of four writers and a reader each: no read is torn or stale, every acknowledged write is there at the end,
/// and what is left of the others is mended by a check.
///
/// # Panics
/// When the adapter is wrong.
pub fn writers_survive_a_faulty_medium(persistent: Persistent, disturb: Disturb) {
    campaign(
        persistent,
        disturb,
        "stress",
        async |store, collection, workers, path| {
            let witness = witness_of(workers);
            for store in [store, &persistent.open(path).await] {
                let handle = store.open_array(collection, &by_key(1)).await.unwrap();
                judge_read(&*handle, 0, &witness).await;
            }
        },
    );
}

/// Two processes of four tasks each add one to the cells of random boxes, each under the lock of the array: every cell is
/// the number of acknowledged increments that covered it, or more by those of which nobody knows.
///
/// # Panics
/// When the adapter is wrong.
#[expect(clippy::print_stderr, reason = "shown for a failed test")]
pub fn increments_are_counted_on_a_faulty_medium(persistent: Persistent, disturb: Disturb) {
    campaign(
        persistent,
        disturb,
        "increment",
        async |store, collection, workers, path| {
            let count = usize::try_from(SHAPE.iter().product::<u64>()).unwrap();
            let (mut least, mut most) = (vec![0; count], vec![0; count]);
            let (mut sure, mut unsure) = (0, 0);
            for worker in workers {
                let messages = all_messages(worker);
                assert!(!messages.is_empty(), "a process has counted nothing");
                for message in messages {
                    let numbers: Vec<u64> = message[1..]
                        .iter()
                        .map(|word| word.parse().unwrap())
                        .collect();
                    let slab = slab([numbers[0], numbers[1]], [numbers[2], numbers[3]]);
                    let known = message[0] == "done";
                    (sure, unsure) = (sure + u64::from(known), unsure + u64::from(!known));
                    for cell in offsets(&slab, &SHAPE) {
                        least[cell] += u64::from(known);
                        most[cell] += 1;
                    }
                }
            }
            eprintln!("{sure} increments, and {unsure} of which nobody knows");
            for store in [store, &persistent.open(path).await] {
                let handle = store.open_array(collection, &by_key(1)).await.unwrap();
                let found = read_all(&*handle, collection).await.unwrap();
                for (cell, found) in found.as_slice::<u64>().unwrap().iter().enumerate() {
                    let (least, most) = (least[cell], most[cell]);
                    assert!(
                        (least..=most).contains(found),
                        "cell {cell} was counted {found} times, and should be {least} to {most}"
                    );
                }
            }
        },
    );
}

/// Lets two workers work on one array under each layout, and judges what they leave.
fn campaign(
    persistent: Persistent,
    disturb: Disturb,
    role: &str,
    judge: impl AsyncFn(&Arc<dyn StorageAdapter>, &Arc<CollectionMeta>, &mut [super::Worker], &Path),
) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let layouts = (persistent.layouts)(&SHAPE);
    let duration = long(Duration::from_secs(5), LONG);
    let mut random = random();
    runtime().block_on(async {
        let store = persistent.open(&path).await;
        for (number, storage) in layouts.into_iter().enumerate() {
            let name = format!("array {number}");
            let collection = prepare(&*store, &name, storage).await;
            let work = json!({
                "path": path,
                "collection": name,
                "milliseconds": u64::try_from(duration.as_millis()).unwrap(),
                "tolerant": true,
            });
            let mut workers = spawn_two(persistent, role, &work, &mut random);
            disturb(&path, duration);
            judge(&store, &collection, &mut workers, &path).await;
        }
        for finding in check(&*store, false).await {
            assert!(finding.repairable, "{finding:?}");
        }
        check(&*store, true).await;
        assert_eq!(check(&*store, false).await, []);
    });
}

async fn prepare(
    store: &dyn StorageAdapter,
    name: &str,
    storage: StorageOptions,
) -> Arc<CollectionMeta> {
    let schema = cells(DType::UInt64, &SHAPE).fill_value(0_u64);
    let schema = schema.attribute(AttributeSchema::key("n", AttributeType::Int));
    let collection = collection_meta(name, schema.build().unwrap(), storage);
    store.create_collection(&collection).await.unwrap();
    let collection = Arc::new(collection);
    create_array(store, &collection, &meta(key(1))).await;
    collection
}

fn slab(start: [u64; 2], count: [u64; 2]) -> Hyperslab {
    let axes = start.iter().zip(count).map(|(&start, count)| AxisSlab {
        start,
        count,
        stride: 1,
    });
    Hyperslab::new(axes.collect(), &SHAPE).unwrap()
}

/// Adds one to the cells of random boxes until the time is up, then tells of each.
pub(super) async fn increment(persistent: Persistent, work: &Value) {
    let duration = Duration::from_millis(work["milliseconds"].as_u64().unwrap());
    let seed = work["seed"].as_u64().unwrap();
    let store = persistent.open(&path_of(work)).await;
    let name = work["collection"].as_str().unwrap();
    let collection = Arc::new(store.read_collection(name).await.unwrap());
    let end = Instant::now() + duration;
    let mut tasks = Vec::new();
    for task in 0..4 {
        let (store, collection) = (Arc::clone(&store), Arc::clone(&collection));
        let random = Rng::with_seed(seed.wrapping_add(task));
        tasks.push(tokio::spawn(async move {
            increment_until(&*store, &collection, random, end).await
        }));
    }
    for task in tasks {
        for told in task.await.unwrap() {
            tell(&told);
        }
    }
}

async fn increment_until(
    store: &dyn StorageAdapter,
    collection: &Arc<CollectionMeta>,
    mut random: Rng,
    end: Instant,
) -> Vec<String> {
    let handle = store.open_array(collection, &by_key(1)).await.unwrap();
    let mut told = Vec::new();
    while Instant::now() < end {
        let start = SHAPE.map(|size| random.u64(..size));
        let count = [0, 1].map(|axis| random.u64(1..=SHAPE[axis] - start[axis]));
        let slab = slab(start, count);
        let lock = LockKey::array(collection.name.as_str(), "n=1");
        let locked = store
            .locks()
            .acquire(LockRequest::exclusive(lock, PATIENCE))
            .await;
        let guard = match locked {
            Ok(guard) => guard,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                continue;
            }
        };
        let found = match read(&*handle, DType::UInt64, &slab).await {
            Ok(found) => found,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                continue;
            }
        };
        let more: Vec<u64> = found
            .as_slice::<u64>()
            .unwrap()
            .iter()
            .map(|n| n + 1)
            .collect();
        let more = ArrayBuf::from_slice(&slab.shape(), &more).unwrap();
        let options = WriteOptions {
            lock_timeout: PATIENCE,
            ..WriteOptions::default()
        };
        let outcome = match handle.write(&slab, WriteData::Cells(more), &options).await {
            Ok(()) => "done",
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
                "unknown"
            }
        };
        drop(guard);
        told.push(format!(
            "{outcome} {} {} {} {}",
            start[0], start[1], count[0], count[1]
        ));
    }
    told
}
