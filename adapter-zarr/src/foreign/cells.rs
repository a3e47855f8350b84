//! The chunks of a foreign array: fetched, and always decoded whole, because a checksum covers a whole chunk.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use hyperslab_core::{DType, Error, Hyperslab, Result, byte_count};
use serde_json::{Map, Value};
use zarrs::array::{
    Array, ArrayBytes, ArrayToBytesCodecTraits, CodecChain, CodecError, CodecOptions,
};
use zarrs::metadata::v3::MetadataV3;

use crate::chunks::{ChunkLayout, ObjectPart, Part};
use crate::compute::{IN_FLIGHT, compute};
use crate::objects::{Objects, Ranges};
use crate::shard::{self, ShardIndex};

/// The largest chunk that is decoded; damaged metadata may ask for any size.
const CHUNK_BYTES_MAX: usize = 4 << 30;

/// Sizes above this are those of no array, and would overflow when they are added up.
const ARRAY_BYTES_MAX: u64 = 1 << 60;

/// How often a shard is read anew because another program replaced it meanwhile.
const ATTEMPTS: usize = 4;

/// Where the index of a shard lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IndexPlace {
    Start,
    End,
}

/// How the objects of an array are cut, found and decoded.
#[derive(Debug)]
pub(super) struct Cells {
    layout: ChunkLayout,
    index: Option<IndexPlace>,
    unit: Arc<Unit>,
}

/// What is decoded at once: a chunk, or a chunk of a shard.
#[derive(Debug)]
struct Unit {
    chain: Arc<CodecChain>,
    array: Array<()>,
    shape: Vec<NonZeroU64>,
    byte_count: usize,
}

impl Cells {
    /// # Errors
    /// `Unsupported` for a grid that is not regular and for a codec, by name; `Corrupt` and `TooLarge` for sizes that no
    /// array has.
    pub(super) fn new(
        array: &Array<()>,
        metadata: &Map<String, Value>,
        dtype: Option<DType>,
    ) -> Result<Self> {
        let cell_size = dtype.map_or(1, DType::size);
        let outer = grid(metadata)?;
        for (what, lengths) in [("shape", array.shape()), ("chunk", &outer)] {
            let bytes = lengths.iter().try_fold(cell_size as u64, |bytes, &length| {
                bytes.checked_mul(length.max(1))
            });
            if bytes.is_none_or(|bytes| bytes > ARRAY_BYTES_MAX) {
                return Err(Error::corrupt(format!(
                    "a {what} of {lengths:?} is that of no array"
                )));
            }
        }
        let sharded = standard_shards(metadata)?;
        let (inner, chain, index) = match sharded {
            Some(sharded) => (sharded.chunk_shape, sharded.chain, Some(sharded.index)),
            None => (outer.clone(), array.codecs(), None),
        };
        let divides = |(outer, inner): (&u64, &u64)| *inner > 0 && outer % inner == 0;
        if outer.len() != array.shape().len()
            || inner.len() != outer.len()
            || !outer.iter().zip(&inner).all(divides)
        {
            return Err(Error::corrupt(format!(
                "chunks of {inner:?} in shards of {outer:?} do not fit an array of {:?}",
                array.shape()
            )));
        }
        let byte_count = byte_count(dtype.unwrap_or(DType::UInt8), &inner)
            .ok()
            .filter(|&bytes| bytes <= CHUNK_BYTES_MAX)
            .ok_or_else(|| {
                Error::too_large(format!(
                    "a chunk of {inner:?} is larger than the {CHUNK_BYTES_MAX} bytes that are decoded at once"
                ))
            })?;
        Ok(Self {
            layout: ChunkLayout::new(array.shape(), &inner, index.map(|_| &outer[..])),
            index,
            unit: Arc::new(Unit {
                chain,
                array: array.with_storage(Arc::new(())),
                shape: inner
                    .iter()
                    .filter_map(|&length| NonZeroU64::new(length))
                    .collect(),
                byte_count,
            }),
        })
    }

