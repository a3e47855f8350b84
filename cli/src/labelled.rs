//! What was read, with the names and coordinates it came with.

use hyperslab::{ArrayBuf, Result, Scalar};

use crate::axis::Axis;

/// Cells with their coordinates: everything that a file, a picture or a summary needs.
#[derive(Debug, Clone)]
pub(crate) struct Labelled {
    /// The name of the collection or variable.
    pub(crate) name: String,
    /// What a person calls the quantity, if the schema says so.
    pub(crate) long_name: Option<String>,
    /// The unit of the cells.
    pub(crate) unit: Option<String>,
    /// The axes of the cells, slowest first.
    pub(crate) axes: Vec<Axis>,
    /// The axes that were narrowed to one coordinate and dropped, with that coordinate.
    pub(crate) held: Vec<Axis>,
    /// The cells.
    pub(crate) cells: ArrayBuf,
    /// What a cell reads as before it is written.
    pub(crate) fill_value: Scalar,
}

/// The spread of the cells that are there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Statistics {
    /// Cells that are the fill value or NaN.
    pub(crate) missing_count: u64,
    /// Smallest, mean and largest of the others; `None` when there are none.
    pub(crate) spread: Option<Spread>,
}

/// Smallest, mean and largest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spread {
    pub(crate) min: f64,
    pub(crate) mean: f64,
    pub(crate) max: f64,
}

impl Labelled {
    /// What the quantity is called, for a title.
    pub(crate) fn title(&self) -> &str {
        self.long_name.as_deref().unwrap_or(&self.name)
    }

    /// Whether a cell holds nothing: the fill value, or NaN. A bool has no value to spare, so it is never missing.
    pub(crate) fn is_missing(&self, cell: Scalar) -> bool {
        let is_nan = match cell {
            Scalar::Complex64(value) => value.is_nan(),
            Scalar::Complex128(value) => value.is_nan(),
            cell => cell.as_f64().is_some_and(f64::is_nan),
        };
        is_nan || (cell == self.fill_value && !matches!(cell, Scalar::Bool(_)))
    }

    /// Each cell as a number, NaN where it is missing; the magnitude of a complex number.
    pub(crate) fn numbers(&self) -> Result<Vec<f64>> {
        self.cells
            .scalars()
            .map(|cell| {
                let cell = cell?;
                Ok(if self.is_missing(cell) {
                    f64::NAN
                } else {
                    number(cell)
                })
            })
            .collect()
    }
}

fn number(cell: Scalar) -> f64 {
    match cell {
        Scalar::Complex64(value) => value.norm().into(),
        Scalar::Complex128(value) => value.norm(),
        cell => cell.as_f64().unwrap_or(f64::NAN),
    }
}

impl Statistics {
    /// Of numbers in which NaN means missing.
    #[expect(clippy::cast_precision_loss, reason = "fewer cells than 2^53")]
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let (mut count, mut sum, mut min, mut max) = (0_u64, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        for &number in numbers.iter().filter(|number| !number.is_nan()) {
            count += 1;
            sum += number;
            min = min.min(number);
            max = max.max(number);
        }
        Self {
            missing_count: numbers.len() as u64 - count,
            spread: (count > 0).then(|| Spread {
                min,
                mean: sum / count as f64,
                max,
            }),
        }
    }
}
