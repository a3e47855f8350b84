//! Options that say how arrays are stored. Which of them there are, and what they may be, the adapter knows.

use clap::Args;
use hyperslab::{Error, Result, Schema, StorageOptions};
use serde_json::Value;

use crate::args::Pair;

/// How arrays are stored.
#[derive(Debug, Clone, Args)]
pub(crate) struct StorageArgs {
    /// The length of a chunk along each dimension, as `1,90,180`, or `auto`
    #[arg(long, value_name = "LENGTHS", help_heading = "Storage")]
    chunks: Option<String>,
    /// zarr: the length of a shard along each dimension, or `auto`, or `none`
    #[arg(long, value_name = "LENGTHS", help_heading = "Storage")]
    shards: Option<String>,
    /// The codec of a chunk, and its level if wanted: `deflate:4` (hdf5), `gzip:4` (zarr), `zstd:3`, `blosc`, `none`
    #[arg(long, value_name = "NAME[:LEVEL]", help_heading = "Storage")]
    codec: Option<String>,
    /// zarr: how arrays will mostly be read: `map` (all places at one time), `series` (one place at all times) or `both`
    #[arg(long, value_name = "HOW", help_heading = "Storage")]
    access: Option<String>,
    /// zarr: the order of the dimensions inside a chunk, slowest first, as `1,2,0`
    #[arg(long, value_name = "AXES", help_heading = "Storage")]
    transpose: Option<String>,
    /// Any other option of the adapter, as `checksum=false` or `variable=sst`; repeatable
    #[arg(long, value_name = "NAME=VALUE", help_heading = "Storage")]
    storage: Vec<Pair>,
}

/// Tiles of arrays: parts that are stored, and written, each by itself.
#[derive(Debug, Clone, Args)]
pub(crate) struct TileArgs {
    /// The length of a tile along each dimension, as `6,90,60`: tiles are stored each by itself when they are first written
    #[arg(
        long,
        value_name = "LENGTHS",
        conflicts_with = "tile_counts",
        help_heading = "Storage"
    )]
    tiles: Option<String>,
    /// The number of equal tiles along each dimension, as `4,1,3`
    #[arg(long, value_name = "COUNTS", help_heading = "Storage")]
    tile_counts: Option<String>,
}

impl TileArgs {
    /// The schema with the tiles that are asked for, instead of its own.
    pub(crate) fn apply(&self, schema: Schema) -> Result<Schema> {
        match (&self.tiles, &self.tile_counts) {
            (Some(lengths), _) => {
                let builder = schema.to_builder().tile_shape(list("tiles", lengths)?);
                builder.build()
            }
            (None, Some(counts)) => {
                let builder = schema.to_builder().without_tiles();
                builder.tile_counts(list("tile-counts", counts)?).build()
            }
            (None, None) => Ok(schema),
        }
    }
}

impl StorageArgs {
    /// The options as the adapter takes them.
    pub(crate) fn options(&self) -> Result<StorageOptions> {
        let mut options = StorageOptions::new();
        for Pair { name, value } in &self.storage {
            // What is no JSON is text, so that nobody has to quote a name twice.
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.as_str().into());
            options.insert(name.clone(), value);
        }
        if let Some(chunks) = &self.chunks {
            options.insert("chunks".to_owned(), lengths("chunks", chunks)?);
        }
        if let Some(shards) = &self.shards {
            options.insert("shards".to_owned(), lengths("shards", shards)?);
        }
        if let Some(access) = &self.access {
            options.insert("access".to_owned(), access.as_str().into());
        }
        if let Some(transpose) = &self.transpose {
            options.insert("transpose".to_owned(), numbers("transpose", transpose)?);
        }
        if let Some(codec) = &self.codec {
            insert_codec(&mut options, codec)?;
        }
        Ok(options)
    }
}

fn insert_codec(options: &mut StorageOptions, codec: &str) -> Result<()> {
    let (name, level) = match codec.split_once(':') {
        Some((name, level)) => (name, Some(level)),
        None => (codec, None),
    };
    options.insert("codec".to_owned(), name.into());
    if let Some(level) = level {
        let level: i64 = level.parse().map_err(|_| {
            Error::invalid(format!("codec '{codec}': the level must be a whole number"))
        })?;
        options.insert("level".to_owned(), level.into());
    }
    Ok(())
}

/// Lengths, or a word that the adapter knows.
fn lengths(option: &str, text: &str) -> Result<Value> {
    match text {
        "auto" | "none" => Ok(text.into()),
        _ => numbers(option, text),
    }
}

fn numbers(option: &str, text: &str) -> Result<Value> {
    list(option, text).map(Value::from)
}

fn list(option: &str, text: &str) -> Result<Vec<u64>> {
    let number = |part: &str| {
        part.trim().parse::<u64>().map_err(|_| {
            Error::invalid(format!(
                "{option} '{text}': write one number per dimension, as 1,90,180"
            ))
        })
    };
    text.split(',').map(number).collect()
}
