//! The options of a collection: how Deker lays out cells, and how we do in its place.

mod filters;

use hyperslab_core::{
    CollectionMeta, DType, Error, Result, Schema, StorageExplanation, StorageOptions, box_bytes,
};
use hyperslab_engine::codec::{Codec, CodecChain};
use serde_json::{Map, Value, json};

use self::filters::{BLOSC, GZIP, ZSTD, deker_id_of, id_of, named};
use crate::chunk::automatic;
use crate::file::VariableStorage;

/// The level of h5py where none is given.
const GZIP_LEVEL: u32 = 4;

/// The keys of our options.
const KNOWN: [&str; 4] = ["chunks", "codec", "level", "values"];

/// How an array is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Chunks {
    None,
    Auto,
    Lengths(Vec<u64>),
}

/// A filter and its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Compression {
    id: u16,
    /// As they stand: most are numbers, those of szip are not.
    values: Vec<String>,
}

/// How the cells of a collection are laid out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Storage {
    chunks: Chunks,
    compression: Option<Compression>,
}

impl Storage {
    /// Reads the options of a collection. What Deker itself cannot use is taken for nothing: the arrays are there all the same.
    pub(super) fn from_deker(options: &Value) -> Self {
        let chunks = options.get("chunks");
        let size = || chunks?.get("size")?.as_array();
        let mode = chunks.and_then(|chunks| chunks.get("mode"));
        let chunks = match mode.and_then(Value::as_str) {
            Some("true") => Chunks::Auto,
            Some("manual") => {
                let lengths = size().map(|size| size.iter().map(Value::as_u64).collect());
                lengths.flatten().map_or(Chunks::Auto, Chunks::Lengths)
            }
            _ => Chunks::None,
        };
        let compression = options.get("compression").and_then(compression_of);
        Self {
            chunks,
            compression,
        }
    }

    /// The options as Deker keeps them; null where there are none.
    pub(super) fn to_deker(&self) -> Value {
        if self.chunks == Chunks::None && self.compression.is_none() {
            return Value::Null;
        }
        let chunks = match &self.chunks {
            Chunks::None => json!({ "mode": "none" }),
            Chunks::Auto => json!({ "mode": "true" }),
            Chunks::Lengths(lengths) => json!({ "mode": "manual", "size": lengths }),
        };
        let compression = match &self.compression {
            None => json!({ "compression": "none", "options": [] }),
            Some(Compression { id, values }) => {
                let name = named(*id).map_or_else(|| id.to_string(), str::to_owned);
                let options = if values.is_empty() {
                    Value::Null
                } else {
                    json!(values)
                };
                json!({ "compression": name, "options": options })
            }
        };
        json!({ "chunks": chunks, "compression": compression })
    }

