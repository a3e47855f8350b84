//! The memory of a buffer: allocated once, handed over without a copy.
#![expect(
    unsafe_code,
    reason = "vectors of any element type come in and go out without being copied"
)]

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::ops::{Deref, DerefMut};
use std::ptr::NonNull;

use super::pages;
use crate::{DType, Element};

/// The alignment that the Rust type of a cell has.
fn align(dtype: DType) -> usize {
    match dtype {
        // Pairs of floats.
        DType::Complex64 => align_of::<f32>(),
        DType::Complex128 => align_of::<f64>(),
        other => other.size(),
    }
}

/// Bytes with the alignment of one element type, of the global allocator.
pub(super) struct Block {
    start: NonNull<u8>,
    length: usize,
    align: usize,
}

// SAFETY: a block owns its bytes alone, as a vector does.
unsafe impl Send for Block {}
// SAFETY: as above; shared references only read.
unsafe impl Sync for Block {}

impl Block {
    /// Zeros for cells of `dtype`. `length` fits an `isize`, and is a whole number of cells.
    pub(super) fn zeroed(dtype: DType, length: usize) -> Self {
        Self::aligned(length, align(dtype))
    }

    fn aligned(length: usize, align: usize) -> Self {
        let start = match Layout::from_size_align(length, align) {
            Ok(layout) if length > 0 => {
                // SAFETY: the layout has a size.
                let start = unsafe { alloc_zeroed(layout) };
                NonNull::new(start).unwrap_or_else(|| handle_alloc_error(layout))
            }
            // Without a byte any aligned place will do.
            _ => NonNull::without_provenance(NonZeroUsize::new(align).unwrap_or(NonZeroUsize::MIN)),
        };
        let mut block = Self {
            start,
            length,
            align,
        };
        pages::advise(&mut block);
        block
    }

    /// The memory of a vector.
    pub(super) fn from_vec<T: bytemuck::NoUninit>(cells: Vec<T>) -> Self {
        // Without spare room: it is given back with the length that it is known by.
        let cells = ManuallyDrop::new(cells.into_boxed_slice());
        Self {
            start: NonNull::from(&**cells).cast(),
            length: size_of_val(&**cells),
            align: align_of::<T>(),
        }
    }

    /// The memory as a vector; `None` when it is not made for such cells, or a cell is not valid.
    pub(super) fn into_vec<T: Element>(self) -> Result<Vec<T>, Self> {
        let fits = self.align == align_of::<T>() && self.length.is_multiple_of(size_of::<T>());
        if !fits || bytemuck::checked::try_cast_slice::<u8, T>(&self).is_err() {
            return Err(self);
        }
        let count = self.length / size_of::<T>();
        if count == 0 {
            return Ok(Vec::new());
        }
        let block = ManuallyDrop::new(self);
        // SAFETY: the global allocator gave this memory for exactly this size and alignment, each cell was just found to be
        // a valid `T`, and nobody else gives it back.
        Ok(unsafe { Vec::from_raw_parts(block.start.cast().as_ptr(), count, count) })
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        if self.length == 0 {
            return;
        }
        if let Ok(layout) = Layout::from_size_align(self.length, self.align) {
            // SAFETY: the memory was allocated with this layout.
            unsafe { dealloc(self.start.as_ptr(), layout) }
        }
    }
}

impl Clone for Block {
    fn clone(&self) -> Self {
        let mut copy = Self::aligned(self.length, self.align);
        copy.copy_from_slice(self);
        copy
    }
}

impl Deref for Block {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block owns so many initialised bytes from there; without any, the pointer is that of an empty box.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl DerefMut for Block {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and nobody else has them.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr(), self.length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_goes_in_and_out_without_moving() {
        let mut cells = Vec::with_capacity(100);
        cells.extend([1.5_f64, 2.5]);
        let block = Block::from_vec(cells);
        let start = block.as_ptr();
        let back = block.into_vec::<f64>().ok().unwrap();
        assert_eq!(
            (back.as_slice(), back.as_ptr().cast()),
            (&[1.5, 2.5][..], start)
        );
    }

    #[test]
    fn a_block_does_not_become_cells_that_it_is_not_made_for() {
        assert!(Block::zeroed(DType::UInt8, 8).into_vec::<u64>().is_err());
        assert!(Block::from_vec(vec![2_u8]).into_vec::<bool>().is_err());
        for dtype in DType::ALL {
            let block = Block::zeroed(dtype, 0);
            assert!(block.is_empty() && block.clone().is_empty());
            assert_eq!(Block::zeroed(dtype, 64).clone().to_vec(), [0; 64]);
        }
    }

    #[test]
    fn every_dtype_has_the_alignment_of_its_element() {
        fn holds<T: Element>() {
            assert_eq!(align(T::DTYPE), align_of::<T>(), "{}", T::DTYPE);
        }
        holds::<bool>();
        holds::<i8>();
        holds::<i16>();
        holds::<i32>();
        holds::<i64>();
        holds::<half::f16>();
        holds::<f32>();
        holds::<f64>();
        holds::<num_complex::Complex32>();
        holds::<num_complex::Complex64>();
    }
}
