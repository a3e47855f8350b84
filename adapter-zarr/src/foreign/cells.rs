//! The cells of a foreign array: how it is cut, and what decodes it.

use std::borrow::Cow;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use hyperslab_core::{ArrayBuf, Begun, DType, Error, Hyperslab, Result, byte_count};
use hyperslab_engine::codec::{CodecChain as NativeChain, Decode};
use hyperslab_engine::{Engine, ObjectId};
use serde_json::{Map, Value};
use zarrs::array::{
    Array, ArrayBytes, ArrayToBytesCodecTraits, CodecChain, CodecError, CodecMetadataOptions,
    CodecOptions,
};
use zarrs::metadata::v3::MetadataV3;

use crate::cells::{Cells, Form, IndexPlace, Memory};
use crate::chunks::{ChunkLayout, ObjectPart, Part};
use crate::codec::native_chain;
use crate::compute::{IN_FLIGHT, compute};
use crate::objects::Objects;
use crate::objects::at_hand::AtHand;

/// The largest chunk that is decoded; damaged metadata may ask for any size.
const CHUNK_BYTES_MAX: usize = 4 << 30;

/// Sizes above this are those of no array, and would overflow when they are added up.
const ARRAY_BYTES_MAX: u64 = 1 << 60;

/// The cells of a foreign array.
#[derive(Debug)]
pub(super) struct ForeignCells {
    cells: Arc<Cells>,
    unit: Arc<Unit>,
}

/// What reading needs beside the metadata of an array.
#[derive(Debug)]
pub(super) struct Means {
    pub(super) objects: Arc<dyn Objects>,
    pub(super) engine: Arc<Engine>,
    pub(super) known: Arc<Memory>,
}

/// What is decoded at once: a chunk, or a chunk of a shard.
#[derive(Debug)]
struct Unit {
    chain: Arc<CodecChain>,
    array: Array<()>,
    shape: Vec<NonZeroU64>,
    byte_count: usize,
}

/// What decodes numbers: the chunk engine, or zarrs where it does not have the codecs.
#[derive(Debug)]
struct Numbers {
    native: Option<NativeChain>,
    unit: Arc<Unit>,
    dtype: DType,
}

impl ForeignCells {
    /// # Errors
    /// `Unsupported` for a grid that is not regular and for a codec, by name; `Corrupt` and `TooLarge` for sizes that no
    /// array has.
    pub(super) fn new(
        array: &Array<()>,
        metadata: &Map<String, Value>,
        dtype: Option<DType>,
        means: Means,
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
        let layout = ChunkLayout::new(array.shape(), &inner, index.map(|_| &outer[..]));
        let lengths = inner.iter().filter_map(|&length| NonZeroU64::new(length));
        let unit = Arc::new(Unit {
            chain,
            array: array.with_storage(Arc::new(())),
            shape: lengths.collect(),
            byte_count,
        });
        let form = form(layout, index, &unit, dtype);
        let cells = Cells::new(form, means.objects, means.engine, means.known);
        Ok(Self {
            cells: Arc::new(cells),
            unit,
        })
    }

    pub(super) fn layout(&self) -> &ChunkLayout {
        &self.cells.form.layout
    }

    /// Reads numbers into `out`. Blocks, for the medium too where it is at hand; `wait` waits for another one.
    pub(super) fn read_into(
        &self,
        slab: &Hyperslab,
        out: ArrayBuf,
        runtime: &tokio::runtime::Handle,
    ) -> Result<ArrayBuf> {
        let request = self.cells.request(slab, out);
        if request.object_count() == 0 {
            return request.give_back();
        }
        let filled = match self.at_hand() {
            Some(disk) => self.cells.read_now(&*disk, request)?,
            None => {
                let fetched = self.cells.fetch(request, std::future::ready(Ok(())));
                runtime.block_on(fetched)?.0
            }
        };
        Ok(filled.out)
    }

    /// The medium, if it is at hand.
    pub(super) fn at_hand(&self) -> Option<Arc<dyn AtHand>> {
        self.cells.objects().at_hand()
    }

    /// Begins to read numbers of a medium that is at hand.
    pub(super) fn begin_read(
        &self,
        disk: Arc<dyn AtHand>,
        slab: &Hyperslab,
        out: ArrayBuf,
    ) -> Result<Begun<ArrayBuf>> {
        let request = self.cells.request(slab, out);
        let begun = self.cells.begin_at_hand(disk, request, None)?;
        begun.and_then(|(filled, _)| Ok(filled.out))
    }