    pub(super) fn layout(&self) -> &ChunkLayout {
        &self.layout
    }

    /// The chunks that a hyperslab touches, decoded, `None` for those that are not stored; given to `take` as they come.
    pub(super) async fn decode(
        &self,
        objects: &dyn Objects,
        slab: &Hyperslab,
        mut take: impl FnMut(Part, Option<ArrayBytes<'static>>) -> Result<()>,
    ) -> Result<()> {
        let touched = self.layout.objects_of(slab);
        let fetches: Vec<_> = touched
            .iter()
            .map(|object| self.one(objects, object))
            .collect();
        let mut fetched = stream::iter(fetches).buffer_unordered(IN_FLIGHT);
        while let Some(chunks) = fetched.try_next().await? {
            for (part, cells) in chunks {
                take(part, cells)?;
            }
        }
        Ok(())
    }

    async fn one(
        &self,
        objects: &dyn Objects,
        object: &ObjectPart,
    ) -> Result<Vec<(Part, Option<ArrayBytes<'static>>)>> {
        let position = self.layout.objects().position(object.object);
        let key = self.unit.array.chunk_key(&position);
        let key = key.as_str();
        let stored = self.fetch(objects, key, object).await?;
        let parts: Vec<(Part, Option<Bytes>)> = object.parts.iter().cloned().zip(stored).collect();
        let unit = Arc::clone(&self.unit);
        let size = unit.byte_count.saturating_mul(parts.len());
        let decoded = compute(size, move || {
            let decode = |(part, stored): (Part, Option<Bytes>)| {
                Ok((part, stored.map(|bytes| unit.decode(&bytes)).transpose()?))
            };
            parts.into_iter().map(decode).collect()
        });
        decoded
            .await
            .map_err(|error: Error| error.context(format!("{}/{key}", objects.url())))
    }

    /// The stored bytes of the chunks of one object, in the order of its parts.
    async fn fetch(
        &self,
        objects: &dyn Objects,
        key: &str,
        object: &ObjectPart,
    ) -> Result<Vec<Option<Bytes>>> {
        let Some(place) = self.index else {
            let found = objects.get(key).await?;
            return Ok(vec![found.map(|found| found.bytes); object.parts.len()]);
        };
        for _ in 0..ATTEMPTS {
            let index = self.read_index(objects, key, place).await;
            let index = index.map_err(|error| error.context(format!("{}/{key}", objects.url())))?;
            let Some((index, version)) = index else {
                return Ok(vec![None; object.parts.len()]);
            };
            let numbers = object.parts.iter().map(|part| part.number);
            let ranges: Vec<Option<Range<u64>>> = numbers
                .map(|number| index.get(number).cloned().flatten())
                .collect();
            let wanted: Vec<Range<u64>> = ranges.iter().flatten().cloned().collect();
            if wanted.is_empty() {
                return Ok(vec![None; ranges.len()]);
            }
            let found = objects.get_ranges(key, &wanted, Some(&version)).await?;
            if let Ranges::Found { parts, .. } = found {
                let mut parts = parts.into_iter();
                let part = |range: &Option<_>| range.as_ref().and_then(|_| parts.next());
                return Ok(ranges.iter().map(part).collect());
            }
        }
        Err(Error::conflict(format!(
            "{}/{key} is being replaced again and again; try later",
            objects.url()
        )))
    }

    async fn read_index(
        &self,
        objects: &dyn Objects,
        key: &str,
        place: IndexPlace,
    ) -> Result<Option<(ShardIndex, crate::objects::Version)>> {
        let count = self.layout.chunks_per_object();
        let length = shard::index_length(count);
        let (bytes, size, version) = match place {
            IndexPlace::End => match objects.get_tail(key, length).await? {
                Some(tail) => (tail.bytes, tail.size, tail.version),
                None => return Ok(None),
            },
            IndexPlace::Start => {
                let first = Range {
                    start: 0,
                    end: length,
                };
                match objects.get_ranges(key, &[first], None).await? {
                    // The size is not known; a range beyond it is an error when it is read.
                    Ranges::Found { mut parts, version } => {
                        (parts.pop().unwrap_or_default(), u64::MAX, version)
                    }
                    Ranges::Absent | Ranges::Changed => return Ok(None),
                }
            }
        };
        Ok(Some((shard::parse_index(&bytes, count, size)?, version)))
    }
}

impl Unit {
    fn decode(&self, stored: &[u8]) -> Result<ArrayBytes<'static>> {
        let options = CodecOptions::default()
            .with_validate_checksums(true)
            .with_concurrent_target(1);
        let (dtype, fill) = (self.array.data_type(), self.array.fill_value());
        self.chain
            .decode(Cow::Borrowed(stored), &self.shape, dtype, fill, &options)
            .map(ArrayBytes::into_owned)
            .map_err(|error| match error {
                CodecError::UnsupportedDataType(..) | CodecError::UnsupportedDataTypeCodec(_) => {
                    Error::unsupported(error.to_string())
                }
                other => Error::corrupt(format!("a chunk does not decode: {other}")),
            })
    }
}

