//! Which arrays of a collection: conditions on their attributes.

mod look_up;
mod parse;

use std::cmp::Ordering;

use crate::{AttributeType, AttributeValue, Attributes, Error, Result, Role, Schema};

/// What the identity of an array is called in a filter. No attribute has this name.
pub const ID_ATTRIBUTE: &str = "id";

/// How an attribute is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    fn accepts(self, ordering: Ordering) -> bool {
        match self {
            Self::Equal => ordering.is_eq(),
            Self::NotEqual => ordering.is_ne(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

/// A condition on the attributes of an array.
///
/// A comparison with an attribute that an array does not have is false, whichever comparison it is. The identity of an array is
/// [`id`](ID_ATTRIBUTE) in a filter.
///
/// The text form, with the types taken from the schema:
///
/// ```
/// use hyperslab_core::{AttributeSchema, AttributeType, DType, Filter, Schema};
///
/// let schema = Schema::builder(DType::Float32)
///     .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
///     .attribute(AttributeSchema::key("station", AttributeType::Text))
///     .build()?;
/// Filter::parse("dt >= 2023-01-01 and not station in (north, 'south pole')", &schema)?;
/// assert!(Filter::parse("elevation > 3", &schema).is_err());
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// Every array.
    All,
    /// One attribute compared with a value.
    Compare {
        /// The attribute.
        attribute: String,
        /// How.
        comparison: Comparison,
        /// The value on the right.
        value: AttributeValue,
    },
    /// One attribute equal to one of several values.
    In {
        /// The attribute.
        attribute: String,
        /// The values.
        values: Vec<AttributeValue>,
    },
    /// All of these hold.
    And(Vec<Filter>),
    /// One of these holds.
    Or(Vec<Filter>),
    /// This does not hold.
    Not(Box<Filter>),
}

impl Filter {
    /// Reads the text form: comparisons `name = value` with `=`, `!=`, `<`, `<=`, `>`, `>=`, sets `name in (a, b)`, joined by
    /// `and`, `or`, `not` and parentheses. A value with spaces or punctuation stands in quotes. Empty text is [`Filter::All`].
    ///
    /// # Errors
    /// `InvalidInput` that says where the text goes wrong, or names the unknown attribute or misfit value.
    pub fn parse(text: &str, schema: &Schema) -> Result<Self> {
        parse::parse(text, schema)
    }

    /// `attribute = value`.
    #[must_use]
    pub fn equal(attribute: impl Into<String>, value: impl Into<AttributeValue>) -> Self {
        Self::compare(attribute, Comparison::Equal, value)
    }

    /// One attribute compared with a value.
    #[must_use]
    pub fn compare(
        attribute: impl Into<String>,
        comparison: Comparison,
        value: impl Into<AttributeValue>,
    ) -> Self {
        Self::Compare {
            attribute: attribute.into(),
            comparison,
            value: value.into(),
        }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All => other,
            Self::And(mut parts) => {
                parts.push(other);
                Self::And(parts)
            }
            first => Self::And(vec![first, other]),
        }
    }

    /// The same filter with every value checked against the schema, and brought to the attribute's type.
    ///
    /// # Errors
    /// `InvalidInput` that names the attribute.
    pub fn checked(self, schema: &Schema) -> Result<Self> {
        let check_all = |parts: Vec<Self>| -> Result<Vec<Self>> {
            parts.into_iter().map(|part| part.checked(schema)).collect()
        };
        Ok(match self {
            Self::All => Self::All,
            Self::Compare {
                attribute,
                comparison,
                value,
            } => {
                let value = check_value(schema, &attribute, &value)?;
                Self::Compare {
                    attribute,
                    comparison,
                    value,
                }
            }
            Self::In { attribute, values } => {
                let values = values
                    .iter()
                    .map(|value| check_value(schema, &attribute, value))
                    .collect::<Result<_>>()?;
                Self::In { attribute, values }
            }
            Self::And(parts) => Self::And(check_all(parts)?),
            Self::Or(parts) => Self::Or(check_all(parts)?),
            Self::Not(part) => Self::Not(Box::new(part.checked(schema)?)),
        })
    }

    /// Whether an array with these attributes is meant.
    #[must_use]
    pub fn matches(&self, attributes: &[&Attributes]) -> bool {
        let value_of = |name: &str| {
            attributes
                .iter()
                .find_map(|attributes| attributes.get(name))
        };
        match self {
            Self::All => true,
            Self::Compare {
                attribute,
                comparison,
                value,
            } => value_of(attribute)
                .and_then(|known| known.compare(value))
                .is_some_and(|ordering| comparison.accepts(ordering)),
            Self::In { attribute, values } => value_of(attribute).is_some_and(|known| {
                values
                    .iter()
                    .any(|value| known.compare(value) == Some(Ordering::Equal))
            }),
            Self::And(parts) => parts.iter().all(|part| part.matches(attributes)),
            Self::Or(parts) => parts.iter().any(|part| part.matches(attributes)),
            Self::Not(part) => !part.matches(attributes),
        }
    }

    /// Whether the answer depends on custom attributes or the identity, so that arrays must be opened to know it.
    #[must_use]
    pub fn needs_custom(&self, schema: &Schema) -> bool {
        // A listing need not know the identity.
        let custom = |name: &str| {
            name == ID_ATTRIBUTE
                || schema
                    .attribute(name)
                    .is_some_and(|attribute| attribute.role == Role::Custom)
        };
        match self {
            Self::All => false,
            Self::Compare { attribute, .. } | Self::In { attribute, .. } => custom(attribute),
            Self::And(parts) | Self::Or(parts) => {
                parts.iter().any(|part| part.needs_custom(schema))
            }
            Self::Not(part) => part.needs_custom(schema),
        }
    }
}

/// The type of what a filter can ask for: an attribute, or the identity.
fn kind_of<'a>(schema: &'a Schema, name: &str) -> Option<&'a AttributeType> {
    if name == ID_ATTRIBUTE {
        return Some(&AttributeType::Uuid);
    }
    schema.attribute(name).map(|attribute| &attribute.kind)
}

fn check_value(schema: &Schema, name: &str, value: &AttributeValue) -> Result<AttributeValue> {
    if name != ID_ATTRIBUTE {
        return schema.check_value(name, value);
    }
    AttributeValue::from_json(&AttributeType::Uuid, &value.to_json())
        .map_err(|error| error.context(ID_ATTRIBUTE))
}

/// What [`Collection::find`](crate::Collection::find) accepts: a [`Filter`], or its text form.
pub trait IntoFilter {
    /// The filter, checked against the schema.
    ///
    /// # Errors
    /// `InvalidInput` that names the fault.
    fn into_filter(self, schema: &Schema) -> Result<Filter, Error>;
}

impl IntoFilter for Filter {
    fn into_filter(self, schema: &Schema) -> Result<Filter> {
        self.checked(schema)
    }
}

impl IntoFilter for &str {
    fn into_filter(self, schema: &Schema) -> Result<Filter> {
        Filter::parse(self, schema)
    }
}

impl IntoFilter for String {
    fn into_filter(self, schema: &Schema) -> Result<Filter> {
        Filter::parse(&self, schema)
    }
}

#[cfg(test)]
mod tests;
