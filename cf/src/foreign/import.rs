//! From a foreign variable to a schema and the attributes of one array.

mod axis;
mod names;
mod values;

use hyperslab_core::{
    AttributeSchema, AttributeType, Attributes, Error, Metadata, Result, Scalar, Schema,
};
use serde_json::Value;

use self::names::{Names, RESTORED_SUFFIX, is_structural, is_withheld};
use super::{CoordinateValues, ForeignArray, ForeignCoordinate};
use crate::{TimeAxis, TimeNumbers, is_time_units};

pub use names::restored;

/// The key attribute that holds the name of the variable.
pub const VARIABLE_KEY: &str = "variable";

/// What a variable becomes: the schema of the collection, the key and custom attributes of the array, and what could not
/// be kept as it was, in sentences for people.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportPlan {
    /// Element type, fill value, dimensions with coordinates, attributes, metadata of the groups around the variable.
    pub schema: Schema,
    /// The key `variable = <name>`.
    pub key: Attributes,
    /// The attributes of the variable.
    pub custom: Attributes,
    /// What was changed or left behind, and why.
    pub notes: Vec<String>,
}

/// Plans the import of one variable. Reads no cell.
///
/// Coordinates become a scale only where `start + i * step` gives back every stored number bit for bit, or every instant to
/// the nanosecond; else they are listed. Names that a schema refuses are made acceptable.
///
/// # Errors
/// `InvalidInput` when the variable fits no schema.
pub fn plan_import(foreign: &ForeignArray) -> Result<ImportPlan> {
    let mut notes = Vec::new();
    let mut builder = Schema::builder(foreign.dtype());
    if let Some(fill_value) = foreign.fill_value() {
        builder = builder.fill_value(fill_value);
    } else if !foreign.dtype().is_inexact() {
        notes.push(format!(
            "the file names no fill value; {} is taken",
            Scalar::default_fill(foreign.dtype()).to_json()
        ));
    }
    note_missing_values(foreign, &mut notes);
    let mut dimension_names = Names::with(&[VARIABLE_KEY]);
    for dimension in foreign.dimensions() {
        let name = dimension_names.accept("dimension", &dimension.name, &mut notes);
        builder = builder.dimension(axis::dimension(dimension, name, &mut notes));
    }
    let mut key = Attributes::new();
    key.insert(VARIABLE_KEY, foreign.name());
    builder = builder.attribute(AttributeSchema::key(VARIABLE_KEY, AttributeType::Text));
    let custom = custom_attributes(foreign, &mut notes);
    for (name, value) in custom.iter() {
        builder = builder.attribute(AttributeSchema::custom(name, value.kind()));
    }
    let schema = builder
        .metadata(metadata(foreign, &custom, &mut notes))
        .build()
        .map_err(|error: Error| error.context(format!("variable '{}'", foreign.name())))?;
    Ok(ImportPlan {
        key: schema.check_key(&key)?,
        custom: schema.check_custom(&custom)?,
        schema,
        notes,
    })
}

fn note_missing_values(foreign: &ForeignArray, notes: &mut Vec<String>) {
    let listed = |name| {
        let value = foreign.attributes().get(name);
        value.map_or(&[][..], |value| value.as_numbers())
    };
    let (fill, missing) = (listed("_FillValue"), listed("missing_value"));
    let differs = missing
        .iter()
        .any(|value| value.as_f64() != fill.first().or(missing.first()).and_then(|v| v.as_f64()));
    if differs && foreign.keeps_packed() {
        notes.push("'missing_value' differs from the fill value and is not kept".to_owned());
    } else if differs && !foreign.packing().is_packed() {
        notes.push("cells equal to 'missing_value' become the fill value".to_owned());
    }
    if foreign.packing().is_packed() {
        for name in ["valid_range", "valid_min", "valid_max"] {
            if foreign.attributes().get(name).is_some() {
                notes.push(format!(
                    "'{name}' counts in packed numbers, the cells do not"
                ));
            }
        }
    }
}

