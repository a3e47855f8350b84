//! Copies boxes of cells between two buffers of different strides.

/// One axis of a box: how many cells, and how many bytes apart they are on either side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct CopyAxis {
    /// How many cells.
    pub(crate) count: usize,
    /// Bytes to the next cell in the source.
    pub(crate) from: usize,
    /// Bytes to the next cell in the destination.
    pub(crate) to: usize,
}

/// Copies a box of cells of `cell_size` bytes from offset `source_start` of `source` to offset `target_start` of
/// `target`.
pub(crate) fn copy_cells(
    axes: &[CopyAxis],
    cell_size: usize,
    (source, source_start): (&[u8], usize),
    (target, target_start): (&mut [u8], usize),
) {
    if axes.iter().any(|axis| axis.count == 0) {
        return;
    }
    // Axes whose cells lie one after the other on both sides are copied as one run.
    let mut run = cell_size;
    let mut outer = axes;
    while let Some((axis, rest)) = outer.split_last() {
        let joined = axis.count == 1 || (axis.from == run && axis.to == run);
        if !joined {
            break;
        }
        run *= axis.count;
        outer = rest;
    }
    let source = &source[source_start..];
    let target = &mut target[target_start..];
    match run {
        1 => copy_fixed::<1>(outer, source, target),
        2 => copy_fixed::<2>(outer, source, target),
        4 => copy_fixed::<4>(outer, source, target),
        8 => copy_fixed::<8>(outer, source, target),
        16 => copy_fixed::<16>(outer, source, target),
        _ => copy_runs(outer, run, source, target),
    }
}

fn copy_runs(axes: &[CopyAxis], run: usize, source: &[u8], target: &mut [u8]) {
    match axes.split_first() {
        None => target[..run].copy_from_slice(&source[..run]),
        Some((axis, rest)) => {
            for index in 0..axis.count {
                let target = &mut target[index * axis.to..];
                copy_runs(rest, run, &source[index * axis.from..], target);
            }
        }
    }
}

fn copy_fixed<const N: usize>(axes: &[CopyAxis], source: &[u8], target: &mut [u8]) {
    match axes {
        [] => target[..N].copy_from_slice(&source[..N]),
        [axis] => {
            for index in 0..axis.count {
                target[index * axis.to..][..N].copy_from_slice(&source[index * axis.from..][..N]);
            }
        }
        [axis, rest @ ..] => {
            for index in 0..axis.count {
                let target = &mut target[index * axis.to..];
                copy_fixed::<N>(rest, &source[index * axis.from..], target);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transposed_copy_moves_every_cell() {
        let axes = [
            CopyAxis {
                count: 2,
                from: 3,
                to: 1,
            },
            CopyAxis {
                count: 3,
                from: 1,
                to: 2,
            },
        ];
        let mut target = [0; 6];
        copy_cells(&axes, 1, (&[1, 2, 3, 4, 5, 6], 0), (&mut target, 0));
        assert_eq!(target, [1, 4, 2, 5, 3, 6]);
    }
}
