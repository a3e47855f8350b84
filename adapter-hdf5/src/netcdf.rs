//! Files of other programs: netCDF-4 and HDF5 in, netCDF-4 out.

pub mod cf;
