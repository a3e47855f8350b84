//! Search along a line of coordinates by bisection, without holding them in memory.

/// A quantity coordinates are made of: `float64` numbers, or nanoseconds.
pub(super) trait Quantity: Copy + PartialOrd {
    /// How far apart two are, never negative.
    fn distance(self, other: Self) -> Self;
}

impl Quantity for f64 {
    fn distance(self, other: Self) -> Self {
        (self - other).abs()
    }
}

impl Quantity for i128 {
    fn distance(self, other: Self) -> Self {
        self.saturating_sub(other).saturating_abs()
    }
}

/// How coordinates follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Ascending,
    Descending,
    None,
}

impl Order {
    /// The order of a list. One coordinate or none is ascending.
    pub(super) fn of<T: PartialOrd>(items: &[T]) -> Self {
        if items.is_sorted_by(|one, next| one < next) {
            Self::Ascending
        } else if items.is_sorted_by(|one, next| one > next) {
            Self::Descending
        } else {
            Self::None
        }
    }

    /// The order of `count` coordinates that `at` gives.
    pub(super) fn of_line<Q: Quantity>(count: u64, at: &impl Fn(u64) -> Q) -> Self {
        if (1..count).all(|index| at(index - 1) < at(index)) {
            Self::Ascending
        } else if (1..count).all(|index| at(index - 1) > at(index)) {
            Self::Descending
        } else {
            Self::None
        }
    }

    /// The order of a scale with that step.
    pub(super) fn of_step<Q: PartialOrd + Default>(step: Q) -> Self {
        if step < Q::default() {
            Self::Descending
        } else {
            Self::Ascending
        }
    }
}

/// `count` coordinates; `at` gives each. A sorted line may repeat a coordinate where `float64` cannot tell it from the
/// next.
pub(super) struct Line<F> {
    pub(super) count: u64,
    pub(super) order: Order,
    pub(super) at: F,
}

impl<Q: Quantity, F: Fn(u64) -> Q> Line<F> {
    /// The indices of the coordinate nearest to `target` and of the second nearest. Of two equally near, the greater
    /// coordinate is the nearer one.
    pub(super) fn nearest_two(&self, target: Q) -> (Option<u64>, Option<u64>) {
        if self.order == Order::None {
            return self.scan(target, 0, self.count);
        }
        // The two nearest are among the two on either side of the target.
        let beyond = self.first(|value| !self.before(value, target));
        let stop = beyond.saturating_add(2).min(self.count);
        self.scan(target, beyond.saturating_sub(2), stop)
    }

    fn scan(&self, target: Q, start: u64, stop: u64) -> (Option<u64>, Option<u64>) {
        let nearer = |index: u64, than: Option<u64>| {
            than.is_none_or(|than| {
                let (value, other) = ((self.at)(index), (self.at)(than));
                let (distance, known) = (value.distance(target), other.distance(target));
                distance < known || (distance == known && value > other)
            })
        };
        let (mut nearest, mut second) = (None, None);
        for index in start..stop {
            if nearer(index, nearest) {
                (nearest, second) = (Some(index), nearest);
            } else if nearer(index, second) {
                second = Some(index);
            }
        }
        (nearest, second)
    }

    /// The first index, and the one after the last, of the coordinates from `low` to `high`, both in, on a sorted line;
    /// the second may be less than the first when there are none. A coordinate that is the `same` as an end is in.
    pub(super) fn between(
        &self,
        low: Option<Q>,
        high: Option<Q>,
        same: impl Fn(u64, Q) -> bool,
    ) -> (u64, u64) {
        let (front, back) = match self.order {
            Order::Descending => (high, low),
            _ => (low, high),
        };
        let start = front.map_or(0, |front| {
            let start = self.first(|value| !self.before(value, front));
            let touches = start.checked_sub(1).filter(|&index| same(index, front));
            touches.unwrap_or(start)
        });
        let stop = back.map_or(self.count, |back| {
            let stop = self.first(|value| self.before(back, value));
            stop + u64::from(stop < self.count && same(stop, back))
        });
        (start, stop)
    }

    /// Whether `value` would be stored before `other`.
    fn before(&self, value: Q, other: Q) -> bool {
        match self.order {
            Order::Descending => value > other,
            _ => value < other,
        }
    }

    /// The first index from which on `reached` holds, or the count.
    fn first(&self, reached: impl Fn(Q) -> bool) -> u64 {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            if reached((self.at)(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }
}
