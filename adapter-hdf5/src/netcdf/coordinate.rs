//! Dimensions of a foreign variable and the coordinates along them.

use hdf5::types::VarLenArray;
use hdf5::{Dataset, File, ObjectReference1, ReferencedObject};
use hyperslab_core::{DType, Result};

use super::attribute::ForeignAttributes;
use super::cf::Packing;
use super::h5;

/// How the dimension that has no coordinate variable begins its `NAME`.
const BARE_DIMENSION: &str = "This is a netCDF dimension but not a netCDF variable";

/// A dimension of a foreign variable.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignDimension {
    /// The name, or `dim_0`, `dim_1` ... where the file has none.
    pub name: String,
    /// The number of positions.
    pub size: u64,
    /// The coordinates, if there are any.
    pub coordinate: Option<ForeignCoordinate>,
}

/// A coordinate variable of a foreign file.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignCoordinate {
    /// The name.
    pub name: String,
    /// The shape: `[size]` for the coordinates of a dimension, `[]` for one value, any other for auxiliary ones.
    pub shape: Vec<u64>,
    /// The values, unpacked.
    pub values: CoordinateValues,
    /// The attributes, all of them.
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

/// Whether an object only stands for a dimension without coordinates.
pub(super) fn is_bare_dimension(attributes: &ForeignAttributes) -> bool {
    attributes
        .text("NAME")
        .is_some_and(|name| name.starts_with(BARE_DIMENSION))
}

/// The dimensions of a variable, with their coordinates.
pub(super) fn dimensions(
    file: &File,
    dataset: &Dataset,
    name: &str,
    attributes: &ForeignAttributes,
) -> Result<Vec<ForeignDimension>> {
    let scales = scales(file, dataset, name, attributes);
    let names = names(&scales, dataset, name, attributes);
    names
        .into_iter()
        .zip(scales)
        .zip(dataset.shape())
        .map(|((name, scale), size)| {
            let coordinate = match scale {
                Some(scale) => coordinate(&scale, &name)?,
                None => None,
            };
            Ok(ForeignDimension {
                name,
                size: size as u64,
                coordinate,
            })
        })
        .collect()
}

/// The names of the dimensions of a variable.
pub(super) fn dimension_names(
    file: &File,
    dataset: &Dataset,
    name: &str,
    attributes: &ForeignAttributes,
) -> Vec<String> {
    names(
        &scales(file, dataset, name, attributes),
        dataset,
        name,
        attributes,
    )
}

fn names(
    scales: &[Option<Dataset>],
    dataset: &Dataset,
    name: &str,
    attributes: &ForeignAttributes,
) -> Vec<String> {
    let labels = match attributes.get("DIMENSION_LABELS") {
        Some(super::ForeignValue::Texts(labels)) => labels.clone(),
        Some(super::ForeignValue::Text(label)) => vec![label.clone()],
        _ => Vec::new(),
    };
    let is_scale = attributes.text("CLASS") == Some("DIMENSION_SCALE");
    (0..dataset.ndim())
        .map(|axis| match (scales.get(axis), labels.get(axis)) {
            (Some(Some(scale)), _) => last_part(&scale.name()).to_owned(),
            (_, Some(label)) if !label.is_empty() => label.clone(),
            // A one-dimensional scale is its own dimension.
            _ if is_scale && dataset.ndim() == 1 => last_part(name).to_owned(),
            _ => format!("dim_{axis}"),
        })
        .collect()
}

/// The first scale attached to each dimension.
fn scales(
    file: &File,
    dataset: &Dataset,
    name: &str,
    attributes: &ForeignAttributes,
) -> Vec<Option<Dataset>> {
    let count = dataset.ndim();
    let is_scale = attributes.text("CLASS") == Some("DIMENSION_SCALE");
    if is_scale && count == 1 && !is_bare_dimension(attributes) {
        return vec![file.dataset(name).ok()];
    }
    let attached = dataset
        .attr("DIMENSION_LIST")
        .and_then(|list| list.read_raw::<VarLenArray<ObjectReference1>>());
    let Ok(attached) = attached else {
        return vec![None; count];
    };
    let mut scales: Vec<Option<Dataset>> = attached
        .iter()
        .map(|references| {
            let first = references.as_slice().first()?;
            match file.dereference(first) {
                Ok(ReferencedObject::Dataset(scale)) => Some(scale),
                _ => None,
            }
        })
        .collect();
    scales.resize(count, None);
    scales
}

/// The coordinates that a scale holds, or `None` when it only stands for the dimension.
fn coordinate(scale: &Dataset, name: &str) -> Result<Option<ForeignCoordinate>> {
    let attributes = h5::attributes(scale, name)?;
    if is_bare_dimension(&attributes) {
        return Ok(None);
    }
    load(scale, name, attributes).map(Some)
}

fn load(dataset: &Dataset, name: &str, attributes: ForeignAttributes) -> Result<ForeignCoordinate> {
    Ok(ForeignCoordinate {
        name: name.to_owned(),
        shape: dataset.shape().iter().map(|&size| size as u64).collect(),
        values: values(dataset, &attributes)?,
        attributes,
    })
}

fn values(dataset: &Dataset, attributes: &ForeignAttributes) -> Result<CoordinateValues> {
    if let Some(labels) = h5::labels(dataset) {
        return labels.map(CoordinateValues::Labels);
    }
    let stored = match h5::dtype_of(dataset) {
        Ok(stored) => stored,
        Err(what) => return Ok(CoordinateValues::Unread(format!("it is {what}"))),
    };
    if stored.is_complex() {
        return Ok(CoordinateValues::Unread(
            "it is made of complex numbers".to_owned(),
        ));
    }
    let packing = Packing::new(stored, &attributes.packing(), false);
    let cells = packing.decode(h5::read_whole(dataset, stored)?)?;
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
    file: &File,
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
        let Some(dataset) = find(file, name, wanted) else {
            continue;
        };
        let attributes = h5::attributes(&dataset, wanted)?;
        found.push(if dataset.ndim() == 0 {
            load(&dataset, wanted, attributes)?
        } else {
            ForeignCoordinate {
                name: wanted.to_owned(),
                shape: dataset.shape().iter().map(|&size| size as u64).collect(),
                values: CoordinateValues::Unread("it is auxiliary".to_owned()),
                attributes,
            }
        });
    }
    Ok(found)
}

fn find(file: &File, name: &str, wanted: &str) -> Option<Dataset> {
    let mut group = name;
    loop {
        let parent = group.rsplit_once('/').map(|(parent, _)| parent);
        let path = parent.map_or_else(|| wanted.to_owned(), |parent| format!("{parent}/{wanted}"));
        if let Ok(dataset) = file.dataset(&path) {
            return Some(dataset);
        }
        group = parent?;
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
