//! What a key may be.

use hyperslab_core::{Error, Result};

/// The longest key that every common store takes, in bytes.
const KEY_BYTES_MAX: usize = 1024;

/// Checks that a key can name an object in every medium: parts joined with `/`, no part empty, `.` or `..`, no control
/// characters.
pub(super) fn check_key(key: &str) -> Result<()> {
    let fault = if key.is_empty() {
        "it is empty"
    } else if key.len() > KEY_BYTES_MAX {
        "it is longer than 1024 bytes"
    } else if key.chars().any(char::is_control) {
        "it has a control character"
    } else if key.split('/').any(|part| matches!(part, "" | "." | "..")) {
        "a part of it is empty, '.' or '..'"
    } else {
        return Ok(());
    };
    Err(Error::invalid(format!(
        "'{}' cannot be the key of an object: {fault}",
        key.escape_debug()
    )))
}

/// Checks a prefix of a listing: a key, or nothing for the root.
pub(super) fn check_prefix(prefix: &str) -> Result<()> {
    if prefix.is_empty() {
        return Ok(());
    }
    check_key(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_clean_keys_pass() {
        for key in ["a", "a/b", "a b/...", "a=1,b=%2F;(~)/é", ".a/b."] {
            check_key(key).unwrap();
        }
        let long = "a".repeat(1025);
        for key in [
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "a/../b",
            "a\nb",
            long.as_str(),
        ] {
            check_key(key).unwrap_err();
        }
        check_prefix("").unwrap();
        check_prefix("a/").unwrap_err();
    }
}
