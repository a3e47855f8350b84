//! The cells that everything is made of: a `.npy` file of version 1.0, C order, little-endian.

use std::path::Path;

use hyperslab::{ArrayBuf, DType};

use crate::request::{Failure, Outcome};

const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";

/// Reads a whole `.npy` file.
pub(crate) fn load(path: &Path) -> Outcome<ArrayBuf> {
    let bytes = std::fs::read(path)?;
    let cells = data_start(&bytes)
        .and_then(|start| Some((header(bytes.get(10..start)?)?, bytes.get(start..)?)));
    let Some(((dtype, shape), cells)) = cells else {
        let path = path.display();
        return Err(Failure::new(format!(
            "{path} is no .npy file that is understood"
        )));
    };
    Ok(ArrayBuf::from_bytes(dtype, &shape, cells)?)
}

/// Where the cells begin.
fn data_start(bytes: &[u8]) -> Option<usize> {
    let length = bytes.strip_prefix(MAGIC)?.first_chunk::<2>()?;
    Some(10 + usize::from(u16::from_le_bytes(*length)))
}

/// Type and shape from the text of the header.
fn header(text: &[u8]) -> Option<(DType, Vec<u64>)> {
    let text = std::str::from_utf8(text).ok()?;
    let dtype = match text.split("'descr': '").nth(1)?.split('\'').next()? {
        "<f4" => DType::Float32,
        "<f8" => DType::Float64,
        "<i2" => DType::Int16,
        _ => return None,
    };
    let shape = text.split('(').nth(1)?.split(')').next()?;
    let lengths = shape
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty());
    let shape: Result<Vec<u64>, _> = lengths.map(str::parse).collect();
    Some((dtype, shape.ok()?))
}

/// A copy of one box of an array.
pub(crate) fn copy_box(cells: &ArrayBuf, start: &[u64], shape: &[u64]) -> Outcome<ArrayBuf> {
    let size = cells.dtype().size();
    let outside = || Failure::new("a box lies outside of the array");
    let ([_, height, width], [z, y, x], [depth, rows, columns]) = (cells.shape(), start, shape)
    else {
        return Err(Failure::new("arrays here have three axes"));
    };
    let mut copy = Vec::new();
    for plane in *z..z + depth {
        for row in *y..y + rows {
            let first =
                usize::try_from((plane * height + row) * width + x).map_err(Failure::new)?;
            let count = usize::try_from(*columns).map_err(Failure::new)?;
            let bytes = cells.bytes().get(first * size..(first + count) * size);
            copy.extend_from_slice(bytes.ok_or_else(outside)?);
        }
    }
    Ok(ArrayBuf::from_bytes(cells.dtype(), shape, &copy)?)
}

/// A buffer whose pages are there already.
pub(crate) fn touched(dtype: DType, shape: &[u64]) -> Outcome<ArrayBuf> {
    let mut buffer = ArrayBuf::zeroed(dtype, shape)?;
    buffer.bytes_mut().fill(1);
    Ok(buffer)
}