    /// Reads options of ours, for arrays of that shape.
    ///
    /// # Errors
    /// `InvalidInput` that names the option at fault.
    pub(super) fn from_options(options: &StorageOptions, shape: &[u64]) -> Result<Self> {
        let refuse =
            |name: &str, why: &str| Error::invalid(format!("storage option '{name}': {why}"));
        if let Some(unknown) = options.keys().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(refuse(
                unknown,
                &format!("it is unknown; there are: {}", KNOWN.join(", ")),
            ));
        }
        let chunks = match options.get("chunks") {
            None => Chunks::None,
            Some(Value::String(text)) if text == "none" => Chunks::None,
            Some(Value::String(text)) if text == "auto" => Chunks::Auto,
            Some(lengths) => {
                let lengths: Option<Vec<u64>> = lengths
                    .as_array()
                    .and_then(|lengths| lengths.iter().map(Value::as_u64).collect());
                let fits = |lengths: &Vec<u64>| {
                    let mut pairs = lengths.iter().zip(shape);
                    lengths.len() == shape.len()
                        && pairs.all(|(&length, &size)| (1..=size).contains(&length))
                };
                Chunks::Lengths(lengths.filter(fits).ok_or_else(|| {
                    refuse(
                        "chunks",
                        "give \"none\", \"auto\", or for each dimension a length from 1 to its size",
                    )
                })?)
            }
        };
        let values = values_of(options)?;
        let compression = match options.get("codec") {
            None | Some(Value::String(_)) if is_none(options) => {
                if !values.is_empty() {
                    return Err(refuse("level", "there is no codec that has one"));
                }
                None
            }
            Some(Value::String(name)) => {
                let id = id_of(name).filter(|id| filters::is_usable(*id));
                let id = id.ok_or_else(|| refuse("codec", &filters::usable()))?;
                let values = filters::spelled(id, values);
                if let Some(why) = filters::misfit(id, &values) {
                    return Err(refuse("level", &why));
                }
                Some(Compression { id, values })
            }
            _ => return Err(refuse("codec", "it must be text")),
        };
        Ok(Self {
            chunks,
            compression,
        })
    }

    /// The options as ours.
    pub(super) fn to_options(&self) -> StorageOptions {
        let mut options = Map::new();
        match &self.chunks {
            Chunks::None => {}
            Chunks::Auto => drop(options.insert("chunks".to_owned(), "auto".into())),
            Chunks::Lengths(lengths) => {
                drop(options.insert("chunks".to_owned(), lengths.clone().into()));
            }
        }
        if let Some(Compression { id, values }) = &self.compression {
            let name = match *id {
                ZSTD => "zstd".to_owned(),
                BLOSC => "blosc".to_owned(),
                id => named(id).map_or_else(|| id.to_string(), str::to_owned),
            };
            options.insert("codec".to_owned(), name.into());
            match values.as_slice() {
                [] => {}
                [level] if level.parse::<i64>().is_ok() => {
                    let level: Option<i64> = level.parse().ok();
                    options.insert("level".to_owned(), level.into());
                }
                values => drop(options.insert("values".to_owned(), values.into())),
            }
        }
        options
    }

    /// How the cells of a new variable are stored when all of them are written.
    pub(super) fn of_whole(&self, shape: &[u64], dtype: DType) -> VariableStorage {
        if self.chunks == Chunks::None && self.compression.is_none() {
            return VariableStorage::Contiguous;
        }
        self.in_chunks(shape, dtype)
    }

    /// How they are stored when some are written: in chunks, so that the others take no room.
    pub(super) fn in_chunks(&self, shape: &[u64], dtype: DType) -> VariableStorage {
        // An array without cells has nothing that could be cut.
        if shape.is_empty() || shape.contains(&0) {
            return VariableStorage::Whole;
        }
        let chunk_shape = match &self.chunks {
            Chunks::Lengths(lengths) if lengths.len() == shape.len() && !lengths.contains(&0) => {
                let pairs = lengths.iter().zip(shape);
                pairs.map(|(&length, &size)| length.min(size)).collect()
            }
            _ => automatic(shape, dtype),
        };
        VariableStorage::Chunked {
            codecs: self.codecs(&chunk_shape, dtype),
            chunk_shape,
        }
    }

    fn codecs(&self, chunk_shape: &[u64], dtype: DType) -> CodecChain {
        let Some(Compression { id, values }) = &self.compression else {
            return CodecChain::new(Vec::new());
        };
        let value = |index: usize| {
            values
                .get(index)
                .and_then(|value| value.parse::<u32>().ok())
        };
        let narrow = |size: u64| u32::try_from(size).unwrap_or(u32::MAX);
        let codec = match *id {
            ZSTD => Codec::Zstd {
                level: value(0).map_or(3, u32::cast_signed),
                checksum: true,
            },
            BLOSC => Codec::Blosc {
                cell_size: narrow(dtype.size() as u64),
                chunk_size: narrow(box_bytes(chunk_shape, dtype.size())),
                level: value(4).unwrap_or(5),
                shuffle: value(5).unwrap_or(1),
                compressor: value(6).unwrap_or(0),
                block_size: 0,
            },
            // What is only read here is written as what every HDF5 has.
            GZIP => Codec::Deflate {
                level: value(0).unwrap_or(GZIP_LEVEL).min(9),
            },
            _ => Codec::Deflate { level: GZIP_LEVEL },
        };
        CodecChain::new(vec![codec])
    }
}

