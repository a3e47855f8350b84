//! The Zarr nodes of an array: a group with the data variable and its coordinates, as any Zarr reader opens it.
//!
//! They are made from the head, which is the truth; a check finds when they differ.

use bytes::Bytes;
use hyperslab_cf::{ArrayContent, AttributeContent, AxisContent, CoordinateCells, NamedAttribute};
use hyperslab_core::{
    ArrayBuf, ArrayMeta, CollectionMeta, DType, Durability, Result, Scalar, Schema,
};
use serde_json::{Map, Value, json};

use crate::codec::Codecs;
use crate::compute::all;
use crate::document::to_bytes;
use crate::edit::ObjectCodec;
use crate::head::HeadPlace;
use crate::layout::{self, Place};
use crate::objects::body::Body;
use crate::objects::{Condition, Objects};
use crate::shard;
use crate::storage::StoragePlan;

/// An object of an array that is made from its head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    /// The path below the group of the array.
    pub(crate) path: String,
    pub(crate) bytes: Bytes,
}

impl Made {
    fn key(&self, group: &str) -> String {
        format!("{group}/{}", self.path)
    }
}

/// The name of the data variable.
pub(crate) fn variable_name(collection: &CollectionMeta, plan: &StoragePlan) -> String {
    hyperslab_cf::variable_name(collection, plan.variable.as_deref())
}

/// How the data variable of the arrays of a schema is stored.
pub(crate) fn object_codec(schema: &Schema, plan: &StoragePlan) -> Result<ObjectCodec> {
    let fill = schema.fill_value();
    Ok(ObjectCodec {
        codecs: Codecs::new(&plan.codecs, schema.dtype(), fill, &plan.chunk_shape)?,
        layout: plan.layout(&schema.shape()),
        fill,
    })
}

/// The group of a collection.
pub(crate) fn collection_group(collection: &CollectionMeta) -> Result<Bytes> {
    let metadata = collection.schema.metadata();
    let attributes = metadata
        .iter()
        .map(|(name, value)| (name.clone(), value.clone()));
    to_bytes(&json!({
        "zarr_format": 3,
        "node_type": "group",
        "attributes": Map::from_iter(attributes),
    }))
}

/// Everything in the group of an array but its cells; the metadata of the group itself come last.
pub(crate) fn made(
    collection: &CollectionMeta,
    plan: &StoragePlan,
    array: &ArrayMeta,
) -> Result<Vec<Made>> {
    let schema = &collection.schema;
    let content = ArrayContent::new(schema, array)?;
    let mut made = Vec::new();
    let mut members = Map::new();
    let mut add = |name: &str, node: Value, made: &mut Vec<Made>| -> Result<()> {
        made.push(Made {
            path: layout::metadata(name),
            bytes: to_bytes(&node)?,
        });
        members.insert(name.to_owned(), node);
        Ok(())
    };
    for axis in &content.axes {
        if let Some((node, cells)) = coordinate(axis)? {
            add(&axis.name, node, &mut made)?;
            made.extend(cells.map(|bytes| Made {
                path: layout::chunk(&axis.name, &[0]),
                bytes,
            }));
        }
    }
    let name = variable_name(collection, plan);
    add(&name, variable(schema, plan, &content), &mut made)?;
    made.push(Made {
        path: layout::METADATA.to_owned(),
        bytes: to_bytes(&json!({
            "zarr_format": 3,
            "node_type": "group",
            "attributes": attributes(&content.attributes),
            "consolidated_metadata": {
                "kind": "inline",
                "must_understand": false,
                "metadata": members,
            },
        }))?,
    });
    Ok(made)
}

/// Puts objects that are made from a head.
pub(crate) async fn put(
    objects: &dyn Objects,
    group: &str,
    made: Vec<Made>,
    durability: Durability,
) -> Result<()> {
    let puts = made.into_iter().map(|made| async move {
        let key = made.key(group);
        let put = objects.put(&key, made.bytes, Condition::None, durability);
        put.await.map(drop)
    });
    all(puts).await.map(drop)
}

/// Objects that are made from a head, under their keys.
pub(crate) fn keyed(group: &str, made: Vec<Made>) -> Vec<(String, Body)> {
    let keyed = |made: Made| (made.key(group), made.bytes.into());
    made.into_iter().map(keyed).collect()
}

/// Writes the metadata of an array anew, after its attributes have changed.
pub(crate) async fn write_metadata(
    head: &HeadPlace,
    place: &Place,
    durability: Durability,
) -> Result<()> {
    let collection = &head.collection;
    let plan = StoragePlan::new(&collection.storage, &collection.schema)?;
    loop {
        let Some(seen) = head.read().await? else {
            return Ok(());
        };
        let mut nodes = made(collection, &plan, &seen.head.meta)?;
        // The coordinates may start at an attribute, so they are put again as well.
        if collection
            .schema
            .dimensions()
            .iter()
            .all(|dimension| !starts_at_attribute(dimension))
        {
            let name = variable_name(collection, &plan);
            let changed = [layout::metadata(&name), layout::METADATA.to_owned()];
            nodes.retain(|made| changed.contains(&made.path));
        }
        put(
            &*head.objects,
            &place.group(&seen.head.folder),
            nodes,
            durability,
        )
        .await?;
        // Another change may have come between, and its metadata before ours.
        match head.read().await? {
            // Compared as they are stored: a NaN is not equal to itself.
            Some(now) if now.head.meta.custom.to_json() != seen.head.meta.custom.to_json() => {}
            _ => return Ok(()),
        }
    }
}

