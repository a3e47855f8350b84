//! The naive array that every adapter is compared with, and random hyperslabs and cells.

use fastrand::Rng;
use hyperslab_core::{ArrayBuf, AxisSlab, DType, Hyperslab, Scalar, WriteData};

/// An array as one list of cells. Shares no code with the library: every cell is found by its index.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Model {
    dtype: DType,
    shape: Vec<u64>,
    cells: Vec<u8>,
}

impl Model {
    pub(crate) fn filled(value: Scalar, shape: &[u64]) -> Self {
        let count = usize::try_from(shape.iter().product::<u64>()).unwrap();
        Self {
            dtype: value.dtype(),
            shape: shape.to_vec(),
            cells: value.to_bytes().repeat(count),
        }
    }

    pub(crate) fn write(&mut self, slab: &Hyperslab, data: &WriteData) {
        let size = self.dtype.size();
        for (number, cell) in offsets(slab, &self.shape).into_iter().enumerate() {
            let value = match data {
                WriteData::Scalar(value) => value.to_bytes(),
                WriteData::Cells(cells) => {
                    cells.bytes()[number * size..(number + 1) * size].to_vec()
                }
            };
            self.cells[cell * size..(cell + 1) * size].copy_from_slice(&value);
        }
    }

    pub(crate) fn read(&self, slab: &Hyperslab) -> ArrayBuf {
        let size = self.dtype.size();
        let mut bytes = Vec::new();
        for cell in offsets(slab, &self.shape) {
            bytes.extend_from_slice(&self.cells[cell * size..(cell + 1) * size]);
        }
        ArrayBuf::from_bytes(self.dtype, &slab.shape(), &bytes).unwrap()
    }
}

/// The number of each selected cell in C order of the array.
pub(crate) fn offsets(slab: &Hyperslab, shape: &[u64]) -> Vec<usize> {
    let mut offsets = vec![0_u64];
    for (axis, &size) in slab.axes().iter().zip(shape) {
        offsets = offsets
            .into_iter()
            .flat_map(|offset| {
                (0..axis.count).map(move |index| offset * size + axis.start + index * axis.stride)
            })
            .collect();
    }
    offsets
        .into_iter()
        .map(|offset| usize::try_from(offset).unwrap())
        .collect()
}

/// A hyperslab of an array: often with strides, sometimes all of an axis, seldom empty.
pub(crate) fn random_slab(random: &mut Rng, shape: &[u64]) -> Hyperslab {
    let axes = shape.iter().map(|&size| random_axis(random, size));
    Hyperslab::new(axes.collect(), shape).unwrap()
}

fn random_axis(random: &mut Rng, size: u64) -> AxisSlab {
    if size == 0 || random.u8(..) < 4 {
        return AxisSlab {
            start: 0,
            count: 0,
            stride: 1,
        };
    }
    if random.u8(..4) == 0 {
        return AxisSlab::full(size);
    }
    let start = random.u64(..size);
    let stride = if random.bool() {
        1
    } else {
        random.u64(1..=size)
    };
    let count = random.u64(1..=(size - start).div_ceil(stride));
    AxisSlab {
        start,
        count,
        stride,
    }
}

/// Cells of any bits that the type allows.
pub(crate) fn random_cells(random: &mut Rng, dtype: DType, shape: &[u64]) -> ArrayBuf {
    let mut cells = ArrayBuf::zeroed(dtype, shape).unwrap();
    random.fill(cells.bytes_mut());
    if dtype == DType::Bool {
        cells.bytes_mut().iter_mut().for_each(|byte| *byte &= 1);
    }
    cells
}

pub(crate) fn random_scalar(random: &mut Rng, dtype: DType) -> Scalar {
    let cell = random_cells(random, dtype, &[]);
    Scalar::from_bytes(dtype, cell.bytes()).unwrap()
}

/// Cells or one value for all of a hyperslab.
pub(crate) fn random_data(random: &mut Rng, dtype: DType, slab: &Hyperslab) -> WriteData {
    if random.u8(..4) == 0 {
        WriteData::Scalar(random_scalar(random, dtype))
    } else {
        WriteData::Cells(random_cells(random, dtype, &slab.shape()))
    }
}
