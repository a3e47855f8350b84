//! What the tests of this crate share.
#![allow(dead_code, reason = "each test uses another part")]

use std::path::Path;
use std::sync::{Arc, Mutex};

use hyperslab_core::{RandomIds, StorageAdapter, StorageOptions};
use hyperslab_testkit::Tiled;
use hyperslab_testkit::objects::{S3Process, s3_client};
use hyperslab_zarr::{Medium, ZarrAdapter};
use object_store::{ObjectStore, RetryConfig};
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

/// The same for arrays in tiles, each of which is one object: a chunk divides a tile.
pub(crate) fn tiled_layouts(shape: &[u64]) -> Vec<StorageOptions> {
    let tile = Tiled::tile_shape(shape);
    let divisor = |&length: &u64| {
        let parts = (2..=length).find(|parts| length.is_multiple_of(*parts));
        length / parts.unwrap_or(1)
    };
    let chunks: Vec<u64> = tile.iter().map(divisor).collect();
    let mut layouts = layouts(shape);
    for options in &mut layouts {
        options.remove("shards");
        if options.contains_key("chunks") {
            options.insert("chunks".to_owned(), chunks.clone().into());
        }
    }
    layouts
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

/// The test bucket behind an endpoint, by a client that does not try again: that is what is tested.
pub(crate) fn s3_store(endpoint: &str) -> Arc<dyn ObjectStore> {
    let once = RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    };
    Arc::new(s3_client(endpoint).with_retry(once).build().unwrap())
}

/// Where the server of a folder listens. The first process to ask starts it, before it starts others, and keeps it.
pub(crate) fn endpoint(folder: &Path, servers: &Mutex<Vec<S3Process>>) -> String {
    let note = folder.join("endpoint");
    if let Ok(endpoint) = std::fs::read_to_string(&note) {
        return endpoint;
    }
    std::fs::create_dir_all(folder).unwrap();
    let server = S3Process::start(&folder.join("objects"));
    let endpoint = server.endpoint();
    std::fs::write(&note, &endpoint).unwrap();
    servers.lock().unwrap().push(server);
    endpoint
}
