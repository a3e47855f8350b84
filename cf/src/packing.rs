//! Packed numbers: `scale_factor`, `add_offset`, `_Unsigned`, `_FillValue` and `missing_value`, as xarray applies them.

use half::f16;
use hyperslab_core::{ArrayBuf, DType, Element, Error, Result, Scalar};

/// How the cells of a variable become the numbers that they mean.
#[derive(Debug, Clone, PartialEq)]
pub struct Packing {
    stored: DType,
    /// The stored type with the sign that `_Unsigned` gives it.
    signed: DType,
    scale: Option<Factor>,
    offset: Option<Factor>,
    /// Cells of `signed` that stand for a missing one; the first is the fill value.
    missing: Vec<Scalar>,
    result: DType,
}

/// A `scale_factor` or an `add_offset`: the type takes part in the arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Factor {
    value: f64,
    is_float32: bool,
}

impl Factor {
    /// Whole numbers count as `float64`.
    fn new(value: Scalar) -> Option<Self> {
        Some(Self {
            value: value.as_f64()?,
            is_float32: value.dtype() == DType::Float32,
        })
    }
}

/// The attributes of a variable that say how it is packed.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PackingAttributes {
    pub(crate) scale: Option<Scalar>,
    pub(crate) offset: Option<Scalar>,
    /// `_FillValue`, then every `missing_value`.
    pub(crate) missing: Vec<Scalar>,
    /// The value of `_Unsigned`.
    pub(crate) unsigned: Option<bool>,
    /// Whether the attribute `dtype` says `bool`, which is how xarray stores bools.
    pub(crate) is_bool: bool,
}

impl Packing {
    /// How cells of type `stored` with these attributes are read; with `raw` scale, offset and further missing values are
    /// left alone.
    pub(crate) fn new(stored: DType, attributes: &PackingAttributes, raw: bool) -> Self {
        let signed = with_sign(stored, attributes.unsigned);
        let missing: Vec<Scalar> = attributes
            .missing
            .iter()
            .filter_map(|&value| as_cell(value, stored, signed))
            .collect();
        let is_real = !signed.is_complex() && signed != DType::Bool;
        let factor =
            |value: Option<Scalar>| value.filter(|_| is_real && !raw).and_then(Factor::new);
        let (scale, offset) = (factor(attributes.scale), factor(attributes.offset));
        let is_packed = scale.is_some() || offset.is_some();
        // A float that is only marked by NaN keeps its type, as in xarray.
        let only_nan = !missing.is_empty() && missing.iter().all(is_nan);
        let is_byte = matches!(stored, DType::Int8 | DType::UInt8);
        let result = if attributes.is_bool && is_byte && !is_packed && missing.is_empty() {
            DType::Bool
        } else if is_packed && !only_nan {
            float_for(signed, scale, offset)
        } else if is_packed && !signed.is_float() {
            DType::Float64
        } else {
            signed
        };
        let missing = if raw {
            missing.into_iter().take(1).collect()
        } else {
            missing
        };
        Self {
            stored,
            signed,
            scale,
            offset,
            missing,
            result,
        }
    }

    /// The type of the cells after [`Self::decode`].
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.result
    }

    /// Whether numbers are scaled or offset.
    #[must_use]
    pub fn is_packed(&self) -> bool {
        self.scale.is_some() || self.offset.is_some()
    }

    /// What a missing cell is after [`Self::decode`], or `None` when no attribute says.
    #[must_use]
    pub fn fill_value(&self) -> Option<Scalar> {
        if self.is_packed() {
            return Some(Scalar::default_fill(self.result));
        }
        self.missing.first().copied()
    }

    /// Turns cells as stored into the numbers that they mean; missing cells become [`Self::fill_value`].
    ///
    /// # Errors
    /// `InvalidInput` when the cells are not of the stored type.
    pub fn decode(&self, cells: ArrayBuf) -> Result<ArrayBuf> {
        let cells = if self.signed == self.stored {
            cells
        } else {
            ArrayBuf::from_bytes(self.signed, cells.shape(), cells.bytes())?
        };
        if self.result == DType::Bool && cells.dtype() != DType::Bool {
            let bools: Vec<bool> = cells.bytes().iter().map(|&byte| byte != 0).collect();
            return ArrayBuf::from_slice(cells.shape(), &bools);
        }
        let is_plain = !self.is_packed() && self.missing.len() < 2;
        if is_plain || cells.dtype().is_complex() || cells.dtype() == DType::Bool {
            return Ok(cells);
        }
        match self.signed {
            DType::Int8 => self.decode_real::<i8>(cells),
            DType::Int16 => self.decode_real::<i16>(cells),
            DType::Int32 => self.decode_real::<i32>(cells),
            DType::Int64 => self.decode_real::<i64>(cells),
            DType::UInt8 => self.decode_real::<u8>(cells),
            DType::UInt16 => self.decode_real::<u16>(cells),
            DType::UInt32 => self.decode_real::<u32>(cells),
            DType::UInt64 => self.decode_real::<u64>(cells),
            DType::Float16 => self.decode_real::<f16>(cells),
            DType::Float32 => self.decode_real::<f32>(cells),
            DType::Float64 => self.decode_real::<f64>(cells),
            other => Err(Error::internal(format!("{other} cannot be packed"))),
        }
    }

    fn decode_real<T: Real>(&self, mut cells: ArrayBuf) -> Result<ArrayBuf> {
        let missing: Vec<T> = self
            .missing
            .iter()
            .filter_map(|&value| T::of(value))
            .collect();
        if !self.is_packed() {
            let [fill, others @ ..] = missing.as_slice() else {
                return Ok(cells);
            };
            let mended: Vec<T> = cells
                .as_slice::<T>()?
                .iter()
                .map(|cell| if others.contains(cell) { *fill } else { *cell })
                .collect();
            cells = ArrayBuf::from_slice(cells.shape(), &mended)?;
            return Ok(cells);
        }
        let source = cells.as_slice::<T>()?;
        let (scale, offset) = (self.scale, self.offset);
        match self.result {
            DType::Float16 => {
                let apply = |cell: &T| unpack16(f16::from_f32(cell.to_f32()), scale, offset);
                unpack(cells.shape(), source, &missing, f16::NAN, apply)
            }
            DType::Float32 => {
                let apply = |cell: &T| unpack32(cell.to_f32(), scale, offset);
                unpack(cells.shape(), source, &missing, f32::NAN, apply)
            }
            _ => {
                let apply = |cell: &T| {
                    let scaled = scale.map_or(cell.to_f64(), |factor| cell.to_f64() * factor.value);
                    offset.map_or(scaled, |factor| scaled + factor.value)
                };
                unpack(cells.shape(), source, &missing, f64::NAN, apply)
            }
        }
    }
}

