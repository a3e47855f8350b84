//! From an array of a schema to content that describes itself.

mod time;

use hyperslab_core::{
    ArrayMeta, AttributeValue, Attributes, CollectionMeta, Coordinates, Dimension, Error, Metadata,
    Result, Schema, TimeStart,
};
use serde_json::Value;

use crate::{
    AttributeContent, AxisContent, CoordinateCells, CoordinateContent, ID, NamedAttribute,
};

/// Computed coordinates of an axis longer than this are not written out.
const COORDINATE_COUNT_MAX: u64 = 1 << 24;

const UNITS: &str = "units";

/// An array as a self-describing format holds it: everything but its cells.
///
/// ```
/// use hyperslab_cf::{ArrayContent, AttributeContent, CoordinateCells, array_meta};
/// use hyperslab_core::{
///     ArrayMeta, AttributeSchema, AttributeType, Attributes, DType, Dimension, Schema,
/// };
///
/// # fn main() -> hyperslab_core::Result<()> {
/// let schema = Schema::builder(DType::Float32)
///     .dimension(Dimension::scale("lat", 3, -1.0, 1.0, "degrees_north"))
///     .attribute(AttributeSchema::key("station", AttributeType::Text))
///     .attribute(AttributeSchema::custom("height", AttributeType::Float))
///     .build()?;
/// let array = ArrayMeta {
///     id: uuid::Uuid::from_u128(7),
///     key: Attributes::from_iter([("station", "north")]),
///     custom: Attributes::from_iter([("height", 2.5)]),
/// };
/// let content = ArrayContent::new(&schema, &array)?;
///
/// let latitude = content.axes[0].coordinate.as_ref().expect("a scale has coordinates");
/// assert_eq!(latitude.values, CoordinateCells::numbers(&[-1.0, 0.0, 1.0])?);
/// let unit = AttributeContent::text("degrees_north");
/// assert_eq!(latitude.attributes, [("units".to_owned(), unit)]);
///
/// let again = array_meta(&schema, &content.attributes, &content.variable_attributes)?;
/// assert_eq!(again, array);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ArrayContent {
    /// Attributes of the whole: the conventions, the metadata of the schema, the key attributes and the identity.
    pub attributes: Vec<NamedAttribute>,
    /// The dimensions, slowest first.
    pub axes: Vec<AxisContent>,
    /// Attributes of the variable that holds the cells: the custom ones.
    pub variable_attributes: Vec<NamedAttribute>,
}

impl ArrayContent {
    /// Everything of an array but its cells. A scale is written out, and times become numbers of the coarsest unit that is
    /// exact. Without coordinates remain an axis that starts at an attribute the array does not have, and one of more than
    /// 2^24 computed coordinates.
    ///
    /// # Errors
    /// `Unsupported` when the times of an axis do not fit 64 bits, `InvalidInput` when they are out of range.
    pub fn new(schema: &Schema, array: &ArrayMeta) -> Result<Self> {
        let attributes = [&array.key, &array.custom];
        Ok(Self {
            attributes: global_attributes(schema, array)?,
            axes: (0..schema.dimensions().len())
                .map(|axis| axis_content(schema, axis, &attributes))
                .collect::<Result<_>>()?,
            variable_attributes: attribute_contents(&array.custom)?,
        })
    }
}

/// The name of the data variable of a collection: the one that was chosen, or the collection's name in the letters that CF
/// recommends. Never that of a dimension.
#[must_use]
pub fn variable_name(collection: &CollectionMeta, chosen: Option<&str>) -> String {
    let derived = || {
        let letters = collection.name.chars();
        let plain = |letter: char| {
            if letter.is_ascii_alphanumeric() {
                letter
            } else {
                '_'
            }
        };
        let name: String = letters.map(plain).collect();
        if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
            name
        } else {
            format!("v_{name}")
        }
    };
    let mut name = chosen.map_or_else(derived, str::to_owned);
    let taken = |name: &str| {
        let dimensions = collection.schema.dimensions();
        dimensions.iter().any(|dimension| dimension.name == name)
    };
    while taken(&name) {
        name.push_str("_data");
    }
    name
}

fn global_attributes(schema: &Schema, array: &ArrayMeta) -> Result<Vec<NamedAttribute>> {
    const CONVENTIONS: &str = "Conventions";
    let mut attributes = Vec::new();
    let own = schema.metadata().contains_key(CONVENTIONS) || array.key.get(CONVENTIONS).is_some();
    if !own {
        attributes.push((
            CONVENTIONS.to_owned(),
            AttributeContent::Text("CF-1.11".to_owned()),
        ));
    }
    attributes.extend(metadata_attributes(schema.metadata())?);
    attributes.extend(attribute_contents(&array.key)?);
    attributes.push((ID.to_owned(), AttributeContent::Text(array.id.to_string())));
    Ok(attributes)
}

