//! The conformance suite on every medium.
#![expect(clippy::unwrap_used, reason = "tests")]

mod memory {
    use std::sync::Arc;

    use hyperslab_core::{RandomIds, StorageAdapter, StorageOptions};
    use hyperslab_testkit::{Fixture, async_trait, conformance_tests};
    use hyperslab_zarr::{Medium, ZarrAdapter};

    struct Memory(Medium);

    #[async_trait]
    impl Fixture for Memory {
        async fn open(&self) -> Arc<dyn StorageAdapter> {
            match ZarrAdapter::create(&self.0, &RandomIds).await {
                Ok(adapter) => Arc::new(adapter),
                Err(_) => Arc::new(ZarrAdapter::open(&self.0).await.unwrap()),
            }
        }

        fn layouts(&self, shape: &[u64]) -> Vec<StorageOptions> {
            super::layouts(shape)
        }
    }

    conformance_tests!(Memory(Medium::memory()));
}

/// One chunk, tiny chunks that do not divide the shape, shards, and every codec.
fn layouts(shape: &[u64]) -> Vec<hyperslab_core::StorageOptions> {
    let chunks: Vec<u64> = shape
        .iter()
        .map(|&size| (size / 3 + 1).min(size.max(1)))
        .collect();
    let shards: Vec<u64> = chunks
        .iter()
        .zip(shape)
        .map(|(&chunk, &size)| {
            let room = size.max(1).next_multiple_of(chunk);
            (2 * chunk).min(room)
        })
        .collect();
    let order: Vec<usize> = (0..shape.len()).rev().collect();
    let options = [
        serde_json::json!({}),
        serde_json::json!({"chunks": chunks, "codec": "none", "checksum": false}),
        serde_json::json!({"chunks": chunks, "shards": shards}),
        serde_json::json!({"chunks": chunks, "codec": "blosc"}),
        serde_json::json!({"chunks": chunks, "codec": "gzip", "transpose": order}),
    ];
    options
        .into_iter()
        .map(|options| options.as_object().unwrap().clone())
        .collect()
}
