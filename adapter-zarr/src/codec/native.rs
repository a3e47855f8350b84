//! Codecs of Zarr that the chunk engine has: nearly all that are met. A chain of these is run by it, others by zarrs.

use hyperslab_core::DType;
use hyperslab_engine::codec::{Codec, CodecChain};
use serde_json::{Map, Value};

/// The chain that the metadata of version 3 name, for cells of a type; `None` when there is a codec, or a setting of one, that
/// the engine does not have.
pub(crate) fn chain(metadata: &[Value], dtype: DType) -> Option<CodecChain> {
    let mut codecs = Vec::new();
    let mut is_bytes = false;
    for entry in metadata {
        let name = entry.as_str().or_else(|| entry.get("name")?.as_str())?;
        let none = Map::new();
        let settings = match entry.get("configuration") {
            None => &none,
            Some(settings) => settings.as_object()?,
        };
        match (name, is_bytes) {
            ("bytes", false) => {
                codecs.extend(byte_order(settings, dtype)?);
                is_bytes = true;
            }
            // What comes before works on cells, what comes after on bytes.
            (_, false) | ("bytes", true) => return None,
            ("zstd", true) => codecs.push(Codec::Zstd {
                level: whole(settings, "level")?,
                checksum: settings.get("checksum").is_some_and(|on| *on == true),
            }),
            ("gzip", true) => codecs.push(Codec::Gzip {
                level: whole(settings, "level")?,
            }),
            ("zlib" | "numcodecs.zlib", true) => codecs.push(Codec::Deflate {
                level: whole(settings, "level")?,
            }),
            ("crc32c", true) => codecs.push(Codec::Crc32c),
            ("blosc", true) => codecs.push(blosc(settings)?),
            (_, true) => return None,
        }
    }
    // The lengths between two compressors are written nowhere.
    let compressors = codecs.iter().filter(|codec| codec.compresses()).count();
    (is_bytes && compressors < 2).then(|| CodecChain::new(codecs))
}

/// What makes the bytes of cells those of memory: nothing, or turning each number around.
fn byte_order(settings: &Map<String, Value>, dtype: DType) -> Option<Option<Codec>> {
    let number_size = match dtype {
        DType::Complex64 | DType::Complex128 => dtype.size() / 2,
        _ => dtype.size(),
    };
    if number_size == 1 {
        return Some(None);
    }
    let stored_little = match settings.get("endian")?.as_str()? {
        "little" => true,
        "big" => false,
        _ => return None,
    };
    let swap = stored_little != cfg!(target_endian = "little");
    let number_size = u32::try_from(number_size).ok()?;
    Some(swap.then_some(Codec::Swap { number_size }))
}

fn blosc(settings: &Map<String, Value>) -> Option<Codec> {
    let text = |name: &str| settings.get(name)?.as_str();
    let (shuffle, cell_size) = match text("shuffle")? {
        "noshuffle" => (0, whole(settings, "typesize").unwrap_or(1)),
        "shuffle" => (1, whole(settings, "typesize")?),
        "bitshuffle" => (2, whole(settings, "typesize")?),
        _ => return None,
    };
    Some(Codec::Blosc {
        cell_size,
        chunk_size: 0,
        level: whole(settings, "clevel")?,
        shuffle,
        compressor: match text("cname")? {
            "blosclz" => 0,
            "lz4" => 1,
            "lz4hc" => 2,
            "snappy" => 3,
            "zlib" => 4,
            "zstd" => 5,
            _ => return None,
        },
        block_size: whole(settings, "blocksize").unwrap_or(0),
    })
}

fn whole<T: TryFrom<i64>>(settings: &Map<String, Value>, name: &str) -> Option<T> {
    T::try_from(settings.get(name)?.as_i64()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chain_of(metadata: &Value, dtype: DType) -> Option<CodecChain> {
        chain(metadata.as_array().unwrap(), dtype)
    }

    #[test]
    fn usual_chains_are_known() {
        let little = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let big = json!({"name": "bytes", "configuration": {"endian": "big"}});
        let raw = chain_of(&json!([little]), DType::Float32).unwrap();
        assert!(raw.is_raw());
        let zstd = json!({"name": "zstd", "configuration": {"level": -1, "checksum": false}});
        let checked = chain_of(&json!([little, zstd, "crc32c"]), DType::Int16).unwrap();
        assert_eq!(
            checked.codecs(),
            [
                Codec::Zstd {
                    level: -1,
                    checksum: false
                },
                Codec::Crc32c
            ]
        );
        let turned = chain_of(&json!([big]), DType::Complex128).unwrap();
        assert_eq!(turned.codecs(), [Codec::Swap { number_size: 8 }]);
        assert!(chain_of(&json!(["bytes"]), DType::Bool).unwrap().is_raw());
    }

    #[test]
    fn what_is_not_known_is_left_to_others() {
        let little = json!({"name": "bytes", "configuration": {"endian": "little"}});
        let zstd = json!({"name": "zstd", "configuration": {"level": 1, "checksum": false}});
        let transpose = json!({"name": "transpose", "configuration": {"order": [1, 0]}});
        for metadata in [
            json!([]),
            json!([transpose, little]),
            json!(["bytes"]),
            json!([little, "pcodec"]),
            json!([little, little]),
            json!([little, {"name": "gzip"}]),
            json!([little, zstd, zstd]),
        ] {
            assert_eq!(chain_of(&metadata, DType::Float32), None, "{metadata}");
        }
    }
}
