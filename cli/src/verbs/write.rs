//! `hyperslab write`: cells, or custom attributes.

use std::path::PathBuf;

use clap::Args;
use hyperslab::{ArrayBuf, DType, Error, Result, Role, Scalar, Subset};
use serde_json::{Value, json};

use super::show::array_json;
use crate::args::{CollectionArgs, Pair};
use crate::console::Console;
use crate::failure::{Outcome, Status};
use crate::human;
use crate::output::npy;
use crate::select::{KeyArgs, SelectArgs, attributes};
use crate::session::Session;

const EXAMPLE: &str = "\
Examples:
  hyperslab write ./climate weather dt=2023-01-03 --isel hour=0 --from midnight.npy
  hyperslab write ./climate weather dt=2023-01-03 --sel lat=80..90 --value 271.35
  hyperslab write ./climate weather dt=2023-01-03 --set station=south

All of it is checked before anything is changed. Cells and attributes given together are two changes, \
each whole: the attributes come first, and a command that is killed may leave the cells as they were.";

/// Write a piece of an array, or its custom attributes. All cells become visible at once.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
#[command(group = clap::ArgGroup::new("what").args(["from", "value", "set", "unset"]).required(true).multiple(true))]
pub(crate) struct Write {
    #[command(flatten)]
    target: CollectionArgs,
    #[command(flatten)]
    key: KeyArgs,
    #[command(flatten)]
    selection: SelectArgs,
    /// The cells, from a file of NumPy of the selection's shape
    #[arg(long, value_name = "FILE.npy", conflicts_with = "value")]
    from: Option<PathBuf>,
    /// One value for every selected cell
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    value: Option<String>,
    /// Convert the cells of the file where each of them fits the collection's type
    #[arg(long, requires = "from")]
    cast: bool,
    /// Set a custom attribute; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<Pair>,
    /// Remove a custom attribute; repeatable
    #[arg(long, value_name = "NAME")]
    unset: Vec<String>,
}

impl Write {
    pub(crate) async fn run(self, session: &Session, console: &mut Console) -> Outcome {
        let collection = self.target.open(session).await?;
        let mut array = self.key.open(&collection).await?;
        let custom = attributes(array.schema(), &self.set, Role::Custom)?;
        let subset = self.selection.apply(&array)?;
        let cells = self.cells(&subset)?;
        let progress = console.progress("writing");
        let attribute_count = self.set.len() + self.unset.len();
        if attribute_count > 0 {
            let removed: Vec<&str> = self.unset.iter().map(String::as_str).collect();
            // Before the cells: what an adapter cannot hold is refused while nothing is changed.
            array.change(custom, &removed).await?;
        }
        let cell_count = match cells {
            None => 0,
            Some(cells) => cells
                .write(&subset)
                .await
                .map_err(|error| match attribute_count {
                    0 => error,
                    _ => error.context("the attributes are changed already; the cells"),
                })?,
        };
        drop(progress);
        console.report(
            &json!({ "array": array_json(&array), "written_cells": cell_count }),
            format_args!(
                "wrote {} of {}",
                match (cell_count, attribute_count) {
                    (cells, 0) => human::count(cells, "cell"),
                    (0, attributes) => human::count(attributes as u64, "attribute"),
                    (cells, attributes) => format!(
                        "{} and {}",
                        human::count(cells, "cell"),
                        human::count(attributes as u64, "attribute")
                    ),
                },
                array.name()
            ),
        )?;
        Ok(Status::Done)
    }

    /// The cells that are asked for, checked to fit where they go.
    fn cells(&self, subset: &Subset) -> Result<Option<Cells>> {
        let dtype = subset.array().dtype();
        if let Some(path) = &self.from {
            let cells = cells_for(dtype, npy::read(path)?, self.cast)?;
            subset.check_cells(&cells)?;
            return Ok(Some(Cells::Each(cells)));
        }
        if let Some(value) = &self.value {
            return Ok(Some(Cells::All(scalar(dtype, value)?)));
        }
        if !self.selection.is_empty() {
            return Err(Error::invalid(
                "attributes belong to a whole array; leave out --isel and --sel",
            ));
        }
        Ok(None)
    }
}

/// What is to be written into a selection.
enum Cells {
    /// One value for each cell.
    Each(ArrayBuf),
    /// One value for all of them.
    All(Scalar),
}

impl Cells {
    /// Writes them, and says how many they are.
    async fn write(self, subset: &Subset) -> Result<u64> {
        match self {
            Self::Each(cells) => subset.write_buf(cells).await?,
            Self::All(value) => subset.fill(value).await?,
        }
        Ok(subset.hyperslab()?.cell_count())
    }
}

/// A cell from its text: a number, `nan`, `true`, or `[re, im]`.
fn scalar(dtype: DType, text: &str) -> Result<Scalar> {
    let value: Value = match text.trim().to_lowercase().as_str() {
        "nan" => "NaN".into(),
        "inf" | "+inf" | "infinity" => "Infinity".into(),
        "-inf" | "-infinity" => "-Infinity".into(),
        number => serde_json::from_str(number.trim_start_matches('+')).map_err(|source| {
            Error::invalid(format!("'{text}' is not a value of {dtype}")).with_source(source)
        })?,
    };
    Scalar::from_json(dtype, &value).map_err(|error| error.context("--value"))
}

/// Cells of the type wanted: as they are, or converted when that was asked for and each one fits.
pub(super) fn cells_for(dtype: DType, cells: ArrayBuf, cast: bool) -> Result<ArrayBuf> {
    if cells.dtype() == dtype {
        return Ok(cells);
    }
    if !cast {
        return Err(Error::invalid(format!(
            "the cells of the file are {}, the collection holds {dtype}; convert them, or add --cast",
            cells.dtype()
        )));
    }
    let mut converted = ArrayBuf::zeroed(dtype, cells.shape())?;
    let slots = converted.bytes_mut().chunks_exact_mut(dtype.size());
    for (slot, cell) in slots.zip(cells.scalars()) {
        slot.copy_from_slice(&cast_one(dtype, cell?)?.to_bytes());
    }
    Ok(converted)
}

fn cast_one(dtype: DType, cell: Scalar) -> Result<Scalar> {
    let exact = match cell {
        // Through JSON integers stay whole, through float64 they might not.
        Scalar::Int64(_) | Scalar::UInt64(_) | Scalar::Complex64(_) | Scalar::Complex128(_) => None,
        cell if dtype.is_complex() => {
            let value = cell
                .as_f64()
                .map(|value| json!(value))
                .filter(|value| !value.is_null());
            return Scalar::from_json(dtype, &value.unwrap_or_else(|| cell.to_json()));
        }
        cell => cell.as_f64(),
    };
    match exact {
        None => Scalar::from_json(dtype, &cell.to_json()),
        Some(value) => Scalar::from_f64(dtype, value)
            .ok_or_else(|| Error::invalid(format!("{value} does not fit dtype {dtype}"))),
    }
}
