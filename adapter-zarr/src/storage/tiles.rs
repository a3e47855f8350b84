//! Chunks and shards of arrays in tiles: a tile is one object, a shard of several chunks or one chunk.

use hyperslab_core::{Error, Result, Schema, StorageOptions};
use serde_json::Value;

use super::{Access, is_text, lengths, refuse, shapes};

/// The shape of a chunk, and that of a shard if a tile has several chunks.
///
/// # Errors
/// `InvalidInput` when chunks do not divide the tile, or shards are asked for that are no tiles.
pub(super) fn shapes(
    options: &StorageOptions,
    schema: &Schema,
    access: Access,
    tile: &[u64],
) -> Result<(Vec<u64>, Option<Vec<u64>>)> {
    let given = |name: &str| options.get(name).filter(|value| !is_text(value, "auto"));
    let chunk = match given("chunks") {
        Some(value) => divisors(lengths("chunks", value, tile)?, tile)?,
        None if given("shards").is_some_and(|value| is_text(value, "none")) => tile.to_vec(),
        None => shapes::chunk_of_tile(schema, access, tile),
    };
    let is_one = chunk == tile;
    match given("shards") {
        None => {}
        Some(value) if is_text(value, "none") && is_one => {}
        Some(value) if is_text(value, "none") => {
            return Err(Error::invalid(
                "storage option 'shards': \"none\" and chunks smaller than a tile; a tile is one object",
            ));
        }
        Some(value @ Value::Array(_))
            if lengths("shards", value, tile).ok().as_deref() == Some(tile) => {}
        Some(value @ Value::Array(_)) => {
            return Err(Error::invalid(format!(
                "storage option 'shards' is {value}, and a tile, which is one shard, has the shape {tile:?}; leave the option out"
            )));
        }
        Some(value) => return Err(refuse("shards", "\"auto\" or the shape of a tile", value)),
    }
    Ok((chunk, (!is_one).then(|| tile.to_vec())))
}

fn divisors(chunk: Vec<u64>, tile: &[u64]) -> Result<Vec<u64>> {
    let mut axes = chunk.iter().zip(tile);
    match axes.find(|(chunk, tile)| *tile % *chunk != 0) {
        None => Ok(chunk),
        Some((chunk, tile)) => Err(Error::invalid(format!(
            "storage option 'chunks': {chunk} does not divide the length {tile} of a tile"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::StoragePlan;
    use hyperslab_core::{DType, Dimension};
    use serde_json::json;

    use super::*;

    fn plan(options: Value) -> Result<(Vec<u64>, Option<Vec<u64>>)> {
        let schema = Schema::builder(DType::Float64)
            .dimension(Dimension::new("y", 1000))
            .dimension(Dimension::new("x", 999))
            .tile_shape([600, 333])
            .build()
            .unwrap();
        let Value::Object(options) = options else {
            panic!("options are an object")
        };
        let plan = StoragePlan::new(&options, &schema)?;
        Ok((plan.chunk_shape, plan.shard_shape))
    }

    #[test]
    fn a_tile_is_one_object() {
        let tile = Some(vec![600, 333]);
        assert_eq!(plan(json!({})).unwrap(), (vec![300, 333], tile.clone()));
        assert_eq!(
            plan(json!({"shards": "none"})).unwrap(),
            (vec![600, 333], None)
        );
        let whole = json!({"chunks": [600, 333], "shards": [600, 333]});
        assert_eq!(plan(whole).unwrap(), (vec![600, 333], None));
        let parts = json!({"chunks": [200, 111], "shards": [600, 333]});
        assert_eq!(plan(parts).unwrap(), (vec![200, 111], tile));
    }

    #[test]
    fn what_is_no_tile_is_refused() {
        for options in [
            json!({"chunks": [400, 333]}),
            json!({"chunks": [601, 333]}),
            json!({"shards": [300, 333]}),
            json!({"shards": [1200, 333]}),
            json!({"shards": "none", "chunks": [300, 333]}),
            json!({"shards": 3}),
        ] {
            let error = plan(options.clone()).unwrap_err();
            assert!(
                error.message().contains("storage option"),
                "{options}: {error}"
            );
        }
    }
}
