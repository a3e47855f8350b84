//! The value of an attribute, and an ordered set of them.

use std::cmp::Ordering;
use std::fmt;

use num_complex::Complex64;
use serde_json::Value;
use uuid::Uuid;

use super::{AttributeType, list};
use crate::scalar::{float_from_json, float_to_json};
use crate::{Error, Result, Timestamp};

/// The longest text of an attribute value, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 4096;

/// The value of one attribute.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant is the attribute type of the same name"
)]
pub enum AttributeValue {
    Bool(bool),
    Int(i64),
    Float(f64),
    Complex(Complex64),
    Text(String),
    DateTime(Timestamp),
    Uuid(Uuid),
    Tuple(Vec<AttributeValue>),
    List(Vec<AttributeValue>),
}

impl AttributeValue {
    /// The type of this value.
    #[must_use]
    pub fn kind(&self) -> AttributeType {
        match self {
            Self::Bool(_) => AttributeType::Bool,
            Self::Int(_) => AttributeType::Int,
            Self::Float(_) => AttributeType::Float,
            Self::Complex(_) => AttributeType::Complex,
            Self::Text(_) => AttributeType::Text,
            Self::DateTime(_) => AttributeType::DateTime,
            Self::Uuid(_) => AttributeType::Uuid,
            Self::Tuple(parts) => AttributeType::Tuple(parts.iter().map(Self::kind).collect()),
            Self::List(_) => AttributeType::List,
        }
    }

    /// The JSON form: bool, number, text; a datetime as RFC 3339 text, a complex number as `[real, imaginary]`, a tuple
    /// as a list, a non-finite float by name. In a list that is no tuple such a value is an object that names its type, as
    /// `{"complex": [1.5, -1.0]}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Float(value) => float_to_json(*value),
            Self::Complex(value) => {
                Value::Array(vec![float_to_json(value.re), float_to_json(value.im)])
            }
            Self::Text(value) => value.as_str().into(),
            Self::DateTime(value) => value.to_string().into(),
            Self::Uuid(value) => value.to_string().into(),
            Self::Tuple(parts) => parts.iter().map(Self::to_json).collect(),
            Self::List(items) => items.iter().map(list::item_to_json).collect(),
        }
    }

    /// Reads a value of a known type from its JSON form. An integer is accepted for a float.
    ///
    /// # Errors
    /// `InvalidInput` when the JSON value is not of that type.
    pub fn from_json(kind: &AttributeType, value: &Value) -> Result<Self> {
        let misfit = || Error::invalid(format!("{value} is not of type {kind}"));
        Ok(match kind {
            AttributeType::Bool => Self::Bool(value.as_bool().ok_or_else(misfit)?),
            AttributeType::Int => Self::Int(value.as_i64().ok_or_else(misfit)?),
            AttributeType::Float => Self::Float(float_from_json(value).ok_or_else(misfit)?),
            AttributeType::Complex => match value.as_array().map(Vec::as_slice) {
                Some([re, im]) => Self::Complex(Complex64::new(
                    float_from_json(re).ok_or_else(misfit)?,
                    float_from_json(im).ok_or_else(misfit)?,
                )),
                _ => return Err(misfit()),
            },
            AttributeType::Text => Self::Text(value.as_str().ok_or_else(misfit)?.to_owned()),
            AttributeType::DateTime => Self::DateTime(value.as_str().ok_or_else(misfit)?.parse()?),
            AttributeType::Uuid => {
                let text = value.as_str().ok_or_else(misfit)?;
                Self::Uuid(Uuid::parse_str(text).map_err(|source| misfit().with_source(source))?)
            }
            AttributeType::Tuple(kinds) => {
                let parts = value.as_array().filter(|parts| parts.len() == kinds.len());
                let parts = parts.ok_or_else(misfit)?.iter().zip(kinds);
                Self::Tuple(
                    parts
                        .map(|(part, kind)| Self::from_json(kind, part))
                        .collect::<Result<_>>()?,
                )
            }
            AttributeType::List => {
                let items = value.as_array().ok_or_else(misfit)?.iter();
                Self::List(items.map(list::item_from_json).collect::<Result<_>>()?)
            }
        })
    }

    /// Reads a value of a known type from the text a person types: `true`, `3`, `0.5`, `1+2i`, `2023-01-03`, a UUID,
    /// plain text, or for a tuple and a list a JSON list.
    ///
    /// # Errors
    /// `InvalidInput` when the text is not of that type.
    pub fn parse(kind: &AttributeType, text: &str) -> Result<Self> {
        let misfit = || Error::invalid(format!("'{text}' is not of type {kind}"));
        Ok(match kind {
            AttributeType::Bool => Self::Bool(text.parse().map_err(|_| misfit())?),
            AttributeType::Int => Self::Int(text.parse().map_err(|_| misfit())?),
            AttributeType::Float => match text.parse::<f64>() {
                // Too large a number is no infinity.
                Ok(value) if value.is_infinite() && text.contains(|c: char| c.is_ascii_digit()) => {
                    return Err(misfit());
                }
                parsed => Self::Float(parsed.map_err(|_| misfit())?),
            },
            AttributeType::Complex => Self::Complex(text.parse().map_err(|_| misfit())?),
            AttributeType::Text => Self::Text(text.to_owned()),
            AttributeType::DateTime => Self::DateTime(text.parse()?),
            AttributeType::Uuid => Self::Uuid(text.parse().map_err(|_| misfit())?),
            AttributeType::Tuple(_) | AttributeType::List => {
                let json =
                    serde_json::from_str(text).map_err(|source| misfit().with_source(source))?;
                Self::from_json(kind, &json)?
            }
        })
    }

    /// The order of two values of one type: numbers by size, text by code point, times by instant, tuples part by part;
    /// complex numbers by real part, then imaginary part. Values of different types have none.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => a.partial_cmp(b),
            (Self::Complex(a), Self::Complex(b)) => {
                Some(a.re.partial_cmp(&b.re)?.then(a.im.partial_cmp(&b.im)?))
            }
            (Self::Text(a), Self::Text(b)) => Some(a.cmp(b)),
            (Self::DateTime(a), Self::DateTime(b)) => Some(a.cmp(b)),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            (Self::Tuple(a), Self::Tuple(b)) | (Self::List(a), Self::List(b)) => {
                for (a, b) in a.iter().zip(b) {
                    match a.compare(b)? {
                        Ordering::Equal => {}
                        unequal => return Some(unequal),
                    }
                }
                Some(a.len().cmp(&b.len()))
            }
            _ => None,
        }
    }

    /// Refuses what no format and no file name can carry: over-long text, a NUL character, and NaN in a key.
    pub(crate) fn check(&self, is_key: bool) -> Result<()> {
        match self {
            Self::Text(text) if text.len() > TEXT_BYTES_MAX => Err(Error::invalid(format!(
                "text may have at most {TEXT_BYTES_MAX} bytes, this one has {}",
                text.len()
            ))),
            Self::Text(text) if text.contains('\0') => {
                Err(Error::invalid("text must not contain a NUL character"))
            }
            Self::Float(value) if is_key && value.is_nan() => Err(Error::invalid(
                "NaN cannot be a key: it does not equal itself",
            )),
            Self::Complex(value) if is_key && value.is_nan() => Err(Error::invalid(
                "NaN cannot be a key: it does not equal itself",
            )),
            Self::Tuple(parts) | Self::List(parts) => {
                parts.iter().try_for_each(|part| part.check(is_key))
            }
            _ => Ok(()),
        }
    }

    /// One spelling per key: negative zero becomes zero.
    pub(crate) fn normalized(self) -> Self {
        match self {
            Self::Float(value) => Self::Float(value + 0.0),
            Self::Complex(value) => Self::Complex(Complex64::new(value.re + 0.0, value.im + 0.0)),
            Self::Tuple(parts) => Self::Tuple(parts.into_iter().map(Self::normalized).collect()),
            Self::List(parts) => Self::List(parts.into_iter().map(Self::normalized).collect()),
            other => other,
        }
    }
}

