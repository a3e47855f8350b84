//! Storage options: what a user may say about chunks and codecs.

use hyperslab_core::{CollectionMeta, DType, Error, ReadPlan, Result, StorageOptions};
use serde_json::Value;

use super::{Codec, CodecChain};
use crate::file::VariableStorage;
use crate::store::tiles::TILE_COUNT_MAX;

/// The size an automatic chunk is aimed at.
const CHUNK_BYTES: u64 = 1 << 20;

/// The largest chunk a user may ask for; HDF5 itself stops at 4 GiB.
const CHUNK_BYTES_MAX: u64 = 1 << 30;

/// On real fields libdeflate makes of its level 1 what zlib makes of its level 4, which other programs have as default
/// (0.441 and 0.438 of sea surface temperatures), in half the time; its own level 4 wins another 0.3 to 2 %.
const DEFLATE_LEVEL: u32 = 1;

const KNOWN: [&str; 4] = ["chunks", "codec", "level", "variable"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    None,
    Deflate(u32),
    Zstd(u32),
    Blosc(u32),
}

/// The storage options of a collection, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoragePlan {
    chunk_shape: Option<Vec<u64>>,
    compression: Compression,
    /// The name of the data variable, when the user has chosen one.
    pub(crate) variable: Option<String>,
}

impl StoragePlan {
    /// Checks the options of a collection.
    ///
    /// # Errors
    /// As [`new`](Self::new); `InvalidInput` when there are too many tiles.
    pub(crate) fn of(collection: &CollectionMeta) -> Result<Self> {
        let schema = &collection.schema;
        let count = schema.tile_grid().map_or(0, |grid| grid.chunk_count());
        if count > TILE_COUNT_MAX {
            return Err(Error::invalid(format!(
                "tile_shape: an array would have {count} tiles, and at most {TILE_COUNT_MAX} are possible; choose larger ones"
            )));
        }
        let shape = schema
            .tile_shape()
            .map_or_else(|| schema.shape(), <[u64]>::to_vec);
        Self::new(&collection.storage, &shape, schema.dtype())
    }

    /// Checks the options for arrays of `shape` and `dtype`.
    ///
    /// # Errors
    /// `InvalidInput` that names the option at fault.
    pub(crate) fn new(options: &StorageOptions, shape: &[u64], dtype: DType) -> Result<Self> {
        if let Some(unknown) = options.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(Error::invalid(format!(
                "storage option '{unknown}' is unknown; there are: {}",
                KNOWN.join(", ")
            )));
        }
        let variable = match options.get("variable") {
            None => None,
            Some(Value::String(name)) => {
                hyperslab_core::name::check_identifier("variable", name)
                    .map_err(|error| error.context("storage option 'variable'"))?;
                Some(name.clone())
            }
            Some(other) => {
                return Err(Error::invalid(format!(
                    "storage option 'variable' must be text, not {other}"
                )));
            }
        };
        Ok(Self {
            chunk_shape: chunk_shape(options.get("chunks"), shape, dtype)?,
            compression: compression(options.get("codec"), options.get("level"))?,
            variable,
        })
    }

    /// How a variable of `shape` and `dtype` is stored.
    pub(crate) fn storage(&self, shape: &[u64], dtype: DType) -> VariableStorage {
        // An array without axes or without cells has nothing that could be cut.
        if shape.is_empty() || shape.contains(&0) {
            return VariableStorage::Whole;
        }
        let chunk_shape = match &self.chunk_shape {
            // A tile that is cut off may be shorter than a chunk.
            Some(chosen) => {
                let lengths = chosen.iter().zip(shape);
                lengths.map(|(&length, &size)| length.min(size)).collect()
            }
            None => automatic(shape, dtype),
        };
        let codecs = self.codecs(&chunk_shape, dtype);
        VariableStorage::Chunked {
            chunk_shape,
            codecs,
        }
    }

    /// A plan of a read of arrays of `shape` and `dtype` that touches nothing yet.
    pub(crate) fn empty_plan(&self, shape: &[u64], dtype: DType) -> ReadPlan {
        match self.storage(shape, dtype) {
            VariableStorage::Chunked {
                chunk_shape,
                codecs,
            } => ReadPlan {
                chunk_shape,
                codecs: codecs.codecs().iter().map(Codec::name).collect(),
                ..ReadPlan::default()
            },
            VariableStorage::Whole | VariableStorage::Contiguous | VariableStorage::Tiles(_) => {
                ReadPlan {
                    chunk_shape: shape.to_vec(),
                    ..ReadPlan::default()
                }
            }
        }
    }

    fn codecs(&self, chunk_shape: &[u64], dtype: DType) -> CodecChain {
        let narrow = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
        let cell_size = narrow(dtype.size() as u64);
        let mut codecs = Vec::new();
        let shuffled = matches!(
            self.compression,
            Compression::Deflate(_) | Compression::Zstd(_)
        );
        if shuffled && cell_size > 1 {
            codecs.push(Codec::Shuffle { cell_size });
        }
        // Zstd frames carry a good checksum of their own. The Adler-32 of deflate misses flips in small chunks, and what is
        // checked here stays checkable when the chunk is copied to the next image.
        match self.compression {
            Compression::None => codecs.push(Codec::Fletcher32),
            Compression::Deflate(level) => {
                codecs.extend([Codec::Deflate { level }, Codec::Fletcher32]);
            }
            Compression::Zstd(level) => codecs.push(Codec::Zstd {
                level: level.cast_signed(),
                checksum: true,
            }),
            Compression::Blosc(level) => codecs.extend([
                Codec::Blosc {
                    cell_size,
                    chunk_size: narrow(chunk_bytes(chunk_shape, dtype)),
                    level,
                    shuffle: u32::from(cell_size > 1),
                    compressor: 1,
                    block_size: 0,
                },
                Codec::Fletcher32,
            ]),
        }
        CodecChain::new(codecs)
    }
}

