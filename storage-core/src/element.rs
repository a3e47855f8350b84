//! The Rust types that can be cells.

use half::f16;
use num_complex::{Complex32, Complex64};

use crate::{DType, Scalar};

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that is the cell of an array: `bool`, the integers, [`half::f16`], `f32`, `f64` and the two complex
/// types of `num_complex`.
pub trait Element:
    sealed::Sealed
    + bytemuck::NoUninit
    + bytemuck::CheckedBitPattern
    + std::fmt::Debug
    + Default
    + PartialEq
    + Send
    + Sync
    + 'static
{
    /// The element type of `Self`.
    const DTYPE: DType;

    /// This value as a [`Scalar`].
    fn scalar(self) -> Scalar;
}

macro_rules! elements {
    ($($native:ty => $variant:ident),* $(,)?) => {
        $(
            impl sealed::Sealed for $native {}
            impl Element for $native {
                const DTYPE: DType = DType::$variant;

                fn scalar(self) -> Scalar {
                    Scalar::$variant(self)
                }
            }

            impl From<$native> for Scalar {
                fn from(value: $native) -> Self {
                    Self::$variant(value)
                }
            }
        )*
    };
}

elements! {
    bool => Bool,
    i8 => Int8,
    i16 => Int16,
    i32 => Int32,
    i64 => Int64,
    u8 => UInt8,
    u16 => UInt16,
    u32 => UInt32,
    u64 => UInt64,
    f16 => Float16,
    f32 => Float32,
    f64 => Float64,
    Complex32 => Complex64,
    Complex64 => Complex128,
}
