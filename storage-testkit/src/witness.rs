//! Judges what concurrent readers and writers of one array saw.
//!
//! Every write sets all cells of one box out of a fixed list to one stamp that no other write uses. So a reader can tell
//! from the cells alone which writes it saw, and the following must hold, whatever the timing:
//!
//! - *Not torn.* A read sees one state. If it sees write `s` anywhere, then a cell of the box of `s` that holds something
//!   else was written after `s`. This "after" must not run in a circle.
//! - *Not stale.* A cell does not hold `s` when a write that covers it began after `s` was acknowledged, and was itself
//!   acknowledged before the read began.
//! - *Not invented.* No cell holds a stamp of a write that failed, or of a box that does not cover the cell.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use hyperslab_core::{AxisSlab, Hyperslab};

use crate::model::offsets;

/// The stamp of cells that were never written: the fill value of the array.
const UNWRITTEN: u64 = 0;

/// The boxes that writes and reads choose from.
#[derive(Debug)]
pub(crate) struct Boxes {
    pub(crate) slabs: Vec<Hyperslab>,
    /// The cells of each box, by their number in C order.
    cells: Vec<Vec<usize>>,
    covers: Vec<Vec<bool>>,
}

impl Boxes {
    /// The whole array, halves, rows, columns, and combs with strides, all overlapping.
    pub(crate) fn overlapping(rows: u64, columns: u64) -> Self {
        let axis = |start, count, stride| AxisSlab {
            start,
            count,
            stride,
        };
        let (all_rows, all_columns) = (AxisSlab::full(rows), AxisSlab::full(columns));
        let (half, half_columns) = (rows / 2, columns / 2);
        Self::new(
            &[rows, columns],
            vec![
                vec![all_rows, all_columns],
                vec![axis(0, half + 1, 1), all_columns],
                vec![axis(half - 1, half + 1, 1), all_columns],
                vec![all_rows, axis(0, half_columns + 1, 1)],
                vec![all_rows, axis(half_columns - 1, half_columns + 1, 1)],
                vec![axis(1, half, 2), axis(0, half_columns, 2)],
                vec![axis(0, half, 2), axis(1, half_columns, 2)],
                vec![all_rows, axis(0, columns.div_ceil(5), 5)],
                vec![AxisSlab::at(half), all_columns],
                vec![axis(2, rows - 4, 1), axis(2, columns - 4, 1)],
                vec![AxisSlab::at(half), AxisSlab::at(half_columns)],
            ],
        )
    }

    fn new(shape: &[u64], boxes: Vec<Vec<AxisSlab>>) -> Self {
        let slabs: Vec<_> = boxes
            .into_iter()
            .map(|axes| Hyperslab::new(axes, shape).unwrap())
            .collect();
        let cells: Vec<_> = slabs.iter().map(|slab| offsets(slab, shape)).collect();
        let count = usize::try_from(shape.iter().product::<u64>()).unwrap();
        let covers = cells
            .iter()
            .map(|cells| {
                let mut covers = vec![false; count];
                cells.iter().for_each(|&cell| covers[cell] = true);
                covers
            })
            .collect();
        Self {
            slabs,
            cells,
            covers,
        }
    }

    fn covers(&self, stamp: u64, cell: usize) -> bool {
        stamp == UNWRITTEN
            || self
                .covers
                .get(box_of(stamp))
                .is_some_and(|covers| covers[cell])
    }
}

/// A stamp: which process, which task, which box, which write of the task.
pub(crate) fn stamp(process: u64, task: u64, number_of_box: usize, sequence: u64) -> u64 {
    assert!(process > 0 && process < 256 && task < 256 && number_of_box < 256);
    process << 56 | task << 48 | (number_of_box as u64) << 40 | sequence
}

fn box_of(stamp: u64) -> usize {
    usize::try_from(stamp >> 40 & 255).unwrap()
}

/// Nanoseconds of a clock that all processes of the machine share and nobody sets.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    u64::try_from(time.tv_sec).unwrap() * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap()
}

/// One write: when it began, and when it was acknowledged; `None` while it was not, or when nobody knows whether it ever
/// happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Write {
    pub(crate) stamp: u64,
    pub(crate) start: u64,
    pub(crate) end: Option<u64>,
}

/// What a reader remembers of the moment before it reads.
#[derive(Debug)]
pub(crate) struct Before {
    /// For each cell the latest start of an acknowledged write.
    floor: Vec<u64>,
}

/// Keeps the writes of one process, and judges reads.
#[derive(Debug)]
pub(crate) struct Witness {
    pub(crate) boxes: Boxes,
    process: Option<u64>,
    log: Mutex<Log>,
}

#[derive(Debug, Default)]
struct Log {
    writes: BTreeMap<u64, Write>,
    floor: Vec<u64>,
}

