//! Which names are allowed, and why one is refused.

use crate::{Error, Result};

/// The longest name of a collection, dimension or attribute, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

/// The folder, or prefix, in a store on a disk or in a bucket for what is attached to its arrays. No collection has such a name, and no
/// adapter looks into it.
pub const ATTACHMENTS: &str = ".attachments";

/// Checks the name of a collection.
///
/// It becomes the name of a folder or a key prefix as it stands, so that people can find it: letters and digits of any
/// script, `_`, `-`, `.`, `+` and spaces inside, no leading `.`, at most [`NAME_BYTES_MAX`] bytes.
///
/// # Errors
/// `InvalidInput` that names the rule broken.
pub fn check_collection_name(name: &str) -> Result<()> {
    check("collection", name, |c| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | ' ')
    })
}

/// Checks the name of a dimension or an attribute: letters and digits of any script, `_`, `-`, `.`, `+` and `@`, no
/// leading digit or punctuation but `_`, at most [`NAME_BYTES_MAX`] bytes. All formats and the command line can carry it.
///
/// # Errors
/// `InvalidInput` that names the rule broken.
pub fn check_identifier(what: &str, name: &str) -> Result<()> {
    check(what, name, |c| {
        c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@')
    })?;
    match name.chars().next() {
        Some(first) if first.is_alphabetic() || first == '_' => Ok(()),
        _ => Err(Error::invalid(format!(
            "{what} name '{name}' must begin with a letter or '_'"
        ))),
    }
}

/// Refuses a name that nothing can carry: an empty one, or one with a NUL character.
pub(crate) fn check_named(what: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid(format!("a {what} name must not be empty")));
    }
    if name.contains('\0') {
        return Err(Error::invalid(format!(
            "{what} name {name:?} must not contain a NUL character"
        )));
    }
    Ok(())
}

fn check(what: &str, name: &str, allowed: impl Fn(char) -> bool) -> Result<()> {
    if name.is_empty() {
        return Err(Error::invalid(format!("a {what} name must not be empty")));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(Error::invalid(format!(
            "a {what} name may have at most {NAME_BYTES_MAX} bytes, this one has {}",
            name.len()
        )));
    }
    if let Some(bad) = name.chars().find(|&c| !allowed(c)) {
        return Err(Error::invalid(format!(
            "{what} name {name:?} must not contain {bad:?}"
        )));
    }
    if name.starts_with('.') || name.starts_with(' ') || name.ends_with(' ') {
        return Err(Error::invalid(format!(
            "{what} name {name:?} must not begin with '.' or begin or end with a space"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_leave_the_store_are_refused() {
        for name in [
            "", ".", "..", "../x", "a/b", "a\\b", "a\nb", "a:b", ".hidden", " a", "a\0",
        ] {
            assert!(check_collection_name(name).is_err(), "{name:?}");
        }
        assert!(check_collection_name(&"x".repeat(129)).is_err());
        for name in ["coads", "Wetter 2023", "übung", "a.b-c+d"] {
            check_collection_name(name).unwrap();
        }
        assert!(check_identifier("dimension", "1st").is_err());
        check_identifier("attribute", "GRIB_Nx").unwrap();
    }
}
