//! Cells that lie in one piece, cut into parts that are read and written at a time.

/// Cells that lie in one piece are taken in parts of about so many bytes.
const PART_BYTES: u64 = 1 << 20;

/// The shape of parts of some [`PART_BYTES`] that follow each other in C order: some steps of one axis, with all of the axes
/// after it and none of those before it.
pub(crate) fn part_shape(shape: &[u64], cell_size: u64) -> Vec<u64> {
    let mut part = vec![1; shape.len()];
    let mut bytes = cell_size;
    for (length, &size) in part.iter_mut().zip(shape).rev() {
        *length = size.min(PART_BYTES / bytes).max(1);
        bytes *= *length;
        if *length < size {
            break;
        }
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other() {
        assert_eq!(part_shape(&[64, 512, 1024], 4), [1, 256, 1024]);
        assert_eq!(part_shape(&[3, 5], 8), [3, 5]);
        assert_eq!(part_shape(&[7, 1 << 30], 1), [1, 1 << 20]);
        assert_eq!(part_shape(&[1000, 3, 1024], 8), [42, 3, 1024]);
        assert_eq!(part_shape(&[5, 1 << 18], 4), [1, 1 << 18]);
        assert_eq!(part_shape(&[], 4), [0_u64; 0]);
    }
}