    /// All chunks, decoded, `None` for those that are not stored; given to `take` as they come.
    pub(super) async fn decode_all(
        &self,
        mut take: impl FnMut(Part, Option<ArrayBytes<'static>>) -> Result<()>,
    ) -> Result<()> {
        let touched = self
            .layout()
            .objects_of(&Hyperslab::full(self.layout().shape()));
        let fetches: Vec<_> = touched.iter().map(|object| self.one(object)).collect();
        let mut fetched = stream::iter(fetches).buffer_unordered(IN_FLIGHT);
        while let Some(chunks) = fetched.try_next().await? {
            for (part, cells) in chunks {
                take(part, cells)?;
            }
        }
        Ok(())
    }

    async fn one(&self, object: &ObjectPart) -> Result<Vec<(Part, Option<ArrayBytes<'static>>)>> {
        let stored = self.cells.stored(object).await?;
        let parts: Vec<_> = object.parts.iter().cloned().zip(stored).collect();
        let unit = Arc::clone(&self.unit);
        let size = unit.byte_count.saturating_mul(parts.len());
        let decoded = compute(size, move || {
            let decode = |(part, stored): (Part, Option<bytes::Bytes>)| {
                Ok((part, stored.map(|bytes| unit.decode(&bytes)).transpose()?))
            };
            parts.into_iter().map(decode).collect()
        });
        decoded.await.map_err(|error: Error| {
            let key = self.cells.key(object.object);
            error.context(format!("{}/{key}", self.cells.objects().url()))
        })
    }
}

/// How the objects are read where cells are numbers; other cells are decoded by the unit alone.
fn form(
    layout: ChunkLayout,
    index: Option<IndexPlace>,
    unit: &Arc<Unit>,
    dtype: Option<DType>,
) -> Form {
    let codecs = unit
        .chain
        .create_metadatas(&CodecMetadataOptions::default());
    let codecs: Vec<Value> = codecs
        .iter()
        .filter_map(|codec| serde_json::to_value(codec).ok())
        .collect();
    let dtype = dtype.unwrap_or(DType::UInt8);
    // Arrays of one place that differ in this are another program's change of mind.
    let recipe = ObjectId::of(&(
        Value::from(codecs.clone()).to_string(),
        dtype.name(),
        layout.chunks().chunk_shape(),
        layout.objects().chunk_shape(),
    ));
    let keys = Arc::clone(unit);
    Form {
        layout,
        index,
        chunk_bytes: unit.byte_count,
        fill: unit.array.fill_value().as_ne_bytes().to_vec(),
        key: Box::new(move |position| keys.array.chunk_key(position).as_str().to_owned()),
        recipe,
        is_ours: false,
        codecs: Box::new(Numbers {
            native: native_chain(&codecs, dtype),
            unit: Arc::clone(unit),
            dtype,
        }),
    }
}

impl Decode for Numbers {
    fn decode(&self, bytes: &[u8], _: u32, out: &mut [u8]) -> Result<()> {
        let damaged = |how: String| Error::corrupt(format!("a chunk does not decode: {how}"));
        match &self.native {
            Some(native) => native.decode(bytes, 0, out)?,
            None => {
                let cells = self.unit.decode(bytes)?.into_fixed();
                let cells = cells.map_err(|error| damaged(error.to_string()))?;
                if cells.len() != out.len() {
                    return Err(damaged(format!(
                        "{} bytes came out, not {}",
                        cells.len(),
                        out.len()
                    )));
                }
                out.copy_from_slice(&cells);
            }
        }
        if self.dtype == DType::Bool && out.iter().any(|&byte| byte > 1) {
            return Err(damaged("a bool is neither true nor false".to_owned()));
        }
        Ok(())
    }

    fn is_raw(&self) -> bool {
        // Any byte is a number, but not every one a bool.
        self.dtype != DType::Bool && self.native.as_ref().is_some_and(NativeChain::is_raw)
    }
}

impl Unit {
    fn decode(&self, stored: &[u8]) -> Result<ArrayBytes<'static>> {
        let options = CodecOptions::default()
            .with_validate_checksums(true)
            .with_concurrent_target(1);
        let (dtype, fill) = (self.array.data_type(), self.array.fill_value());
        let decode = || {
            let stored = Cow::Borrowed(stored);
            let decoded = self
                .chain
                .decode(stored, &self.shape, dtype, fill, &options);
            decoded.map(ArrayBytes::into_owned)
        };
        // Sums of damaged numbers overflow there: zarrs believes an index that no checksum covers.
        catch_unwind(AssertUnwindSafe(decode))
            .map_err(|_| Error::corrupt("a chunk does not decode: its codecs gave up"))?
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
