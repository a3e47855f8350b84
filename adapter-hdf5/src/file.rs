//! One array file: what it holds, how it is written, how it is read.
//!
//! Files are written by this module itself, so that an image is built on any thread, in one pass and byte for byte the
//! same every time; the HDF5 library reads what other programs have written.

mod bare;
mod checksum;
mod content;
mod datatype;
mod fields;
mod footer;
mod header;
mod heap;
mod index;
mod library;
mod mapping;
mod metadata;
mod objects;
mod parse;
mod plain;
mod reader;
mod scales;
mod superblock;
mod writer;

pub(crate) use bare::BareContent;
pub(crate) use content::{FileContent, ImageContent, TilePart, VariableContent, VariableStorage};
pub(crate) use index::ChunkLocation;
pub(crate) use library::{BareFile, BareNames, holds_all};
pub(crate) use reader::{
    ArrayFile, FileHeader, StoredVariable, VariableCells, changed, part_location,
};
pub(crate) use scales::{PROVENANCE, is_netcdf_machinery};
pub(crate) use writer::{EncodedChunk, ImageWriter, are_paged};

/// Parses metadata that may be anything.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse_metadata(bytes: &[u8], variable: &str) {
    drop(parse::parse(bytes, variable));
}

/// Parses a file that may be anything.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse_plain(bytes: &[u8]) {
    let names = BareNames {
        text: "t",
        number: "n",
        variable: "v",
    };
    drop(plain::parse(bytes, names));
}

/// Parses the end of a file that may be anything, as it is and with a checksum that holds.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn parse_footer(bytes: &[u8]) {
    if let Some(end) = bytes.last_chunk::<{ footer::FOOTER_SIZE }>() {
        let mut whole = *end;
        let sum = crc32c::crc32c(&end[..28]);
        whole[28..].copy_from_slice(&sum.to_le_bytes());
        drop(footer::Footer::from_bytes(end, bytes.len() as u64));
        drop(footer::Footer::from_bytes(&whole, bytes.len() as u64));
    }
}

#[cfg(test)]
mod tests;
