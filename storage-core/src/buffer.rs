//! Cells in memory.

use std::fmt;

use ndarray::{ArrayD, ArrayView, Dimension, IxDyn};

use crate::{DType, Element, Error, Result, Scalar};

/// Cells of one type in C order (last dimension fastest), in native byte order, aligned to 16 bytes.
///
/// The number of dimensions may be zero (one cell) and any length may be zero (no cell).
///
/// ```
/// use hyperslab_core::{ArrayBuf, DType};
///
/// let zeros = ArrayBuf::zeroed(DType::Float32, &[2, 3])?;
/// assert_eq!(zeros.as_slice::<f32>()?, [0.0; 6]);
/// # Ok::<(), hyperslab_core::Error>(())
/// ```
#[derive(Clone)]
pub struct ArrayBuf {
    dtype: DType,
    shape: Vec<u64>,
    // u128 gives the alignment; `byte_count` says how much of the last word is ours.
    words: Vec<u128>,
    byte_count: usize,
}

impl ArrayBuf {
    /// A buffer of zero bytes.
    ///
    /// # Errors
    /// `TooLarge` when the size in bytes does not fit the address space.
    pub fn zeroed(dtype: DType, shape: &[u64]) -> Result<Self> {
        let byte_count = byte_count(dtype, shape)?;
        let words = vec![0; byte_count.div_ceil(size_of::<u128>())];
        Ok(Self {
            dtype,
            shape: shape.to_vec(),
            words,
            byte_count,
        })
    }

    /// A buffer with every cell equal to `value`.
    ///
    /// # Errors
    /// `TooLarge` when the size in bytes does not fit the address space.
    pub fn filled(value: Scalar, shape: &[u64]) -> Result<Self> {
        let mut buffer = Self::zeroed(value.dtype(), shape)?;
        buffer.fill(value);
        Ok(buffer)
    }

    /// A buffer that holds a copy of `cells` in C order.
    ///
    /// # Errors
    /// `InvalidInput` when the number of cells is not the product of `shape`.
    pub fn from_slice<T: Element>(shape: &[u64], cells: &[T]) -> Result<Self> {
        Self::from_bytes(T::DTYPE, shape, bytemuck::cast_slice(cells))
    }

    /// A buffer that holds a copy of native bytes in C order.
    ///
    /// # Errors
    /// `InvalidInput` when the number of bytes is not that of `dtype` and `shape`.
    pub fn from_bytes(dtype: DType, shape: &[u64], bytes: &[u8]) -> Result<Self> {
        // Before anything is allocated: the shape may come from a damaged file.
        let needed = byte_count(dtype, shape)?;
        if bytes.len() != needed {
            return Err(Error::invalid(format!(
                "{} bytes given for shape {shape:?} of {dtype}, which takes {needed}",
                bytes.len()
            )));
        }
        let mut buffer = Self::zeroed(dtype, shape)?;
        buffer.bytes_mut().copy_from_slice(bytes);
        Ok(buffer)
    }

    /// A buffer that holds a copy of an `ndarray` array of any memory order.
    #[must_use]
    pub fn from_ndarray<T: Element, D: Dimension>(array: &ArrayView<'_, T, D>) -> Self {
        let shape: Vec<u64> = array.shape().iter().map(|&length| length as u64).collect();
        let byte_count = array.len() * size_of::<T>();
        let words = vec![0; byte_count.div_ceil(size_of::<u128>())];
        let mut buffer = Self {
            dtype: T::DTYPE,
            shape,
            words,
            byte_count,
        };
        let standard = array.as_standard_layout();
        if let Some(cells) = standard.as_slice() {
            buffer
                .bytes_mut()
                .copy_from_slice(bytemuck::cast_slice(cells));
        }
        buffer
    }

    /// The cells as an owned `ndarray` array.
    ///
    /// # Errors
    /// `InvalidInput` when `T` is not the element type of this buffer.
    pub fn to_ndarray<T: Element>(&self) -> Result<ArrayD<T>> {
        // A length is a divisor of the cell count, which fits, unless there is no cell at all.
        let length = |&length: &u64| usize::try_from(length).unwrap_or(usize::MAX);
        let shape: Vec<usize> = self.shape.iter().map(length).collect();
        ArrayD::from_shape_vec(IxDyn(&shape), self.as_slice::<T>()?.to_vec())
            .map_err(|error| Error::internal(format!("shape {shape:?}: {error}")))
    }

