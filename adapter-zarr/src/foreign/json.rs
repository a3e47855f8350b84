//! JSON as other programs write it.

use std::borrow::Cow;

use hyperslab_core::{Error, Result};
use serde_json::{Map, Value};

/// Reads an object. Python writes numbers that are none as bare `NaN` and `Infinity`; they become texts here.
pub(super) fn parse(bytes: &[u8], what: &str) -> Result<Map<String, Value>> {
    serde_json::from_slice(bytes)
        .or_else(|error| match quoted(bytes) {
            Cow::Owned(mended) => serde_json::from_slice(&mended),
            Cow::Borrowed(_) => Err(error),
        })
        .map_err(|error| Error::corrupt(format!("{what} is damaged: {error}")).with_source(error))
}

/// Puts quotes around `NaN`, `Infinity` and `-Infinity` outside of texts.
fn quoted(bytes: &[u8]) -> Cow<'_, [u8]> {
    const WORDS: [&[u8]; 3] = [b"-Infinity", b"Infinity", b"NaN"];
    let mut mended = Vec::new();
    let (mut rest, mut in_text, mut found) = (bytes, false, false);
    while let Some((&first, after)) = rest.split_first() {
        let word = WORDS.iter().find(|word| !in_text && rest.starts_with(word));
        if let Some(word) = word {
            mended.push(b'"');
            mended.extend_from_slice(word);
            mended.push(b'"');
            rest = rest.get(word.len()..).unwrap_or_default();
            found = true;
            continue;
        }
        mended.push(first);
        rest = after;
        match first {
            b'"' => in_text = !in_text,
            b'\\' if in_text => {
                if let Some((&escaped, after)) = rest.split_first() {
                    mended.push(escaped);
                    rest = after;
                }
            }
            _ => {}
        }
    }
    if found {
        Cow::Owned(mended)
    } else {
        Cow::Borrowed(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn words_of_python_become_texts() {
        let text = br#"{"a": NaN, "b \" NaN": [-Infinity, Infinity, 1], "c": "NaN"}"#;
        let read = Value::Object(parse(text, "it").unwrap());
        let wanted = json!({"a": "NaN", "b \" NaN": ["-Infinity", "Infinity", 1], "c": "NaN"});
        assert_eq!(read, wanted);
        for damaged in [&b"{"[..], b"[]", b"NaN", b"{\"a\": \"\\", b"\xff"] {
            parse(damaged, "it").unwrap_err();
        }
    }
}