fn chunk_bytes(chunk_shape: &[u64], dtype: DType) -> u64 {
    chunk_shape
        .iter()
        .fold(dtype.size() as u64, |bytes, &length| {
            bytes.saturating_mul(length)
        })
}

/// The chunk shape a user asks for: `"auto"` or a length per axis.
fn chunk_shape(option: Option<&Value>, shape: &[u64], dtype: DType) -> Result<Option<Vec<u64>>> {
    let refuse = |why: String| Error::invalid(format!("storage option 'chunks': {why}"));
    let lengths = match option {
        None => return Ok(None),
        Some(Value::String(text)) if text == "auto" => return Ok(None),
        Some(Value::Array(lengths)) => lengths,
        Some(other) => {
            return Err(refuse(format!(
                "{other} is neither \"auto\" nor a list of lengths"
            )));
        }
    };
    let lengths: Vec<u64> = lengths
        .iter()
        .map(|length| {
            let length = length.as_u64().filter(|&length| length > 0);
            length.ok_or_else(|| refuse("each length must be a whole number above 0".to_owned()))
        })
        .collect::<Result<_>>()?;
    if lengths.len() != shape.len() {
        return Err(refuse(format!(
            "{} lengths given for {} dimensions; give one each",
            lengths.len(),
            shape.len()
        )));
    }
    let too_long = lengths
        .iter()
        .zip(shape)
        .find(|&(&length, &size)| length > size.max(1));
    if let Some((length, size)) = too_long {
        return Err(refuse(format!(
            "a length of {length} exceeds the dimension's size of {size}"
        )));
    }
    let bytes = chunk_bytes(&lengths, dtype);
    if bytes > CHUNK_BYTES_MAX {
        return Err(refuse(format!(
            "a chunk of {bytes} bytes is too large; at most {CHUNK_BYTES_MAX} are possible"
        )));
    }
    Ok(Some(lengths))
}

fn compression(codec: Option<&Value>, level: Option<&Value>) -> Result<Compression> {
    let refuse =
        |name: &str, why: String| Error::invalid(format!("storage option '{name}': {why}"));
    let name = match codec {
        None => "deflate",
        Some(Value::String(name)) => name,
        Some(other) => return Err(refuse("codec", format!("{other} is no text"))),
    };
    let level_in = |range: std::ops::RangeInclusive<u32>, default: u32| match level {
        None => Ok(default),
        Some(value) => value
            .as_u64()
            .and_then(|level| u32::try_from(level).ok())
            .filter(|level| range.contains(level))
            .ok_or_else(|| {
                refuse(
                    "level",
                    format!(
                        "{name} has levels {} to {}, not {value}",
                        range.start(),
                        range.end()
                    ),
                )
            }),
    };
    match name {
        "deflate" => level_in(1..=9, DEFLATE_LEVEL).map(Compression::Deflate),
        "zstd" => level_in(1..=22, 3).map(Compression::Zstd),
        "blosc" => level_in(0..=9, 5).map(Compression::Blosc),
        "none" if level.is_none() => Ok(Compression::None),
        "none" => Err(refuse("level", "codec \"none\" has no level".to_owned())),
        other => Err(refuse(
            "codec",
            format!("'{other}' is unknown; choose deflate, zstd, blosc or none"),
        )),
    }
}

/// The whole array when it is small, else about [`CHUNK_BYTES`] with the longest lengths halved first.
pub(crate) fn automatic(shape: &[u64], dtype: DType) -> Vec<u64> {
    let mut chunk_shape = shape.to_vec();
    while chunk_bytes(&chunk_shape, dtype) > CHUNK_BYTES {
        match chunk_shape.iter_mut().max_by_key(|length| **length) {
            Some(longest) if *longest > 1 => *longest = longest.div_ceil(2),
            _ => break,
        }
    }
    chunk_shape
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plan(options: Value, shape: &[u64]) -> Result<StoragePlan> {
        let Value::Object(options) = options else {
            panic!("options are an object")
        };
        StoragePlan::new(&options, shape, DType::Float32)
    }

    #[test]
    fn automatic_chunks_are_about_a_mebibyte() {
        assert_eq!(automatic(&[64, 64], DType::Float32), [64, 64]);
        assert_eq!(automatic(&[64, 1024, 1024], DType::Float32), [64, 64, 64]);
        assert_eq!(automatic(&[10_000_000], DType::Int8), [625_000]);
        assert_eq!(automatic(&[1, 1 << 40, 1], DType::Int8), [1, 1 << 20, 1]);
    }

    #[test]
    fn options_that_make_no_sense_are_refused() {
        for (options, named) in [
            (json!({"chunk": [1]}), "'chunk'"),
            (json!({"chunks": [0, 4]}), "'chunks'"),
            (json!({"chunks": [4]}), "'chunks'"),
            (json!({"chunks": [4, 99]}), "'chunks'"),
            (json!({"chunks": "small"}), "'chunks'"),
            (json!({"codec": "lzma"}), "'codec'"),
            (json!({"codec": 3}), "'codec'"),
            (json!({"level": 10}), "'level'"),
            (json!({"level": -1}), "'level'"),
            (json!({"codec": "none", "level": 1}), "'level'"),
            (json!({"variable": "a/b"}), "'variable'"),
            (json!({"variable": 1}), "'variable'"),
        ] {
            let error = plan(options.clone(), &[8, 8]).unwrap_err();
            assert!(error.message().contains(named), "{options}: {error}");
        }
        plan(
            json!({"chunks": "auto", "codec": "zstd", "level": 22}),
            &[8, 8],
        )
        .unwrap();
    }
}
