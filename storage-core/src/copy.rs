//! Strided copies between buffers of cells: the inner loop of every read and write.
//!
//! Buffers are bytes in C order. Axes that lie next to each other in both buffers are merged first, so that a copy of
//! whole rows is one `memcpy` per row, and a copy of everything is one.

use crate::{Error, Hyperslab, Result};

/// Copies the cells that `slab` selects of `source`, an array of `shape`, into the dense `target`.
///
/// # Errors
/// `Internal` when a buffer, the shape and the hyperslab do not belong together; nothing is copied then.
pub fn gather(
    source: &[u8],
    shape: &[u64],
    item_size: usize,
    slab: &Hyperslab,
    target: &mut [u8],
) -> Result<()> {
    let dense = slab.shape();
    let whole = Hyperslab::full(&dense);
    copy_box(item_size, (source, shape, slab), (target, &dense, &whole))
}

/// Copies the dense `source` into the cells that `slab` selects of `target`, an array of `shape`.
///
/// # Errors
/// `Internal` when a buffer, the shape and the hyperslab do not belong together; nothing is copied then.
pub fn scatter(
    source: &[u8],
    target: &mut [u8],
    shape: &[u64],
    item_size: usize,
    slab: &Hyperslab,
) -> Result<()> {
    let dense = slab.shape();
    let whole = Hyperslab::full(&dense);
    copy_box(item_size, (source, &dense, &whole), (target, shape, slab))
}

/// Copies one cell, `item`, into every cell that `slab` selects of `target`, an array of `shape`.
///
/// # Errors
/// `Internal` when a buffer, the shape and the hyperslab do not belong together; nothing is copied then.
pub fn scatter_scalar(
    item: &[u8],
    target: &mut [u8],
    shape: &[u64],
    slab: &Hyperslab,
) -> Result<()> {
    let side = Side::new(target.len(), shape, item.len(), slab)?;
    let Some(plan) = Plan::new(item.len(), &slab.shape(), &side, &side)? else {
        return Ok(());
    };
    let uniform = item.iter().all(|byte| *byte == item[0]);
    plan.for_each_row(|_, to| {
        for index in 0..plan.inner.count {
            let to = to + index * plan.inner.target_step;
            let run = &mut target[to..to + plan.run];
            if uniform {
                run.fill(item[0]);
            } else {
                run.chunks_exact_mut(item.len())
                    .for_each(|cell| cell.copy_from_slice(item));
            }
        }
    });
    Ok(())
}

/// Copies the cells that one hyperslab selects of one array into those that another, of the same counts, selects of
/// another array. Each side is its bytes, the shape of the array, and the hyperslab.
///
/// # Errors
/// `Internal` when a buffer, its shape and its hyperslab do not belong together, or the counts differ; nothing is copied
/// then.
pub fn copy_box(
    item_size: usize,
    (source, source_shape, source_slab): (&[u8], &[u64], &Hyperslab),
    (target, target_shape, target_slab): (&mut [u8], &[u64], &Hyperslab),
) -> Result<()> {
    let counts = source_slab.shape();
    if counts != target_slab.shape() {
        return Err(Error::internal(format!(
            "a copy from {source_slab} to {target_slab}: the counts differ"
        )));
    }
    let from = Side::new(source.len(), source_shape, item_size, source_slab)?;
    let to = Side::new(target.len(), target_shape, item_size, target_slab)?;
    let Some(plan) = Plan::new(item_size, &counts, &from, &to)? else {
        return Ok(());
    };
    match plan.run {
        1 => copy_rows::<1>(&plan, source, target),
        2 => copy_rows::<2>(&plan, source, target),
        4 => copy_rows::<4>(&plan, source, target),
        8 => copy_rows::<8>(&plan, source, target),
        16 => copy_rows::<16>(&plan, source, target),
        run => plan.for_each_row(|from, to| {
            for index in 0..plan.inner.count {
                let from = from + index * plan.inner.source_step;
                let to = to + index * plan.inner.target_step;
                target[to..to + run].copy_from_slice(&source[from..from + run]);
            }
        }),
    }
    Ok(())
}

/// The loop for runs of a length that the compiler knows, which need no call of `memcpy` each.
fn copy_rows<const RUN: usize>(plan: &Plan, source: &[u8], target: &mut [u8]) {
    plan.for_each_row(|mut from, mut to| {
        for _ in 0..plan.inner.count {
            target[to..to + RUN].copy_from_slice(&source[from..from + RUN]);
            from += plan.inner.source_step;
            to += plan.inner.target_step;
        }
    });
}

