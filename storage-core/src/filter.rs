//! Which arrays of a collection: conditions on their attributes.

mod parse;

use std::cmp::Ordering;

use crate::{AttributeValue, Attributes, Error, Result, Role, Schema};

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
/// A comparison with an attribute that an array does not have is false, whichever comparison it is.
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
                let value = schema.check_value(&attribute, &value)?;
                Self::Compare {
                    attribute,
                    comparison,
                    value,
                }
            }
            Self::In { attribute, values } => {
                let values = values
                    .iter()
                    .map(|value| schema.check_value(&attribute, value))
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

    /// Whether the answer depends on custom attributes, so that arrays must be opened to know it.
    #[must_use]
    pub fn needs_custom(&self, schema: &Schema) -> bool {
        let custom = |name: &str| {
            schema
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

    /// The one key that this filter can match, when it says every key attribute by `=`; it can then be looked up without a
    /// listing.
    #[must_use]
    pub fn full_key(&self, schema: &Schema) -> Option<Attributes> {
        let parts = match self {
            Self::And(parts) => parts.as_slice(),
            single => std::slice::from_ref(single),
        };
        let value_of = |name: &str| {
            parts.iter().find_map(|part| match part {
                Self::Compare {
                    attribute,
                    comparison: Comparison::Equal,
                    value,
                } if attribute == name => Some(value.clone()),
                _ => None,
            })
        };
        let key: Attributes = schema
            .key_attributes()
            .map(|attribute| Some((attribute.name.clone(), value_of(&attribute.name)?)))
            .collect::<Option<_>>()?;
        (!key.is_empty()).then_some(key)
    }
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
mod tests {
    use super::*;
    use crate::{AttributeSchema, AttributeType, DType};

    fn schema() -> Schema {
        Schema::builder(DType::Float32)
            .attribute(AttributeSchema::key("dt", AttributeType::DateTime))
            .attribute(AttributeSchema::key("station", AttributeType::Text))
            .attribute(AttributeSchema::custom("height", AttributeType::Float))
            .build()
            .unwrap()
    }

    fn attributes(dt: &str, station: &str) -> Attributes {
        schema()
            .check_key(&[("dt", dt), ("station", station)].into_iter().collect())
            .unwrap()
    }

    #[test]
    fn text_filters_select_what_they_say() {
        let key = attributes("2023-01-03", "north");
        for (text, expected) in [
            ("", true),
            ("dt = 2023-01-03", true),
            ("dt=2023-01-03T00:00Z and station=north", true),
            ("dt > 2023-01-03", false),
            ("dt >= 2023-01-01 and dt < 2023-03-01", true),
            ("station in (south, 'north')", true),
            ("station not in (south, north)", false),
            ("not station = south", true),
            (
                "station = south or (dt < 2024-01-01 and station != \"x y\")",
                true,
            ),
            ("height > 0", false),
            ("height != 0", false),
            ("not height = 0", true),
        ] {
            let filter = Filter::parse(text, &schema()).unwrap();
            assert_eq!(
                filter.matches(&[&key, &Attributes::new()]),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn bad_text_is_refused_with_its_place() {
        for text in [
            "dt",
            "dt =",
            "dt = soon",
            "dt == 2023-01-01",
            "colour = red",
            "station in (a",
            "station in a",
            "(dt = 2023-01-01",
            "dt = 2023-01-01 station = a",
            "station = 'open",
            "and",
            "height = 1 and",
        ] {
            let error = Filter::parse(text, &schema()).unwrap_err();
            assert_eq!(
                error.kind(),
                crate::ErrorKind::InvalidInput,
                "{text}: {error}"
            );
        }
    }

    #[test]
    fn a_full_key_needs_no_listing() {
        let schema = schema();
        let full =
            Filter::parse("station = a and dt = 2023-01-03 and height > 2", &schema).unwrap();
        assert_eq!(full.full_key(&schema), Some(attributes("2023-01-03", "a")));
        assert!(full.needs_custom(&schema));
        let partial = Filter::parse("station = a and dt >= 2023-01-03", &schema).unwrap();
        assert_eq!(partial.full_key(&schema), None);
        assert!(!partial.needs_custom(&schema));
    }
}
