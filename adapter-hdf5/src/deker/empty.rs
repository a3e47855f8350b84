//! How many cells hold the fill value, as Deker wants to know it.

use half::f16;
use hyperslab_core::{ArrayBuf, Scalar, WriteData, are_all};
use num_complex::{Complex32, Complex64};

use crate::image::PartWrite;

/// Whether every cell of a write is the fill value, to the bit; the array has this shape.
pub(super) fn is_fill(write: &PartWrite<'_>, shape: &[u64], fill: Scalar) -> bool {
    let cell = fill.to_bytes();
    match &write.write.data {
        WriteData::Scalar(value) => value.to_bytes() == cell,
        WriteData::Cells(cells) => (write.rows(shape).into_iter()).all(|row| {
            cells
                .bytes()
                .get(row)
                .is_some_and(|row| are_all(row, &cell))
        }),
    }
}

/// How many cells of a write are the fill value. A NaN is any NaN; of other values those that are the same to the bit, so that
/// never too many are counted.
pub(super) fn count_in(write: &PartWrite<'_>, shape: &[u64], fill: Scalar) -> u64 {
    match &write.write.data {
        WriteData::Scalar(_) if is_fill(write, shape, fill) => write.slab.cell_count(),
        WriteData::Scalar(_) => 0,
        WriteData::Cells(cells) => {
            let rows = write.rows(shape).into_iter();
            let rows = rows.filter_map(|row| cells.bytes().get(row));
            rows.map(|row| count_bytes(row, fill)).sum()
        }
    }
}

/// The same of cells at hand.
pub(super) fn count(cells: &ArrayBuf, fill: Scalar) -> u64 {
    count_bytes(cells.bytes(), fill)
}

fn count_bytes(bytes: &[u8], fill: Scalar) -> u64 {
    match fill {
        Scalar::Float16(fill) if fill.is_nan() => count_of(bytes, |cell: &f16| cell.is_nan()),
        Scalar::Float32(fill) if fill.is_nan() => count_of(bytes, |cell: &f32| cell.is_nan()),
        Scalar::Float64(fill) if fill.is_nan() => count_of(bytes, |cell: &f64| cell.is_nan()),
        Scalar::Complex64(fill) if fill.is_nan() => {
            count_of(bytes, |cell: &Complex32| cell.is_nan())
        }
        Scalar::Complex128(fill) if fill.is_nan() => {
            count_of(bytes, |cell: &Complex64| cell.is_nan())
        }
        fill => match fill.to_bytes().as_slice() {
            &[fill] => count_of(bytes, |cell: &u8| *cell == fill),
            fill => match fill.len() {
                2 => count_same::<2>(bytes, fill),
                4 => count_same::<4>(bytes, fill),
                8 => count_same::<8>(bytes, fill),
                size => tally(bytes.chunks_exact(size).map(|cell| cell == fill)),
            },
        },
    }
}

/// How many are true. There are no more than bytes in memory; a loop that looks for an overflow does not become one over many
/// cells at once.
fn tally(cells: impl Iterator<Item = bool>) -> u64 {
    cells.fold(0, |count: u64, is_one| {
        count.wrapping_add(u64::from(is_one))
    })
}

fn count_same<const N: usize>(bytes: &[u8], fill: &[u8]) -> u64 {
    let (cells, _) = bytes.as_chunks::<N>();
    tally(cells.iter().map(|cell| cell == fill))
}

fn count_of<T: bytemuck::AnyBitPattern>(bytes: &[u8], is_empty: impl Fn(&T) -> bool) -> u64 {
    match bytemuck::try_cast_slice::<u8, T>(bytes) {
        Ok(cells) => tally(cells.iter().map(is_empty)),
        // Cells that are not aligned are not counted, and so never too many are.
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyperslab_core::{DType, Hyperslab};
    use hyperslab_engine::SlabWrite;

    #[test]
    fn cells_that_hold_the_fill_value_are_counted() {
        let floats = ArrayBuf::from_slice(&[4], &[1.0_f32, f32::NAN, -f32::NAN, 2.0]).unwrap();
        assert_eq!(count(&floats, Scalar::default_fill(DType::Float32)), 2);
        assert_eq!(count(&floats, Scalar::Float32(2.0)), 1);
        let ints = ArrayBuf::from_slice(&[3], &[7_i64, 8, 7]).unwrap();
        assert_eq!(count(&ints, Scalar::Int64(7)), 2);
        let bytes = ArrayBuf::from_slice(&[3], &[0_u8, 0, 1]).unwrap();
        assert_eq!(count(&bytes, Scalar::UInt8(0)), 2);
        let one = Complex64::new(f64::NAN, 0.0);
        let pairs = ArrayBuf::from_slice(&[2], &[one, Complex64::new(1.0, 0.0)]).unwrap();
        let nan = Scalar::Complex128(Complex64::new(f64::NAN, f64::NAN));
        assert_eq!(count(&pairs, nan), 1);
        let write = SlabWrite::new(&Hyperslab::full(&[3]), WriteData::Scalar(Scalar::Int64(7)));
        let write = crate::image::whole(std::slice::from_ref(&write));
        assert_eq!(count_in(&write[0], &[3], Scalar::Int64(7)), 3);
        assert!(is_fill(&write[0], &[3], Scalar::Int64(7)));
        assert_eq!(count_in(&write[0], &[3], Scalar::Int64(8)), 0);
        let cells = ArrayBuf::from_slice(&[2, 3], &[7_i64, 7, 1, 7, 7, 2]).unwrap();
        let write = SlabWrite::new(&Hyperslab::full(&[2, 3]), WriteData::Cells(cells));
        let left = PartWrite {
            slab: Hyperslab::full(&[2, 2]),
            write: &write,
            offset: 0,
        };
        assert_eq!(count_in(&left, &[2, 2], Scalar::Int64(7)), 4);
        assert!(is_fill(&left, &[2, 2], Scalar::Int64(7)));
        let right = PartWrite {
            slab: Hyperslab::full(&[2, 1]),
            write: &write,
            offset: 16,
        };
        assert_eq!(count_in(&right, &[2, 1], Scalar::Int64(7)), 0);
    }
}
