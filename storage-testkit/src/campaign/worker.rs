//! What the other processes do.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyperslab_core::{ArrayLocator, Durability, ErrorKind};
use serde_json::Value;

use super::operations::{perform, random_operation};
use super::{MARK, Persistent, WORKER};
use crate::fixture::{LONG, long, runtime};
use crate::setup::{OPTIONS, key, meta};
use crate::stress::{Stress, boxes};
use crate::witness::Witness;

/// Does nothing, unless this process was started as a worker.
///
/// # Panics
/// When the work fails.
pub fn worker_main(persistent: Persistent) {
    let Ok(work) = std::env::var(WORKER) else {
        return;
    };
    let work: Value = serde_json::from_str(&work).unwrap();
    // A worker that hangs fails, and with it the test that waits for it.
    std::thread::spawn(|| {
        std::thread::sleep(LONG * 2 + long(Duration::ZERO, LONG * 2));
        std::process::exit(1);
    });
    runtime().block_on(async {
        match work["role"].as_str().unwrap() {
            "stress" => stress(persistent, &work).await,
            "create" => create(persistent, &work).await,
            "change" => change(persistent, &work).await,
            other => panic!("there is no role {other}"),
        }
    });
}

/// Tells the parent something, in one piece: the parent may kill this process at any moment.
fn tell(message: &str) {
    let mut output = std::io::stdout().lock();
    output
        .write_all(format!("{MARK}{message}\n").as_bytes())
        .unwrap();
    output.flush().unwrap();
}

fn path_of(work: &Value) -> PathBuf {
    work["path"].as_str().unwrap().into()
}

/// Writes and reads overlapping boxes, then tells every write.
async fn stress(persistent: Persistent, work: &Value) {
    let number = |name: &str| work[name].as_u64().unwrap();
    let stress = Stress {
        process: number("process"),
        writers: 4,
        readers: 1,
        duration: Duration::from_millis(number("milliseconds")),
        lock_timeout: Duration::from_secs(60),
        durability: Durability::Relaxed,
        seed: number("seed"),
    };
    let mut stores = Vec::new();
    for _ in 0..2 {
        stores.push(persistent.open(&path_of(work)).await);
    }
    let name = work["collection"].as_str().unwrap();
    let collection = Arc::new(stores[0].read_collection(name).await.unwrap());
    let witness = Arc::new(Witness::new(boxes(), Some(stress.process)));
    let locator = ArrayLocator::Key(key(1));
    stress.run(&stores, &collection, &locator, &witness).await;
    for write in witness.writes() {
        if let Some(end) = write.end {
            tell(&format!("{} {} {end}", write.stamp, write.start));
        }
    }
}

/// Creates arrays that another process creates at the same time, and tells which it has made.
async fn create(persistent: Persistent, work: &Value) {
    let store = persistent.open(&path_of(work)).await;
    let name = work["collection"].as_str().unwrap();
    let collection = store.read_collection(name).await.unwrap();
    for n in 0..work["count"].as_i64().unwrap() {
        let array = meta(key(n));
        match store
            .create_array(&collection, &array, None, &OPTIONS)
            .await
        {
            Ok(()) => tell(&format!("{n} {}", array.id)),
            Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}"),
        }
    }
}

/// Changes the store at random until it is killed, telling each change before and after.
async fn change(persistent: Persistent, work: &Value) {
    let store = persistent.open(&path_of(work)).await;
    let mut random = fastrand::Rng::with_seed(work["seed"].as_u64().unwrap());
    for number in 0.. {
        let operation = random_operation(&mut random, persistent.layouts);
        tell(&format!("begin {number} {}", operation.kind()));
        let outcome = match perform(&*store, &operation).await {
            Ok(()) => "ok",
            Err(error) => match error.kind() {
                kind @ (ErrorKind::NotFound | ErrorKind::AlreadyExists) => kind.name(),
                _ => panic!("{operation:?}: {error:?}"),
            },
        };
        tell(&format!("end {number} {outcome}"));
    }
}
