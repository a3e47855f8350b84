//! The shapes of chunks and shards when the user leaves them open.

use hyperslab_core::{Coordinates, Error, Result, Schema};

use super::Access;

/// Arrays above this get shards: their chunks can be small without there being too many objects.
const LARGE_BYTES: u64 = 64 << 20;

/// The size a chunk is aimed at when it is an object of its own.
const CHUNK_BYTES: u64 = 1 << 20;

/// The size a chunk is aimed at when it lies in a shard.
const INNER_BYTES: u64 = 256 << 10;

/// The size a shard is aimed at: worth a request, small enough to be written anew.
const SHARD_BYTES: u64 = 16 << 20;

/// A tile is cut into so many equal chunks along an axis at once.
const PARTS_MAX: u64 = 16;

/// The largest chunk or shard that can be asked for; it is held in memory whole.
const OBJECT_BYTES_MAX: u64 = 2 << 30;

/// The most chunks a shard may have; its index takes 16 bytes for each.
const SHARD_CHUNKS_MAX: u64 = 1 << 20;

fn bytes(shape: &[u64], cell_size: u64) -> u64 {
    shape
        .iter()
        .fold(cell_size, |bytes, &length| bytes.saturating_mul(length))
}

fn cell_size(schema: &Schema) -> u64 {
    schema.dtype().size() as u64
}

/// Whether an array of the schema gets shards if nothing is said.
pub(super) fn is_large(schema: &Schema) -> bool {
    bytes(&schema.shape(), cell_size(schema)) > LARGE_BYTES
}

/// The axis of time, or the first one.
fn time_axis(schema: &Schema) -> usize {
    let is_time = |coordinates: &Option<Coordinates>| {
        matches!(
            coordinates,
            Some(Coordinates::Times { .. } | Coordinates::TimeScale { .. })
        )
    };
    let mut dimensions = schema.dimensions().iter();
    dimensions
        .position(|dimension| is_time(&dimension.coordinates))
        .unwrap_or(0)
}

/// The shape of a chunk: the array halved until it is small.
pub(super) fn chunk(schema: &Schema, access: Access, sharded: bool) -> Vec<u64> {
    let target = if sharded { INNER_BYTES } else { CHUNK_BYTES };
    let shape = schema.shape().iter().map(|&size| size.max(1)).collect();
    let half = |length: u64| (length > 1).then_some(length.div_ceil(2));
    cut(schema, access, target, shape, half)
}

/// The same of a tile, which is cut into equal chunks.
pub(super) fn chunk_of_tile(schema: &Schema, access: Access, tile: &[u64]) -> Vec<u64> {
    let target = match bytes(tile, cell_size(schema)) {
        whole if whole <= CHUNK_BYTES => CHUNK_BYTES,
        _ if is_large(schema) => INNER_BYTES,
        _ => CHUNK_BYTES,
    };
    // A length without a small divisor would become very many chunks at once.
    let part = |length: u64| {
        let parts = (2..=PARTS_MAX.min(length)).find(|&parts| length.is_multiple_of(parts));
        parts.map(|parts| length / parts)
    };
    cut(schema, access, target, tile.to_vec(), part)
}

/// Cuts a shape, along the axis that matters least to the way of access, until it is small; `shorter` gives the next length, if
/// there is one.
fn cut(
    schema: &Schema,
    access: Access,
    target: u64,
    mut shape: Vec<u64>,
    shorter: impl Fn(u64) -> Option<u64>,
) -> Vec<u64> {
    let time = time_axis(schema);
    while bytes(&shape, cell_size(schema)) > target {
        let longest = |skip: Option<usize>| {
            let axes = shape.iter().enumerate();
            let axes =
                axes.filter(|(axis, length)| Some(*axis) != skip && shorter(**length).is_some());
            axes.max_by_key(|(axis, length)| (**length, usize::MAX - axis))
                .map(|(axis, _)| axis)
        };
        let axis = match access {
            Access::Map
                if shape
                    .get(time)
                    .is_some_and(|&length| shorter(length).is_some()) =>
            {
                Some(time)
            }
            Access::Series => longest(Some(time)).or_else(|| longest(None)),
            Access::Map | Access::Both => longest(None),
        };
        let Some(length) = axis.and_then(|axis| shape.get_mut(axis)) else {
            break;
        };
        let Some(next) = shorter(*length) else {
            break;
        };
        *length = next;
    }
    shape
}

