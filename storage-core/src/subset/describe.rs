//! What a subset is, told before any cell is read.

use std::fmt;

use serde::Serialize;

use super::Subset;
use crate::{AxisView, CoordinateValue, DType, Result};

/// A subset in words: its type, and its dimensions with their coordinates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Description {
    /// What a person calls the array.
    pub array: String,
    /// The element type.
    pub dtype: DType,
    /// The length along each dimension that is not dropped.
    pub shape: Vec<u64>,
    /// Every dimension of the array, also the dropped ones.
    pub dimensions: Vec<DimensionDescription>,
}

/// One dimension of a [`Description`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DimensionDescription {
    /// The name.
    pub name: String,
    /// The unit of the coordinates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whether one position was asked for, so that the shape does not have this dimension.
    pub dropped: bool,
    /// The coordinate of each selected position; without coordinates, the position itself.
    pub coordinates: Vec<CoordinateValue>,
}

/// As many coordinates are listed whatever the memory limit is; each takes about as much as a `complex128`.
const COUNT_FREE: u64 = 1 << 16;

impl Description {
    pub(super) fn of(subset: &Subset) -> Result<Self> {
        let array = subset.array();
        let limit = array.collection().store().options().memory_limit;
        let dimensions = array
            .schema()
            .dimensions()
            .iter()
            .zip(subset.picks())
            .enumerate();
        let dimensions = dimensions.map(|(axis, (dimension, pick))| {
            // A long list of coordinates is a result like any other.
            if pick.slab.count > COUNT_FREE {
                let admitted = limit.admit(DType::Complex128, &[pick.slab.count]);
                admitted.map_err(|error| {
                    error.context(format!("the coordinates of '{}'", dimension.name))
                })?;
            }
            // A time scale whose start is not set has positions all the same.
            let coordinates = array.coordinates(axis).ok().flatten();
            let view = AxisView::new(&dimension.name, dimension.size, coordinates.as_ref());
            Ok(DimensionDescription {
                name: dimension.name.clone(),
                unit: coordinates
                    .as_ref()
                    .and_then(|known| known.unit().map(str::to_owned)),
                dropped: pick.dropped,
                coordinates: view.with_slab(pick.slab).values().collect(),
            })
        });
        Ok(Self {
            array: array.name(),
            dtype: array.dtype(),
            shape: subset.shape(),
            dimensions: dimensions.collect::<Result<_>>()?,
        })
    }
}

/// One line per dimension: name, length, first and last coordinate, unit.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?}", self.array, self.dtype, self.shape)?;
        let width = self
            .dimensions
            .iter()
            .map(|dimension| dimension.name.chars().count())
            .max();
        for dimension in &self.dimensions {
            write!(
                f,
                "\n  {:width$}  ",
                dimension.name,
                width = width.unwrap_or(0)
            )?;
            match dimension.coordinates.as_slice() {
                [] => f.write_str("nothing")?,
                [only] => write!(f, "{only}")?,
                [first, .., last] => {
                    write!(f, "{} from {first} to {last}", dimension.coordinates.len())?
                }
            }
            if let Some(unit) = &dimension.unit {
                write!(f, " {unit}")?;
            }
        }
        Ok(())
    }
}
