//! Keys: what a repository calls an object.

use std::fmt;
use std::ops::Deref;

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
    /// The BLAKE3 of the content: 64 hexadecimal digits. Only containers of ours have it.
    Blake3,
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
            Self::Blake3 => "blake3",
            Self::Uuid4 => "uuid4",
        }
    }

    /// Whether equal content has one key.
    #[must_use]
    pub const fn is_of_content(self) -> bool {
        !matches!(self, Self::Uuid4)
    }

    /// How many bytes the digits of a key stand for.
    const fn byte_count(self) -> usize {
        match self {
            Self::Sha256 | Self::Blake3 => BYTES_MAX,
            Self::Sha1 => 20,
            Self::Uuid4 => 16,
        }
    }

    fn has(self, text: &str) -> bool {
        let is_hex = |length: usize| {
            let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            text.len() == length && text.bytes().all(is_digit)
        };
        match self {
            Self::Sha256 | Self::Blake3 => is_hex(64),
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
/// assert_eq!(&*key.text(), text);
/// for hostile in ["", "../config.json", "ab/abs/path", &text.to_uppercase(), &text[1..]] {
///     assert!(BlobKey::parse(KeyFormat::Sha256, hostile).is_err());
/// }
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey {
    format: KeyFormat,
    /// The bytes that the digits stand for, and zeros.
    bytes: [u8; BYTES_MAX],
}

/// Of the longest key.
const BYTES_MAX: usize = 32;

impl BlobKey {
    /// Reads a key.
    ///
    /// # Errors
    /// `InvalidInput` for what is no key of that format.
    pub fn parse(format: KeyFormat, text: &str) -> Result<Self> {
        if format.has(text) {
            return Ok(Self::of_digits(format, text));
        }
        let shown: String = text.chars().take(80).collect();
        Err(Error::invalid(format!(
            "{shown:?} is no key of this repository; its keys are {}",
            match format {
                KeyFormat::Sha256 | KeyFormat::Blake3 => "64 lower-case hexadecimal digits",
                KeyFormat::Sha1 => "40 lower-case hexadecimal digits",
                KeyFormat::Uuid4 => "UUIDs in lower case, with hyphens",
            }
        )))
    }

    fn of_digits(format: KeyFormat, text: &str) -> Self {
        let mut bytes = [0; BYTES_MAX];
        let digits = text
            .bytes()
            .filter_map(|digit| char::from(digit).to_digit(16));
        for (place, digit) in digits.enumerate() {
            if let Some(byte) = bytes.get_mut(place / 2) {
                *byte = *byte << 4 | u8::try_from(digit).unwrap_or_default();
            }
        }
        Self { format, bytes }
    }

    /// A new key that says nothing of the content.
    pub(crate) fn random() -> Self {
        Self::of_digest(KeyFormat::Uuid4, Uuid::new_v4().as_bytes())
    }

    /// The key of the content of that hash.
    pub(crate) fn of_digest(format: KeyFormat, digest: &[u8]) -> Self {
        let mut bytes = [0; BYTES_MAX];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = *from;
        }
        Self { format, bytes }
    }

    /// The key as text, which takes no memory but its own.
    #[must_use]
    pub fn text(&self) -> KeyText {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = KeyText {
            bytes: [0; TEXT_MAX],
            length: 0,
        };
        let length = self.format.byte_count();
        for (place, byte) in self.bytes.iter().take(length).enumerate() {
            if self.format == KeyFormat::Uuid4 && matches!(place, 4 | 6 | 8 | 10) {
                text.push(b'-');
            }
            for digit in [byte >> 4, byte & 15] {
                text.push(DIGITS.get(usize::from(digit)).copied().unwrap_or_default());
            }
        }
        text
    }

    /// How it was made.
    #[must_use]
    pub fn format(&self) -> KeyFormat {
        self.format
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Serialize for BlobKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

/// Of the longest text of a key.
const TEXT_MAX: usize = 2 * BYTES_MAX;

/// The text of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyText {
    bytes: [u8; TEXT_MAX],
    length: usize,
}

impl KeyText {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }
}

impl Deref for KeyText {
    type Target = str;

    fn deref(&self) -> &str {
        let bytes = self.bytes.get(..self.length).unwrap_or_default();
        // They are digits and hyphens.
        std::str::from_utf8(bytes).unwrap_or_default()
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
                    prop_assert!(key.text().bytes().all(|b| b.is_ascii_hexdigit() || b == b'-'));
                }
            }
        }
    }
}
