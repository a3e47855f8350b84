//! Storage options: what a user may say about chunks, shards and codecs, and what is chosen when nothing is said.

mod explain;
mod shapes;
mod tiles;

pub(crate) use explain::explain;
use hyperslab_core::{Error, Result, Schema, StorageOptions};
use serde_json::{Value, json};

use crate::chunks::ChunkLayout;
use crate::codec::Codecs;

const KNOWN: [&str; 8] = [
    "access",
    "checksum",
    "chunks",
    "codec",
    "level",
    "shards",
    "transpose",
    "variable",
];

/// How the arrays of a collection will mostly be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// All places at one time.
    Map,
    /// One place at all times.
    Series,
    /// Either.
    Both,
}

/// The storage options of a collection, checked, with every choice made.
#[derive(Debug, Clone)]
pub(crate) struct StoragePlan {
    /// The name of the data variable, if the user chose one.
    pub(crate) variable: Option<String>,
    /// Cells of one chunk along each axis, none of them zero.
    pub(crate) chunk_shape: Vec<u64>,
    /// Cells of one shard along each axis, multiples of the chunk's.
    pub(crate) shard_shape: Option<Vec<u64>>,
    /// What a chunk goes through, as Zarr metadata.
    pub(crate) codecs: Vec<Value>,
}

impl StoragePlan {
    /// Checks the options for the arrays of a schema and makes the choices left open.
    ///
    /// # Errors
    /// `InvalidInput` that names the option at fault.
    pub(crate) fn new(options: &StorageOptions, schema: &Schema) -> Result<Self> {
        if let Some(unknown) = options.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Error::invalid(format!(
                "storage option '{unknown}' is unknown; options of the adapter 'zarr' are {}",
                KNOWN.join(", ")
            )));
        }
        let access = access(options.get("access"))?;
        let (chunk_shape, shard_shape) = match schema.tile_shape() {
            Some(tile) => tiles::shapes(options, schema, access, tile)?,
            None => chosen_shapes(options, schema, access)?,
        };
        let plan = Self {
            variable: text("variable", options.get("variable"))?,
            codecs: codecs(options, schema)?,
            chunk_shape,
            shard_shape,
        };
        shapes::check(schema, &plan.chunk_shape, plan.shard_shape.as_deref())?;
        Codecs::new(
            &plan.codecs,
            schema.dtype(),
            schema.fill_value(),
            &plan.chunk_shape,
        )?;
        Ok(plan)
    }

    /// How an array is cut.
    pub(crate) fn layout(&self, shape: &[u64]) -> ChunkLayout {
        ChunkLayout::new(shape, &self.chunk_shape, self.shard_shape.as_deref())
    }
}

/// The shape of a chunk and that of a shard, if there are any, as asked for or chosen.
fn chosen_shapes(
    options: &StorageOptions,
    schema: &Schema,
    access: Access,
) -> Result<(Vec<u64>, Option<Vec<u64>>)> {
    let (shape, shards) = (schema.shape(), options.get("shards"));
    let sharded = match shards {
        None => shapes::is_large(schema),
        Some(value) if is_text(value, "auto") => shapes::is_large(schema),
        Some(value) => !is_text(value, "none"),
    };
    let chunk_shape = match options.get("chunks") {
        None => shapes::chunk(schema, access, sharded),
        Some(value) if is_text(value, "auto") => shapes::chunk(schema, access, sharded),
        Some(value) => lengths("chunks", value, &shape)?,
    };
    let shard_shape = match shards {
        _ if !sharded => None,
        Some(value @ Value::Array(_)) => Some(shard_lengths(value, &shape, &chunk_shape)?),
        Some(value) if !is_text(value, "auto") => {
            return Err(refuse(
                "shards",
                "\"auto\", \"none\" or a length per dimension",
                value,
            ));
        }
        _ => shapes::shard(schema, &chunk_shape),
    };
    Ok((chunk_shape, shard_shape))
}

fn refuse(option: &str, wanted: &str, value: &Value) -> Error {
    Error::invalid(format!(
        "storage option '{option}' is {wanted}, not {value}"
    ))
}

fn is_text(value: &Value, text: &str) -> bool {
    value.as_str() == Some(text)
}

fn text(option: &str, value: Option<&Value>) -> Result<Option<String>> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) => {
            hyperslab_core::name::check_identifier("variable", text)?;
            Ok(Some(text.clone()))
        }
        Some(other) => Err(refuse(option, "a name", other)),
    }
}

fn access(value: Option<&Value>) -> Result<Access> {
    match value.map(|value| (value, value.as_str())) {
        None | Some((_, Some("both"))) => Ok(Access::Both),
        Some((_, Some("map"))) => Ok(Access::Map),
        Some((_, Some("series"))) => Ok(Access::Series),
        Some((other, _)) => Err(refuse("access", "\"map\", \"series\" or \"both\"", other)),
    }
}

