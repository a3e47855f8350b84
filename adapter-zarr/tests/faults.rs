//! Writers in two processes on S3, with faults in every client, and a server that is killed meanwhile.
#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyperslab_core::{StorageAdapter, StorageOptions};
use hyperslab_testkit::campaign::{
    Persistent, WORKER, increments_are_counted_on_a_faulty_medium, worker_main,
    writers_survive_a_faulty_medium,
};
use hyperslab_testkit::objects::{FaultPlan, FaultStore, S3Process};
use hyperslab_zarr::{Medium, Timeouts};

use common::{endpoint, layouts, open_or_create, s3_store};

static SERVERS: Mutex<Vec<S3Process>> = Mutex::new(Vec::new());

/// About one request in twenty is struck.
const PLAN: FaultPlan = FaultPlan {
    latency: Duration::ZERO,
    delay: 0.05,
    longest_delay: Duration::from_millis(20),
    burst: 0.004,
    burst_length: 3,
    error_before: 0.01,
    lost_response: 0.01,
    error_after: 0.01,
    cut_body: 0.01,
    stale_list: 0.0,
};

async fn open(folder: PathBuf) -> Arc<dyn StorageAdapter> {
    let store = s3_store(&endpoint(&folder, &SERVERS));
    let timeouts = Timeouts {
        open: Duration::from_secs(30),
        call: Duration::from_secs(30),
        attempt: Duration::from_millis(500),
    };
    let faults = FaultStore::new(store, PLAN, fastrand::u64(..));
    faults.switch(std::env::var_os(WORKER).is_some());
    let medium = Medium::of_with(Arc::new(faults), "one", "s3://bucket/one", &timeouts);
    open_or_create(&medium.unwrap()).await
}

/// Chunks, and shards.
fn two_layouts(shape: &[u64]) -> Vec<StorageOptions> {
    layouts(shape).drain(1..3).collect()
}

/// Kills the server twice.
fn disturb(_: &Path, duration: Duration) {
    for _ in 0..2 {
        std::thread::sleep(duration / 3);
        let mut servers = SERVERS.lock().unwrap();
        let server = servers.last_mut().unwrap();
        server.kill();
        std::thread::sleep(Duration::from_millis(300));
        server.restart();
    }
}

const CAMPAIGN: Persistent = Persistent {
    open: |path| Box::pin(open(path)),
    layouts: two_layouts,
    worker: concat!(module_path!(), "::campaign_worker"),
};

#[test]
fn campaign_worker() {
    worker_main(CAMPAIGN);
}

#[test]
fn campaign_writers_survive() {
    writers_survive_a_faulty_medium(CAMPAIGN, disturb);
}

#[test]
fn campaign_increments_are_counted() {
    increments_are_counted_on_a_faulty_medium(CAMPAIGN, disturb);
}
