//! What the tests of this crate share.

use std::sync::Arc;

use hyperslab_core::{RandomIds, StorageAdapter, StorageOptions};
use hyperslab_zarr::{Medium, ZarrAdapter};
use serde_json::json;

/// One chunk, tiny chunks that do not divide the shape, shards, and every codec.
pub(crate) fn layouts(shape: &[u64]) -> Vec<StorageOptions> {
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

/// The store on a medium, made when there is none.
pub(crate) async fn open_or_create(medium: &Medium) -> Arc<dyn StorageAdapter> {
    match ZarrAdapter::open(medium).await {
        Ok(adapter) => Arc::new(adapter),
        Err(_) => match ZarrAdapter::create(medium, &RandomIds).await {
            Ok(adapter) => Arc::new(adapter),
            // Another process was faster.
            Err(_) => Arc::new(ZarrAdapter::open(medium).await.unwrap()),
        },
    }
}
