//! The file that an [`ExportContent`] becomes.

use std::collections::HashSet;

use hyperslab_cf::foreign::restored;
use hyperslab_cf::{
    AttributeContent, AxisContent, CoordinateCells, CoordinateContent, NamedAttribute,
};
use hyperslab_core::{ArrayBuf, Result, Scalar, StorageOptions};

use super::{ExportContent, stored_dtype, stored_fill, values};
use crate::chunk::StoragePlan;
use crate::file::{FileContent, VariableContent, VariableStorage};

/// The conventions that the file follows when the array does not say.
const CONVENTIONS: &str = "CF-1.11";

/// A file with the variable first, and the single values of its scalar coordinates.
pub(super) struct ExportFile {
    pub(super) content: FileContent,
    /// The cells of the variables after the first.
    pub(super) scalars: Vec<ArrayBuf>,
}

pub(super) fn file(export: &ExportContent) -> Result<ExportFile> {
    let axes: Vec<AxisContent> = export
        .dimensions
        .iter()
        .map(|dimension| {
            Ok(AxisContent {
                name: dimension.name.clone(),
                size: dimension.size,
                coordinate: values::coordinate(dimension)?,
            })
        })
        .collect::<Result<_>>()?;
    let mut attributes = variable_attributes(export)?;
    let mut taken: HashSet<&str> = axes.iter().map(|axis| axis.name.as_str()).collect();
    let (mut variables, mut cells, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for dimension in &export.scalars {
        let Some(coordinate) = values::coordinate(dimension)? else {
            continue;
        };
        match scalar(&dimension.name, coordinate)? {
            Scalarised::Variable(variable, value) => {
                taken.insert(&dimension.name);
                listed.push(dimension.name.as_str());
                variables.push(variable);
                cells.push(value);
            }
            Scalarised::Label(label) => attributes.push((dimension.name.clone(), label)),
        }
    }
    if !listed.is_empty() {
        attributes.push((
            "coordinates".to_owned(),
            AttributeContent::Text(listed.join(" ")),
        ));
    }
    let shape = export.shape();
    let dtype = stored_dtype(export.dtype);
    let storage = StoragePlan::new(&StorageOptions::new(), &shape, dtype)?.storage(&shape, dtype);
    let variable = VariableContent {
        name: variable_name(&export.variable, &taken),
        dtype,
        axes: (0..axes.len()).collect(),
        fill: stored_fill(export.fill_value),
        declares_fill: export.declares_fill,
        attributes: distinct(attributes),
        storage,
    };
    variables.insert(0, variable);
    Ok(ExportFile {
        content: FileContent {
            attributes: globals(export)?,
            axes,
            variables,
        },
        scalars: cells,
    })
}

/// The last part of a path, apart from the names of axes and scalar coordinates.
fn variable_name(name: &str, taken: &HashSet<&str>) -> String {
    let last = name.rsplit('/').find(|part| !part.is_empty());
    let mut name = last.unwrap_or("data").to_owned();
    while taken.contains(name.as_str()) {
        name.push_str("_values");
    }
    name
}

fn variable_attributes(export: &ExportContent) -> Result<Vec<NamedAttribute>> {
    export
        .attributes
        .iter()
        .map(|(name, value)| Ok((restored(name).to_owned(), values::attribute(value)?)))
        .collect()
}

fn globals(export: &ExportContent) -> Result<Vec<NamedAttribute>> {
    let mut attributes: Vec<NamedAttribute> = export
        .globals
        .iter()
        .map(|(name, value)| {
            // Import sets a file attribute apart from that of the variable by this prefix.
            let name = match name.strip_prefix("global_") {
                Some(stem) if export.attributes.get(stem).is_some() => stem,
                _ => restored(name),
            };
            Ok((name.to_owned(), values::metadata(value)?))
        })
        .collect::<Result<_>>()?;
    if attributes.iter().all(|(name, _)| name != "Conventions") {
        let conventions = AttributeContent::Text(CONVENTIONS.to_owned());
        attributes.insert(0, ("Conventions".to_owned(), conventions));
    }
    Ok(distinct(attributes))
}

/// The first attribute of each name.
fn distinct(attributes: Vec<NamedAttribute>) -> Vec<NamedAttribute> {
    let mut seen = HashSet::new();
    attributes
        .into_iter()
        .filter(|(name, _)| seen.insert(name.clone()))
        .collect()
}

enum Scalarised {
    Variable(VariableContent, ArrayBuf),
    /// A text, which is kept as an attribute of the variable.
    Label(AttributeContent),
}

fn scalar(name: &str, coordinate: CoordinateContent) -> Result<Scalarised> {
    let cells = match coordinate.values {
        CoordinateCells::Numbers(cells) => cells.reshaped(&[])?,
        CoordinateCells::Texts(mut texts) => {
            let label = texts.pop().unwrap_or_default();
            return Ok(Scalarised::Label(AttributeContent::Text(label)));
        }
    };
    let variable = VariableContent {
        name: name.to_owned(),
        dtype: cells.dtype(),
        axes: Vec::new(),
        fill: Scalar::default_fill(cells.dtype()),
        declares_fill: false,
        attributes: coordinate.attributes,
        storage: VariableStorage::Whole,
    };
    Ok(Scalarised::Variable(variable, cells))
}