/// A length for each axis: at least 1, at most its size.
fn lengths(option: &str, value: &Value, shape: &[u64]) -> Result<Vec<u64>> {
    let wanted = "\"auto\" or a length per dimension";
    let items = value
        .as_array()
        .ok_or_else(|| refuse(option, wanted, value))?;
    if items.len() != shape.len() {
        return Err(Error::invalid(format!(
            "storage option '{option}' has {} lengths for {} dimensions",
            items.len(),
            shape.len()
        )));
    }
    items
        .iter()
        .zip(shape)
        .map(|(item, &size)| match item.as_u64() {
            Some(length) if (1..=size.max(1)).contains(&length) => Ok(length),
            _ => Err(Error::invalid(format!(
                "storage option '{option}': {item} is no length along a dimension of size {size}; choose 1 to {}",
                size.max(1)
            ))),
        })
        .collect()
}

fn shard_lengths(value: &Value, shape: &[u64], chunk_shape: &[u64]) -> Result<Vec<u64>> {
    // A shard may reach beyond the array, up to the next multiple of a chunk.
    let room: Vec<u64> = (shape.iter().zip(chunk_shape))
        .map(|(size, chunk)| size.next_multiple_of(*chunk))
        .collect();
    let shard = lengths("shards", value, &room)?;
    match shard
        .iter()
        .zip(chunk_shape)
        .find(|(shard, chunk)| *shard % *chunk != 0)
    {
        None => Ok(shard),
        Some((shard, chunk)) => Err(Error::invalid(format!(
            "storage option 'shards': {shard} is no multiple of the length {chunk} of a chunk"
        ))),
    }
}

fn codecs(options: &StorageOptions, schema: &Schema) -> Result<Vec<Value>> {
    let mut codecs = Vec::new();
    if let Some(order) = options.get("transpose") {
        codecs.extend(transpose(order, schema.dimensions().len())?);
    }
    let bytes = match schema.dtype().size() {
        1 => json!({"name": "bytes"}),
        _ => json!({"name": "bytes", "configuration": {"endian": "little"}}),
    };
    codecs.push(bytes);
    codecs.extend(compression(options, schema)?);
    match options.get("checksum") {
        None | Some(Value::Bool(true)) => codecs.push(json!({"name": "crc32c"})),
        Some(Value::Bool(false)) => {}
        Some(other) => return Err(refuse("checksum", "true or false", other)),
    }
    Ok(codecs)
}

fn transpose(order: &Value, rank: usize) -> Result<Option<Value>> {
    let mut axes: Vec<u64> = order
        .as_array()
        .and_then(|axes| axes.iter().map(Value::as_u64).collect())
        .unwrap_or_default();
    let given = axes.clone();
    axes.sort_unstable();
    if axes.len() != rank || !axes.iter().zip(0..).all(|(axis, number)| *axis == number) {
        return Err(refuse(
            "transpose",
            "an order of all axes, as [1, 0]",
            order,
        ));
    }
    // One axis has one order, and Zarr does not name that of none.
    Ok((rank > 1).then(|| json!({"name": "transpose", "configuration": {"order": given}})))
}

fn compression(options: &StorageOptions, schema: &Schema) -> Result<Option<Value>> {
    let name = match options.get("codec") {
        None => "zstd",
        Some(Value::String(name)) => name,
        Some(other) => return Err(refuse("codec", "a name", other)),
    };
    let level = |range: std::ops::RangeInclusive<i64>, default: i64| match options.get("level") {
        None => Ok(default),
        Some(value) => value
            .as_i64()
            .filter(|level| range.contains(level))
            .ok_or_else(|| {
                let wanted = format!("{} to {} for {name}", range.start(), range.end());
                refuse("level", &wanted, value)
            }),
    };
    Ok(match name {
        "zstd" => Some(
            json!({"name": "zstd", "configuration": {"level": level(-7..=22, 1)?, "checksum": false}}),
        ),
        "gzip" => Some(json!({"name": "gzip", "configuration": {"level": level(0..=9, 4)?}})),
        "blosc" => {
            let size = schema.dtype().size();
            Some(json!({"name": "blosc", "configuration": {
                "cname": "zstd", "clevel": level(0..=9, 5)?, "blocksize": 0,
                "shuffle": if size > 1 { "shuffle" } else { "noshuffle" }, "typesize": size,
            }}))
        }
        "none" => match options.get("level") {
            None => None,
            Some(value) => {
                return Err(refuse(
                    "level",
                    "for codecs that have one, \"none\" has none",
                    value,
                ));
            }
        },
        other => {
            return Err(Error::invalid(format!(
                "storage option 'codec': \"{other}\" is unknown; choose \"zstd\", \"blosc\", \"gzip\" or \"none\""
            )));
        }
    })
}
