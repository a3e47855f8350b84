//! One cell as a value, used for fill values and broadcast writes.

use half::f16;
use num_complex::{Complex32, Complex64};
use serde_json::{Value, json};

use crate::{DType, Error, Result};

/// One typed cell.
#[derive(Debug, Clone, Copy)]
#[expect(
    missing_docs,
    reason = "each variant is the element type of the same name"
)]
#[non_exhaustive]
pub enum Scalar {
    Bool(bool),
    Int8(i8),
    Int16(i16),
    Int32(i32),
    Int64(i64),
    UInt8(u8),
    UInt16(u16),
    UInt32(u32),
    UInt64(u64),
    Float16(f16),
    Float32(f32),
    Float64(f64),
    Complex64(Complex32),
    Complex128(Complex64),
}

/// Runs `$body` with `$value` bound to the native value inside `$scalar`.
macro_rules! with_native {
    ($scalar:expr, $value:ident => $body:expr) => {
        match $scalar {
            Scalar::Bool($value) => $body,
            Scalar::Int8($value) => $body,
            Scalar::Int16($value) => $body,
            Scalar::Int32($value) => $body,
            Scalar::Int64($value) => $body,
            Scalar::UInt8($value) => $body,
            Scalar::UInt16($value) => $body,
            Scalar::UInt32($value) => $body,
            Scalar::UInt64($value) => $body,
            Scalar::Float16($value) => $body,
            Scalar::Float32($value) => $body,
            Scalar::Float64($value) => $body,
            Scalar::Complex64($value) => $body,
            Scalar::Complex128($value) => $body,
        }
    };
}

impl Scalar {
    /// The element type of this value.
    #[must_use]
    pub const fn dtype(&self) -> DType {
        match self {
            Self::Bool(_) => DType::Bool,
            Self::Int8(_) => DType::Int8,
            Self::Int16(_) => DType::Int16,
            Self::Int32(_) => DType::Int32,
            Self::Int64(_) => DType::Int64,
            Self::UInt8(_) => DType::UInt8,
            Self::UInt16(_) => DType::UInt16,
            Self::UInt32(_) => DType::UInt32,
            Self::UInt64(_) => DType::UInt64,
            Self::Float16(_) => DType::Float16,
            Self::Float32(_) => DType::Float32,
            Self::Float64(_) => DType::Float64,
            Self::Complex64(_) => DType::Complex64,
            Self::Complex128(_) => DType::Complex128,
        }
    }

    /// The fill value of a schema that names none: NaN for floating-point and complex types, `false`, the smallest
    /// signed and the largest unsigned integer, so that a true zero is never taken for a missing cell.
    #[must_use]
    pub fn default_fill(dtype: DType) -> Self {
        match dtype {
            DType::Bool => Self::Bool(false),
            DType::Int8 => Self::Int8(i8::MIN),
            DType::Int16 => Self::Int16(i16::MIN),
            DType::Int32 => Self::Int32(i32::MIN),
            DType::Int64 => Self::Int64(i64::MIN),
            DType::UInt8 => Self::UInt8(u8::MAX),
            DType::UInt16 => Self::UInt16(u16::MAX),
            DType::UInt32 => Self::UInt32(u32::MAX),
            DType::UInt64 => Self::UInt64(u64::MAX),
            DType::Float16 => Self::Float16(f16::NAN),
            DType::Float32 => Self::Float32(f32::NAN),
            DType::Float64 => Self::Float64(f64::NAN),
            DType::Complex64 => Self::Complex64(Complex32::new(f32::NAN, f32::NAN)),
            DType::Complex128 => Self::Complex128(Complex64::new(f64::NAN, f64::NAN)),
        }
    }

    /// The value in native byte order, [`DType::size`] bytes.
    #[must_use]
    pub fn to_bytes(self) -> Vec<u8> {
        with_native!(self, value => bytemuck::bytes_of(&value).to_vec())
    }

