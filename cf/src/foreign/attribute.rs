//! Attributes as other programs wrote them.

use hyperslab_core::Scalar;

use crate::packing::PackingAttributes;

/// The value of an attribute in a foreign group.
#[derive(Debug, Clone, PartialEq)]
pub enum ForeignValue {
    /// One text.
    Text(String),
    /// A list of texts, empty or longer than one.
    Texts(Vec<String>),
    /// Numbers or bools of one type; a single number is a list of one.
    Numbers(Vec<Scalar>),
    /// Anything else, by what it is.
    Other(String),
}

impl ForeignValue {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The numbers, if there are any.
    #[must_use]
    pub fn as_numbers(&self) -> &[Scalar] {
        match self {
            Self::Numbers(numbers) => numbers,
            _ => &[],
        }
    }
}

/// Attributes of a foreign group or variable, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForeignAttributes(Vec<(String, ForeignValue)>);

impl ForeignAttributes {
    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ForeignValue> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The text of that name.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_text()
    }

    /// The attributes that say how numbers are packed.
    pub(super) fn packing(&self) -> PackingAttributes {
        let first = |name| self.get(name)?.as_numbers().first().copied();
        let missing = ["_FillValue", "missing_value"];
        PackingAttributes {
            scale: first("scale_factor"),
            offset: first("add_offset"),
            missing: missing
                .iter()
                .filter_map(|name| self.get(name))
                .flat_map(|value| value.as_numbers().iter().copied())
                .collect(),
            is_bool: self.text("dtype") == Some("bool"),
            unsigned: self
                .text("_Unsigned")
                .and_then(|text| text.to_ascii_lowercase().parse().ok()),
        }
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ForeignValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }
}

impl FromIterator<(String, ForeignValue)> for ForeignAttributes {
    fn from_iter<I: IntoIterator<Item = (String, ForeignValue)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}
