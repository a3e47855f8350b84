//! Stub.

pub mod netcdf;