/// Why the options of a collection cannot be used as they stand, if they cannot: Deker takes them, and fails at the first write.
pub(super) fn complaint(options: &Value, shape: &[u64]) -> Option<String> {
    if options.is_null() {
        return None;
    }
    if !options.is_object() {
        return Some(format!("the options are {options}, which says nothing"));
    }
    let chunks = options.get("chunks");
    let mode = chunks.and_then(|chunks| chunks.get("mode")?.as_str());
    if mode == Some("manual") {
        let lengths = || {
            chunks?
                .get("size")?
                .as_array()?
                .iter()
                .map(Value::as_u64)
                .collect()
        };
        let fits = |lengths: &Vec<u64>| {
            let mut pairs = lengths.iter().zip(shape);
            lengths.len() == shape.len()
                && pairs.all(|(&length, &size)| (1..=size).contains(&length))
        };
        let lengths: Option<Vec<u64>> = lengths();
        if !lengths.as_ref().is_some_and(fits) {
            let size = chunks.and_then(|chunks| chunks.get("size"));
            return Some(format!(
                "chunks of {} cannot be made of {} cells; new arrays get others",
                size.unwrap_or(&Value::Null),
                json!(shape)
            ));
        }
    }
    let compression = options.get("compression")?;
    let name = compression.get("compression").and_then(Value::as_str);
    let name = name.filter(|name| *name != "none")?;
    let Some(id) = deker_id_of(name).filter(|id| filters::is_known(*id)) else {
        return Some(format!(
            "no filter '{name}' is known to Deker; new arrays are compressed with gzip"
        ));
    };
    let found = compression_of(compression)?;
    let why = filters::misfit(id, &found.values)?;
    Some(format!(
        "the filter '{name}' cannot be used so: {why}; Deker fails at the collection, or at its next new array"
    ))
}

/// How the arrays of a collection lie, or would lie.
///
/// # Errors
/// As [`Storage::from_options`].
pub(super) fn explain(collection: &CollectionMeta) -> Result<StorageExplanation> {
    let schema = &collection.schema;
    let shape = schema
        .tile_shape()
        .map_or_else(|| schema.shape(), <[u64]>::to_vec);
    let storage = Storage::from_options(&collection.storage, &shape)?;
    let dtype = schema.dtype();
    let (chunk_shape, codecs) = match storage.of_whole(&shape, dtype) {
        VariableStorage::Chunked {
            chunk_shape,
            codecs,
        } => (
            chunk_shape,
            codecs.codecs().iter().map(Codec::name).collect(),
        ),
        _ => (shape.iter().map(|&size| size.max(1)).collect(), Vec::new()),
    };
    let tiles = schema.tile_grid().map_or(1, |grid| grid.chunk_count());
    let mut reasons = vec![match storage.chunks {
        Chunks::None if codecs.is_empty() => {
            "Cells lie in one piece, as Deker lays them out by default; of a large array that is written in part, in chunks."
        }
        Chunks::Lengths(_) => "Chunks have the lengths that the collection says.",
        _ => "The longest lengths were halved until a chunk took at most 1 MiB.",
    }];
    if tiles > 1 {
        reasons
            .push("Each tile is a file of its own, made when something is first written into it.");
    }
    if has_metadata(schema) {
        reasons.push("The metadata of the schema is left out: Deker has no place for it.");
    }
    Ok(StorageExplanation {
        chunk_bytes: box_bytes(&chunk_shape, dtype.size()),
        chunk_shape,
        shard_shape: None,
        tile_shape: schema.tile_shape().map(<[u64]>::to_vec),
        codecs,
        objects_per_array: tiles,
        object_bytes: box_bytes(&shape, dtype.size()),
        reasons: reasons.into_iter().map(str::to_owned).collect(),
    })
}

fn has_metadata(schema: &Schema) -> bool {
    let mut dimensions = schema.dimensions().iter();
    !schema.metadata().is_empty() || dimensions.any(|dimension| !dimension.metadata.is_empty())
}

/// Whether the cells are to be stored as they are.
fn is_none(options: &StorageOptions) -> bool {
    let name = options.get("codec").map(Value::as_str);
    matches!(name, None | Some(Some("none")))
}

fn compression_of(options: &Value) -> Option<Compression> {
    let name = options.get("compression")?.as_str()?;
    let id = id_of(name).filter(|_| name != "none")?;
    let values = options.get("options").and_then(Value::as_array);
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    Some(Compression {
        id,
        values: values.map_or_else(Vec::new, |values| values.iter().map(text).collect()),
    })
}

