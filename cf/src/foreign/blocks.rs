//! Cuts a large variable into blocks that fit in memory.

use hyperslab_core::{AxisSlab, Hyperslab};

/// Boxes that together cover `shape` once, in C order, of at most `byte_budget` bytes each where a chunk allows it, along chunk
/// borders. `cell_size` is in bytes.
///
/// ```
/// let boxes = hyperslab_cf::foreign::blocks(&[5, 4], Some(&[2, 4]), 8, 2 * 4 * 8);
/// let shapes: Vec<_> = boxes.iter().map(|slab| slab.shape()).collect();
/// assert_eq!(shapes, [[2, 4], [2, 4], [1, 4]]);
/// ```
#[must_use]
pub fn blocks(
    shape: &[u64],
    chunk_shape: Option<&[u64]>,
    cell_size: u64,
    byte_budget: u64,
) -> Vec<Hyperslab> {
    let cells_max = (byte_budget / cell_size.max(1)).max(1);
    let cell_count = |lengths: &[u64]| {
        lengths
            .iter()
            .fold(1u64, |count, &length| count.saturating_mul(length))
    };
    if shape.contains(&0) || shape.is_empty() {
        return vec![Hyperslab::full(shape)];
    }
    let clipped: Vec<u64> = match chunk_shape {
        Some(chunk) => chunk
            .iter()
            .zip(shape)
            .map(|(&c, &s)| c.clamp(1, s))
            .collect(),
        None => vec![1; shape.len()],
    };
    // A chunk above the budget is read in parts after all.
    let unit = if cell_count(&clipped) > cells_max {
        vec![1; shape.len()]
    } else {
        clipped
    };
    let mut block = unit.clone();
    for axis in (0..shape.len()).rev() {
        let others = cell_count(&block) / block[axis];
        let fitting = (cells_max / others.max(1)).max(1);
        block[axis] = (fitting / unit[axis] * unit[axis]).clamp(unit[axis], shape[axis]);
        if block[axis] < shape[axis] {
            break;
        }
    }
    grid(shape, &block)
}

/// Boxes of shape `block` that cover `shape` in C order, the last ones clipped.
fn grid(shape: &[u64], block: &[u64]) -> Vec<Hyperslab> {
    let mut boxes = vec![Vec::new()];
    for (&size, &length) in shape.iter().zip(block) {
        boxes = boxes
            .into_iter()
            .flat_map(|axes: Vec<AxisSlab>| {
                (0..size.div_ceil(length)).map(move |index| {
                    let start = index * length;
                    let count = length.min(size - start);
                    let mut axes = axes.clone();
                    axes.push(AxisSlab {
                        start,
                        count,
                        stride: 1,
                    });
                    axes
                })
            })
            .collect();
    }
    boxes
        .into_iter()
        .filter_map(|axes| Hyperslab::new(axes, shape).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_every_cell_once_along_chunk_borders() {
        for (shape, chunk, budget) in [
            (vec![5, 7, 9], Some(vec![2, 3, 4]), 24 * 8),
            (vec![5, 7, 9], None, 10 * 8),
            (vec![5, 7, 9], Some(vec![5, 7, 9]), 8),
            (vec![12, 90, 180], Some(vec![1, 90, 180]), 1 << 20),
            (vec![3], Some(vec![100]), 1 << 20),
        ] {
            let blocks = blocks(&shape, chunk.as_deref(), 8, budget);
            let total: u64 = blocks.iter().map(Hyperslab::cell_count).sum();
            assert_eq!(total, shape.iter().product::<u64>());
            for block in &blocks {
                assert!(block.cell_count() * 8 <= budget, "{block} of {shape:?}");
            }
        }
        assert_eq!(blocks(&[], None, 8, 8).len(), 1);
        assert_eq!(blocks(&[0, 4], None, 8, 8)[0].shape(), [0, 4]);
    }
}
