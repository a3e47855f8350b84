//! What a person is told of the storage of a collection.

use hyperslab_core::{
    CollectionMeta, Result, Schema, StorageExplanation, StorageOptions, box_bytes,
};
use serde_json::Value;

use super::{Access, StoragePlan, access, is_text, shapes};

/// How the arrays of a collection lie in their objects, and why.
///
/// # Errors
/// `InvalidInput` that names the option at fault.
pub(crate) fn explain(collection: &CollectionMeta) -> Result<StorageExplanation> {
    let (schema, options) = (&collection.schema, &collection.storage);
    let plan = StoragePlan::new(options, schema)?;
    let layout = plan.layout(&schema.shape());
    let cell_size = schema.dtype().size();
    let large = shapes::is_large(schema);
    let reasons = vec![
        chunks_reason(&plan, options, schema)?.to_owned(),
        match schema.tile_shape() {
            Some(_) => "A tile is one object, made when something is written into it.",
            None => shards_reason(&plan, options, large),
        }
        .to_owned(),
        codecs_reason(options).to_owned(),
    ];
    Ok(StorageExplanation {
        chunk_bytes: layout.chunks().chunk_bytes(cell_size),
        shard_shape: plan.shard_shape.clone(),
        tile_shape: schema.tile_shape().map(<[u64]>::to_vec),
        codecs: plan.codecs.iter().map(codec_name).collect(),
        objects_per_array: layout.objects().chunk_count(),
        object_bytes: box_bytes(layout.objects().chunk_shape(), cell_size),
        chunk_shape: plan.chunk_shape,
        reasons,
    })
}

fn is_asked(options: &StorageOptions, name: &str) -> bool {
    options
        .get(name)
        .is_some_and(|value| !is_text(value, "auto"))
}

fn chunks_reason(
    plan: &StoragePlan,
    options: &StorageOptions,
    schema: &Schema,
) -> Result<&'static str> {
    let is_tiled = schema.tile_shape().is_some();
    if is_asked(options, "chunks") {
        return Ok("Chunks have the lengths that were asked for.");
    }
    if plan.chunk_shape == schema.shape() {
        return Ok("An array this small is one chunk.");
    }
    if plan.shard_shape.is_none() && is_tiled {
        return Ok("A tile this small is one chunk.");
    }
    Ok(match access(options.get("access"))? {
        Access::Map => {
            "Chunks are cut along time first, so that all places at one time are in few of them."
        }
        Access::Series => {
            "Chunks are cut along the other dimensions before time, so that one place at all times is in few of them."
        }
        Access::Both => {
            "The longest lengths were halved until a chunk was small; say --access map or series if reads go one way."
        }
    })
}

fn shards_reason(plan: &StoragePlan, options: &StorageOptions, large: bool) -> &'static str {
    match (&plan.shard_shape, is_asked(options, "shards")) {
        (Some(_), true) => "Shards have the lengths that were asked for.",
        (None, true) => "Each chunk is an object of its own, as was asked for.",
        (Some(_), false) => {
            "An array of more than 64 MiB has its chunks in shards of about 16 MiB: small reads, and not too many objects."
        }
        (None, false) if large => "One chunk fills a shard, so each is an object of its own.",
        (None, false) => "An array of at most 64 MiB needs no shards: each chunk is an object.",
    }
}

fn codecs_reason(options: &StorageOptions) -> &'static str {
    let checked = options.get("checksum") != Some(&Value::Bool(false));
    match (options.contains_key("codec"), checked) {
        (true, true) => {
            "The codec is the one that was asked for; every chunk carries a CRC-32C that each read verifies."
        }
        (false, true) => {
            "Without a codec asked for it is zstd, which is fast and widely read; every chunk carries a CRC-32C that each read verifies."
        }
        (_, false) => "There is no checksum, as was asked for: damage may go unseen.",
    }
}

/// A codec as people write it: its name, and its level if it has one.
fn codec_name(codec: &Value) -> String {
    let name = codec.get("name").and_then(Value::as_str).unwrap_or("?");
    let configuration = codec.get("configuration");
    let level = configuration.and_then(|configuration| {
        let level = configuration
            .get("level")
            .or_else(|| configuration.get("clevel"));
        level.and_then(Value::as_i64)
    });
    match level {
        Some(level) => format!("{name} {level}"),
        None => name.to_owned(),
    }
}
