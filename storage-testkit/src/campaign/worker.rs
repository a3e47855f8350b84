//! What the other processes do.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyperslab_core::{ArrayLocator, Durability, ErrorKind};
use rustix::process::{Signal, getpid, kill_process};
use serde_json::Value;

use super::operations::{perform, random_operation};
use super::{MARK, Persistent, WORKER, faults};
use crate::crash;
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
    if work["recorded"] == true {
        crash::wait_to_be_recorded();
    }
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
            "crash" => crash::change(persistent, &work).await,
            "increment" => faults::increment(persistent, &work).await,
            other => panic!("there is no role {other}"),
        }
    });
}

/// Tells the parent something, in one piece: the parent may kill this process at any moment.
///
/// # Panics
/// When nobody listens.
pub fn tell(message: &str) {
    let mut output = std::io::stdout().lock();
    output
        .write_all(format!("{MARK}{message}\n").as_bytes())
        .unwrap();
    output.flush().unwrap();
}

pub(crate) fn path_of(work: &Value) -> PathBuf {
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
        tolerant: work["tolerant"] == true,
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
        let end = write
            .end
            .map_or_else(|| "-".to_owned(), |end| end.to_string());
        tell(&format!("{} {} {end}", write.stamp, write.start));
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

/// Makes ready to end this process as `kill -9` does, so many microseconds after it is told to go. The thread is at work
/// already when this returns: to start one takes longer than many a change.
fn ready_to_die(microseconds: u64) -> Arc<AtomicBool> {
    let (go, ready) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (told, running) = (Arc::clone(&go), Arc::clone(&ready));
    std::thread::spawn(move || {
        running.store(true, Ordering::SeqCst);
        while !told.load(Ordering::SeqCst) {
            std::hint::spin_loop();
        }
        let end = Instant::now() + Duration::from_micros(microseconds);
        while Instant::now() < end {
            std::hint::spin_loop();
        }
        kill_process(getpid(), Signal::KILL).unwrap();
    });
    while !ready.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    go
}

/// Changes the store at random until it is killed, telling each change before and after.
async fn change(persistent: Persistent, work: &Value) {
    let store = persistent.open(&path_of(work)).await;
    let mut random = fastrand::Rng::with_seed(work["seed"].as_u64().unwrap());
    let mut times_before = work["die_in"]["times_before"].as_u64();
    for number in 0.. {
        let operation = random_operation(&mut random, persistent.layouts);
        let mut go = None;
        if work["die_in"]["kind"] == operation.kind() {
            match times_before {
                Some(0) => {
                    let microseconds = work["die_in"]["after_microseconds"].as_u64();
                    go = Some(ready_to_die(microseconds.unwrap()));
                }
                _ => times_before = times_before.map(|times| times - 1),
            }
        }
        tell(&format!("begin {number}"));
        if let Some(go) = go {
            go.store(true, Ordering::SeqCst);
        }
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
