//! The conformance suite, with the layouts that change what lies on the disk.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test reports a failure by panicking"
)]

use std::path::PathBuf;
use std::sync::Arc;

use hyperslab_core::{RandomIds, StorageAdapter, StorageOptions};
use hyperslab_engine::Engine;
use hyperslab_hdf5::Hdf5Adapter;
use hyperslab_testkit::crash::power_cuts_leave_whole_changes;
use hyperslab_testkit::{Fixture, Tiled, async_trait, campaign_tests, conformance_tests};
use serde_json::{Value, json};

struct Folder(tempfile::TempDir);

#[async_trait]
impl Fixture for Folder {
    async fn open(&self) -> Arc<dyn StorageAdapter> {
        open(self.0.path().join("store")).await
    }

    fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
        layouts(shape)
    }
}

async fn open(path: PathBuf) -> Arc<dyn StorageAdapter> {
    match Hdf5Adapter::open(&path).await {
        Ok(store) => Arc::new(store),
        Err(_) => match Hdf5Adapter::create(&path, Arc::new(RandomIds)).await {
            Ok(store) => Arc::new(store),
            // Another process was faster.
            Err(_) => Arc::new(Hdf5Adapter::open(&path).await.unwrap()),
        },
    }
}

fn layouts(shape: &[u64]) -> Vec<StorageOptions> {
    let options = |value: Value| match value {
        Value::Object(options) => options,
        other => panic!("{other} is no object"),
    };
    let ones = vec![1; shape.len()];
    let odd: Vec<u64> = shape.iter().map(|&size| (size * 2 / 3).max(1)).collect();
    vec![
        StorageOptions::new(),
        options(json!({"chunks": odd, "codec": "none"})),
        options(json!({"chunks": odd, "codec": "zstd", "level": 1})),
        options(json!({"chunks": odd, "codec": "blosc"})),
        options(json!({"chunks": ones})),
    ]
}

conformance_tests!(Folder(tempfile::tempdir().unwrap()));

/// The same with decoded chunks kept in another way: none, and so few that they push each other out.
struct Cached(tempfile::TempDir, u64);

#[async_trait]
impl Fixture for Cached {
    async fn open(&self) -> Arc<dyn StorageAdapter> {
        let path = self.0.path().join("store");
        let opened = match Hdf5Adapter::open(&path).await {
            Ok(store) => store,
            Err(_) => Hdf5Adapter::create(&path, Arc::new(RandomIds))
                .await
                .unwrap(),
        };
        Arc::new(opened.with_engine(Engine::new(self.1)))
    }

    fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
        layouts(shape)
    }
}

mod without_cache {
    use super::*;

    conformance_tests!(Cached(tempfile::tempdir().unwrap(), 0));
}

mod with_a_small_cache {
    use super::*;

    conformance_tests!(Cached(tempfile::tempdir().unwrap(), 2000));
}

/// Every array in tiles.
mod in_tiles {
    use super::*;

    struct InTiles(tempfile::TempDir);

    #[async_trait]
    impl Fixture for InTiles {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            open_tiled(self.0.path().join("store")).await
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            tiled_layouts(shape)
        }
    }

    async fn open_tiled(path: PathBuf) -> Arc<dyn StorageAdapter> {
        Tiled::over(open(path).await)
    }

    fn tiled_layouts(shape: &[u64]) -> Vec<StorageOptions> {
        layouts(&Tiled::tile_shape(shape))
    }

    conformance_tests!(InTiles(tempfile::tempdir().unwrap()));

    campaign_tests!(open_tiled, tiled_layouts);

    #[test]
    fn crash_of_the_machine_leaves_whole_changes() {
        power_cuts_leave_whole_changes(CAMPAIGN);
    }
}

campaign_tests!(open, layouts);

#[test]
fn crash_of_the_machine_leaves_whole_changes() {
    power_cuts_leave_whole_changes(CAMPAIGN);
}
