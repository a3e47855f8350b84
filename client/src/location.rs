//! Where a store lies.

use std::path::PathBuf;

use hyperslab_core::{Error, Result};
use url::Url;

/// A store's URL, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Where the store lies.
    pub(crate) place: Place,
    /// The adapter that the URL asks for.
    pub(crate) adapter: Option<String>,
}

/// A kind of place, and which of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A folder on a disk.
    Disk(PathBuf),
    /// The memory of this process.
    Memory,
    /// A bucket, as a URL with the parameters that are the bucket's.
    Bucket(String),
}

/// What stands before a scheme to say that a storage of Deker is there, or is to be made.
const DEKER: &str = "deker+";

impl Location {
    /// Reads `file:///path`, `deker+file:///path` for a storage of Deker, `memory://`, `s3://bucket/prefix`, `gs://`, `az://`, each with `?option=value` behind it, or a
    /// plain path, absolute or relative, which is taken as it stands.
    ///
    /// # Errors
    /// `InvalidInput` for a URL that makes no sense.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() {
            return Err(Error::invalid(
                "the store has no name; give a path or a URL such as file:///data",
            ));
        }
        let Some((scheme, _)) = text.split_once("://") else {
            return Ok(Self {
                place: Place::Disk(PathBuf::from(text)),
                adapter: None,
            });
        };
        // There may be a secret anywhere in a URL, so no message repeats more than its scheme.
        let (address, parameters) = text.split_once('?').unwrap_or((text, ""));
        let (adapter, rest) = take_adapter(parameters);
        let (scheme, address, adapter) = match scheme.strip_prefix(DEKER) {
            Some("file") => ("file", &address[DEKER.len()..], wanted_deker(adapter)?),
            _ => (scheme, address, adapter),
        };
        let place = match scheme {
            "file" | "memory" if !rest.is_empty() => Err(Error::invalid(format!(
                "{scheme}:// takes the parameter 'adapter' only"
            ))),
            "file" => folder(address),
            "memory" if address == "memory://" => Ok(Place::Memory),
            "memory" => Err(Error::invalid(
                "a store in memory has no name to be found by; write memory://",
            )),
            _ => bucket(scheme, address, &rest),
        };
        Ok(Self {
            place: place?,
            adapter,
        })
    }
}

/// The value of `adapter` among the parameters of a URL, and the other parameters as they stand.
fn take_adapter(parameters: &str) -> (Option<String>, String) {
    let (ours, others): (Vec<&str>, Vec<&str>) = parameters
        .split('&')
        .filter(|parameter| !parameter.is_empty())
        .partition(|parameter| parameter.starts_with("adapter="));
    let adapter = ours
        .last()
        .and_then(|parameter| parameter.split_once('='))
        .map(|(_, value)| value.to_owned());
    (adapter, others.join("&"))
}

/// The adapter of a URL that says `deker+`.
fn wanted_deker(adapter: Option<String>) -> Result<Option<String>> {
    match adapter.as_deref() {
        None | Some("deker") => Ok(Some("deker".to_owned())),
        Some(other) => Err(Error::invalid(format!(
            "the URL asks for a storage of Deker and for the adapter '{other}'; choose one"
        ))),
    }
}

fn folder(address: &str) -> Result<Place> {
    Url::parse(address)
        .ok()
        .and_then(|url| url.to_file_path().ok())
        .map(Place::Disk)
        .ok_or_else(|| Error::invalid("the URL names no path on this machine; write file:///path"))
}

/// Whether this build can reach it, and what its parameters mean, the adapter knows.
fn bucket(scheme: &str, address: &str, parameters: &str) -> Result<Place> {
    match scheme {
        "s3" | "gs" | "az" if parameters.is_empty() => Ok(Place::Bucket(address.to_owned())),
        "s3" | "gs" | "az" => Ok(Place::Bucket(format!("{address}?{parameters}"))),
        _ => Err(Error::invalid(format!(
            "'{scheme}://' is not known; use a path, file://, deker+file://, memory://, s3://, gs:// or az://"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::ErrorKind;

    #[test]
    fn paths_and_urls_are_understood() {
        let disk = |path: &str| Place::Disk(path.into());
        for (text, place, adapter) in [
            ("store", disk("store"), None),
            ("./a b/c", disk("./a b/c"), None),
            ("/data/x", disk("/data/x"), None),
            // A path is a path, whatever stands in it.
            ("./a?adapter=zarr", disk("./a?adapter=zarr"), None),
            ("file:///data/a%20b", disk("/data/a b"), None),
            ("file:///data?adapter=zarr", disk("/data"), Some("zarr")),
            ("deker+file:///data", disk("/data"), Some("deker")),
            ("memory://", Place::Memory, None),
            ("memory://?adapter=zarr", Place::Memory, Some("zarr")),
        ] {
            let adapter = adapter.map(str::to_owned);
            assert_eq!(Location::parse(text).unwrap(), Location { place, adapter });
        }
        for text in [
            "",
            "ftp://x",
            "file://host/x",
            "file:///x?speed=high",
            "deker+file:///x?adapter=zarr",
            "deker+s3://x",
            "memory://x",
        ] {
            assert_eq!(
                Location::parse(text).unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{text}"
            );
        }
    }

    #[test]
    fn parameters_of_a_bucket_are_left_to_the_adapter() {
        for scheme in ["s3", "gs", "az"] {
            let text = format!("{scheme}://b/p?region=x&adapter=zarr&endpoint=http://y");
            let location = Location::parse(&text).unwrap();
            let expected = format!("{scheme}://b/p?region=x&endpoint=http://y");
            assert_eq!(location.place, Place::Bucket(expected));
            assert_eq!(location.adapter.as_deref(), Some("zarr"));
        }
    }
}