impl Witness {
    /// A witness who knows all writes that carry the number of this process, or of all processes.
    pub(crate) fn new(boxes: Boxes, process: Option<u64>) -> Self {
        let floor = vec![0; boxes.covers[0].len()];
        let writes = BTreeMap::new();
        Self {
            boxes,
            process,
            log: Mutex::new(Log { writes, floor }),
        }
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    /// A write is about to begin.
    pub(crate) fn begin(&self, stamp: u64) {
        let write = Write {
            stamp,
            start: now(),
            end: None,
        };
        self.log().writes.insert(stamp, write);
    }

    /// A write was acknowledged.
    pub(crate) fn acknowledge(&self, stamp: u64) {
        let end = now();
        let mut log = self.log();
        let write = log.writes.get_mut(&stamp).unwrap();
        write.end = Some(end);
        let start = write.start;
        for &cell in &self.boxes.cells[box_of(stamp)] {
            log.floor[cell] = log.floor[cell].max(start);
        }
    }

    /// A write failed, so it must never be seen.
    pub(crate) fn fail(&self, stamp: u64) {
        self.log().writes.remove(&stamp);
    }

    /// Adds a write of another process.
    pub(crate) fn add(&self, write: Write) {
        self.log().writes.insert(write.stamp, write);
        if let Some(end) = write.end {
            self.acknowledge(write.stamp);
            self.log().writes.get_mut(&write.stamp).unwrap().end = Some(end);
        }
    }

    pub(crate) fn writes(&self) -> Vec<Write> {
        self.log().writes.values().copied().collect()
    }

    /// To be called before each read.
    pub(crate) fn before(&self) -> Before {
        Before {
            floor: self.log().floor.clone(),
        }
    }

    /// Judges the cells that a read of one box has given.
    pub(crate) fn judge(&self, before: &Before, number_of_box: usize, cells: &[u64]) {
        let numbers = &self.boxes.cells[number_of_box];
        assert_eq!(numbers.len(), cells.len());
        let seen: Vec<(usize, u64)> = numbers.iter().copied().zip(cells.iter().copied()).collect();
        self.judge_each(before, &seen);
        self.judge_whole(&seen);
    }

    fn judge_each(&self, before: &Before, seen: &[(usize, u64)]) {
        let log = self.log();
        for &(cell, stamp) in seen {
            assert!(
                self.boxes.covers(stamp, cell),
                "cell {cell} holds {stamp:#x}, whose box does not cover it"
            );
            let end = match log.writes.get(&stamp) {
                Some(write) => write.end,
                None if stamp == UNWRITTEN => Some(0),
                None => {
                    assert!(
                        self.process.is_some_and(|process| stamp >> 56 != process),
                        "cell {cell} holds {stamp:#x} of a write that failed or never was"
                    );
                    None
                }
            };
            assert!(
                end.is_none_or(|end| end >= before.floor[cell]),
                "cell {cell} still holds {stamp:#x}, although a later write was acknowledged before the read began"
            );
        }
    }

    /// Looks for a circle in "was written after".
    fn judge_whole(&self, seen: &[(usize, u64)]) {
        let stamps: BTreeSet<u64> = seen.iter().map(|&(_, stamp)| stamp).collect();
        let mut later: BTreeSet<(u64, u64)> = BTreeSet::new();
        for &(cell, holds) in seen {
            for &stamp in &stamps {
                if stamp != holds && self.boxes.covers(stamp, cell) {
                    later.insert((stamp, holds));
                }
            }
        }
        // Takes away, again and again, those that nothing left was written before.
        let mut left = stamps;
        while !left.is_empty() {
            let first = left.iter().copied().find(|&stamp| {
                !later
                    .iter()
                    .any(|&(before, after)| after == stamp && left.contains(&before))
            });
            let Some(first) = first else {
                let left: Vec<_> = left.iter().map(|stamp| format!("{stamp:#x}")).collect();
                panic!("a torn read: each of the writes {left:?} seems to be older than another");
            };
            left.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 4 cells in a row; box 0 is all of them, box 1 the first two, box 2 the last two.
    fn witness() -> Witness {
        let axis = |start, count| {
            vec![AxisSlab {
                start,
                count,
                stride: 1,
            }]
        };
        let boxes = Boxes::new(&[4], vec![axis(0, 4), axis(0, 2), axis(2, 2)]);
        Witness::new(boxes, Some(1))
    }

    fn judged(cells: [u64; 4]) -> bool {
        let witness = witness();
        let before = witness.before();
        for stamp in cells {
            witness.begin(stamp);
        }
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            witness.judge(&before, 0, &cells);
        }))
        .is_ok()
    }

    #[test]
    fn a_mixture_is_torn() {
        let [all, other] = [stamp(1, 0, 0, 1), stamp(1, 0, 0, 2)];
        let [first, last] = [stamp(1, 0, 1, 3), stamp(1, 0, 2, 4)];
        assert!(judged([all; 4]));
        assert!(judged([first, first, all, all]));
        assert!(judged([first, first, last, last]));
        assert!(judged([0, 0, last, last]));
        assert!(!judged([all, all, other, other]));
        assert!(!judged([all, all, all, 0]));
        assert!(!judged([first, all, all, all]));
        assert!(!judged([last, last, all, all]));
    }

    #[test]
    fn a_superseded_write_is_stale() {
        let witness = witness();
        let [old, new] = [stamp(1, 0, 0, 1), stamp(1, 0, 0, 2)];
        for stamp in [old, new] {
            witness.begin(stamp);
            witness.acknowledge(stamp);
        }
        witness.judge(&witness.before(), 0, &[new; 4]);
        let stale = || witness.judge(&witness.before(), 0, &[old; 4]);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(stale)).unwrap_err();
    }

    #[test]
    fn a_failed_write_must_not_be_seen() {
        let witness = witness();
        let failed = stamp(1, 0, 0, 1);
        witness.begin(failed);
        witness.fail(failed);
        let before = witness.before();
        let seen = || witness.judge(&before, 0, &[failed; 4]);
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(seen)).unwrap_err();
    }
}
