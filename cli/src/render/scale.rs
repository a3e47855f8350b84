//! How an axis is laid out: the edges between its cells on a continuous scale.

use std::ops::Range;

use super::ticks::{self, Tick};
use crate::axis::{Axis, Compass, Positions};

/// What the continuous scale of an axis measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// The coordinate.
    Number,
    /// Seconds since 1970.
    Time,
    /// The number of the cell: labels, indices and coordinates in no order.
    Cell,
}

/// An axis laid out on a continuous scale.
#[derive(Debug)]
pub(crate) struct Scale<'a> {
    axis: &'a Axis,
    measure: Measure,
    /// Ascending, one more than there are cells.
    edges: Vec<f64>,
    /// Whether the first cell lies at the high end.
    descending: bool,
}

impl<'a> Scale<'a> {
    /// Lays out an axis by its coordinates where they are in order, else by position.
    pub(crate) fn new(axis: &'a Axis) -> Self {
        let (measure, mut centres) = match &axis.positions {
            Positions::Numbers(numbers) => (Measure::Number, numbers.clone()),
            Positions::Times(times) => (
                Measure::Time,
                times.iter().map(|&time| ticks::seconds(time)).collect(),
            ),
            Positions::Indices(_) | Positions::Labels(_) => (Measure::Cell, Vec::new()),
        };
        let ascending = centres.windows(2).all(|pair| pair[0] < pair[1]);
        let descending = centres.len() > 1 && centres.windows(2).all(|pair| pair[0] > pair[1]);
        if descending {
            centres.reverse();
        }
        let ordered = !centres.is_empty() && (ascending || descending);
        let edges = ordered
            .then(|| edges_between(&centres, axis.compass()))
            .filter(|edges| edges.iter().all(|edge| edge.is_finite()));
        match edges {
            Some(edges) => Self {
                axis,
                measure,
                edges,
                descending,
            },
            None => Self {
                axis,
                measure: Measure::Cell,
                edges: (0..=axis.len().max(1)).map(float).collect(),
                descending: false,
            },
        }
    }

    /// The low end of the first cell.
    pub(crate) fn low(&self) -> f64 {
        self.edges[0]
    }

    /// The high end of the last cell.
    pub(crate) fn high(&self) -> f64 {
        self.edges[self.edges.len() - 1]
    }

    /// Whether the low end belongs at the top when this axis is drawn upright: rows of a table run down, and so do depths.
    pub(crate) fn low_at_top(&self) -> bool {
        self.measure == Measure::Cell || self.axis.downwards
    }

    /// The name and unit to write along the axis.
    pub(crate) fn title(&self) -> String {
        match self.measure {
            Measure::Time => format!("{} (UTC)", self.axis.title()),
            _ => self.axis.title(),
        }
    }

    /// The place of the centre of a cell, or of its coordinate where it has one.
    pub(crate) fn centre(&self, index: usize) -> f64 {
        match (&self.axis.positions, self.measure) {
            (Positions::Numbers(numbers), Measure::Number) => numbers[index],
            (Positions::Times(times), Measure::Time) => ticks::seconds(times[index]),
            _ => float(index) + 0.5,
        }
    }

    /// For each of `pixel_count` pixels, the first one at the low end, the cells it shows.
    pub(crate) fn spans(&self, pixel_count: usize) -> Vec<Range<usize>> {
        if self.axis.len() == 0 {
            return vec![0..0; pixel_count];
        }
        let width = (self.high() - self.low()) / float(pixel_count);
        let mut spans: Vec<_> = (0..pixel_count)
            .map(|pixel| {
                let from = self.low() + width * float(pixel);
                self.cells_within(from, from + width)
            })
            .collect();
        if self.descending {
            let count = self.axis.len();
            for span in &mut spans {
                *span = count - span.end..count - span.start;
            }
        }
        spans
    }

    /// The cells whose centres lie in a stretch, or the one cell in its middle; counted from the low end.
    fn cells_within(&self, from: f64, to: f64) -> Range<usize> {
        let centre = |cell: usize| f64::midpoint(self.edges[cell], self.edges[cell + 1]);
        let last = self.edges.len() - 2;
        let cell_at = |place: f64| {
            self.edges
                .partition_point(|&edge| edge <= place)
                .saturating_sub(1)
                .min(last)
        };
        let (mut first, mut end) = (cell_at(from), cell_at(to) + 1);
        if centre(first) < from {
            first += 1;
        }
        if centre(end - 1) >= to {
            end -= 1;
        }
        if first < end {
            return first..end;
        }
        let middle = cell_at(f64::midpoint(from, to));
        middle..middle + 1
    }

