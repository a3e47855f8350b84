//! What a person is told of the storage of a collection.

use hyperslab_core::{CollectionMeta, Result, StorageExplanation, box_bytes};

use super::{Codec, StoragePlan};
use crate::file::VariableStorage;

/// How the arrays of a collection lie in their files, and why.
///
/// # Errors
/// `InvalidInput` that names the option at fault.
pub(crate) fn explain(collection: &CollectionMeta) -> Result<StorageExplanation> {
    let (schema, options) = (&collection.schema, &collection.storage);
    let tiles = schema.tile_grid().filter(|grid| grid.chunk_count() > 0);
    // What lies in a file: an array, or one of its tiles.
    let shape = match &tiles {
        Some(grid) => grid.chunk_shape().to_vec(),
        None => schema.shape(),
    };
    let dtype = schema.dtype();
    let plan = StoragePlan::of(collection)?;
    let (chunk_shape, codecs, why) = match plan.storage(&shape, dtype) {
        VariableStorage::Whole | VariableStorage::Contiguous | VariableStorage::Tiles(_) => (
            shape.iter().map(|&size| size.max(1)).collect(),
            Vec::new(),
            "An array with one cell or none has nothing to be cut or compressed.",
        ),
        VariableStorage::Chunked {
            chunk_shape,
            codecs,
        } => {
            let asked = options
                .get("chunks")
                .is_some_and(serde_json::Value::is_array);
            let why = match (asked, chunk_shape == shape) {
                (true, _) => "Chunks have the lengths that were asked for.",
                (false, true) => "An array of at most 1 MiB is one chunk.",
                (false, false) => {
                    "The longest lengths were halved until a chunk took at most 1 MiB: small enough to read a part, large enough to compress."
                }
            };
            let codecs = codecs.codecs().iter().map(Codec::name).collect();
            (chunk_shape, codecs, why)
        }
    };
    let codec = match options.get("codec") {
        Some(_) => "The codec is the one that was asked for; every chunk carries a checksum.",
        None => {
            "Without a codec asked for it is deflate, which every program that reads HDF5 knows; every chunk carries a checksum."
        }
    };
    Ok(StorageExplanation {
        chunk_bytes: box_bytes(&chunk_shape, dtype.size()),
        chunk_shape,
        shard_shape: None,
        tile_shape: tiles.as_ref().map(|grid| grid.chunk_shape().to_vec()),
        objects_per_array: tiles.as_ref().map_or(1, |grid| grid.chunk_count().saturating_add(1)),
        object_bytes: box_bytes(&shape, dtype.size()),
        reasons: [
            why,
            if codecs.is_empty() { "" } else { codec },
            match tiles {
                Some(_) => "Each tile is a file that is made when something is written into it, and one more file names all tiles.",
                None => "One file holds all chunks of an array, and a write publishes a new file with the other chunks copied as they are.",
            },
        ]
        .into_iter()
        .filter(|reason| !reason.is_empty())
        .map(str::to_owned)
        .collect(),
        codecs,
    })
}
