//! Dimensions of a variable in a file: the scales attached to it, or the names it gives them itself.

use std::sync::Arc;

use hdf5::types::VarLenArray;
use hdf5::{Dataset, ObjectReference1, ReferencedObject};
use hyperslab_cf::foreign::{ForeignAttributes, ForeignValue, ForeignVariable, NamedDimension};
use hyperslab_core::Result;

use super::source::Source;
use super::variable::{Decoder, FileVariable};

/// How the dimension that has no coordinate variable begins its `NAME`.
const BARE_DIMENSION: &str = "This is a netCDF dimension but not a netCDF variable";

/// Whether an object only stands for a dimension without coordinates.
pub(super) fn is_bare_dimension(attributes: &ForeignAttributes) -> bool {
    attributes
        .text("NAME")
        .is_some_and(|name| name.starts_with(BARE_DIMENSION))
}

/// The dimensions of a variable, each with the scale that holds its coordinates.
pub(super) fn named(
    place: (&Arc<Source>, &Decoder),
    dataset: &Dataset,
    name: &str,
    attributes: &ForeignAttributes,
) -> Result<Vec<NamedDimension>> {
    let scales = scales(dataset, attributes);
    let names = names(&scales, dataset, name, attributes);
    names
        .into_iter()
        .zip(scales)
        .map(|(name, scale)| {
            let coordinate = match scale {
                Some(scale) => coordinate(place, &scale)?,
                None => None,
            };
            Ok(NamedDimension { name, coordinate })
        })
        .collect()
}

/// The variable of a scale, or `None` when it only stands for the dimension.
fn coordinate(
    (source, decoder): (&Arc<Source>, &Decoder),
    scale: &Dataset,
) -> Result<Option<Arc<dyn ForeignVariable>>> {
    let path = scale.name();
    let variable = FileVariable::new(source, scale, path.trim_start_matches('/'), decoder)?;
    if is_bare_dimension(variable.raw_attributes()) {
        return Ok(None);
    }
    Ok(Some(Arc::new(variable)))
}

/// The names of the dimensions of a variable.
pub(super) fn dimension_names(
    dataset: &Dataset,
    name: &str,
    attributes: &ForeignAttributes,
) -> Vec<String> {
    names(&scales(dataset, attributes), dataset, name, attributes)
}

fn names(
    scales: &[Option<Dataset>],
    dataset: &Dataset,
    name: &str,
    attributes: &ForeignAttributes,
) -> Vec<String> {
    let labels = match attributes.get("DIMENSION_LABELS") {
        Some(ForeignValue::Texts(labels)) => labels.clone(),
        Some(ForeignValue::Text(label)) => vec![label.clone()],
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
fn scales(dataset: &Dataset, attributes: &ForeignAttributes) -> Vec<Option<Dataset>> {
    let count = dataset.ndim();
    let is_scale = attributes.text("CLASS") == Some("DIMENSION_SCALE");
    if is_scale && count == 1 && !is_bare_dimension(attributes) {
        return vec![Some(dataset.clone())];
    }
    // References are those of the file that the variable lies in.
    let Ok(file) = dataset.file() else {
        return vec![None; count];
    };
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

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
