//! What attributes the arrays of a collection have.

use serde::{Deserialize, Serialize};

use super::AttributeType;

/// Whether an attribute is part of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Part of the key that names an array: required, unique together with the other key attributes, never changed.
    Key,
    /// A fact about an array: optional, may be changed.
    Custom,
}

/// One attribute of a schema.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttributeSchema {
    /// The name, unique in the schema.
    pub name: String,
    /// The type every value has.
    #[serde(rename = "type")]
    pub kind: AttributeType,
    /// Key or custom.
    pub role: Role,
}

impl AttributeSchema {
    /// A key attribute.
    #[must_use]
    pub fn key(name: impl Into<String>, kind: AttributeType) -> Self {
        Self {
            name: name.into(),
            kind,
            role: Role::Key,
        }
    }

    /// A custom attribute.
    #[must_use]
    pub fn custom(name: impl Into<String>, kind: AttributeType) -> Self {
        Self {
            name: name.into(),
            kind,
            role: Role::Custom,
        }
    }
}
