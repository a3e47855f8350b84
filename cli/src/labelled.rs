//! What was read, with the names and coordinates it came with.

use hyperslab::{ArrayBuf, DType, Element, Result, Scalar};

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
    /// What marks a missing cell, if the schema declares it. What cells of this type read as before they are written is a
    /// number like any other.
    pub(crate) fill_value: Option<Scalar>,
}

/// The spread of the cells that are there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Statistics {
    /// Cells that are the declared fill value or NaN.
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

    /// Whether a cell holds nothing: the declared fill value, or NaN. A bool has no value to spare, so it is never missing.
    pub(crate) fn is_missing(&self, cell: Scalar) -> bool {
        let is_nan = match cell {
            Scalar::Complex64(value) => value.is_nan(),
            Scalar::Complex128(value) => value.is_nan(),
            cell => cell.as_f64().is_some_and(f64::is_nan),
        };
        is_nan || (Some(cell) == self.fill_value && !matches!(cell, Scalar::Bool(_)))
    }

    /// Each cell as a number, NaN where it is missing; the magnitude of a complex number.
    pub(crate) fn numbers(&self) -> Result<Vec<f64>> {
        match self.cells.dtype() {
            DType::Bool => self.each::<bool>(),
            DType::Int8 => self.each::<i8>(),
            DType::Int16 => self.each::<i16>(),
            DType::Int32 => self.each::<i32>(),
            DType::Int64 => self.each::<i64>(),
            DType::UInt8 => self.each::<u8>(),
            DType::UInt16 => self.each::<u16>(),
            DType::UInt32 => self.each::<u32>(),
            DType::UInt64 => self.each::<u64>(),
            DType::Float32 => self.each::<f32>(),
            DType::Float64 => self.each::<f64>(),
            // Rare types, one by one.
            _ => self
                .cells
                .scalars()
                .map(|cell| Ok(self.number_or_nan(cell?)))
                .collect(),
        }
    }

    /// The same for cells of a type known to the compiler: one comparison per cell.
    fn each<T: Element + Copy>(&self) -> Result<Vec<f64>> {
        let fill = self.fill_value.map(|fill| ArrayBuf::filled(fill, &[1]));
        let fill = match fill.transpose()? {
            Some(fill) => fill.as_slice::<T>()?.first().copied(),
            None => None,
        };
        let spares_no_value = T::DTYPE == DType::Bool;
        let cells = self.cells.as_slice::<T>()?.iter();
        Ok(cells
            .map(|&cell| {
                if Some(cell) == fill && !spares_no_value {
                    f64::NAN
                } else {
                    number(cell.scalar())
                }
            })
            .collect())
    }

    fn number_or_nan(&self, cell: Scalar) -> f64 {
        if self.is_missing(cell) {
            f64::NAN
        } else {
            number(cell)
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fill_and_nan_are_missing_but_no_bool_is() {
        for (fill, count) in [
            (Scalar::Float32(-1.0), 2),
            (Scalar::Float32(f32::NAN), 1),
            (Scalar::Float32(0.0), 1),
        ] {
            let cells = ArrayBuf::from_slice(&[3], &[-1.0_f32, 2.0, f32::NAN]).unwrap();
            assert_eq!(missing_count(cells, Some(fill)), count, "{fill:?}");
        }
        let bools = ArrayBuf::from_slice(&[2], &[false, true]).unwrap();
        assert_eq!(missing_count(bools, Some(Scalar::Bool(false))), 0);
        for dtype in DType::ALL.into_iter().filter(|dtype| *dtype != DType::Bool) {
            let fill = Scalar::default_fill(dtype);
            let mut cells = ArrayBuf::zeroed(dtype, &[2]).unwrap();
            cells.bytes_mut()[..dtype.size()].copy_from_slice(&fill.to_bytes());
            let undeclared = u64::from(dtype.is_inexact());
            assert_eq!(missing_count(cells.clone(), None), undeclared, "{dtype}");
            assert_eq!(missing_count(cells, Some(fill)), 1, "{dtype}");
        }
    }

    fn missing_count(cells: ArrayBuf, fill_value: Option<Scalar>) -> u64 {
        let labelled = Labelled {
            name: String::new(),
            long_name: None,
            unit: None,
            axes: Vec::new(),
            held: Vec::new(),
            cells,
            fill_value,
        };
        Statistics::of(&labelled.numbers().unwrap()).missing_count
    }
}
