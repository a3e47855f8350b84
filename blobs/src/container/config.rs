//! What a container says of itself: `config.json`, with six fields and no others.

use std::io::{self, Write};

use hyperslab_core::{Error, Result};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::folders::Folders;
use crate::KeyFormat;
use crate::files;

/// The version of `disk-objectstore`.
const VERSION: u64 = 1;

/// The version of containers with what only we have: other programs do not open them.
const VERSION_OWN: u64 = 2;

/// How objects in packs are compressed, where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Zlib of that level, 1 to 9.
    Zlib(u32),
    /// Zstandard of that level, 1 to 19. Only hyperslab opens such a container.
    Zstd(u32),
}

impl Compression {
    /// As the document has it.
    fn name(self) -> String {
        match self {
            Self::Zlib(level) => format!("zlib+{level}"),
            Self::Zstd(level) => format!("zstd+{level}"),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, level) = text.split_once('+')?;
        let level: u32 = level.parse().ok()?;
        let found = match (name, level) {
            ("zlib", 1..=9) => Self::Zlib(level),
            ("zstd", 1..=19) => Self::Zstd(level),
            _ => return None,
        };
        // A sign, or a leading zero, is none of it.
        (found.name() == text).then_some(found)
    }
}

/// What a new container is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerOptions {
    /// How keys are made; not [`KeyFormat::Uuid4`]. Only hyperslab opens a container with [`KeyFormat::Blake3`].
    pub key_format: KeyFormat,
    /// How many digits of a key are the folder of its loose file; 0 for no folders.
    pub loose_prefix_len: u64,
    /// A pack that has so many bytes or more is full.
    pub pack_size_target: u64,
    /// How objects are compressed where they are.
    pub compression: Compression,
}

impl Default for ContainerOptions {
    fn default() -> Self {
        Self {
            key_format: KeyFormat::Sha256,
            loose_prefix_len: 2,
            pack_size_target: 4 << 30,
            compression: Compression::Zlib(1),
        }
    }
}

/// What a container is.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) loose_prefix_len: usize,
    pub(super) pack_size_target: u64,
    pub(super) hash_type: KeyFormat,
    pub(super) container_id: Uuid,
    pub(super) compression: Compression,
    document: Document,
}

/// The document, in the order of its fields.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    container_version: u64,
    loose_prefix_len: u64,
    pack_size_target: u64,
    hash_type: String,
    container_id: String,
    compression_algorithm: String,
}

impl Config {
    /// A new container.
    ///
    /// # Errors
    /// `InvalidInput` for what the format does not have.
    pub(super) fn new(options: &ContainerOptions) -> Result<Self> {
        let is_theirs = options.key_format != KeyFormat::Blake3
            && matches!(options.compression, Compression::Zlib(_));
        let document = Document {
            container_version: if is_theirs { VERSION } else { VERSION_OWN },
            loose_prefix_len: options.loose_prefix_len,
            pack_size_target: options.pack_size_target,
            hash_type: options.key_format.name().to_owned(),
            container_id: Uuid::new_v4().simple().to_string(),
            compression_algorithm: options.compression.name(),
        };
        Self::of(document).map_err(Error::invalid)
    }

    /// What the container in these folders says.
    ///
    /// # Errors
    /// `NotFound` when it says nothing; `Unsupported`, `Corrupt`.
    pub(super) fn read(folders: &Folders) -> Result<Self> {
        let path = folders.config();
        let text = match std::fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::not_found(format!(
                    "there is no container in {}; make one, or check the path",
                    folders.root().display()
                )));
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(Error::corrupt(format!(
                    "{}: it is no text; restore it from a copy",
                    path.display()
                )));
            }
            text => text.map_err(|source| Error::io("read", path.display(), source))?,
        };
        // A later version may have other fields.
        #[derive(Deserialize)]
        struct Versioned {
            container_version: u64,
        }
        let damaged = |why: String| {
            Error::corrupt(format!("{}: {why}; restore it from a copy", path.display()))
        };
        let versioned: Versioned =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        if !(VERSION..=VERSION_OWN).contains(&versioned.container_version) {
            return Err(Error::unsupported(format!(
                "{} is a container of version {}, and this program knows versions {VERSION} and {VERSION_OWN}; update hyperslab",
                folders.root().display(),
                versioned.container_version
            )));
        }
        let document: Document =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        Self::of(document).map_err(damaged)
    }

    fn of(document: Document) -> std::result::Result<Self, String> {
        let hash_type = match document.hash_type.as_str() {
            "sha256" => KeyFormat::Sha256,
            "sha1" => KeyFormat::Sha1,
            "blake3" if document.container_version == VERSION_OWN => KeyFormat::Blake3,
            other => return Err(format!("there are no keys of '{other}' in containers")),
        };
        let key_length = if hash_type == KeyFormat::Sha1 { 40 } else { 64 };
        let prefix = usize::try_from(document.loose_prefix_len).ok();
        let loose_prefix_len = prefix
            .filter(|length| *length < key_length)
            .ok_or_else(|| {
                format!(
                    "folders cannot be named by {} digits of {key_length}",
                    document.loose_prefix_len
                )
            })?;
        if document.pack_size_target == 0 {
            return Err("packs cannot be full with 0 bytes".to_owned());
        }
        let compression = Compression::parse(&document.compression_algorithm).filter(|found| {
            matches!(found, Compression::Zlib(_)) || document.container_version == VERSION_OWN
        });
        let compression = compression.ok_or_else(|| {
            format!(
                "there is no compression '{}'; it is zlib+1 to zlib+9, or zstd+1 to zstd+19 in version {VERSION_OWN}",
                document.compression_algorithm
            )
        })?;
        let id = Uuid::try_parse(&document.container_id);
        let container_id = id.map_err(|_| format!("'{}' is no id", document.container_id))?;
        Ok(Self {
            loose_prefix_len,
            pack_size_target: document.pack_size_target,
            hash_type,
            container_id,
            compression,
            document,
        })
    }

    /// Writes the document, whole or not at all, and never over another.
    pub(super) fn write(&self, folders: &Folders) -> Result<()> {
        let path = folders.config();
        let fail = |source| Error::io("write", path.display(), source);
        let mut text = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut text, Spaced);
        let written = self.document.serialize(&mut serializer);
        written.map_err(|error| fail(error.into()))?;
        // Not beside it: there a file that was not ended would be taken for somebody else's.
        let mut file = files::unnamed(folders.sandbox()).map_err(fail)?;
        file.write_all(&text).map_err(fail)?;
        file.as_file().sync_all().map_err(fail)?;
        file.persist_noclobber(&path)
            .map_err(|error| match error.error.kind() {
                io::ErrorKind::AlreadyExists => Error::already_exists(format!(
                    "there is a container in {} already",
                    folders.root().display()
                )),
                _ => fail(error.error),
            })?;
        folders.sync()
    }
}

/// JSON in one line, with a space behind each comma and colon, as Python writes it.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_object_key<W: ?Sized + Write>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }
}
