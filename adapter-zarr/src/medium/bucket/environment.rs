//! The environment of a process, apart from it so that tests can have another.

use std::collections::BTreeMap;
#[cfg(feature = "aws")]
use std::path::PathBuf;

/// Variables, and where the files of the user lie. Never shown: there are secrets among them.
#[derive(Default)]
pub(super) struct Environment {
    pub(super) variables: BTreeMap<String, String>,
    #[cfg(feature = "aws")]
    pub(super) home: Option<PathBuf>,
}

impl Environment {
    pub(super) fn of_process() -> Self {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
            Some((name, value))
        });
        Self {
            variables: variables.collect(),
            #[cfg(feature = "aws")]
            home: std::env::home_dir(),
        }
    }

    /// The first of these variables that is set and not empty.
    pub(super) fn first(&self, names: &[&str]) -> Option<&str> {
        let values = names.iter().filter_map(|name| self.variables.get(*name));
        values.map(String::as_str).find(|value| !value.is_empty())
    }

    /// The variables of one cloud as the library calls its settings, in small letters.
    pub(super) fn settings<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (String, &'a str)> + 'a {
        let named = self.variables.iter();
        named
            .filter(move |(name, value)| name.starts_with(prefix) && !value.is_empty())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.as_str()))
    }
}
