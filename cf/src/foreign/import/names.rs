//! Names that a schema accepts.

use std::collections::HashSet;

use hyperslab_core::name::{NAME_BYTES_MAX, check_identifier};

/// What a reserved name gets so that an attribute may carry it; export takes it off again.
pub(super) const RESTORED_SUFFIX: char = '_';

/// Attributes with a meaning of their own in self-describing content that nothing else in a schema carries.
const WITHHELD: [&str; 4] = ["add_offset", "calendar", "id", "scale_factor"];

/// Attributes that say how numbers are stored or what belongs together; the schema says the same in its own words.
pub(super) fn is_structural(name: &str) -> bool {
    matches!(
        name,
        "_Encoding"
            | "_FillValue"
            | "_Unsigned"
            | "add_offset"
            | "coordinates"
            | "dtype"
            | "missing_value"
            | "scale_factor"
    )
}

/// Whether an attribute of that name needs the suffix.
pub(super) fn is_withheld(name: &str) -> bool {
    WITHHELD.contains(&name)
}

/// The name that an attribute had where it was imported from, and has again where its array is exported to.
///
/// ```
/// assert_eq!(hyperslab_cf::foreign::restored("calendar_"), "calendar");
/// assert_eq!(hyperslab_cf::foreign::restored("units"), "units");
/// ```
#[must_use]
pub fn restored(name: &str) -> &str {
    match name.strip_suffix(RESTORED_SUFFIX) {
        Some(stem) if is_withheld(stem) => stem,
        _ => name,
    }
}

/// Names of one kind, all different.
pub(super) struct Names(HashSet<String>);

impl Names {
    /// None yet, but these are taken.
    pub(super) fn with(taken: &[&str]) -> Self {
        Self(taken.iter().map(|&name| name.to_owned()).collect())
    }

    /// The name itself if it is allowed and free, else the nearest that is, with a note.
    pub(super) fn accept(&mut self, what: &str, name: &str, notes: &mut Vec<String>) -> String {
        let stem = allowed(name);
        let mut accepted = stem.clone();
        let mut number = 1;
        while self.0.contains(&accepted) {
            number += 1;
            accepted = format!("{stem}_{number}");
        }
        if accepted != name && restored(&accepted) != name {
            notes.push(format!("{what} '{name}' is named '{accepted}'"));
        }
        self.0.insert(accepted.clone());
        accepted
    }
}

fn allowed(name: &str) -> String {
    if check_identifier("any", name).is_ok() {
        return name.to_owned();
    }
    let is_allowed = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+' | '@');
    let mut allowed: String = name
        .chars()
        .map(|c| if is_allowed(c) { c } else { '_' })
        .collect();
    if !allowed.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        allowed.insert(0, '_');
    }
    // Room for a number that makes the name unique.
    while allowed.len() > NAME_BYTES_MAX - 8 {
        allowed.pop();
    }
    allowed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_acceptable_and_stay_apart() {
        let mut notes = Vec::new();
        let mut names = Names::with(&["variable"]);
        for (name, accepted) in [
            ("lat", "lat"),
            ("sea level", "sea_level"),
            ("sea/level", "sea_level_2"),
            ("1st", "_1st"),
            ("variable", "variable_2"),
            ("", "_"),
        ] {
            assert_eq!(names.accept("dimension", name, &mut notes), accepted);
        }
        assert_eq!(notes.len(), 5);
        let long = names.accept("dimension", &"ü".repeat(200), &mut notes);
        check_identifier("dimension", &long).unwrap();
    }

    #[test]
    fn the_suffix_comes_off_again() {
        assert_eq!(restored("calendar_"), "calendar");
        assert_eq!(restored("units_"), "units_");
        assert_eq!(restored("calendar"), "calendar");
    }
}
