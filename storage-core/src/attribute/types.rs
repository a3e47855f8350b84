//! The type of an attribute.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Result};

/// The type of an attribute value. In JSON a name (`"int"`), or for a tuple the list of its parts (`["int", "text"]`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub enum AttributeType {
    /// True or false.
    Bool,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float.
    Float,
    /// Two 64-bit floats.
    Complex,
    /// UTF-8 text.
    Text,
    /// An instant in UTC.
    DateTime,
    /// A UUID.
    Uuid,
    /// A fixed sequence of values.
    Tuple(Vec<AttributeType>),
    /// A sequence of any length, whose values may be of any type.
    List,
}

const NAMES: [(&str, AttributeType); 8] = [
    ("bool", AttributeType::Bool),
    ("int", AttributeType::Int),
    ("float", AttributeType::Float),
    ("complex", AttributeType::Complex),
    ("text", AttributeType::Text),
    ("datetime", AttributeType::DateTime),
    ("uuid", AttributeType::Uuid),
    ("list", AttributeType::List),
];

impl TryFrom<Value> for AttributeType {
    type Error = Error;

    fn try_from(form: Value) -> Result<Self> {
        if let Value::Array(parts) = form {
            let parts = parts.into_iter().map(Self::try_from);
            return parts.collect::<Result<_>>().map(Self::Tuple);
        }
        let mut known = NAMES.into_iter();
        let found = known.find(|(name, _)| form.as_str() == Some(name));
        found.map(|(_, kind)| kind).ok_or_else(|| {
            let names: Vec<_> = NAMES.iter().map(|(name, _)| *name).collect();
            Error::invalid(format!(
                "{form} is no type of an attribute; choose one of {}, or a list of them for a tuple",
                names.join(", ")
            ))
        })
    }
}

impl From<AttributeType> for Value {
    fn from(kind: AttributeType) -> Self {
        match kind {
            AttributeType::Tuple(parts) => Self::Array(parts.into_iter().map(Self::from).collect()),
            single => Self::String(single.to_string()),
        }
    }
}

impl fmt::Display for AttributeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Float => "float",
            Self::Complex => "complex",
            Self::Text => "text",
            Self::DateTime => "datetime",
            Self::Uuid => "uuid",
            Self::List => "list",
            Self::Tuple(parts) => {
                f.write_str("(")?;
                for (index, part) in parts.iter().enumerate() {
                    write!(f, "{}{part}", if index == 0 { "" } else { ", " })?;
                }
                return f.write_str(")");
            }
        })
    }
}
