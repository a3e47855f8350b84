#![doc = include_str!("../../README.md")]

pub mod blocking;
mod connect;
mod location;
#[cfg(feature = "hdf5")]
pub mod netcdf;

pub use connect::{ADAPTERS, Connect};
pub use hyperslab_core::*;

/// What most programs need, in one line: `use hyperslab::prelude::*;`.
pub mod prelude {
    pub use futures::TryStreamExt;
    pub use hyperslab_core::{DType, Dimension, Schema, Store, key, select};
    pub use ndarray::ArrayD;

    pub use crate::Connect;
}