/// The attributes of the variable but those that say how it is stored.
fn custom_attributes(foreign: &ForeignArray, notes: &mut Vec<String>) -> Attributes {
    let mut custom = Attributes::new();
    let mut names = Names::with(&[VARIABLE_KEY]);
    for (name, value) in foreign.attributes().iter() {
        let is_packing = matches!(name, "scale_factor" | "add_offset");
        if is_structural(name) && !(is_packing && foreign.keeps_packed()) {
            continue;
        }
        // The type of a factor decides in which precision other programs unpack.
        if is_packing && matches!(value.as_numbers(), [Scalar::Float32(_)]) {
            notes.push(format!(
                "'{name}' is a float32 in the file and is kept as float64"
            ));
        }
        let what = format!("attribute '{name}'");
        if let Some(value) = values::attribute(value, &what, notes) {
            let name = names.accept("attribute", &withheld(name), notes);
            custom.insert(name, value);
        }
    }
    custom
}

/// A reserved name that has a meaning where an array is exported to gets a suffix, which export takes off again.
fn withheld(name: &str) -> String {
    if is_withheld(name) {
        format!("{name}{RESTORED_SUFFIX}")
    } else {
        name.to_owned()
    }
}

/// The attributes of the groups around the variable, and what is known of further coordinates.
fn metadata(foreign: &ForeignArray, custom: &Attributes, notes: &mut Vec<String>) -> Metadata {
    let mut taken: Vec<&str> = custom.iter().map(|(name, _)| name).collect();
    taken.push(VARIABLE_KEY);
    let mut names = Names::with(&taken);
    let mut metadata = Metadata::new();
    for (name, value) in foreign.globals().iter() {
        if is_structural(name) {
            continue;
        }
        let Some(value) = values::metadata(value, &format!("file attribute '{name}'"), notes)
        else {
            continue;
        };
        let clashes = taken.contains(&name);
        let wanted = if clashes {
            format!("global_{name}")
        } else {
            withheld(name)
        };
        let name = names.accept("file attribute", &wanted, notes);
        if clashes {
            notes.push(format!(
                "a file attribute has the name of an attribute of the variable; it is kept as '{name}'"
            ));
        }
        metadata.insert(name, value);
    }
    for coordinate in foreign.auxiliary() {
        match scalar_text(coordinate) {
            Some(value) => {
                let name = names.accept("coordinate", &coordinate.name, notes);
                metadata.insert(name, value);
            }
            None => notes.push(format!(
                "the auxiliary coordinate '{}' of shape {:?} is not kept",
                coordinate.name, coordinate.shape
            )),
        }
    }
    metadata
}

/// The one value of a scalar coordinate: a number, or text with its unit, or an instant.
fn scalar_text(coordinate: &ForeignCoordinate) -> Option<Value> {
    let number = match &coordinate.values {
        CoordinateValues::Ints(values) => Value::from(*values.first()?),
        CoordinateValues::Floats(values) => Value::from(*values.first()?),
        CoordinateValues::Labels(labels) => {
            return labels.first().map(|label| label.as_str().into());
        }
        CoordinateValues::Unread(_) => return None,
    };
    if !coordinate.shape.is_empty() || !number.is_number() {
        return None;
    }
    let attributes = &coordinate.attributes;
    let Some(units) = attributes.text("units").filter(|units| !units.is_empty()) else {
        return Some(number);
    };
    if is_time_units(units) {
        let numbers = match &coordinate.values {
            CoordinateValues::Ints(values) => TimeNumbers::Ints(values),
            CoordinateValues::Floats(values) => TimeNumbers::Floats(values),
            _ => return None,
        };
        match TimeAxis::decide(numbers, units, attributes.text("calendar")) {
            TimeAxis::Instants(times) => return Some(times.first()?.to_string().into()),
            TimeAxis::Numbers { .. } => {}
        }
        // Without its calendar this would be read as another date.
        if let Some(calendar) = attributes.text("calendar") {
            return Some(format!("{number} {units} ({calendar})").into());
        }
    }
    Some(format!("{number} {units}").into())
}
