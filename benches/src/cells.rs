//! The cells that everything is made of: a `.npy` file of version 1.0, C order, little-endian.

use std::path::Path;

use hyperslab::copy::gather;
use hyperslab::{ArrayBuf, AxisSlab, DType, Hyperslab};

use crate::request::{Failure, Outcome, Request};

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
    let axes = start.iter().zip(shape).map(|(&start, &count)| AxisSlab {
        start,
        count,
        stride: 1,
    });
    let slab = Hyperslab::new(axes.collect(), cells.shape())?;
    let mut copy = ArrayBuf::zeroed(cells.dtype(), shape)?;
    let size = cells.dtype().size();
    gather(cells.bytes(), cells.shape(), size, &slab, copy.bytes_mut())?;
    Ok(copy)
}

/// What updates write: boxes of other places, in the shape of the request.
pub(crate) fn new_cells(request: &Request) -> Outcome<Vec<ArrayBuf>> {
    let (cells, shape) = (load(&request.source()?)?, request.shape()?);
    let from = request.starts("from")?;
    from.iter()
        .map(|start| copy_box(&cells, start, &shape))
        .collect()
}

/// A buffer whose pages are there already.
pub(crate) fn touched(dtype: DType, shape: &[u64]) -> Outcome<ArrayBuf> {
    let mut buffer = ArrayBuf::zeroed(dtype, shape)?;
    buffer.bytes_mut().fill(1);
    Ok(buffer)
}