/// The lengths of a chunk, or of a shard.
fn grid(metadata: &Map<String, Value>) -> Result<Vec<u64>> {
    let grid = metadata.get("chunk_grid");
    if let Some(name) = grid.and_then(name_of)
        && name != "regular"
    {
        return Err(Error::unsupported(format!(
            "the chunk grid '{name}' is not known, only 'regular'"
        )));
    }
    let lengths = grid.map_or_else(
        || metadata.get("chunks"),
        |grid| grid.get("configuration")?.get("chunk_shape"),
    );
    lengths
        .and_then(lengths_of)
        .ok_or_else(|| Error::corrupt("the metadata do not say how the array is cut"))
}

fn lengths_of(value: &Value) -> Option<Vec<u64>> {
    value.as_array()?.iter().map(Value::as_u64).collect()
}

fn name_of(value: &Value) -> Option<&str> {
    value.as_str().or_else(|| value.get("name")?.as_str())
}

/// Shards as nearly all writers make them. Others are decoded whole, as one chunk.
struct StandardShards {
    chunk_shape: Vec<u64>,
    chain: Arc<CodecChain>,
    index: IndexPlace,
}

fn standard_shards(metadata: &Map<String, Value>) -> Result<Option<StandardShards>> {
    let codecs = metadata.get("codecs").and_then(Value::as_array);
    let Some([only]) = codecs.map(Vec::as_slice) else {
        return Ok(None);
    };
    let configuration = only.get("configuration");
    let (Some("sharding_indexed"), Some(configuration)) = (name_of(only), configuration) else {
        return Ok(None);
    };
    let index_codecs = configuration
        .get("index_codecs")
        .and_then(Value::as_array)
        .map(Vec::as_slice);
    let is_little = |codec: &Value| {
        let endian = codec.get("configuration").and_then(|c| c.get("endian"));
        name_of(codec) == Some("bytes") && endian.and_then(Value::as_str) == Some("little")
    };
    let standard = matches!(index_codecs, Some([bytes, checksum])
        if is_little(bytes) && name_of(checksum) == Some("crc32c"));
    let index = match configuration.get("index_location").map(Value::as_str) {
        None | Some(Some("end")) => IndexPlace::End,
        Some(Some("start")) => IndexPlace::Start,
        _ => return Ok(None),
    };
    let (Some(chunk_shape), Some(codecs), true) = (
        configuration.get("chunk_shape").and_then(lengths_of),
        configuration.get("codecs"),
        standard,
    ) else {
        return Ok(None);
    };
    let codecs: Vec<MetadataV3> = serde_json::from_value(codecs.clone())
        .map_err(|error| Error::corrupt(format!("the codecs of the shards: {error}")))?;
    let chain = CodecChain::from_metadata(&codecs)
        .map_err(|error| Error::unsupported(error.to_string()).with_source(error))?;
    Ok(Some(StandardShards {
        chunk_shape,
        chain: Arc::new(chain),
        index,
    }))
}
