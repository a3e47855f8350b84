//! Two processes that use one store at the same time.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use hyperslab_core::DType;
use serde_json::{Value, json};

use super::{Persistent, Worker, all_messages};
use crate::fixture::{LONG, long, random, runtime};
use crate::setup::{
    by_key, cells, check, collection_meta, create_array, create_collection, key, keyed, list, meta,
};
use crate::stress::{Outcome, SHAPE, boxes, judge_read, read_until};
use crate::witness::{Witness, Write};

/// Two processes of four writers and a reader each, and readers here: no read is torn or stale, and at the end every
/// acknowledged write is there.
///
/// # Panics
/// When the adapter is wrong.
pub fn processes_write_beside_each_other(persistent: Persistent) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let layouts = (persistent.layouts)(&SHAPE);
    let duration = long(Duration::from_secs(6), LONG) / u32::try_from(layouts.len()).unwrap();
    let mut random = random();
    runtime().block_on(async {
        let store = persistent.open(&path).await;
        for (number, storage) in layouts.into_iter().enumerate() {
            let schema = cells(DType::UInt64, &SHAPE).fill_value(0_u64);
            let schema = schema.attribute(hyperslab_core::AttributeSchema::key(
                "n",
                hyperslab_core::AttributeType::Int,
            ));
            let name = format!("stamps {number}");
            let collection = collection_meta(&name, schema.build().unwrap(), storage);
            store.create_collection(&collection).await.unwrap();
            let collection = Arc::new(collection);
            create_array(&*store, &collection, &meta(key(1))).await;

            let work = json!({
                "path": path,
                "collection": name,
                "milliseconds": u64::try_from(duration.as_millis()).unwrap(),
            });
            let mut children = spawn_two(persistent, "stress", &work, &mut random);
            // Here nothing is known of the writes but that they are whole.
            let handle = store.open_array(&collection, &by_key(1)).await.unwrap();
            let reader = Witness::new(boxes(), Some(255));
            let end = Instant::now() + duration;
            let outcome = Outcome::default();
            read_until(&*handle, random.fork(), end, &reader, &outcome, false).await;

            let witness = witness_of(&mut children);
            for store in [&store, &persistent.open(&path).await] {
                let handle = store.open_array(&collection, &by_key(1)).await.unwrap();
                judge_read(&*handle, 0, &witness).await;
            }
        }
        assert_eq!(check(&*store, false).await, []);
    });
}

/// Starts two workers, who differ in their number and their random choices.
pub(super) fn spawn_two(
    persistent: Persistent,
    role: &str,
    work: &Value,
    random: &mut Rng,
) -> Vec<Worker> {
    let workers = (1..=2).map(|process| {
        let mut work = work.clone();
        work["role"] = role.into();
        work["process"] = process.into();
        work["seed"] = random.u64(..).into();
        persistent.spawn(&work)
    });
    workers.collect()
}

/// Waits for workers and makes a witness of all that they tell of their writes.
pub(super) fn witness_of(workers: &mut [Worker]) -> Witness {
    let witness = Witness::new(boxes(), None);
    for worker in workers {
        let messages = all_messages(worker);
        assert!(!messages.is_empty(), "a process has written nothing");
        for message in messages {
            witness.add(Write {
                stamp: message[0].parse().unwrap(),
                start: message[1].parse().unwrap(),
                // "-" where no answer came.
                end: message[2].parse().ok(),
            });
        }
    }
    witness
}

/// Two processes that create many arrays, and twelve that create a few: each is created once.
///
/// # Panics
/// When the adapter is wrong.
pub fn processes_create_each_array_once(persistent: Persistent) {
    for (processes, count) in [(2, long(100, 2000)), (12, long(5, 100))] {
        create_each_array_once(persistent, processes, count);
    }
}

fn create_each_array_once(persistent: Persistent, processes: usize, count: i64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    runtime().block_on(async {
        let store = persistent.open(&path).await;
        let collection = create_collection(&*store, "weather", keyed(DType::Int8, &[2])).await;
        let work = json!({
            "role": "create",
            "path": path,
            "collection": "weather",
            "count": count,
        });
        let mut children: Vec<_> = (0..processes).map(|_| persistent.spawn(&work)).collect();
        let mut made = BTreeSet::new();
        for child in &mut children {
            for message in all_messages(child) {
                let n: i64 = message[0].parse().unwrap();
                assert!(made.insert(n), "{n} was created twice");
                let handle = store.open_array(&collection, &by_key(n)).await.unwrap();
                let id = handle.meta().await.unwrap().id;
                assert_eq!(id.to_string(), message[1]);
            }
        }
        assert_eq!(made.len(), usize::try_from(count).unwrap());
        let listed = list(&*store, &collection).await.unwrap();
        assert_eq!(listed.len(), made.len());
        assert_eq!(check(&*store, false).await, []);
    });
}