/// Where the selected cells of one buffer lie, in bytes.
struct Side {
    offset: usize,
    steps: Vec<usize>,
}

impl Side {
    fn new(byte_count: usize, shape: &[u64], item_size: usize, slab: &Hyperslab) -> Result<Self> {
        let total = shape
            .iter()
            .try_fold(item_size as u64, |total, &size| total.checked_mul(size));
        let inside = slab.axes().len() == shape.len()
            && slab
                .axes()
                .iter()
                .zip(shape)
                .all(|(axis, &size)| axis.last().is_none_or(|last| last < size));
        if total != Some(byte_count as u64) || !inside || item_size == 0 {
            return Err(Error::internal(format!(
                "a buffer of {byte_count} bytes, shape {shape:?} of {item_size}-byte cells and hyperslab {slab} do not \
                 belong together"
            )));
        }
        let mut side = Self {
            offset: 0,
            steps: vec![0; shape.len()],
        };
        if slab.is_empty() {
            return Ok(side);
        }
        // All of it is below `byte_count`, so nothing overflows; only the step of a single position may be larger, and
        // it is never taken.
        let mut pitch = item_size as u64;
        let mut offset = 0;
        for (number, (axis, &size)) in slab.axes().iter().zip(shape).enumerate().rev() {
            offset += axis.start * pitch;
            if axis.count > 1 {
                side.steps[number] = to_usize(axis.stride * pitch)?;
            }
            pitch *= size;
        }
        side.offset = to_usize(offset)?;
        Ok(side)
    }
}

/// A copy as loops: over rows, over the runs of a row, over the bytes of a run.
struct Plan {
    source_offset: usize,
    target_offset: usize,
    outer: Vec<Axis>,
    inner: Axis,
    run: usize,
}

#[derive(Clone, Copy)]
struct Axis {
    count: usize,
    source_step: usize,
    target_step: usize,
}

impl Plan {
    /// `None` when there is nothing to copy.
    fn new(item_size: usize, counts: &[u64], source: &Side, target: &Side) -> Result<Option<Self>> {
        if counts.contains(&0) {
            return Ok(None);
        }
        let mut axes: Vec<Axis> = Vec::with_capacity(counts.len());
        for (number, &count) in counts.iter().enumerate() {
            let axis = Axis {
                count: to_usize(count)?,
                source_step: source.steps[number],
                target_step: target.steps[number],
            };
            match axes.last_mut() {
                _ if axis.count == 1 => {}
                Some(outer)
                    if outer.source_step == axis.count * axis.source_step
                        && outer.target_step == axis.count * axis.target_step =>
                {
                    *outer = Axis {
                        count: outer.count * axis.count,
                        ..axis
                    };
                }
                _ => axes.push(axis),
            }
        }
        let mut run = item_size;
        if let Some(axis) = axes.last()
            && (axis.source_step, axis.target_step) == (item_size, item_size)
        {
            run *= axis.count;
            axes.pop();
        }
        let inner = axes.pop().unwrap_or(Axis {
            count: 1,
            source_step: 0,
            target_step: 0,
        });
        Ok(Some(Self {
            source_offset: source.offset,
            target_offset: target.offset,
            outer: axes,
            inner,
            run,
        }))
    }

    /// Calls `copy` with the source and target offset of each row.
    fn for_each_row(&self, mut copy: impl FnMut(usize, usize)) {
        let (mut from, mut to) = (self.source_offset, self.target_offset);
        let mut position = vec![0; self.outer.len()];
        loop {
            copy(from, to);
            // An odometer: the last axis turns fastest.
            let mut turning = self.outer.len();
            loop {
                if turning == 0 {
                    return;
                }
                turning -= 1;
                let axis = &self.outer[turning];
                position[turning] += 1;
                from += axis.source_step;
                to += axis.target_step;
                if position[turning] < axis.count {
                    break;
                }
                position[turning] = 0;
                from -= axis.count * axis.source_step;
                to -= axis.count * axis.target_step;
            }
        }
    }
}

