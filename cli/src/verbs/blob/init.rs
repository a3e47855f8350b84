//! `hyperslab blob init`.

use clap::{Args, ValueEnum};
use hyperslab::MemoryLimit;
use hyperslab::blobs::{Compression, ContainerOptions, KeyFormat, Repository};
use serde_json::json;

use crate::console::Console;
use crate::failure::{Outcome, Status};

/// Make an empty repository: a container in a folder that is empty or not there, or one in a bucket.
///
/// AiiDA opens a container unless it has keys of BLAKE3, or is compressed by zstd: only hyperslab opens such a one.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The repository: a path or a URL
    repository: String,
    /// What keys are made of
    #[arg(long, value_enum, default_value_t)]
    hash: Hash,
    /// How large a pack may get before the next is begun [default: 4G]
    #[arg(long, value_name = "SIZE", allow_negative_numbers = true)]
    pack_size: Option<MemoryLimit>,
    /// How many digits of a key are the folder of its loose file
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    prefix: u64,
    /// How objects are compressed, where they are: `zlib:1` to `zlib:9`, or `zstd:1` to `zstd:19`
    #[arg(long, value_name = "CODEC:LEVEL", default_value = "zlib:1", value_parser = compression)]
    compression: Compression,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Hash {
    #[default]
    Sha256,
    Sha1,
    Blake3,
}

impl Init {
    pub(super) fn run(self, console: &mut Console) -> Outcome {
        let usual = ContainerOptions::default();
        let options = ContainerOptions {
            key_format: match self.hash {
                Hash::Sha256 => KeyFormat::Sha256,
                Hash::Sha1 => KeyFormat::Sha1,
                Hash::Blake3 => KeyFormat::Blake3,
            },
            loose_prefix_len: self.prefix,
            pack_size_target: self
                .pack_size
                .map_or(usual.pack_size_target, MemoryLimit::bytes),
            compression: self.compression,
        };
        let info = Repository::create(&self.repository, &options)?.info();
        let document =
            json!({ "repository": { "id": info.id, "key_format": info.key_format.name() } });
        console.report(
            &document,
            format_args!("made a repository with keys of {}", info.key_format),
        )?;
        Ok(Status::Done)
    }
}

fn compression(text: &str) -> Result<Compression, String> {
    let told = || "write it as zlib:1 to zlib:9, or zstd:1 to zstd:19".to_owned();
    let (codec, level) = text.split_once(':').ok_or_else(told)?;
    match (codec, level.parse().map_err(|_| told())?) {
        ("zlib", level @ 1..=9) => Ok(Compression::Zlib(level)),
        ("zstd", level @ 1..=19) => Ok(Compression::Zstd(level)),
        _ => Err(told()),
    }
}