fn starts_at_attribute(dimension: &hyperslab_core::Dimension) -> bool {
    use hyperslab_core::{Coordinates, TimeStart};
    matches!(
        &dimension.coordinates,
        Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(_),
            ..
        })
    )
}

fn variable(schema: &Schema, plan: &StoragePlan, content: &ArrayContent) -> Value {
    let fill = schema.fill_value();
    let (chunk_shape, codecs) = match &plan.shard_shape {
        Some(shard) => (
            shard,
            vec![shard::metadata(&plan.chunk_shape, &plan.codecs)],
        ),
        None => (&plan.chunk_shape, plan.codecs.clone()),
    };
    let mut own = attributes(&content.variable_attributes);
    if schema.declared_fill_value().is_some()
        && let Some(value) = fill_attribute(fill)
    {
        own.insert("_FillValue".to_owned(), value);
    }
    let names: Vec<&str> = schema
        .dimensions()
        .iter()
        .map(|d| d.name.as_str())
        .collect();
    json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": schema.shape(),
        "data_type": schema.dtype().name(),
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunk_shape}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill_value(fill),
        "codecs": codecs,
        "attributes": own,
        "dimension_names": names,
    })
}

/// A coordinate variable and its only chunk; `None` for an axis without coordinates.
fn coordinate(axis: &AxisContent) -> Result<Option<(Value, Option<Bytes>)>> {
    let Some(coordinate) = &axis.coordinate else {
        return Ok(None);
    };
    let (dtype, fill, codecs, cells) = match &coordinate.values {
        CoordinateCells::Numbers(cells) => {
            let dtype = cells.dtype();
            let codecs = vec![
                json!({"name": "bytes", "configuration": {"endian": "little"}}),
                json!({"name": "zstd", "configuration": {"level": 1, "checksum": false}}),
                json!({"name": "crc32c"}),
            ];
            // Zero, and not what a cell without a value would be: a coordinate always has one.
            let fill = Scalar::from_f64(dtype, 0.0).unwrap_or(Scalar::default_fill(dtype));
            let bytes = encoded(cells, fill, &codecs)?;
            (dtype.name(), fill_value(fill), codecs, bytes)
        }
        CoordinateCells::Texts(texts) => {
            let codecs = vec![json!({"name": "vlen-utf8"}), json!({"name": "crc32c"})];
            ("string", json!(""), codecs, texts_cells(texts))
        }
    };
    let node = json!({
        "zarr_format": 3,
        "node_type": "array",
        "shape": [axis.size],
        "data_type": dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [axis.size.max(1)]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": fill,
        "codecs": codecs,
        "attributes": attributes(&coordinate.attributes),
        "dimension_names": [axis.name],
    });
    Ok(Some((node, (axis.size > 0).then_some(cells))))
}

fn encoded(cells: &ArrayBuf, fill: Scalar, codecs: &[Value]) -> Result<Bytes> {
    let shape: Vec<u64> = cells.shape().iter().map(|&size| size.max(1)).collect();
    let codecs = Codecs::new(codecs, cells.dtype(), fill, &shape)?;
    if cells.bytes().is_empty() {
        return Ok(Bytes::new());
    }
    codecs.encode(cells.bytes()).map(Bytes::from)
}

/// The codec `vlen-utf8`: the number of texts, then each with its length before it, in little-endian `u32`; then the codec
/// `crc32c`.
fn texts_cells(texts: &[String]) -> Bytes {
    let length = |count: usize| u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = length(texts.len()).to_vec();
    for text in texts {
        bytes.extend_from_slice(&length(text.len()));
        bytes.extend_from_slice(text.as_bytes());
    }
    let checksum = crc32c::crc32c(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.into()
}

fn attributes(named: &[NamedAttribute]) -> Map<String, Value> {
    let named = named.iter();
    named
        .map(|(name, content)| (name.clone(), attribute(content)))
        .collect()
}

fn attribute(content: &AttributeContent) -> Value {
    match content {
        AttributeContent::Text(text) => json!(text),
        AttributeContent::Texts(texts) => json!(texts),
        AttributeContent::Numbers(cells) => {
            let scalars = cells.scalars().flatten().map(Scalar::to_json);
            let mut values: Vec<Value> = scalars.collect();
            match values.pop() {
                Some(only) if cells.shape().is_empty() => only,
                Some(last) => {
                    values.push(last);
                    Value::Array(values)
                }
                None => Value::Array(values),
            }
        }
    }
}

/// A fill value as Zarr writes it: a NaN of other bits than the usual ones by its bits.
pub(crate) fn fill_value(fill: Scalar) -> Value {
    let hex = |bits: u64, digits: usize| json!(format!("0x{bits:0digits$x}"));
    match fill {
        Scalar::Float32(value) if value.is_nan() && value.to_bits() != f32::NAN.to_bits() => {
            hex(u64::from(value.to_bits()), 8)
        }
        Scalar::Float64(value) if value.is_nan() && value.to_bits() != f64::NAN.to_bits() => {
            hex(value.to_bits(), 16)
        }
        other => other.to_json(),
    }
}

/// The attribute by which xarray knows which cells are missing: for floats the bytes of a `float64`, in Base64.
fn fill_attribute(fill: Scalar) -> Option<Value> {
    use base64::Engine;
    match fill.dtype() {
        DType::Bool | DType::Complex64 | DType::Complex128 => None,
        dtype if dtype.is_inexact() => {
            let value = fill.as_f64()?;
            let engine = base64::engine::general_purpose::STANDARD;
            Some(json!(engine.encode(value.to_le_bytes())))
        }
        _ => Some(fill.to_json()),
    }
}
