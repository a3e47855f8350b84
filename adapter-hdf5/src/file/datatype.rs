//! Datatype messages: how HDF5 spells an element type.

use hyperslab_core::DType;

use super::header::Bytes;

/// The bytes of one reference to text in a heap: length, address, index.
pub(super) const TEXT_REFERENCE_SIZE: usize = 16;

const FIXED: u8 = 0;
const FLOAT: u8 = 1;
const TEXT: u8 = 3;
const COMPOUND: u8 = 6;
const REFERENCE: u8 = 7;
const SEQUENCE: u8 = 9;

/// The first eight bytes of every datatype: version, class, three bytes of class bits, size.
fn start(version: u8, class: u8, bits: [u8; 3], size: u32) -> Bytes {
    let mut bytes = Bytes::new();
    bytes.u8(version << 4 | class);
    bytes.raw(&bits);
    bytes.u32(size);
    bytes
}

fn integer(size: u32, signed: bool) -> Vec<u8> {
    let mut bytes = start(1, FIXED, [if signed { 8 } else { 0 }, 0, 0], size);
    bytes.u16(0);
    bytes.u16(u16::try_from(size * 8).unwrap_or(0));
    bytes.into_vec()
}

/// An IEEE 754 float: `size` bytes, of which `exponent` bits are exponent and `mantissa` bits mantissa.
fn float(size: u32, exponent: u8, mantissa: u8, bias: u32, big_endian: bool) -> Vec<u8> {
    let sign = u8::try_from(size * 8 - 1).unwrap_or(0);
    // The leading bit of the mantissa is implied.
    let bits = [0x20 | u8::from(big_endian), sign, 0];
    let mut bytes = start(1, FLOAT, bits, size);
    bytes.u16(0);
    bytes.u16(u16::try_from(size * 8).unwrap_or(0));
    bytes.u8(mantissa);
    bytes.u8(exponent);
    bytes.u8(0);
    bytes.u8(mantissa);
    bytes.u32(bias);
    bytes.into_vec()
}

fn complex(part: DType) -> Vec<u8> {
    let part_size = u32::try_from(part.size()).unwrap_or(0);
    let part_type = number(part);
    compound(
        part_size * 2,
        &[("r", 0, &part_type), ("i", part_size, &part_type)],
    )
}

/// A compound type of `size` bytes, less than 256, with members (name, offset, type).
fn compound(size: u32, members: &[(&str, u32, &[u8])]) -> Vec<u8> {
    let count = u8::try_from(members.len()).unwrap_or(u8::MAX);
    let mut bytes = start(3, COMPOUND, [count, 0, 0], size);
    for (name, offset, member) in members {
        bytes.raw(name.as_bytes());
        bytes.u8(0);
        bytes.u8(u8::try_from(*offset).unwrap_or(u8::MAX));
        bytes.raw(member);
    }
    bytes.into_vec()
}

/// The type of cells.
pub(super) fn number(dtype: DType) -> Vec<u8> {
    match dtype {
        DType::Int8 => integer(1, true),
        DType::Int16 => integer(2, true),
        DType::Int32 => integer(4, true),
        DType::Int64 => integer(8, true),
        DType::UInt16 => integer(2, false),
        DType::UInt32 => integer(4, false),
        DType::UInt64 => integer(8, false),
        DType::Float16 => float(2, 5, 10, 15, false),
        DType::Float32 => float(4, 8, 23, 127, false),
        DType::Float64 => float(8, 11, 52, 1023, false),
        DType::Complex64 => complex(DType::Float32),
        DType::Complex128 => complex(DType::Float64),
        // `bool` too: netCDF has no such type.
        _ => integer(1, false),
    }
}

/// The type of a dimension that has no coordinates, as netCDF writes it.
pub(super) fn placeholder() -> Vec<u8> {
    float(4, 8, 23, 127, true)
}

/// Text of any length in UTF-8.
pub(super) fn text() -> Vec<u8> {
    let mut bytes = start(1, SEQUENCE, [1, 1, 0], 16);
    bytes.raw(&integer(1, false));
    bytes.into_vec()
}

/// Text of `size` bytes, the last of which is NUL, in ASCII.
pub(super) fn fixed_text(size: u32) -> Vec<u8> {
    start(1, TEXT, [0, 0, 0], size).into_vec()
}

/// Text of exactly `size` bytes in UTF-8, as netCDF writes the text of attributes.
pub(super) fn exact_text(size: u32) -> Vec<u8> {
    start(1, TEXT, [0x11, 0, 0], size).into_vec()
}

/// Text of `size` bytes in ASCII, filled up with NUL, as h5py writes bytes.
pub(super) fn padded_text(size: u32) -> Vec<u8> {
    start(1, TEXT, [1, 0, 0], size).into_vec()
}

/// A reference to an object: its address.
fn object_reference() -> Vec<u8> {
    start(1, REFERENCE, [0, 0, 0], 8).into_vec()
}

/// The dimensions of a variable: for each axis a list of references to scales.
pub(super) fn dimension_list() -> Vec<u8> {
    let mut bytes = start(1, SEQUENCE, [0, 0, 0], 16);
    bytes.raw(&object_reference());
    bytes.into_vec()
}

/// The users of a scale: a variable and the number of its axis.
pub(super) fn reference_list() -> Vec<u8> {
    compound(
        16,
        &[
            ("dataset", 0, &object_reference()),
            ("dimension", 8, &integer(4, false)),
        ],
    )
}