    /// The element type.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The length along each dimension.
    #[must_use]
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }

    /// The number of cells.
    #[must_use]
    pub fn cell_count(&self) -> usize {
        self.byte_count / self.dtype.size()
    }

    /// All cells as native bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.byte_count]
    }

    /// All cells as native bytes, to be written. A bool cell must stay 0 or 1.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.words)[..self.byte_count]
    }

    /// The cells as a slice in C order.
    ///
    /// # Errors
    /// `InvalidInput` when `T` is not the element type; `Corrupt` when a bool cell is neither 0 nor 1.
    pub fn as_slice<T: Element>(&self) -> Result<&[T]> {
        if T::DTYPE != self.dtype {
            return Err(Error::invalid(format!(
                "cells are {}, not {}; read them as {}, or cast them",
                self.dtype,
                T::DTYPE,
                self.dtype
            )));
        }
        bytemuck::checked::try_cast_slice(self.bytes())
            .map_err(|error| Error::corrupt(format!("bytes are not {}: {error}", self.dtype)))
    }

    /// Sets every cell.
    ///
    /// The caller makes sure that `value` has the element type of this buffer.
    pub fn fill(&mut self, value: Scalar) {
        debug_assert_eq!(value.dtype(), self.dtype);
        let cell = value.to_bytes();
        if cell.iter().all(|&byte| byte == 0) {
            self.bytes_mut().fill(0);
        } else {
            self.bytes_mut()
                .chunks_exact_mut(cell.len())
                .for_each(|slot| slot.copy_from_slice(&cell));
        }
    }

    /// The same cells under another shape.
    ///
    /// # Errors
    /// `InvalidInput` when the number of cells differs.
    pub fn reshaped(mut self, shape: &[u64]) -> Result<Self> {
        if byte_count(self.dtype, shape)? != self.byte_count {
            return Err(Error::invalid(format!(
                "shape {:?} cannot be seen as {shape:?}: the number of cells differs",
                self.shape
            )));
        }
        self.shape = shape.to_vec();
        Ok(self)
    }

    /// The cells in another type, each by [`Scalar::cast`].
    ///
    /// # Errors
    /// `InvalidInput` that names the first cell that does not fit.
    pub fn cast(&self, dtype: DType) -> Result<Self> {
        if dtype == self.dtype {
            return Ok(self.clone());
        }
        let mut cast = Self::zeroed(dtype, &self.shape)?;
        let slots = cast.bytes_mut().chunks_exact_mut(dtype.size());
        for (index, (slot, cell)) in slots.zip(self.scalars()).enumerate() {
            let cell = cell?;
            let value = cell.cast(dtype).ok_or_else(|| {
                Error::invalid(format!(
                    "cell {index} is {}, which does not fit {dtype}",
                    cell.to_json()
                ))
            })?;
            slot.copy_from_slice(&value.to_bytes());
        }
        Ok(cast)
    }

    /// Each cell in C order as a [`Scalar`]; for printing and for tests, not for bulk work.
    pub fn scalars(&self) -> impl Iterator<Item = Result<Scalar>> + '_ {
        self.bytes()
            .chunks_exact(self.dtype.size())
            .map(|cell| Scalar::from_bytes(self.dtype, cell))
    }
}

/// Equal types, shapes and bits.
impl PartialEq for ArrayBuf {
    fn eq(&self, other: &Self) -> bool {
        self.dtype == other.dtype && self.shape == other.shape && self.bytes() == other.bytes()
    }
}

impl fmt::Debug for ArrayBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ArrayBuf({}, {:?}, {} bytes)",
            self.dtype, self.shape, self.byte_count
        )
    }
}

/// The bytes that cells of `dtype` and `shape` take.
///
/// # Errors
/// `TooLarge` when the number does not fit the address space.
pub fn byte_count(dtype: DType, shape: &[u64]) -> Result<usize> {
    shape
        .iter()
        .try_fold(dtype.size() as u64, |count, &length| {
            count.checked_mul(length)
        })
        .and_then(|count| usize::try_from(count).ok())
        .filter(|&count| isize::try_from(count).is_ok())
        .ok_or_else(|| {
            Error::too_large(format!(
                "shape {shape:?} of {dtype} does not fit in memory; select less"
            ))
        })
}
