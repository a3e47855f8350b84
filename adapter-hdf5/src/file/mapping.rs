//! The layout of a variable whose cells lie in other files: what HDF5 calls a virtual dataset.
//!
//! The mapping is one object of a global heap. Each entry names a file, relative to the folder of this one, a variable in it, all
//! of whose cells are taken, and the box of cells that they are here. Cells in no file that is there read as the fill value.

use super::checksum::metadata_checksum;
use super::content::TilePart;
use super::header::Bytes;

const SELECTION_ALL: u32 = 3;
const SELECTION_BOX: u32 = 2;

/// The form of a box of two corners.
const BOX_VERSION: u32 = 1;

/// Boxes with larger numbers need another form.
const WIDE_BOX_VERSION: u32 = 2;

/// Flag of a box that is told by its start, stride, count and block along each axis.
const REGULAR: u8 = 1;

/// The layout message of a variable whose mapping is at that place of the heap.
pub(super) fn layout(reference: [u8; 16]) -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.u8(4);
    bytes.u8(3);
    // Address of the collection and index in it; the length before them stands in lists only.
    bytes.raw(&reference[4..]);
    bytes.into_vec()
}

/// The mapping as an object of the heap.
pub(super) fn mapping(parts: &[TilePart]) -> Vec<u8> {
    let mut bytes = Bytes::new();
    bytes.u8(0);
    bytes.u64(parts.len() as u64);
    for part in parts {
        // A sign of percent begins a number that HDF5 counts up.
        bytes.raw(part.file.replace('%', "%%").as_bytes());
        bytes.u8(0);
        bytes.raw(part.variable.replace('%', "%%").as_bytes());
        bytes.u8(0);
        bytes.u32(SELECTION_ALL);
        bytes.u32(1);
        bytes.u32(0);
        bytes.u32(0);
        selection(&mut bytes, part);
    }
    let mut bytes = bytes.into_vec();
    let checksum = metadata_checksum(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}

/// The box of cells of a part.
fn selection(bytes: &mut Bytes, part: &TilePart) {
    let rank = u32::try_from(part.shape.len()).unwrap_or(u32::MAX);
    let axes = || part.start.iter().zip(&part.shape);
    let corners: Option<Vec<(u32, u32)>> = axes()
        .map(|(&start, &length)| {
            let last = (start + length).checked_sub(1)?;
            Some((u32::try_from(start).ok()?, u32::try_from(last).ok()?))
        })
        .collect();
    bytes.u32(SELECTION_BOX);
    match corners {
        Some(corners) => {
            bytes.u32(BOX_VERSION);
            bytes.u32(0);
            bytes.u32(8 + rank * 8);
            bytes.u32(rank);
            bytes.u32(1);
            corners.iter().for_each(|(first, _)| bytes.u32(*first));
            corners.iter().for_each(|(_, last)| bytes.u32(*last));
        }
        None => {
            bytes.u32(WIDE_BOX_VERSION);
            bytes.u8(REGULAR);
            bytes.u32(4 + rank * 32);
            bytes.u32(rank);
            for (&start, &length) in axes() {
                bytes.u64(start);
                bytes.u64(1);
                bytes.u64(1);
                bytes.u64(length);
            }
        }
    }
}
