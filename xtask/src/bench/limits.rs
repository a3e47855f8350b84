//! What nobody can beat, measured in the same rounds.

use serde_json::{Value, json};

use super::layouts::Layout;
use super::scale::Scale;

/// A thing that must be done at least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    CopyTouched,
    CopyFresh,
    Pread,
    Pwrite,
    EncodeZstd,
    DecodeZstd,
    EncodeDeflate,
    DecodeDeflate,
    EncodeShuffledZstd,
    DecodeShuffledZstd,
}

impl Limit {
    /// As the table says it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::CopyTouched => "memcpy into touched memory",
            Self::CopyFresh => "memcpy into fresh memory",
            Self::Pread => "pread into touched memory",
            Self::Pwrite => "pwrite of 2 MiB files",
            Self::EncodeZstd => "zstd 1 encode, memory to memory",
            Self::DecodeZstd => "zstd 1 decode, memory to memory",
            Self::EncodeDeflate => "deflate 4 encode of shuffled cells (libdeflate)",
            Self::DecodeDeflate => "deflate 4 decode, not unshuffled (libdeflate)",
            Self::EncodeShuffledZstd => "zstd 3 encode of shuffled cells",
            Self::DecodeShuffledZstd => "zstd 3 decode, not unshuffled",
        }
    }

    /// What the worker is asked, its threads aside.
    pub(super) fn request(self, scale: &Scale) -> Value {
        let (what, layout) = match self {
            Self::CopyTouched => ("copy", None),
            Self::CopyFresh => ("copy-fresh", None),
            Self::Pread => ("pread", None),
            Self::Pwrite => ("pwrite", None),
            Self::EncodeZstd => ("encode", Some(Layout::Zstd)),
            Self::DecodeZstd => ("decode", Some(Layout::Zstd)),
            Self::EncodeDeflate => ("encode", Some(Layout::Deflate)),
            Self::DecodeDeflate => ("decode", Some(Layout::Deflate)),
            Self::EncodeShuffledZstd => ("encode", Some(Layout::ShuffledZstd)),
            Self::DecodeShuffledZstd => ("decode", Some(Layout::ShuffledZstd)),
        };
        let layout = layout.map(|layout| layout.json(scale));
        json!({"op": "limit", "what": what, "layout": layout})
    }
}
