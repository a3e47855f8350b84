//! Options of buckets from a file, for what a person does not want to write behind every URL.
//!
//! ```toml
//! ["s3://climate"]
//! endpoint = "https://minio.example:9000"
//! region = "eu-west-1"
//! profile = "work"
//! ```
//!
//! The section with the longest URL that is, up to a `/`, the beginning of a store's URL applies to that store, and no
//! other one. Its keys
//! are the parameters that the URL takes, and what the URL says itself comes first.

use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};

use hyperslab_core::{Error, Result};
use hyperslab_zarr::BucketDefaults;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The variable that names another file.
const VARIABLE: &str = "HYPERSLAB_CONFIG";

/// What is in the name of a key that holds a secret.
const SECRETS: [&str; 7] = [
    "secret",
    "password",
    "token",
    "credential",
    "signature",
    "sas",
    "key",
];

/// The options for the bucket at a URL; none when the person has no file, or no section for it.
///
/// # Errors
/// `NotFound` when `HYPERSLAB_CONFIG` names a file that is not there; `InvalidInput`, with file and line, when the file makes
/// no sense; `Denied`, `Unavailable`.
pub(crate) fn defaults(url: &str) -> Result<BucketDefaults> {
    let home = std::env::home_dir();
    match file(|name| std::env::var_os(name), home)? {
        Some((path, text)) => Source::new(&path, &text).defaults(url),
        None => Ok(BucketDefaults::default()),
    }
}

/// The file and what is in it; `None` when it is the usual one and is not there.
fn file(
    variable: impl Fn(&str) -> Option<OsString>,
    home: Option<PathBuf>,
) -> Result<Option<(PathBuf, String)>> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let named = set(VARIABLE).map(PathBuf::from);
    let is_named = named.is_some();
    // As the convention has it, a relative path there counts for nothing.
    let folder = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| home.map(|home| home.join(".config")));
    let usual = folder.map(|folder| folder.join("hyperslab").join("config.toml"));
    let Some(path) = named.or(usual) else {
        return Ok(None);
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !is_named => Ok(None),
        Err(error) if is_named => {
            let what = format!("{}, which {VARIABLE} names", path.display());
            Err(Error::io("read", what, error))
        }
        Err(error) => Err(Error::io("read", path.display(), error)),
    }
}

/// A text and where it comes from.
struct Source<'a> {
    path: &'a Path,
    text: &'a str,
}

impl<'a> Source<'a> {
    fn new(path: &'a Path, text: &'a str) -> Self {
        Self { path, text }
    }

    /// The options of the section for a URL. All of the file must make sense: a mistake in another section is found today
    /// and not on the day when that is needed.
    fn defaults(&self, url: &str) -> Result<BucketDefaults> {
        let parsed = DeTable::parse(self.text).map_err(|error| {
            let at = error.span().unwrap_or(0..0);
            self.mistake(&at, error.message())
        })?;
        let mut chosen = BucketDefaults::default();
        let mut longest = None;
        for (name, section) in parsed.get_ref() {
            let section = self.section(name, section)?;
            let prefix = name.get_ref().trim_end_matches('/');
            if is_below(url, prefix) && longest < Some(prefix.len()) {
                longest = Some(prefix.len());
                chosen = section;
            }
        }
        Ok(chosen)
    }

    fn section(
        &self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        section: &Spanned<DeValue<'_>>,
    ) -> Result<BucketDefaults> {
        let (at, prefix) = (name.span(), name.get_ref());
        let DeValue::Table(table) = section.get_ref() else {
            let what = format!("'{prefix}' stands in no section; write [\"s3://bucket\"] above it");
            return Err(self.mistake(&at, &what));
        };
        let schemes = ["s3://", "gs://", "az://"];
        // One with a user or parameters may hold a secret, so the message does not repeat it.
        if !schemes.iter().any(|scheme| prefix.starts_with(scheme)) || prefix.contains(['@', '?']) {
            let what = "a section is named by the URL of a bucket or of a prefix in it, without parameters: \
                        [\"s3://bucket/prefix\"]";
            return Err(self.mistake(&at, what));
        }
        let mut defaults = BucketDefaults {
            origin: format!("{}, section [\"{prefix}\"]", self.path.display()),
            ..BucketDefaults::default()
        };
        for (key, value) in table {
            let value = self.value(key, value)?;
            defaults.parameters.insert(key.get_ref().to_string(), value);
        }
        Ok(defaults)
    }

    fn value(
        &self,
        key: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<String> {
        let (at, key) = (key.span(), key.get_ref());
        let lower = key.to_ascii_lowercase();
        if SECRETS.iter().any(|secret| lower.contains(secret)) {
            let what = format!(
                "'{key}' looks like a secret, which does not belong into this file; set it in the environment, or use \
                 'profile'"
            );
            return Err(self.mistake(&at, &what));
        }
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            DeValue::Integer(number) => Ok(number.to_string()),
            DeValue::Float(number) => Ok(number.to_string()),
            DeValue::Boolean(flag) => Ok(flag.to_string()),
            _ => {
                let what = format!("'{key}' is a text, a number, or true or false");
                Err(self.mistake(&at, &what))
            }
        }
    }

    fn mistake(&self, at: &Range<usize>, what: &str) -> Error {
        let before = self.text.get(..at.start).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Error::invalid(format!("{}, line {line}: {what}", self.path.display()))
    }
}

/// Whether the URL of a store is a prefix or below it.
fn is_below(url: &str, prefix: &str) -> bool {
    let address = url.split('?').next().unwrap_or_default();
    let rest = address.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests;
