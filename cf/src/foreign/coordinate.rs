//! Dimensions of a foreign variable and the coordinates along them.

use std::sync::Arc;

use hyperslab_core::{ArrayBuf, DType, Hyperslab, Result};

use super::{ForeignAttributes, ForeignGroup, ForeignVariable, last_part};
use crate::Packing;

/// A dimension of a foreign variable.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignDimension {
    /// The name, or `dim_0`, `dim_1` ... where it has none.
    pub name: String,
    /// The number of positions.
    pub size: u64,
    /// The coordinates, if there are any.
    pub coordinate: Option<ForeignCoordinate>,
}

/// A coordinate variable of a foreign group.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignCoordinate {
    /// The name.
    pub name: String,
    /// The shape: `[size]` for the coordinates of a dimension, `[]` for one value, any other for auxiliary ones.
    pub shape: Vec<u64>,
    /// The values, unpacked.
    pub values: CoordinateValues,
    /// The attributes.
    pub attributes: ForeignAttributes,
}

/// The values of a coordinate variable.
#[derive(Debug, Clone, PartialEq)]
pub enum CoordinateValues {
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Floating-point numbers; a missing one is NaN.
    Floats(Vec<f64>),
    /// Texts.
    Labels(Vec<String>),
    /// Not read, and why.
    Unread(String),
}

/// The dimensions of a variable, with their coordinates.
pub(super) fn dimensions(variable: &dyn ForeignVariable) -> Result<Vec<ForeignDimension>> {
    let named = variable.dimensions()?.into_iter().zip(variable.shape());
    named
        .map(|(dimension, &size)| {
            let coordinate = dimension.coordinate.as_deref();
            Ok(ForeignDimension {
                coordinate: coordinate
                    .map(|variable| load(variable, &dimension.name))
                    .transpose()?,
                name: dimension.name,
                size,
            })
        })
        .collect()
}

fn load(variable: &dyn ForeignVariable, name: &str) -> Result<ForeignCoordinate> {
    Ok(ForeignCoordinate {
        name: name.to_owned(),
        shape: variable.shape().to_vec(),
        values: values(variable)?,
        attributes: variable.attributes().clone(),
    })
}

fn values(variable: &dyn ForeignVariable) -> Result<CoordinateValues> {
    if let Some(labels) = variable.texts() {
        return labels.map(CoordinateValues::Labels);
    }
    let stored = match variable.dtype() {
        Ok(stored) => stored,
        Err(what) => return Ok(CoordinateValues::Unread(format!("it is {what}"))),
    };
    if stored.is_complex() {
        return Ok(CoordinateValues::Unread(
            "it is made of complex numbers".to_owned(),
        ));
    }
    let packing = Packing::new(stored, &variable.attributes().packing(), false);
    let whole = Hyperslab::full(variable.shape());
    let cells = ArrayBuf::zeroed(stored, &whole.shape())?;
    let cells = packing.decode(variable.read_into(&whole, cells)?)?;
    let numbers: Vec<_> = cells.scalars().collect::<Result<_>>()?;
    let missing = packing.fill_value().filter(|_| !packing.dtype().is_float());
    if packing.dtype().is_float() || missing.is_some_and(|fill| numbers.contains(&fill)) {
        let floats = numbers.into_iter().map(|number| match number.as_f64() {
            Some(value) if missing != Some(number) && packing.fill_value() != Some(number) => value,
            _ => f64::NAN,
        });
        return Ok(CoordinateValues::Floats(floats.collect()));
    }
    let ints: Option<Vec<i64>> = match packing.dtype() {
        DType::UInt64 => cells
            .as_slice::<u64>()?
            .iter()
            .map(|&value| i64::try_from(value).ok())
            .collect(),
        _ => numbers
            .iter()
            .map(|number| number.to_json())
            .map(|value| value.as_i64().or_else(|| value.as_bool().map(i64::from)))
            .collect(),
    };
    Ok(ints.map_or_else(
        || CoordinateValues::Unread("a number is beyond the range of int64".to_owned()),
        CoordinateValues::Ints,
    ))
}

/// The coordinates that the attribute `coordinates` names beside those of the dimensions, looked for in the group of the
/// variable and in those around it.
pub(super) fn auxiliary(
    group: &dyn ForeignGroup,
    name: &str,
    attributes: &ForeignAttributes,
    dimensions: &[ForeignDimension],
) -> Result<Vec<ForeignCoordinate>> {
    let listed = attributes.text("coordinates").unwrap_or_default();
    let mut found = Vec::new();
    for wanted in listed.split_whitespace() {
        let is_dimension = dimensions
            .iter()
            .any(|dimension| dimension.name == wanted && dimension.coordinate.is_some());
        if is_dimension || wanted == last_part(name) {
            continue;
        }
        let Some(variable) = find(group, name, wanted)? else {
            continue;
        };
        found.push(if variable.shape().is_empty() {
            load(&*variable, wanted)?
        } else {
            ForeignCoordinate {
                name: wanted.to_owned(),
                shape: variable.shape().to_vec(),
                values: CoordinateValues::Unread("it is auxiliary".to_owned()),
                attributes: variable.attributes().clone(),
            }
        });
    }
    Ok(found)
}

fn find(
    group: &dyn ForeignGroup,
    name: &str,
    wanted: &str,
) -> Result<Option<Arc<dyn ForeignVariable>>> {
    let mut inner = name;
    loop {
        let parent = inner.rsplit_once('/').map(|(parent, _)| parent);
        let path = parent.map_or_else(|| wanted.to_owned(), |parent| format!("{parent}/{wanted}"));
        if let Some(variable) = group.variable(&path)? {
            return Ok(Some(variable));
        }
        let Some(parent) = parent else {
            return Ok(None);
        };
        inner = parent;
    }
}