    /// Reads a value of type `dtype` from its native bytes.
    ///
    /// # Errors
    /// `InvalidInput` when there are not exactly [`DType::size`] bytes, or a bool is neither 0 nor 1.
    pub fn from_bytes(dtype: DType, bytes: &[u8]) -> Result<Self> {
        fn read<T: bytemuck::CheckedBitPattern>(bytes: &[u8]) -> Result<T> {
            bytemuck::checked::try_pod_read_unaligned(bytes)
                .map_err(|error| Error::invalid(format!("bytes are not a cell: {error}")))
        }
        Ok(match dtype {
            DType::Bool => Self::Bool(read(bytes)?),
            DType::Int8 => Self::Int8(read(bytes)?),
            DType::Int16 => Self::Int16(read(bytes)?),
            DType::Int32 => Self::Int32(read(bytes)?),
            DType::Int64 => Self::Int64(read(bytes)?),
            DType::UInt8 => Self::UInt8(read(bytes)?),
            DType::UInt16 => Self::UInt16(read(bytes)?),
            DType::UInt32 => Self::UInt32(read(bytes)?),
            DType::UInt64 => Self::UInt64(read(bytes)?),
            DType::Float16 => Self::Float16(read(bytes)?),
            DType::Float32 => Self::Float32(read(bytes)?),
            DType::Float64 => Self::Float64(read(bytes)?),
            DType::Complex64 => Self::Complex64(read(bytes)?),
            DType::Complex128 => Self::Complex128(read(bytes)?),
        })
    }

