//! Keys: what a repository calls an object.

use std::fmt;

use hyperslab_core::{Error, Result};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// How a repository makes keys. Repositories of different formats cannot exchange keys: whoever copies between them has to
/// write down the new ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum KeyFormat {
    /// The SHA-256 of the content: 64 hexadecimal digits.
    Sha256,
    /// The SHA-1 of the content: 40 hexadecimal digits. Only containers that other programs made have it.
    Sha1,
    /// A random UUID with hyphens, another one for each object, whatever is in it.
    Uuid4,
}

impl KeyFormat {
    /// The name that AiiDA gives it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha1 => "sha1",
            Self::Uuid4 => "uuid4",
        }
    }

    /// Whether equal content has one key.
    #[must_use]
    pub const fn is_of_content(self) -> bool {
        !matches!(self, Self::Uuid4)
    }

    fn has(self, text: &str) -> bool {
        let is_hex = |length: usize| {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            text.len() == length && text.bytes().all(is_digit)
        };
        match self {
            Self::Sha256 => is_hex(64),
            Self::Sha1 => is_hex(40),
            Self::Uuid4 => Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text),
        }
    }
}

impl fmt::Display for KeyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The key of an object. It is of a format, and holds nothing but lower-case hexadecimal digits and hyphens, so it is safe as the
/// name of a file or an object.
///
/// ```
/// use hyperslab_blobs::{BlobKey, KeyFormat};
///
/// let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
/// let key = BlobKey::parse(KeyFormat::Sha256, text)?;
/// assert_eq!(key.as_str(), text);
/// for hostile in ["", "../config.json", "ab/abs/path", &text.to_uppercase(), &text[1..]] {
///     assert!(BlobKey::parse(KeyFormat::Sha256, hostile).is_err());
/// }
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey {
    text: Box<str>,
    format: KeyFormat,
}

impl BlobKey {
    /// Reads a key.
    ///
    /// # Errors
    /// `InvalidInput` for what is no key of that format.
    pub fn parse(format: KeyFormat, text: &str) -> Result<Self> {
        if !format.has(text) {
            let shown: String = text.chars().take(80).collect();
            return Err(Error::invalid(format!(
                "{shown:?} is no key of this repository; its keys are {}",
                match format {
                    KeyFormat::Sha256 => "64 lower-case hexadecimal digits",
                    KeyFormat::Sha1 => "40 lower-case hexadecimal digits",
                    KeyFormat::Uuid4 => "UUIDs in lower case, with hyphens",
                }
            )));
        }
        Ok(Self {
            text: text.into(),
            format,
        })
    }

    /// A new key that says nothing of the content.
    pub(crate) fn random() -> Self {
        Self {
            text: Uuid::new_v4().to_string().into(),
            format: KeyFormat::Uuid4,
        }
    }

    /// The key of the content of that hash.
    pub(crate) fn of_digest(format: KeyFormat, digest: &[u8]) -> Self {
        Self {
            text: crate::hashing::hex(digest).into(),
            format,
        }
    }

    /// The key as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it was made.
    #[must_use]
    pub fn format(&self) -> KeyFormat {
        self.format
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Serialize for BlobKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_format_has_its_keys_and_no_others() {
        let id = Uuid::new_v4();
        for (format, text) in [
            (KeyFormat::Sha256, "0".repeat(64)),
            (KeyFormat::Sha1, "f".repeat(40)),
            (KeyFormat::Uuid4, id.to_string()),
        ] {
            assert_eq!(BlobKey::parse(format, &text).unwrap().to_string(), text);
            for other in [KeyFormat::Sha256, KeyFormat::Sha1, KeyFormat::Uuid4] {
                assert_eq!(BlobKey::parse(other, &text).is_ok(), other == format);
            }
        }
        for spelled in [
            id.simple().to_string(),
            id.urn().to_string(),
            id.braced().to_string(),
        ] {
            assert!(BlobKey::parse(KeyFormat::Uuid4, &spelled).is_err());
        }
    }

    proptest! {
        #[test]
        fn no_key_leads_anywhere(text in ".{0,70}") {
            for format in [KeyFormat::Sha256, KeyFormat::Sha1, KeyFormat::Uuid4] {
                if let Ok(key) = BlobKey::parse(format, &text) {
                    prop_assert!(key.as_str().bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
                }
            }
        }
    }
}