fn axis_content(schema: &Schema, axis: usize, attributes: &[&Attributes]) -> Result<AxisContent> {
    let dimension = &schema.dimensions()[axis];
    let computed = matches!(
        dimension.coordinates,
        Some(Coordinates::Scale { .. } | Coordinates::TimeScale { .. })
    );
    let started = match &dimension.coordinates {
        Some(Coordinates::TimeScale {
            start: TimeStart::Attribute(name),
            ..
        }) => attributes.iter().any(|known| known.get(name).is_some()),
        _ => true,
    };
    let coordinate = if !started || (computed && dimension.size > COORDINATE_COUNT_MAX) {
        None
    } else {
        (schema.coordinates(axis, attributes)?)
            .map(|coordinates| coordinate_content(dimension, &coordinates))
            .transpose()
            .map_err(|error| error.context(format!("dimension '{}'", dimension.name)))?
    };
    Ok(AxisContent {
        name: dimension.name.clone(),
        size: dimension.size,
        coordinate,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a scale of 2^53 positions is out of reach"
)]
fn coordinate_content(
    dimension: &Dimension,
    coordinates: &Coordinates,
) -> Result<CoordinateContent> {
    let mut attributes: Vec<NamedAttribute> = Vec::new();
    if let Some(unit) = coordinates.unit() {
        attributes.push((UNITS.to_owned(), AttributeContent::text(unit)));
    }
    let values = match coordinates {
        Coordinates::Labels { labels } => CoordinateCells::Texts(labels.clone()),
        Coordinates::Values { values, .. } => CoordinateCells::numbers(values)?,
        Coordinates::Scale { start, step, .. } => {
            let values: Vec<f64> = (0..dimension.size)
                .map(|index| start + index as f64 * step)
                .collect();
            CoordinateCells::numbers(&values)?
        }
        Coordinates::Times { times } => time::times_content(times, &mut attributes)?,
        Coordinates::TimeScale { start, step } => {
            let TimeStart::Fixed(start) = start else {
                return Err(Error::internal("the start of a time scale is not resolved"));
            };
            time::times_content(
                &time::scale_times(*start, *step, dimension.size)?,
                &mut attributes,
            )?
        }
    };
    for (name, value) in metadata_attributes(&dimension.metadata)? {
        if attributes.iter().all(|(known, _)| *known != name) {
            attributes.push((name, value));
        }
    }
    Ok(CoordinateContent { values, attributes })
}

fn metadata_attributes(metadata: &Metadata) -> Result<Vec<NamedAttribute>> {
    let convert = |(name, value): (&String, &Value)| {
        let value = match value {
            Value::String(text) => AttributeContent::Text(text.clone()),
            Value::Bool(value) => AttributeContent::number(i8::from(*value))?,
            Value::Array(items) => list_attribute(items)?,
            other => match other.as_i64() {
                Some(value) => AttributeContent::number(value)?,
                None => AttributeContent::number(other.as_f64().unwrap_or(f64::NAN))?,
            },
        };
        Ok((name.clone(), value))
    };
    metadata.iter().map(convert).collect()
}

fn list_attribute(items: &[Value]) -> Result<AttributeContent> {
    let whole: Option<Vec<i64>> = items.iter().map(Value::as_i64).collect();
    match whole {
        Some(values) => AttributeContent::numbers(&values),
        None => {
            let values = items.iter().map(|item| item.as_f64().unwrap_or(f64::NAN));
            AttributeContent::numbers(&values.collect::<Vec<_>>())
        }
    }
}

fn attribute_contents(attributes: &Attributes) -> Result<Vec<NamedAttribute>> {
    let attributes = attributes.iter();
    attributes
        .map(|(name, value)| Ok((name.to_owned(), attribute_content(value)?)))
        .collect()
}

fn attribute_content(value: &AttributeValue) -> Result<AttributeContent> {
    Ok(match value {
        AttributeValue::Bool(value) => AttributeContent::number(i8::from(*value))?,
        AttributeValue::Int(value) => AttributeContent::number(*value)?,
        AttributeValue::Float(value) => AttributeContent::number(*value)?,
        AttributeValue::Complex(value) => AttributeContent::numbers(&[value.re, value.im])?,
        AttributeValue::Text(text) => AttributeContent::Text(text.clone()),
        AttributeValue::DateTime(_)
        | AttributeValue::Uuid(_)
        | AttributeValue::Tuple(_)
        | AttributeValue::List(_) => AttributeContent::Text(value.to_string()),
    })
}
