//! HDF5 files as collections of labelled arrays.
//!
//! Every array is one netCDF-4 style file that other programs open with its coordinates. A file is an immutable image:
//! it is built whole, published by one rename, and a change publishes the next one.
//!
//! - `file` knows what an image looks like, byte by byte.
//! - `tiles` reads and writes arrays of which each tile is a file, and `moves` publishes several files as one change.
//! - `chunk` encodes and decodes the pieces the cells are stored in.
//! - [`netcdf`] reads files of other programs and writes files for them.

#[cfg(target_endian = "big")]
compile_error!("array files are little-endian, and this crate copies cells as they stand");

#[cfg(not(target_pointer_width = "64"))]
compile_error!("positions in array files are 64 bits wide, and so must be those in memory");

mod adapter;
mod array;
mod cache;
mod cf;
mod check;
mod chunk;
mod deker;
mod disk;
mod document;
mod file;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod ids;
mod image;
mod moves;
pub mod netcdf;
mod store;
mod tiles;
mod worker;

pub use adapter::Hdf5Adapter;
pub use deker::DekerAdapter;

/// A position in a file or an array as a position in memory.
#[expect(
    clippy::cast_possible_truncation,
    reason = "both have 64 bits, as is made sure above"
)]
pub(crate) const fn index(position: u64) -> usize {
    position as usize
}