fn values_of(options: &StorageOptions) -> Result<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let values = match (options.get("level"), options.get("values")) {
        (None, None) => Some(Vec::new()),
        (Some(level), None) => text(level).map(|level| vec![level]),
        (None, Some(Value::Array(values))) => values.iter().map(text).collect(),
        _ => None,
    };
    values.ok_or_else(|| {
        Error::invalid(
            "storage options 'level' and 'values': give a number, or a list of them, not both",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(value: Value) -> StorageOptions {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn options_read_back_both_ways() {
        for (deker, ours) in [
            (Value::Null, json!({})),
            (
                json!({"chunks": {"mode": "manual", "size": [2, 3]}, "compression": {"compression": "gzip", "options": ["4"]}}),
                json!({"chunks": [2, 3], "codec": "gzip", "level": 4}),
            ),
            (
                json!({"chunks": {"mode": "true"}, "compression": {"compression": "none", "options": []}}),
                json!({"chunks": "auto"}),
            ),
            (
                json!({"chunks": {"mode": "none"}, "compression": {"compression": "32015", "options": ["6"]}}),
                json!({"codec": "zstd", "level": 6}),
            ),
            (
                json!({"chunks": {"mode": "none"}, "compression": {"compression": "szip", "options": ["nn", "16"]}}),
                json!({"codec": "szip", "values": ["nn", "16"]}),
            ),
            (
                json!({"chunks": {"mode": "none"}, "compression": {"compression": "lzf", "options": null}}),
                json!({"codec": "lzf"}),
            ),
        ] {
            let storage = Storage::from_deker(&deker);
            assert_eq!(storage.to_deker(), deker);
            assert_eq!(storage.to_options(), options(ours.clone()));
            let again = Storage::from_options(&options(ours), &[4, 9]).unwrap();
            assert_eq!(again, storage);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for bad in [
            json!({"chunks": [0, 3]}),
            json!({"chunks": [2]}),
            json!({"chunks": [5, 3]}),
            json!({"codec": "fast"}),
            json!({"codec": "gzip", "level": 1, "values": [2]}),
            json!({"codec": "none", "level": 3}),
            json!({"level": 3}),
            json!({"codec": "lzf", "level": 3}),
            json!({"codec": "gzip", "level": 10}),
            json!({"codec": "32002"}),
            json!({"shards": [1]}),
        ] {
            assert!(
                Storage::from_options(&options(bad.clone()), &[4, 9]).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_deker_cannot_use_is_told() {
        let told = |chunks: Value, name: &str, values: Value| {
            let options =
                json!({"chunks": chunks, "compression": {"compression": name, "options": values}});
            complaint(&options, &[4, 9])
        };
        let whole = || json!({"mode": "true"});
        for (name, values) in [
            ("lzf", json!(["3"])),
            ("gzip", json!(["10"])),
            ("gzip", json!(["-1"])),
            ("32015", json!(["-5"])),
            ("zstd", json!(["3"])),
            ("deflate", json!(null)),
            ("nonsense", json!(null)),
        ] {
            let why = told(whole(), name, values).unwrap_or_default();
            assert!(why.contains(&format!("'{name}'")), "{name}: {why}");
        }
        for (name, values) in [
            ("lzf", json!(null)),
            ("gzip", json!(["9"])),
            ("32015", json!(["6"])),
            ("none", json!([])),
        ] {
            assert_eq!(told(whole(), name, values), None, "{name}");
        }
        for (size, text) in [
            (
                json!([10, 100]),
                "chunks of [10,100] cannot be made of [4,9] cells",
            ),
            (json!("x"), "chunks of \"x\" cannot"),
        ] {
            let why = told(json!({"mode": "manual", "size": size}), "none", json!([]));
            assert!(why.is_some_and(|why| why.starts_with(text)), "{text}");
        }
    }

    #[test]
    fn chunks_that_deker_itself_cannot_use_are_chosen_anew() {
        let broken = json!({"chunks": {"mode": "manual", "size": [0]}, "compression": {"compression": "nonsense"}});
        let storage = Storage::from_deker(&broken);
        let VariableStorage::Chunked { chunk_shape, .. } = storage.of_whole(&[4, 9], DType::Int8)
        else {
            panic!("no chunks");
        };
        assert_eq!(chunk_shape, [4, 9]);
    }
}