    /// At most `count_max` places to mark, in order.
    pub(crate) fn ticks(&self, count_max: usize) -> Vec<Tick> {
        let (low, high) = (self.low(), self.high());
        match self.measure {
            Measure::Number if self.axis.compass().is_some() => {
                ticks::degrees(low, high, count_max, self.axis.compass())
            }
            Measure::Number => ticks::numbers(low, high, count_max),
            Measure::Time => ticks::times(low, high, count_max),
            Measure::Cell => ticks::cells(self.axis, count_max),
        }
    }

    /// Whether this axis and that one measure the same, so that a picture must not stretch one of them.
    pub(crate) fn is_map_with(&self, other: &Self) -> bool {
        let both = (self.axis.compass(), other.axis.compass());
        matches!(
            both,
            (Some(Compass::Latitude), Some(Compass::Longitude))
                | (Some(Compass::Longitude), Some(Compass::Latitude))
        ) && self.measure == Measure::Number
            && other.measure == Measure::Number
    }
}

/// Edges half way between the centres; the outer ones as far out as the next inner one, but not beyond a pole.
fn edges_between(centres: &[f64], compass: Option<Compass>) -> Vec<f64> {
    let count = centres.len();
    if count == 1 {
        return vec![centres[0] - 0.5, centres[0] + 0.5];
    }
    let mut edges = Vec::with_capacity(count + 1);
    edges.push(centres[0] - (centres[1] - centres[0]) / 2.0);
    edges.extend(
        centres
            .windows(2)
            .map(|pair| f64::midpoint(pair[0], pair[1])),
    );
    edges.push(centres[count - 1] + (centres[count - 1] - centres[count - 2]) / 2.0);
    let within_poles = centres.iter().all(|centre| centre.abs() <= 90.0);
    if compass == Some(Compass::Latitude) && within_poles {
        edges[0] = edges[0].max(-90.0);
        edges[count] = edges[count].min(90.0);
    }
    edges
}

#[expect(clippy::cast_precision_loss, reason = "fewer cells than 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(numbers: &[f64], unit: &str) -> Axis {
        Axis {
            name: "x".to_owned(),
            long_name: None,
            unit: Some(unit.to_owned()),
            downwards: false,
            positions: Positions::Numbers(numbers.to_vec()),
        }
    }

    #[test]
    fn cells_reach_half_way_to_their_neighbours_and_not_past_a_pole() {
        let latitudes = axis(&[90.0, 45.0, 0.0, -60.0, -90.0], "degrees_north");
        let scale = Scale::new(&latitudes);
        assert_eq!(scale.edges, [-90.0, -75.0, -30.0, 22.5, 67.5, 90.0]);
        // 12 pixels of 15 degrees from the south: the first cell of the axis is the northernmost.
        let firsts: Vec<_> = scale.spans(12).iter().map(|span| span.start).collect();
        assert_eq!(firsts, [4, 3, 3, 3, 2, 2, 2, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn shrinking_leaves_no_cell_out() {
        let numbers: Vec<_> = (0..1000).map(|cell| f64::from(cell) * 0.1).collect();
        let numbers = axis(&numbers, "m");
        let spans = Scale::new(&numbers).spans(30);
        assert_eq!((spans[0].start, spans[29].end), (0, 1000));
        assert!(spans.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn coordinates_in_no_order_are_laid_out_by_position() {
        let jumble = axis(&[3.0, 1.0, 2.0], "m");
        let scale = Scale::new(&jumble);
        assert_eq!(scale.edges, [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(scale.ticks(5)[0].text, "3");
    }

    #[test]
    fn degenerate_axes_have_a_width() {
        for numbers in [&[][..], &[7.0], &[f64::MIN, f64::MAX]] {
            let numbers = axis(numbers, "m");
            let scale = Scale::new(&numbers);
            assert!(scale.low() < scale.high());
            assert_eq!(scale.spans(4).len(), 4);
            scale.ticks(5);
        }
    }
}
