//! How the cells are cut and encoded, under names that workloads use.

use serde_json::{Value, json};

use super::scale::Scale;

/// One way to store the array.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layout {
    /// Chunks, no codec.
    Raw,
    /// Chunks, Zstandard 1 and nothing else.
    Zstd,
    /// Shards of small chunks with Zstandard 1; where there are no shards, the small chunks by themselves.
    Sharded,
    /// Chunks and shards of the peer's choice, with Zstandard.
    Default,
    /// HDF5: deflate 4 behind shuffle.
    Deflate,
    /// HDF5: Zstandard 3 behind shuffle.
    ShuffledZstd,
    /// HDF5: chunks, no filter.
    Unfiltered,
    /// HDF5: one piece.
    Contiguous,
    /// The large array, told nothing but that it is not encoded: one piece in HDF5 and Deker.
    Plain,
    /// The large array in chunks, no codec.
    Planes,
    /// Small arrays with a key.
    Keyed,
    /// Small arrays in one file or collection.
    Many,
    /// Small arrays in a file each.
    Files,
}

impl Layout {
    /// As the workers are told.
    pub(super) fn json(self, scale: &Scale) -> Value {
        let cut = |chunks, codec, level, shuffle| json!({"chunks": chunks, "inner": null, "codec": codec, "level": level, "shuffle": shuffle});
        match self {
            Self::Raw => cut(scale.chunks, "none", 0, false),
            Self::Zstd => cut(scale.chunks, "zstd", 1, false),
            Self::Sharded => json!({
                "chunks": scale.shards, "inner": scale.inner, "codec": "zstd", "level": 1, "shuffle": false
            }),
            Self::Default => json!({"default": true, "codec": "zstd", "level": 1}),
            Self::Deflate => cut(scale.hdf5_chunks, "deflate", 4, true),
            Self::ShuffledZstd => cut(scale.hdf5_chunks, "zstd", 3, true),
            Self::Unfiltered => cut(scale.hdf5_chunks, "none", 0, false),
            Self::Contiguous => json!({"contiguous": true}),
            Self::Plain => json!({"plain": true, "contiguous": true}),
            Self::Planes => cut(scale.large_chunks, "none", 0, false),
            Self::Many | Self::Files | Self::Keyed => Value::Null,
        }
    }

    /// Whether it is one of the array beside Deker.
    pub(super) fn is_large(self) -> bool {
        matches!(self, Self::Plain | Self::Planes)
    }

    /// For names of folders.
    pub(super) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }
}
