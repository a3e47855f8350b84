//! The conformance suite on every medium.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use hyperslab_core::{RandomIds, StorageAdapter, StorageOptions};
use hyperslab_testkit::{Fixture, async_trait, conformance_tests};
use hyperslab_zarr::{Medium, ZarrAdapter};
use serde_json::json;

/// One chunk, tiny chunks that do not divide the shape, shards, and every codec.
fn layouts(shape: &[u64]) -> Vec<StorageOptions> {
    let chunk = |&size: &u64| (size / 3 + 1).min(size.max(1));
    let chunks: Vec<u64> = shape.iter().map(chunk).collect();
    let shards = chunks.iter().zip(shape).map(|(&chunk, &size)| {
        let room = size.max(1).next_multiple_of(chunk);
        (2 * chunk).min(room)
    });
    let shards: Vec<u64> = shards.collect();
    let order: Vec<usize> = (0..shape.len()).rev().collect();
    let options = [
        json!({}),
        json!({"chunks": chunks, "codec": "none", "checksum": false}),
        json!({"chunks": chunks, "shards": shards}),
        json!({"chunks": chunks, "codec": "blosc"}),
        json!({"chunks": chunks, "codec": "gzip", "transpose": order}),
    ];
    let options = options
        .iter()
        .map(|options| options.as_object().unwrap().clone());
    options.collect()
}

async fn open_or_create(medium: &Medium) -> Arc<dyn StorageAdapter> {
    match ZarrAdapter::open(medium).await {
        Ok(adapter) => Arc::new(adapter),
        Err(_) => match ZarrAdapter::create(medium, &RandomIds).await {
            Ok(adapter) => Arc::new(adapter),
            // Another process was faster.
            Err(_) => Arc::new(ZarrAdapter::open(medium).await.unwrap()),
        },
    }
}

mod memory {
    use super::*;

    struct Memory(Medium);

    #[async_trait]
    impl Fixture for Memory {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            open_or_create(&self.0).await
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            super::layouts(shape)
        }
    }

    conformance_tests!(Memory(Medium::memory()));
}

mod folder {
    use std::path::PathBuf;

    use hyperslab_testkit::campaign_tests;

    use super::*;

    struct Folder(tempfile::TempDir);

    #[async_trait]
    impl Fixture for Folder {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            open_or_create(&Medium::folder(self.0.path()).unwrap()).await
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            super::layouts(shape)
        }
    }

    conformance_tests!(Folder(tempfile::tempdir().unwrap()));

    async fn open(path: PathBuf) -> Arc<dyn StorageAdapter> {
        std::fs::create_dir_all(&path).unwrap();
        open_or_create(&Medium::folder(&path).unwrap()).await
    }

    campaign_tests!(open, layouts);
}
