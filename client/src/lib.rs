#![doc = include_str!("../../README.md")]

#[cfg(feature = "blobs")]
pub mod attachments;
#[cfg(feature = "blobs")]
pub mod blobs;
pub mod blocking;
#[cfg(feature = "cloud")]
mod config;
mod connect;
mod copying;
#[cfg(any(feature = "hdf5", feature = "zarr"))]
mod foreign;
mod location;
mod media;
mod migrating;
#[cfg(feature = "hdf5")]
pub mod netcdf;
mod trial;
mod workers;

pub use connect::Connect;
pub use copying::{CopyDifference, CopyOptions, CopyPhase, CopyProgress, CopyReport, copy};
pub use hyperslab_core::*;
pub use media::ADAPTERS;
pub use migrating::{
    MigrateOptions, MigrateReport, MigrateStep, MigratedCollection, Renamed, migrate,
};
pub use trial::{Trial, trial};
pub use workers::{WORKERS_MAX, set_workers};

/// What most programs need, in one line: `use hyperslab::prelude::*;`.
pub mod prelude {
    pub use futures::TryStreamExt;
    pub use hyperslab_core::{DType, Dimension, Schema, Store, key, select};
    pub use ndarray::ArrayD;

    pub use crate::Connect;
}
