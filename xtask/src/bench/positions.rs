//! Random boxes, the same for every peer and every run.

use super::scale::Box3;

/// A small generator (SplitMix64), so that no dependency is needed for a few thousand positions.
pub(super) struct Positions(u64);

impl Positions {
    /// Positions that a workload calls its own.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// First positions of `count` boxes of `size` that lie inside of `shape`.
    pub(super) fn boxes(&mut self, count: usize, size: Box3, shape: Box3) -> Vec<Box3> {
        let mut one = |axis: usize| self.next() % (shape[axis].saturating_sub(size[axis]) + 1);
        (0..count).map(|_| [one(0), one(1), one(2)]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Positions;

    #[test]
    fn boxes_lie_inside_and_are_the_same_each_time() {
        let (size, shape) = ([8, 32, 512], [128, 512, 512]);
        let boxes = Positions::new(1).boxes(100, size, shape);
        assert_eq!(boxes, Positions::new(1).boxes(100, size, shape));
        assert_ne!(boxes, Positions::new(2).boxes(100, size, shape));
        let inside = |start: &[u64; 3]| (0..3).all(|axis| start[axis] + size[axis] <= shape[axis]);
        assert!(boxes.iter().all(inside));
    }
}