    /// The value as `float64`, or `None` for complex numbers. 64-bit integers round to the nearest.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "documented: 64-bit integers round"
    )]
    pub fn as_f64(self) -> Option<f64> {
        Some(match self {
            Self::Bool(value) => f64::from(u8::from(value)),
            Self::Int8(value) => value.into(),
            Self::Int16(value) => value.into(),
            Self::Int32(value) => value.into(),
            Self::Int64(value) => value as f64,
            Self::UInt8(value) => value.into(),
            Self::UInt16(value) => value.into(),
            Self::UInt32(value) => value.into(),
            Self::UInt64(value) => value as f64,
            Self::Float16(value) => value.into(),
            Self::Float32(value) => value.into(),
            Self::Float64(value) => value,
            Self::Complex64(_) | Self::Complex128(_) => return None,
        })
    }

    /// The value in another type: a float rounds to the nearest, an integer must fit, a fraction never becomes an integer and
    /// a complex number never a real one.
    #[must_use]
    pub fn cast(self, dtype: DType) -> Option<Self> {
        if self.dtype() == dtype {
            return Some(self);
        }
        match self {
            Self::Complex64(value) => {
                Self::from_complex(dtype, Complex64::new(value.re.into(), value.im.into()))
            }
            Self::Complex128(value) => Self::from_complex(dtype, value),
            Self::UInt64(value) if dtype == DType::Int64 => value.try_into().ok().map(Self::Int64),
            Self::Int64(value) if !dtype.is_inexact() && dtype != DType::Bool => {
                Self::from_int(dtype, value)
            }
            real if dtype.is_complex() => {
                Self::from_complex(dtype, Complex64::new(real.as_f64()?, 0.0))
            }
            real => Self::from_f64(dtype, real.as_f64()?),
        }
    }

    /// The JSON form: `true`, a number, `"NaN"`, `"Infinity"`, `"-Infinity"`, or `[real, imaginary]`.
    #[must_use]
    pub fn to_json(self) -> Value {
        match self {
            Self::Bool(value) => json!(value),
            Self::Int8(value) => json!(value),
            Self::Int16(value) => json!(value),
            Self::Int32(value) => json!(value),
            Self::Int64(value) => json!(value),
            Self::UInt8(value) => json!(value),
            Self::UInt16(value) => json!(value),
            Self::UInt32(value) => json!(value),
            Self::UInt64(value) => json!(value),
            Self::Float16(value) => float_to_json(value.into()),
            Self::Float32(value) => float32_to_json(value),
            Self::Float64(value) => float_to_json(value),
            Self::Complex64(value) => {
                Value::Array(vec![float32_to_json(value.re), float32_to_json(value.im)])
            }
            Self::Complex128(value) => {
                Value::Array(vec![float_to_json(value.re), float_to_json(value.im)])
            }
        }
    }

    /// Reads a value of type `dtype` from its JSON form.
    ///
    /// # Errors
    /// `InvalidInput` when the value does not fit the type exactly: 300 in `int8`, 1.7 in an integer, NaN in an
    /// integer, a number beyond the range of a float. A decimal fraction rounds to the nearest float.
    pub fn from_json(dtype: DType, value: &Value) -> Result<Self> {
        let misfit = || Error::invalid(format!("{value} does not fit dtype {dtype}"));
        let float = |value: &Value| float_from_json(value).ok_or_else(misfit);
        let scalar = match dtype {
            DType::Bool => Self::Bool(value.as_bool().ok_or_else(misfit)?),
            DType::Int64 => Self::Int64(value.as_i64().ok_or_else(misfit)?),
            DType::UInt64 => Self::UInt64(value.as_u64().ok_or_else(misfit)?),
            DType::Complex64 | DType::Complex128 => {
                let (re, im) = match value.as_array().map(Vec::as_slice) {
                    Some([re, im]) => (float(re)?, float(im)?),
                    Some(_) => return Err(misfit()),
                    None => (float(value)?, 0.0),
                };
                Self::from_complex(dtype, Complex64::new(re, im)).ok_or_else(misfit)?
            }
            DType::Float16 | DType::Float32 | DType::Float64 => {
                Self::from_f64(dtype, float(value)?).ok_or_else(misfit)?
            }
            _ => Self::from_int(dtype, value.as_i64().ok_or_else(misfit)?).ok_or_else(misfit)?,
        };
        Ok(scalar)
    }

    /// The integer as a value of an integer type, or `None` when it does not fit or the type is no integer.
    #[must_use]
    pub fn from_int(dtype: DType, value: i64) -> Option<Self> {
        Some(match dtype {
            DType::Int8 => Self::Int8(value.try_into().ok()?),
            DType::Int16 => Self::Int16(value.try_into().ok()?),
            DType::Int32 => Self::Int32(value.try_into().ok()?),
            DType::Int64 => Self::Int64(value),
            DType::UInt8 => Self::UInt8(value.try_into().ok()?),
            DType::UInt16 => Self::UInt16(value.try_into().ok()?),
            DType::UInt32 => Self::UInt32(value.try_into().ok()?),
            DType::UInt64 => Self::UInt64(value.try_into().ok()?),
            _ => return None,
        })
    }

    /// The number as a value of a real type: the nearest float, or the same integer or bool. `None` when it does not
    /// fit (a fraction in an integer, a finite number that would become infinite, any number in a complex type).
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "range and fraction are checked"
    )]
    pub fn from_f64(dtype: DType, value: f64) -> Option<Self> {
        let scalar = match dtype {
            DType::Float16 => Self::Float16(f16::from_f64(value)),
            DType::Float32 => Self::Float32(value as f32),
            DType::Float64 => Self::Float64(value),
            DType::Bool if value == 0.0 || value == 1.0 => Self::Bool(value == 1.0),
            DType::UInt64
                if value.fract() == 0.0 && (0.0..18_446_744_073_709_551_616.0).contains(&value) =>
            {
                #[expect(clippy::cast_sign_loss, reason = "the range is checked")]
                Self::UInt64(value as u64)
            }
            _ if value.fract() == 0.0 && value.abs() < 9_223_372_036_854_775_808.0 => {
                return Self::from_int(dtype, value as i64);
            }
            _ => return None,
        };
        let overflowed = value.is_finite() && scalar.as_f64().is_some_and(f64::is_infinite);
        (!overflowed).then_some(scalar)
    }

    #[expect(clippy::cast_possible_truncation, reason = "overflow is checked")]
    fn from_complex(dtype: DType, value: Complex64) -> Option<Self> {
        match dtype {
            DType::Complex128 => return Some(Self::Complex128(value)),
            DType::Complex64 => {}
            _ => return None,
        }
        let narrow = Complex32::new(value.re as f32, value.im as f32);
        let overflowed = (value.re.is_finite() && narrow.re.is_infinite())
            || (value.im.is_finite() && narrow.im.is_infinite());
        (!overflowed).then_some(Self::Complex64(narrow))
    }
}

