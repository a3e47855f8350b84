//! Part of an array as a netCDF-4 file for other programs.

mod content;
mod publish;
mod values;

use hyperslab_cf::foreign::VARIABLE_KEY;
use hyperslab_core::{
    ArrayBuf, AttributeValue, Attributes, Coordinates, DType, Dimension, Error, Hyperslab,
    Metadata, Result, Scalar, Schema, TimeStart,
};

pub use publish::{write, write_cells};

/// Everything in an exported file but the cells.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportContent {
    /// The name of the variable.
    pub variable: String,
    /// The type of the cells.
    pub dtype: DType,
    /// What a missing cell is.
    pub fill_value: Scalar,
    /// Whether other programs are told so, also for integers.
    pub declares_fill: bool,
    /// The dimensions of the cells, slowest first, with the coordinates of the selected positions.
    pub dimensions: Vec<Dimension>,
    /// Dimensions of size 1 that the cells do not have: where the selection was a single position. They become scalar
    /// coordinate variables.
    pub scalars: Vec<Dimension>,
    /// The attributes of the variable.
    pub attributes: Attributes,
    /// The attributes of the file.
    pub globals: Metadata,
}

impl ExportContent {
    /// Describes the cells of `slab` of an array with these attributes. `dropped` lists the axes whose single position was
    /// selected by itself. The variable has the name in the key attribute `variable` (the last part of its path), else
    /// `fallback_name`; other key attributes become attributes of the file.
    ///
    /// # Errors
    /// `InvalidInput` when `slab` or `dropped` does not fit the schema, or a time scale has no start.
    pub fn new(
        schema: &Schema,
        key: &Attributes,
        custom: &Attributes,
        slab: &Hyperslab,
        dropped: &[usize],
        fallback_name: &str,
    ) -> Result<Self> {
        // Refuses a hyperslab of another shape.
        Hyperslab::new(slab.axes().to_vec(), &schema.shape())?;
        let (mut dimensions, mut scalars) = (Vec::new(), Vec::new());
        for (number, axis) in slab.axes().iter().enumerate() {
            let coordinates = schema.coordinates(number, &[key, custom])?;
            let known = &schema.dimensions()[number];
            let selected = Dimension {
                name: known.name.clone(),
                size: axis.count,
                coordinates: coordinates
                    .map(|found| narrowed(&found, axis))
                    .transpose()?,
                metadata: known.metadata.clone(),
            };
            match dropped.contains(&number) {
                true if axis.count == 1 => scalars.push(selected),
                true => {
                    return Err(Error::invalid(format!(
                        "dimension '{}' has {} positions and cannot be dropped",
                        known.name, axis.count
                    )));
                }
                false => dimensions.push(selected),
            }
        }
        let mut globals = schema.metadata().clone();
        let mut variable = fallback_name.to_owned();
        for (name, value) in key.iter() {
            match value {
                AttributeValue::Text(text) if name == VARIABLE_KEY => variable.clone_from(text),
                _ => {
                    globals.insert(name.to_owned(), value.to_json());
                }
            }
        }
        Ok(Self {
            variable,
            dtype: schema.dtype(),
            fill_value: schema.fill_value(),
            declares_fill: schema.declared_fill_value().is_some(),
            dimensions,
            scalars,
            attributes: custom.clone(),
            globals,
        })
    }

    /// The shape of the cells.
    #[must_use]
    pub fn shape(&self) -> Vec<u64> {
        self.dimensions
            .iter()
            .map(|dimension| dimension.size)
            .collect()
    }
}

/// The coordinates of the selected positions, listed one by one: a scale of selected positions would round otherwise than
/// the whole scale does.
fn narrowed(coordinates: &Coordinates, axis: &hyperslab_core::AxisSlab) -> Result<Coordinates> {
    let positions = (0..axis.count).map(|index| axis.position(index));
    let missing = || Error::internal("a coordinate is missing");
    let at = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
    Ok(match coordinates {
        Coordinates::Labels { labels } => Coordinates::Labels {
            labels: positions
                .map(|position| labels.get(at(position)).cloned().ok_or_else(missing))
                .collect::<Result<_>>()?,
        },
        Coordinates::Values { values, unit } => Coordinates::Values {
            values: positions
                .map(|position| values.get(at(position)).copied().ok_or_else(missing))
                .collect::<Result<_>>()?,
            unit: unit.clone(),
        },
        Coordinates::Times { times } => Coordinates::Times {
            times: positions
                .map(|position| times.get(at(position)).copied().ok_or_else(missing))
                .collect::<Result<_>>()?,
        },
        #[expect(clippy::cast_precision_loss, reason = "as the scale is defined")]
        Coordinates::Scale { start, step, unit } => Coordinates::Values {
            values: positions
                .map(|position| start + position as f64 * step)
                .collect(),
            unit: unit.clone(),
        },
        Coordinates::TimeScale { start, step } => {
            let TimeStart::Fixed(start) = start else {
                return Err(Error::internal("the start of a time scale is not known"));
            };
            let time = |position: u64| {
                let nanoseconds = i128::from(position)
                    .checked_mul(step.as_nanoseconds())
                    .and_then(|span| span.checked_add(start.as_nanoseconds()));
                nanoseconds
                    .ok_or_else(|| Error::invalid("a time is out of range"))
                    .and_then(hyperslab_core::Timestamp::from_nanoseconds)
            };
            Coordinates::Times {
                times: positions.map(time).collect::<Result<_>>()?,
            }
        }
    })
}

/// The type of the cells in the file: half precision becomes single, which netCDF knows.
fn stored_dtype(dtype: DType) -> DType {
    match dtype {
        DType::Float16 => DType::Float32,
        other => other,
    }
}

/// Cells as they are stored in the file.
fn stored_cells(cells: ArrayBuf) -> Result<ArrayBuf> {
    if cells.dtype() != DType::Float16 {
        return Ok(cells);
    }
    let wide: Vec<f32> = cells
        .as_slice::<half::f16>()?
        .iter()
        .map(|cell| cell.to_f32())
        .collect();
    ArrayBuf::from_slice(cells.shape(), &wide)
}

/// A fill value as it is stored in the file.
fn stored_fill(fill_value: Scalar) -> Scalar {
    match fill_value {
        Scalar::Float16(value) => Scalar::Float32(value.to_f32()),
        other => other,
    }
}