fn unpack<T: Real, F: Element>(
    shape: &[u64],
    source: &[T],
    missing: &[T],
    nan: F,
    apply: impl Fn(&T) -> F,
) -> Result<ArrayBuf> {
    let cells: Vec<F> = source
        .iter()
        .map(|cell| {
            if missing.contains(cell) {
                nan
            } else {
                apply(cell)
            }
        })
        .collect();
    ArrayBuf::from_slice(shape, &cells)
}

/// In `float32`; a `float64` factor is applied in `float64` and each result rounded, as NumPy does in place.
#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to float32 is meant"
)]
fn unpack32(cell: f32, scale: Option<Factor>, offset: Option<Factor>) -> f32 {
    let scaled = match scale {
        Some(factor) if factor.is_float32 => cell * factor.value as f32,
        Some(factor) => (f64::from(cell) * factor.value) as f32,
        None => cell,
    };
    match offset {
        Some(factor) if factor.is_float32 => scaled + factor.value as f32,
        Some(factor) => (f64::from(scaled) + factor.value) as f32,
        None => scaled,
    }
}

fn unpack16(cell: f16, scale: Option<Factor>, offset: Option<Factor>) -> f16 {
    let scaled = scale.map_or(cell, |factor| f16::from_f64(f64::from(cell) * factor.value));
    offset.map_or(scaled, |factor| {
        f16::from_f64(f64::from(scaled) + factor.value)
    })
}

/// The float that holds unpacked numbers, by the rules of xarray: the type of the factors when both are given and agree,
/// but `float64` for 32-bit integers; `float64` with any other offset; else the type of the scale.
fn float_for(signed: DType, scale: Option<Factor>, offset: Option<Factor>) -> DType {
    let is_int32 = matches!(signed, DType::Int32 | DType::UInt32);
    match (scale, offset) {
        (Some(scale), Some(offset)) if scale.is_float32 && offset.is_float32 && !is_int32 => {
            DType::Float32
        }
        (Some(scale), None) if scale.is_float32 => DType::Float32,
        _ => DType::Float64,
    }
}

fn with_sign(stored: DType, unsigned: Option<bool>) -> DType {
    match (unsigned, stored) {
        (Some(true), DType::Int8) => DType::UInt8,
        (Some(true), DType::Int16) => DType::UInt16,
        (Some(true), DType::Int32) => DType::UInt32,
        (Some(true), DType::Int64) => DType::UInt64,
        (Some(false), DType::UInt8) => DType::Int8,
        (Some(false), DType::UInt16) => DType::Int16,
        (Some(false), DType::UInt32) => DType::Int32,
        (Some(false), DType::UInt64) => DType::Int64,
        _ => stored,
    }
}

fn is_nan(value: &Scalar) -> bool {
    value.as_f64().is_some_and(f64::is_nan)
}

/// A missing value as a cell, or `None` when no cell can have it.
fn as_cell(value: Scalar, stored: DType, signed: DType) -> Option<Scalar> {
    if value.dtype() == stored {
        // The bits are what the writer means, whatever the sign.
        return Scalar::from_bytes(signed, &value.to_bytes()).ok();
    }
    match value {
        _ if value.dtype() == signed => Some(value),
        Scalar::UInt64(value) => Scalar::from_int(signed, i64::try_from(value).ok()?)
            .or_else(|| Scalar::from_f64(signed, Scalar::UInt64(value).as_f64()?)),
        Scalar::Int64(value) => Scalar::from_int(signed, value)
            .or_else(|| Scalar::from_f64(signed, Scalar::Int64(value).as_f64()?)),
        _ => Scalar::from_f64(signed, value.as_f64()?),
    }
}

