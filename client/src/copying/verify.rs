//! Whether two boxes of cells are the same, bit by bit.

use hyperslab_core::{ArrayBuf, Result, Subset};

/// What differs between two boxes of one shape, the first cell of which is at `start`; `None` when every bit is the same.
pub(super) async fn difference(
    from: &Subset,
    to: &Subset,
    start: &[u64],
) -> Result<Option<String>> {
    let (from, to) = futures::future::try_join(from.read_buf(), to.read_buf()).await?;
    Ok(first_difference(&from, &to).map(|cell| {
        let inside = position(cell, from.shape());
        let at: Vec<u64> = inside.iter().zip(start).map(|(a, b)| a + b).collect();
        format!("the cells differ, first at {at:?}")
    }))
}

/// The number of the first cell, in C order, that is not the same.
fn first_difference(from: &ArrayBuf, to: &ArrayBuf) -> Option<u64> {
    if from == to {
        return None;
    }
    let bytes = from.bytes().iter().zip(to.bytes());
    let byte = bytes.into_iter().position(|(one, other)| one != other)?;
    Some((byte / from.dtype().size()) as u64)
}

/// The position along each axis of the cell with a number in C order.
fn position(cell: u64, shape: &[u64]) -> Vec<u64> {
    let mut rest = cell;
    let mut position: Vec<u64> = shape
        .iter()
        .rev()
        .map(|&length| {
            let along = rest % length.max(1);
            rest /= length.max(1);
            along
        })
        .collect();
    position.reverse();
    position
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cell_that_differs_is_found() {
        let one = ArrayBuf::from_slice(&[2, 3], &[0.0_f64, 1.0, 2.0, 3.0, f64::NAN, 5.0]).unwrap();
        assert_eq!(first_difference(&one, &one.clone()), None);
        let other = ArrayBuf::from_slice(&[2, 3], &[0.0_f64, 1.0, 2.0, 3.0, f64::NAN, -5.0]);
        assert_eq!(first_difference(&one, &other.unwrap()), Some(5));
        // Equal as numbers, not as bits.
        let zero = ArrayBuf::from_slice(&[2, 3], &[-0.0_f64, 1.0, 2.0, 3.0, f64::NAN, 5.0]);
        assert_eq!(first_difference(&one, &zero.unwrap()), Some(0));
        assert_eq!(position(5, &[2, 3]), [1, 2]);
        assert_eq!(position(0, &[]), [0; 0]);
    }
}