impl fmt::Display for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Complex(value) => value.fmt(f),
            // A line break or an escape sequence in a key must not reach a terminal.
            Self::Text(value) if value.contains(char::is_control) => {
                value.chars().try_for_each(|c| match c.is_control() {
                    true => write!(f, "{}", c.escape_default()),
                    false => write!(f, "{c}"),
                })
            }
            Self::Text(value) => value.fmt(f),
            Self::DateTime(value) => value.fmt(f),
            Self::Uuid(value) => value.fmt(f),
            Self::Tuple(_) | Self::List(_) => self.to_json().fmt(f),
        }
    }
}

macro_rules! from_native {
    ($($native:ty => $variant:ident),* $(,)?) => {
        $(
            impl From<$native> for AttributeValue {
                fn from(value: $native) -> Self {
                    Self::$variant(value.into())
                }
            }
        )*
    };
}

from_native! {
    bool => Bool,
    i32 => Int,
    i64 => Int,
    f64 => Float,
    Complex64 => Complex,
    &str => Text,
    String => Text,
    Timestamp => DateTime,
    Uuid => Uuid,
    Vec<AttributeValue> => Tuple,
}

/// Attribute values by name, in a stable order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes(Vec<(String, AttributeValue)>);

impl Attributes {
    /// No attributes.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AttributeValue> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// Sets a value, keeping its place when the name is there already.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<AttributeValue>) {
        let (name, value) = (name.into(), value.into());
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some(slot) => slot.1 = value,
            None => self.0.push((name, value)),
        }
    }

    /// Removes and returns a value.
    pub fn remove(&mut self, name: &str) -> Option<AttributeValue> {
        let index = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(index).1)
    }

    /// Names and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AttributeValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value at that place in the order.
    pub(crate) fn at(&self, index: usize) -> Option<&AttributeValue> {
        self.0.get(index).map(|(_, value)| value)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The JSON object of all values.
    #[must_use]
    pub fn to_json(&self) -> Value {
        Value::Object(
            self.iter()
                .map(|(name, value)| (name.to_owned(), value.to_json()))
                .collect(),
        )
    }
}

/// `name=value, name=value`.
impl fmt::Display for Attributes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value}", if index == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl<N: Into<String>, V: Into<AttributeValue>> FromIterator<(N, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut attributes = Self::new();
        pairs
            .into_iter()
            .for_each(|(name, value)| attributes.insert(name, value));
        attributes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_the_value_it_says_or_none() {
        let float = |text| AttributeValue::parse(&AttributeType::Float, text);
        assert_eq!(float("-2.5e3").unwrap(), AttributeValue::Float(-2500.0));
        assert_eq!(float("inf").unwrap(), AttributeValue::Float(f64::INFINITY));
        for text in ["1e400", "-1e999", "", "one"] {
            assert!(float(text).is_err(), "{text}");
        }
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(
            AttributeValue::from("a\n\u{1b}[31mb").to_string(),
            "a\\n\\u{1b}[31mb"
        );
        assert_eq!(AttributeValue::from("übung").to_string(), "übung");
    }
}
