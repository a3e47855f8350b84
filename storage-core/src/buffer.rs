//! Cells in memory.

mod block;
mod pages;

use std::fmt;

use ndarray::{Array, ArrayD, ArrayView, Dimension, IxDyn};

use self::block::Block;
pub use self::pages::use_huge_pages;

use crate::{DType, Element, Error, Result, Scalar};

/// Cells of one type in C order (last dimension fastest), in native byte order, aligned for that type.
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
    cells: Block,
}

impl ArrayBuf {
    /// A buffer of zero bytes.
    ///
    /// # Errors
    /// `TooLarge` when the size in bytes does not fit the address space.
    pub fn zeroed(dtype: DType, shape: &[u64]) -> Result<Self> {
        let byte_count = byte_count(dtype, shape)?;
        Ok(Self {
            dtype,
            shape: shape.to_vec(),
            cells: Block::zeroed(dtype, byte_count),
        })
    }

    /// A buffer of the cells of a vector in C order. They are not copied if the vector has no spare room.
    ///
    /// # Errors
    /// `InvalidInput` when the number of cells is not the product of `shape`.
    ///
    /// ```
    /// use hyperslab_core::ArrayBuf;
    ///
    /// let row = ArrayBuf::from_vec(&[1, 3], vec![1_i16, 2, 3])?;
    /// assert_eq!(row.into_ndarray::<i16>()?.as_slice(), Some(&[1, 2, 3][..]));
    /// # Ok::<(), hyperslab_core::Error>(())
    /// ```
    pub fn from_vec<T: Element>(shape: &[u64], cells: Vec<T>) -> Result<Self> {
        check_length(T::DTYPE, shape, size_of_val(cells.as_slice()))?;
        Ok(Self {
            dtype: T::DTYPE,
            shape: shape.to_vec(),
            cells: Block::from_vec(cells),
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
        check_length(dtype, shape, bytes.len())?;
        let mut buffer = Self::zeroed(dtype, shape)?;
        buffer.bytes_mut().copy_from_slice(bytes);
        Ok(buffer)
    }

    /// A buffer that holds a copy of an `ndarray` array of any memory order.
    #[must_use]
    pub fn from_ndarray<T: Element, D: Dimension>(array: &ArrayView<'_, T, D>) -> Self {
        let shape: Vec<u64> = array.shape().iter().map(|&length| length as u64).collect();
        let standard = array.as_standard_layout();
        let bytes: &[u8] = bytemuck::cast_slice(standard.as_slice().unwrap_or_default());
        let mut cells = Block::zeroed(T::DTYPE, bytes.len());
        cells.copy_from_slice(bytes);
        Self {
            dtype: T::DTYPE,
            shape,
            cells,
        }
    }

    /// A buffer of the cells of an owned `ndarray` array. They are not copied if the array is in C order and has no spare
    /// room.
    #[must_use]
    pub fn from_array<T: Element, D: Dimension>(array: Array<T, D>) -> Self {
        let shape: Vec<u64> = array.shape().iter().map(|&length| length as u64).collect();
        if !array.is_standard_layout() {
            return Self::from_ndarray(&array.view());
        }
        let count = array.len();
        match array.into_raw_vec_and_offset() {
            (cells, None | Some(0)) if cells.len() == count => Self {
                dtype: T::DTYPE,
                shape,
                cells: Block::from_vec(cells),
            },
            (cells, offset) => {
                let first = offset.unwrap_or(0);
                let cells = cells.get(first..first + count).unwrap_or_default();
                Self {
                    dtype: T::DTYPE,
                    shape,
                    cells: Block::from_vec(cells.to_vec()),
                }
            }
        }
    }

    /// The cells as an owned `ndarray` array.
    ///
    /// # Errors
    /// `InvalidInput` when `T` is not the element type of this buffer.
    pub fn to_ndarray<T: Element>(&self) -> Result<ArrayD<T>> {
        into_shape(&self.shape, self.as_slice::<T>()?.to_vec())
    }

    /// The cells as an owned `ndarray` array, without a copy.
    ///
    /// # Errors
    /// As [`to_ndarray`](Self::to_ndarray).
    pub fn into_ndarray<T: Element>(self) -> Result<ArrayD<T>> {
        self.as_slice::<T>()?;
        match self.cells.into_vec::<T>() {
            Ok(cells) => into_shape(&self.shape, cells),
            Err(cells) => Err(Error::internal(format!(
                "{} bytes are not aligned as {}",
                cells.len(),
                T::DTYPE
            ))),
        }
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
        self.cells.len() / self.dtype.size()
    }

    /// All cells as native bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.cells
    }

    /// All cells as native bytes, to be written. A bool cell must stay 0 or 1.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.cells
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
        fill_cells(self.bytes_mut(), &value.to_bytes());
    }

    /// The same cells under another shape.
    ///
    /// # Errors
    /// `InvalidInput` when the number of cells differs.
    pub fn reshaped(mut self, shape: &[u64]) -> Result<Self> {
        if byte_count(self.dtype, shape)? != self.cells.len() {
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
            self.dtype,
            self.shape,
            self.cells.len()
        )
    }
}

/// Sets every cell of `cells` to the bytes of one.
pub fn fill_cells(cells: &mut [u8], cell: &[u8]) {
    // Copied in pieces that double, because one cell is too little to copy at a time.
    const PIECE_BYTES: usize = 4096;
    if cell.iter().all(|&byte| byte == 0) {
        return cells.fill(0);
    }
    let mut done = cell.len().min(cells.len());
    cells[..done].copy_from_slice(&cell[..done]);
    while done < cells.len() {
        let length = done.min(PIECE_BYTES / cell.len() * cell.len());
        let length = length.max(cell.len()).min(cells.len() - done);
        cells.copy_within(..length, done);
        done += length;
    }
}

/// Whether every cell has the bytes of one: the first has, and each other one those of the cell before it.
#[must_use]
pub fn are_all(cells: &[u8], cell: &[u8]) -> bool {
    match cells.split_at_checked(cell.len()) {
        Some((first, rest)) => first == cell && rest == &cells[..rest.len()],
        None => true,
    }
}

/// Refuses a number of bytes that is not that of the cells.
fn check_length(dtype: DType, shape: &[u64], length: usize) -> Result<()> {
    let needed = byte_count(dtype, shape)?;
    if length == needed {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "{length} bytes given for shape {shape:?} of {dtype}, which takes {needed}"
    )))
}

fn into_shape<T>(shape: &[u64], cells: Vec<T>) -> Result<ArrayD<T>> {
    // A length is a divisor of the cell count, which fits, unless there is no cell at all.
    let length = |&length: &u64| usize::try_from(length).unwrap_or(usize::MAX);
    let lengths: Vec<usize> = shape.iter().map(length).collect();
    ArrayD::from_shape_vec(IxDyn(&lengths), cells)
        .map_err(|error| Error::internal(format!("shape {shape:?}: {error}")))
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