/// The shape of a shard: the chunk doubled along each axis in turn, the last first, until it is large enough or covers
/// the array.
pub(super) fn shard(schema: &Schema, chunk_shape: &[u64]) -> Option<Vec<u64>> {
    let room: Vec<u64> = (schema.shape().iter().zip(chunk_shape))
        .map(|(size, chunk)| size.max(&1).next_multiple_of(*chunk))
        .collect();
    let mut shard = chunk_shape.to_vec();
    loop {
        let mut grown = false;
        for axis in (0..shard.len()).rev() {
            let doubled = (shard[axis] * 2).min(room[axis]);
            if doubled > shard[axis] && bytes(&shard, cell_size(schema)) < SHARD_BYTES {
                shard[axis] = doubled;
                grown = true;
            }
        }
        if !grown {
            return (shard != chunk_shape).then_some(shard);
        }
    }
}

/// Refuses shapes that would not work.
pub(super) fn check(schema: &Schema, chunk: &[u64], shard: Option<&[u64]>) -> Result<()> {
    let object = bytes(shard.unwrap_or(chunk), cell_size(schema));
    if object > OBJECT_BYTES_MAX {
        let what = if shard.is_some() { "shards" } else { "chunks" };
        return Err(Error::invalid(format!(
            "storage option '{what}': {object} bytes are more than the {OBJECT_BYTES_MAX} that fit one object"
        )));
    }
    let inner = bytes(chunk, 1);
    match shard {
        Some(shard) if bytes(shard, 1) / inner.max(1) > SHARD_CHUNKS_MAX => {
            Err(Error::invalid(format!(
                "storage option 'shards': a shard of more than {SHARD_CHUNKS_MAX} chunks; choose larger chunks"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::{DType, Dimension};

    fn schema(shape: [u64; 3]) -> Schema {
        Schema::builder(DType::Float32)
            .dimension(Dimension::new("t", shape[0]))
            .dimension(Dimension::new("y", shape[1]))
            .dimension(Dimension::new("x", shape[2]))
            .build()
            .unwrap()
    }

    #[test]
    fn the_way_of_access_shapes_the_chunk() {
        let schema = schema([1000, 721, 1440]);
        assert!(is_large(&schema));
        let map = chunk(&schema, Access::Map, true);
        let series = chunk(&schema, Access::Series, true);
        assert_eq!(map[0], 1);
        assert_eq!(series[0], 1000);
        for shape in [map, series, chunk(&schema, Access::Both, true)] {
            let size = bytes(&shape, 4);
            assert!((INNER_BYTES / 4..=INNER_BYTES).contains(&size), "{shape:?}");
            let shard = shard(&schema, &shape).unwrap();
            let size = bytes(&shard, 4);
            assert!((SHARD_BYTES..=SHARD_BYTES * 2).contains(&size), "{shard:?}");
            assert!(
                shard
                    .iter()
                    .zip(&shape)
                    .all(|(shard, chunk)| shard % chunk == 0)
            );
            check(&schema, &shape, Some(&shard)).unwrap();
        }
    }

    #[test]
    fn a_small_array_is_one_chunk() {
        let schema = schema([1, 64, 64]);
        assert!(!is_large(&schema));
        assert_eq!(chunk(&schema, Access::Both, false), [1, 64, 64]);
        assert_eq!(shard(&schema, &[1, 64, 64]), None);
    }
}
