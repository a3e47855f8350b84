//! Where a store lies.

use std::path::PathBuf;

use hyperslab_core::{Error, Result};
use url::Url;

/// A store's URL, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Location {
    /// A folder on a disk.
    Disk(PathBuf),
    /// The memory of this process.
    Memory,
}

impl Location {
    /// Reads `file:///path`, `memory://`, or a plain path, absolute or relative.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::invalid(
                "the store has no name; give a path or a URL such as file:///data",
            ));
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Ok(Self::Disk(PathBuf::from(text)));
        };
        match scheme {
            "file" => Url::parse(text)
                .ok()
                .and_then(|url| url.to_file_path().ok())
                .map(Self::Disk)
                .ok_or_else(|| {
                    Error::invalid(format!(
                        "'{text}' names no path on this machine; write file:///path"
                    ))
                }),
            "memory" => Ok(Self::Memory),
            "s3" | "gs" | "az" => Err(Error::unsupported(format!(
                "stores at {scheme}:// are not supported yet; use a path, file:// or memory://"
            ))),
            _ => Err(Error::invalid(format!(
                "'{scheme}://' is not known; use a path, file:// or memory://"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::ErrorKind;

    #[test]
    fn paths_and_urls_are_understood() {
        for (text, expected) in [
            ("store", Location::Disk("store".into())),
            ("./a b/c", Location::Disk("./a b/c".into())),
            ("/data/x", Location::Disk("/data/x".into())),
            ("file:///data/a%20b", Location::Disk("/data/a b".into())),
            ("memory://", Location::Memory),
        ] {
            assert_eq!(Location::parse(text).unwrap(), expected);
        }
        assert_eq!(
            Location::parse("s3://b/p").unwrap_err().kind(),
            ErrorKind::Unsupported
        );
        for text in ["", "ftp://x", "file://host/x"] {
            assert_eq!(
                Location::parse(text).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{text}"
            );
        }
    }
}
