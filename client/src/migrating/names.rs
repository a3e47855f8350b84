//! Names that our formats can carry, as near as can be to those that Deker lets pass.

use std::collections::HashSet;

use hyperslab_core::name::{NAME_BYTES_MAX, check_collection_name, check_identifier};

/// Names that are given away.
#[derive(Debug, Default)]
pub(super) struct Names {
    taken: HashSet<String>,
}

impl Names {
    /// The names that a collection could get, best first.
    pub(super) fn collections(&self, name: &str) -> impl Iterator<Item = String> {
        self.candidates(name, |name| check_collection_name(name).is_ok())
    }

    /// Gives a name away.
    pub(super) fn take(&mut self, name: String) {
        self.taken.insert(name);
    }

    /// A name for a dimension or an attribute, if `is_allowed` allows it too.
    pub(super) fn identifier(&mut self, name: &str, is_allowed: impl Fn(&str) -> bool) -> String {
        let is_allowed = |name: &str| check_identifier("name", name).is_ok() && is_allowed(name);
        let given = self.candidates(name, is_allowed).next().unwrap_or_default();
        self.take(given.clone());
        given
    }

    /// Names that are free, without end.
    fn candidates(
        &self,
        name: &str,
        is_allowed: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = String> {
        let plain = plain(name);
        std::iter::once(name.to_owned())
            .chain([plain.clone(), format!("_{plain}")])
            .chain((2..).map(move |number| format!("{plain}_{number}")))
            .filter(move |name| is_allowed(name) && !self.taken.contains(name))
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
        let first = |names: &Names, name: &str| names.collections(name).next().unwrap();
        assert_eq!(first(&names, "Wetter 2023"), "Wetter 2023");
        assert_eq!(first(&names, "a:b"), "a_b");
        names.take("a_b".to_owned());
        assert_eq!(first(&names, "a:b"), "_a_b");
    }
}
