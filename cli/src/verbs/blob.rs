//! `hyperslab blob`: byte objects by the hash of their content.

mod backup;
mod export;
mod get;
mod import;
mod init;
mod ls;
mod maintain;
mod pack;
mod put;
mod rm;
mod stat;
mod verify;

pub(crate) use self::get::{give, save};
pub(crate) use self::put::open_source;
use clap::{Args, Subcommand, ValueEnum};
use hyperslab::Result;
use hyperslab::blobs::{BlobKey, Compress, Repository};

use crate::console::Console;
use crate::failure::Outcome;
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab blob init ./objects
  hyperslab blob put ./objects run.log figure.png
  hyperslab blob ls ./objects --long
  hyperslab blob get ./objects 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 -o run.log
  hyperslab blob verify ~/.aiida/repository/main/container
  hyperslab blob import s3://bucket/objects export.aiida

A repository is the folder of a container, as AiiDA has it (disk-objectstore), an archive that AiiDA exported, \
or a place in a bucket. A key is the SHA-256 of the content.";

/// Keep files as byte objects, under the hash of their content: in containers of AiiDA, or in a bucket
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub(crate) struct Blob {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make an empty repository
    Init(init::Init),
    /// Put files
    Put(put::Put),
    /// Get an object, or a piece of it
    Get(get::Get),
    /// List the keys of all objects
    Ls(ls::Ls),
    /// Show what a repository or an object is
    Stat(stat::Stat),
    /// Delete objects
    Rm(rm::Rm),
    /// Pack loose objects of a container
    Pack(pack::Pack),
    /// Put a repository in order: pack, repack, clean
    Maintain(maintain::Maintain),
    /// Read every object, and tell of each that is damaged
    Verify(verify::Verify),
    /// Copy objects from another repository into this one
    Import(import::Import),
    /// Copy objects into another repository, or a new archive
    Export(export::Export),
    /// Copy a container into a new folder that shares what has not changed with the copy before
    Backup(backup::Backup),
}

impl Blob {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let patience = session.global().store_options().write.lock_timeout;
        // Files and hashes take their time; so this thread is one that may wait.
        tokio::task::block_in_place(|| match self.verb {
            Verb::Init(verb) => verb.run(console),
            Verb::Put(verb) => verb.run(patience, console),
            Verb::Get(verb) => verb.run(console),
            Verb::Ls(verb) => verb.run(console),
            Verb::Stat(verb) => verb.run(console),
            Verb::Rm(verb) => verb.run(console),
            Verb::Pack(verb) => verb.run(patience, console),
            Verb::Maintain(verb) => verb.run(patience, console),
            Verb::Verify(verb) => verb.run(console),
            Verb::Import(verb) => verb.run(patience, console),
            Verb::Export(verb) => verb.run(patience, console),
            Verb::Backup(verb) => verb.run(patience, console),
        })
    }
}

/// Which objects are compressed when they are packed.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Compression {
    /// None
    #[default]
    Never,
    /// All that get smaller
    Always,
    /// Those whose first part gets smaller by a tenth
    Auto,
}

impl From<Compression> for Compress {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Never => Self::Never,
            Compression::Always => Self::Always,
            Compression::Auto => Self::WhereWorthIt,
        }
    }
}

/// The keys that were named.
fn keys(repository: &Repository, texts: &[String]) -> Result<Vec<BlobKey>> {
    let format = repository.info().key_format;
    texts
        .iter()
        .map(|text| BlobKey::parse(format, text))
        .collect()
}

/// The keys that were named, if any were.
fn some_keys(repository: &Repository, texts: &[String]) -> Result<Option<Vec<BlobKey>>> {
    match texts {
        [] => Ok(None),
        texts => keys(repository, texts).map(Some),
    }
}