/// Equal types and equal bits: NaN equals itself here, as a fill value must.
impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.dtype() == other.dtype() && self.to_bytes() == other.to_bytes()
    }
}

/// A float as JSON, the non-finite ones by name.
pub(crate) fn float_to_json(value: f64) -> Value {
    if value.is_nan() {
        json!("NaN")
    } else if value.is_infinite() {
        json!(if value > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        json!(value)
    }
}

/// A `float32` by its shortest decimal form, so that 0.1 is written as 0.1.
fn float32_to_json(value: f32) -> Value {
    if value.is_finite() {
        value
            .to_string()
            .parse::<f64>()
            .map_or(Value::Null, |value| json!(value))
    } else {
        float_to_json(value.into())
    }
}

/// The inverse of [`float_to_json`].
pub(crate) fn float_from_json(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn default_fills_survive_bytes_and_json() {
        for dtype in DType::ALL {
            let fill = Scalar::default_fill(dtype);
            assert_eq!(Scalar::from_bytes(dtype, &fill.to_bytes()).unwrap(), fill);
            assert_eq!(
                Scalar::from_json(dtype, &fill.to_json()).unwrap(),
                fill,
                "{dtype}"
            );
        }
    }

    #[test]
    fn casts_keep_the_value_or_fail() {
        for (from, to, expected) in [
            (
                Scalar::Int64(1 << 53 | 1),
                DType::UInt64,
                Some(Scalar::UInt64(1 << 53 | 1)),
            ),
            (Scalar::UInt64(u64::MAX), DType::Int64, None),
            (
                Scalar::Float64(0.1),
                DType::Float32,
                Some(Scalar::Float32(0.1)),
            ),
            (Scalar::Float64(0.5), DType::Int32, None),
            (Scalar::Float64(1e300), DType::Float32, None),
            (Scalar::Float64(f64::NAN), DType::Int8, None),
            (
                Scalar::Bool(true),
                DType::Float32,
                Some(Scalar::Float32(1.0)),
            ),
            (Scalar::Int8(-1), DType::UInt8, None),
            (
                Scalar::Int16(7),
                DType::Complex64,
                Some(Scalar::Complex64(Complex32::new(7.0, 0.0))),
            ),
            (
                Scalar::Complex128(Complex64::new(1.0, 0.0)),
                DType::Float64,
                None,
            ),
        ] {
            assert_eq!(from.cast(to), expected, "{from:?} to {to}");
        }
    }

    #[test]
    fn a_value_that_does_not_fit_is_refused() {
        for (dtype, value) in [
            (DType::Int8, json!(300)),
            (DType::Int32, json!(1.7)),
            (DType::UInt8, json!(-1)),
            (DType::Int16, json!("NaN")),
            (DType::Float32, json!(1e300)),
            (DType::Float16, json!(1e6)),
            (DType::Bool, json!(1)),
        ] {
            assert!(
                Scalar::from_json(dtype, &value).is_err(),
                "{value} in {dtype}"
            );
        }
        assert_eq!(
            Scalar::from_json(DType::Float32, &json!(-1e34)).unwrap(),
            Scalar::Float32(-1e34)
        );
    }
}
