//! One array file: what it holds, how it is written, how it is read.
//!
//! Files are written by this module itself, so that an image is built on any thread, in one pass and byte for byte the
//! same every time; the HDF5 library reads what other programs have written.

mod checksum;
mod content;
mod datatype;
mod footer;
mod header;
mod heap;
mod index;
mod library;
mod metadata;
mod parse;
mod reader;
mod scales;
mod writer;

pub(crate) use content::{FileContent, VariableContent, VariableStorage};
pub(crate) use index::ChunkLocation;
pub(crate) use reader::{ArrayFile, FileHeader, VariableCells, changed};
pub(crate) use scales::is_netcdf_machinery;
pub(crate) use writer::ImageWriter;

#[cfg(test)]
mod tests;