fn to_usize(value: u64) -> Result<usize> {
    usize::try_from(value)
        .map_err(|_| Error::too_large(format!("{value} bytes do not fit in memory; select less")))
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::AxisSlab;

    fn naive_offsets(shape: &[u64], slab: &Hyperslab) -> Vec<usize> {
        let mut offsets = vec![0];
        for (axis, &size) in slab.axes().iter().zip(shape) {
            offsets = offsets
                .into_iter()
                .flat_map(|offset: u64| {
                    (0..axis.count).map(move |index| offset * size + axis.position(index))
                })
                .collect();
        }
        offsets
            .into_iter()
            .map(|offset| usize::try_from(offset).unwrap())
            .collect()
    }

    /// A shape and a hyperslab of it with the given counts: room before, between and after the positions.
    fn placed(counts: Vec<u64>) -> impl Strategy<Value = (Vec<u64>, Hyperslab)> {
        let rooms = vec((0..3_u64, 1..4_u64, 0..3_u64), counts.len());
        rooms.prop_map(move |rooms| {
            let mut shape = Vec::new();
            let mut axes = Vec::new();
            for (&count, (start, stride, after)) in counts.iter().zip(rooms) {
                shape.push(start + count.saturating_sub(1) * stride + u64::from(count > 0) + after);
                axes.push(AxisSlab {
                    start,
                    count,
                    stride,
                });
            }
            let slab = Hyperslab::new(axes, &shape).unwrap();
            (shape, slab)
        })
    }

    type Case = ((Vec<u64>, Hyperslab), (Vec<u64>, Hyperslab), usize);

    fn cases() -> impl Strategy<Value = Case> {
        let counts = vec(0..5_u64, 0..4);
        (
            counts,
            prop::sample::select(vec![1_usize, 2, 3, 4, 8, 16, 24]),
        )
            .prop_flat_map(|(counts, item_size)| {
                (placed(counts.clone()), placed(counts), Just(item_size))
            })
    }

    fn bytes(shape: &[u64], item_size: usize, seed: usize) -> Vec<u8> {
        let count = usize::try_from(shape.iter().product::<u64>()).unwrap() * item_size;
        (0..count)
            .map(|index| u8::try_from((index * 31 + seed) % 251).unwrap())
            .collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn copies_agree_with_index_loops(((from, from_slab), (to, to_slab), item) in cases()) {
            let source = bytes(&from, item, 7);
            let target = bytes(&to, item, 100);
            let pairs: Vec<_> = naive_offsets(&from, &from_slab)
                .into_iter()
                .zip(naive_offsets(&to, &to_slab))
                .collect();

            let mut expected = target.clone();
            let mut dense = Vec::new();
            for &(s, t) in &pairs {
                let cell = &source[s * item..(s + 1) * item];
                expected[t * item..(t + 1) * item].copy_from_slice(cell);
                dense.extend_from_slice(cell);
            }
            let mut copied = target.clone();
            copy_box(item, (&source, &from, &from_slab), (&mut copied, &to, &to_slab)).unwrap();
            prop_assert_eq!(&copied, &expected);

            let mut gathered = vec![0; dense.len()];
            gather(&source, &from, item, &from_slab, &mut gathered).unwrap();
            prop_assert_eq!(&gathered, &dense);
            let mut scattered = target.clone();
            scatter(&dense, &mut scattered, &to, item, &to_slab).unwrap();
            prop_assert_eq!(&scattered, &expected);

            for cell in [bytes(&[1], item, 200), vec![9; item]] {
                let mut filled = target.clone();
                let mut expected = target.clone();
                for &(_, t) in &pairs {
                    expected[t * item..(t + 1) * item].copy_from_slice(&cell);
                }
                scatter_scalar(&cell, &mut filled, &to, &to_slab).unwrap();
                prop_assert_eq!(filled, expected);
            }
        }
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let slab = Hyperslab::full(&[2, 3]);
        let mut small = [0; 5];
        let mut dense = [0; 6];
        assert!(gather(&[0; 6], &[2, 3], 1, &slab, &mut small).is_err());
        assert!(gather(&[0; 7], &[2, 3], 1, &slab, &mut dense).is_err());
        assert!(gather(&[0; 6], &[3, 2], 1, &slab, &mut dense).is_err());
        assert!(gather(&[0; 6], &[6], 1, &slab, &mut dense).is_err());
        assert!(scatter_scalar(&[], &mut dense, &[2, 3], &slab).is_err());
        let other = Hyperslab::full(&[3, 2]);
        let to = (&mut dense[..], &[3, 2][..], &other);
        assert!(copy_box(1, (&[0; 6], &[2, 3], &slab), to).is_err());
    }
}
