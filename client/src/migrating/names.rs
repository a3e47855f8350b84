//! Names that our formats can carry, as near as can be to those that Deker lets pass.

use std::collections::HashSet;

use hyperslab_core::name::{NAME_BYTES_MAX, check_collection_name, check_identifier};

/// Names that are given away.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// A name for a collection.
    pub(super) fn collection(&mut self, name: &str) -> String {
        self.give(name, |name| check_collection_name(name).is_ok())
    }

    /// A name for a dimension or an attribute, if `is_allowed` allows it too.
    pub(super) fn identifier(&mut self, name: &str, is_allowed: impl Fn(&str) -> bool) -> String {
        self.give(name, |name| {
            check_identifier("name", name).is_ok() && is_allowed(name)
        })
    }

    fn give(&mut self, name: &str, is_allowed: impl Fn(&str) -> bool) -> String {
        let mut candidates = std::iter::once(name.to_owned())
            .chain([plain(name), format!("_{}", plain(name))])
            .chain((2..).map(|number| format!("{}_{number}", plain(name))));
        let is_free = |name: &String| is_allowed(name) && !self.taken.contains(name);
        // The numbers have no end.
        let given = candidates.find(is_free).unwrap_or_default();
        self.taken.insert(given.clone());
        given
    }
}

/// The name with `_` for what no name may hold.
fn plain(name: &str) -> String {
    let plain = name.trim().chars().map(|character| {
        let is_plain = character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '+');
        if is_plain { character } else { '_' }
    });
    let mut plain: String = plain.collect();
    // Room for a number behind it.
    let mut end = plain.len().min(NAME_BYTES_MAX - 16);
    while !plain.is_char_boundary(end) {
        end -= 1;
    }
    plain.truncate(end);
    if !plain.starts_with(|first: char| first.is_alphabetic() || first == '_') {
        plain.insert(0, '_');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_what_they_are_or_come_near() {
        let mut names = Names::default();
        let mut attribute = |name: &str| names.identifier(name, |name| name != "id");
        assert_eq!(attribute("größe"), "größe");
        assert_eq!(attribute("wind speed"), "wind_speed");
        assert_eq!(attribute("wind/speed"), "_wind_speed");
        assert_eq!(attribute("wind:speed"), "wind_speed_2");
        assert_eq!(attribute("1st"), "_1st");
        assert_eq!(attribute("id"), "_id");
        assert_eq!(attribute(&"x".repeat(300)).len(), NAME_BYTES_MAX - 16);
        let mut names = Names::default();
        assert_eq!(names.collection("Wetter 2023"), "Wetter 2023");
        assert_eq!(names.collection("a:b"), "a_b");
    }
}
