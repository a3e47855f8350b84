//! Dimensions, coordinates and nested values; a missing cell is `null`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use crate::axis::Axis;
use crate::labelled::Labelled;

/// Writes one JSON object on one line.
pub(super) fn write(out: &mut dyn Write, labelled: &Labelled) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &document(labelled)?)?;
    writeln!(out)
}

fn document(labelled: &Labelled) -> io::Result<Value> {
    let coordinates: Map<_, _> = labelled
        .axes
        .iter()
        .map(|axis| (axis.name.clone(), axis.to_json()))
        .collect();
    let held: Map<_, _> = labelled
        .held
        .iter()
        .map(|axis| (axis.name.clone(), axis.to_json()[0].clone()))
        .collect();
    let units: Map<_, _> = labelled
        .held
        .iter()
        .chain(&labelled.axes)
        .filter_map(|axis| Some((axis.name.clone(), Value::from(axis.unit.clone()?))))
        .collect();
    let mut cells = Vec::with_capacity(labelled.cells.cell_count());
    for cell in labelled.cells.scalars() {
        let cell = cell.map_err(io::Error::other)?;
        cells.push(if labelled.is_missing(cell) {
            Value::Null
        } else {
            cell.to_json()
        });
    }
    let lengths: Vec<usize> = labelled.axes.iter().map(Axis::len).collect();
    let dims: Vec<_> = labelled.axes.iter().map(|axis| &axis.name).collect();
    Ok(json!({
        "name": labelled.name,
        "long_name": labelled.long_name,
        "unit": labelled.unit,
        "dtype": labelled.cells.dtype().name(),
        "dims": dims,
        "shape": lengths,
        "coords": coordinates,
        "at": held,
        "coord_units": units,
        "values": nested(&mut cells.into_iter(), &lengths),
    }))
}

/// Lists of lists, the last axis innermost.
fn nested(cells: &mut impl Iterator<Item = Value>, lengths: &[usize]) -> Value {
    match lengths.split_first() {
        None => cells.next().unwrap_or_default(),
        Some((&length, inner)) => (0..length).map(|_| nested(&mut *cells, inner)).collect(),
    }
}