/// A real number that can be packed.
trait Real: Element + Copy {
    fn to_f32(self) -> f32;
    fn to_f64(self) -> f64;
    fn of(value: Scalar) -> Option<Self>;
}

macro_rules! real {
    ($($native:ty => $variant:ident),* $(,)?) => {
        $(
            #[expect(
                clippy::allow_attributes,
                reason = "not every type of the macro rounds"
            )]
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_precision_loss,
                clippy::cast_lossless,
                reason = "rounding to the float that unpacking asks for"
            )]
            impl Real for $native {
                fn to_f32(self) -> f32 {
                    self as f32
                }

                fn to_f64(self) -> f64 {
                    self as f64
                }

                fn of(value: Scalar) -> Option<Self> {
                    match value {
                        Scalar::$variant(value) => Some(value),
                        _ => None,
                    }
                }
            }
        )*
    };
}

real! {
    i8 => Int8, i16 => Int16, i32 => Int32, i64 => Int64,
    u8 => UInt8, u16 => UInt16, u32 => UInt32, u64 => UInt64,
    f32 => Float32, f64 => Float64,
}

impl Real for f16 {
    fn to_f32(self) -> f32 {
        Self::to_f32(self)
    }

    fn to_f64(self) -> f64 {
        Self::to_f64(self)
    }

    fn of(value: Scalar) -> Option<Self> {
        match value {
            Scalar::Float16(value) => Some(value),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packing(stored: DType, attributes: PackingAttributes) -> Packing {
        Packing::new(stored, &attributes, false)
    }

    #[test]
    fn the_type_is_the_one_that_xarray_chooses() {
        use DType::{Float32, Float64, Int16, Int32, UInt8};
        let (single, double) = (Some(Scalar::Float32(0.1)), Some(Scalar::Float64(0.1)));
        for (stored, scale, offset, fill, result) in [
            (Int16, single, single, None, Float32),
            (Int32, single, single, None, Float64),
            (Int32, single, None, None, Float32),
            (Int16, single, double, None, Float64),
            (Int16, double, None, None, Float64),
            (UInt8, None, single, None, Float64),
            (Int16, Some(Scalar::Int32(2)), None, None, Float64),
            (
                Float32,
                double,
                None,
                Some(Scalar::Float32(f32::NAN)),
                Float32,
            ),
            (Float32, double, None, Some(Scalar::Float32(-1.0)), Float64),
        ] {
            let missing = fill.into_iter().collect();
            let attributes = PackingAttributes {
                scale,
                offset,
                missing,
                ..PackingAttributes::default()
            };
            let packing = packing(stored, attributes.clone());
            assert_eq!(packing.dtype(), result, "{attributes:?}");
            assert_eq!(packing.fill_value(), Some(Scalar::default_fill(result)));
        }
    }

    #[test]
    fn packed_bytes_become_numbers() {
        let packing = packing(
            DType::Int8,
            PackingAttributes {
                scale: Some(Scalar::Float32(0.5)),
                offset: Some(Scalar::Float32(10.0)),
                missing: vec![Scalar::Int8(-1)],
                unsigned: Some(true),
                is_bool: false,
            },
        );
        let cells = ArrayBuf::from_slice(&[3], &[2i8, -2, -1]).unwrap();
        let cells = packing.decode(cells).unwrap();
        let cells = cells.as_slice::<f32>().unwrap();
        assert_eq!(cells[..2], [11.0, 137.0]);
        assert!(cells[2].is_nan());
    }

    #[test]
    fn cells_that_are_not_packed_keep_their_fill_value() {
        let attributes = PackingAttributes {
            missing: vec![
                Scalar::Int16(-99),
                Scalar::Float64(-1.0),
                Scalar::Float64(0.5),
            ],
            ..PackingAttributes::default()
        };
        let packing = packing(DType::Int16, attributes);
        assert_eq!(packing.fill_value(), Some(Scalar::Int16(-99)));
        let cells = ArrayBuf::from_slice(&[3], &[-99i16, -1, 4]).unwrap();
        let cells = packing.decode(cells).unwrap();
        assert_eq!(cells.as_slice::<i16>().unwrap(), [-99, -99, 4]);
    }

    #[test]
    fn a_double_factor_is_applied_in_double_and_rounded() {
        let packing = packing(
            DType::Float32,
            PackingAttributes {
                scale: Some(Scalar::Float64(0.1)),
                missing: vec![Scalar::Float32(f32::NAN)],
                ..PackingAttributes::default()
            },
        );
        let cells = ArrayBuf::from_slice(&[1], &[16_777_217.0f32]).unwrap();
        let decoded = packing.decode(cells).unwrap();
        #[expect(clippy::cast_possible_truncation, reason = "as NumPy rounds")]
        let expected = (16_777_216.0f64 * 0.1) as f32;
        assert_eq!(decoded.as_slice::<f32>().unwrap(), [expected]);
    }
}
