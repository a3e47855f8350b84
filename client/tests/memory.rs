//! What a read takes in memory: the result, the budget of the cache, and no more than 64 MiB beside them, however much of the
//! array it touches.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test reports a failure by panicking")]

use hyperslab::prelude::*;
use hyperslab::{Array, StoreOptions, Subset};

const MIB: u64 = 1 << 20;
const CACHE_BYTES: u64 = 48 * MIB;
const BESIDE_BYTES: u64 = 64 * MIB;

/// The memory that this process holds, and the most it held since it was asked to forget that.
fn memory(line: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let found = status.lines().find_map(|found| found.strip_prefix(line));
    let number = found.unwrap().trim().trim_end_matches(" kB");
    number.parse::<u64>().unwrap() << 10
}

/// An array of 4 GiB, every chunk of which is stored.
async fn large(url: &str) -> Array {
    let options = StoreOptions {
        cache_bytes: Some(CACHE_BYTES),
        ..StoreOptions::default()
    };
    let store = Store::create_with(url, options).await.unwrap();
    let schema = Schema::builder(DType::Float32)
        .dimension(Dimension::new("t", 1024))
        .dimension(Dimension::new("y", 1024))
        .dimension(Dimension::new("x", 1024));
    let schema = schema.build().unwrap();
    let collection = store.create_collection("large", schema).await.unwrap();
    let array = collection.create(key! {}).await.unwrap();
    // In parts: what writing may hold is another question.
    for window in array.all().windows(512 * MIB).await.unwrap() {
        window.fill(1.5_f32).await.unwrap();
    }
    array
}

async fn read_within_bounds(subset: Subset) {
    let bytes = subset.shape().iter().product::<u64>() * 4;
    // Forgets the most that was held.
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let before = memory("VmRSS:");
    let cells = subset.read::<f32>().await.unwrap();
    let most = memory("VmHWM:") - before;
    assert!(cells.iter().all(|&cell| cell == 1.5));
    let allowed = bytes + CACHE_BYTES + BESIDE_BYTES;
    assert!(
        most <= allowed,
        "{subset:?}: {} MiB were held, {} MiB are allowed",
        most / MIB,
        allowed / MIB
    );
}

async fn any_subset_is_read_within_bounds(adapter: &str) {
    let folder = tempfile::tempdir().unwrap();
    let url = format!(
        "{}?adapter={adapter}",
        folder.path().join("store").display()
    );
    let array = large(&url).await;
    // Touches every chunk, and wants little of each.
    let sparse = array
        .isel("t", (0..1024).step_by(61))
        .unwrap()
        .isel("x", (3..1024).step_by(67))
        .unwrap();
    read_within_bounds(sparse).await;
    // A series at a point, a map, and a box that is large.
    let series = array.isel("y", 500).unwrap().isel("x", 77).unwrap();
    read_within_bounds(series).await;
    read_within_bounds(array.isel("t", 1000).unwrap()).await;
    read_within_bounds(array.isel("t", 100..300).unwrap()).await;
    // All of it, window by window.
    let mut count = 0;
    for window in array.all().windows(256 * MIB).await.unwrap().take(3) {
        count += window.shape().iter().product::<u64>();
        read_within_bounds(window).await;
    }
    assert!(count * 4 > 512 * MIB);
}

#[cfg(feature = "hdf5")]
#[tokio::test(flavor = "multi_thread")]
async fn any_subset_of_hdf5_is_read_within_bounds() {
    any_subset_is_read_within_bounds("hdf5").await;
}

#[cfg(feature = "zarr")]
#[tokio::test(flavor = "multi_thread")]
async fn any_subset_of_zarr_is_read_within_bounds() {
    any_subset_is_read_within_bounds("zarr").await;
}
