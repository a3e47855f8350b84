//! The type of an attribute.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The type of an attribute value. In JSON a name (`"int"`), or for a tuple the list of its parts (`["int", "text"]`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "Form", into = "Form")]
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
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Bool,
    Int,
    Float,
    Complex,
    Text,
    DateTime,
    Uuid,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Form {
    Name(Name),
    Tuple(Vec<AttributeType>),
}

impl From<Form> for AttributeType {
    fn from(form: Form) -> Self {
        match form {
            Form::Name(Name::Bool) => Self::Bool,
            Form::Name(Name::Int) => Self::Int,
            Form::Name(Name::Float) => Self::Float,
            Form::Name(Name::Complex) => Self::Complex,
            Form::Name(Name::Text) => Self::Text,
            Form::Name(Name::DateTime) => Self::DateTime,
            Form::Name(Name::Uuid) => Self::Uuid,
            Form::Tuple(parts) => Self::Tuple(parts),
        }
    }
}

impl From<AttributeType> for Form {
    fn from(kind: AttributeType) -> Self {
        Self::Name(match kind {
            AttributeType::Bool => Name::Bool,
            AttributeType::Int => Name::Int,
            AttributeType::Float => Name::Float,
            AttributeType::Complex => Name::Complex,
            AttributeType::Text => Name::Text,
            AttributeType::DateTime => Name::DateTime,
            AttributeType::Uuid => Name::Uuid,
            AttributeType::Tuple(parts) => return Self::Tuple(parts),
        })
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
