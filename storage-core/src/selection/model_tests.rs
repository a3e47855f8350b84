//! Every kind of look-up against a model that holds all coordinates in a list and tries each of them.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "the axes of the model are short"
)]

use proptest::collection::btree_set;
use proptest::prelude::*;

use super::*;
use crate::{CoordinateValue, Coordinates, TimeStart, TimeStep, Timestamp};

/// An axis, the part of it still selected, and where to look: a coordinate chosen by `at`, moved by `off` steps.
#[derive(Debug, Clone)]
struct Case {
    coordinates: Coordinates,
    size: u64,
    slab: AxisSlab,
    targets: [(usize, f64); 2],
}

impl Case {
    fn view(&self) -> AxisView<'_> {
        AxisView::new("x", self.size, Some(&self.coordinates)).with_slab(self.slab)
    }

    /// The coordinates of the view.
    fn seen<T: Copy>(&self, all: &[T]) -> Vec<T> {
        (0..self.slab.count)
            .map(|index| all[self.slab.position(index) as usize])
            .collect()
    }

    fn numbers(&self) -> Vec<f64> {
        match &self.coordinates {
            Coordinates::Values { values, .. } => values.clone(),
            Coordinates::Scale { start, step, .. } => {
                (0..self.size).map(|i| start + i as f64 * step).collect()
            }
            _ => unreachable!(),
        }
    }

    fn nanoseconds(&self) -> Vec<i128> {
        match &self.coordinates {
            Coordinates::Times { times } => times.iter().map(|t| t.as_nanoseconds()).collect(),
            Coordinates::TimeScale {
                start: TimeStart::Fixed(start),
                step,
            } => (0..i128::from(self.size))
                .map(|i| start.as_nanoseconds() + i * step.as_nanoseconds())
                .collect(),
            _ => unreachable!(),
        }
    }

    /// How far from each number of the whole axis another may be to be the same.
    fn slack(&self, all: &[f64]) -> Vec<f64> {
        let of = |value: &f64| match &self.coordinates {
            Coordinates::Scale { start, step, .. } => {
                let rounding = 2.0 * f64::EPSILON * start.abs().max(value.abs());
                (1e-6 * step.abs()).max(rounding)
            }
            _ => {
                let others = all.iter().filter(|other| *other != value);
                let gap = others.map(|other| (other - value).abs()).reduce(f64::min);
                gap.map_or(1e-9 * value.abs(), |gap| 1e-6 * gap)
            }
        };
        all.iter().map(of).collect()
    }

    /// Numbers to look for: on, hardly off, half between and beyond the coordinates.
    fn wanted(&self, all: &[f64]) -> [f64; 2] {
        let gap = all.windows(2).map(|pair| (pair[0] - pair[1]).abs());
        let gap = gap.reduce(f64::min).unwrap_or(1.0);
        self.targets
            .map(|(at, off)| all.get(at % all.len().max(1)).unwrap_or(&0.0) + off * gap)
    }
}

fn slab_in(size: u64) -> impl Strategy<Value = AxisSlab> {
    (0..=size, 1..4_u64, any::<bool>()).prop_flat_map(move |(start, stride, whole)| {
        (0..=(size - start).div_ceil(stride)).prop_map(move |count| match (whole, count) {
            (true, _) => AxisSlab::full(size),
            (_, count) => AxisSlab {
                start,
                count,
                stride,
            },
        })
    })
}

fn offset() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => Just(0.0),
        1 => prop::sample::select(vec![1e-8, -1e-8, 1e-7, -1e-7, 1e-5, -1e-5]),
        2 => prop::sample::select(vec![0.5, -0.5, 0.25, 1.5, -40.0, 40.0]),
        2 => -1.5..1.5,
    ]
}

fn case(coordinates: impl Strategy<Value = (u64, Coordinates)>) -> impl Strategy<Value = Case> {
    coordinates.prop_flat_map(|(size, coordinates)| {
        let target = || (0..64_usize, offset());
        (slab_in(size), target(), target()).prop_map(move |(slab, one, other)| Case {
            coordinates: coordinates.clone(),
            size,
            slab,
            targets: [one, other],
        })
    })
}

fn arranged<T: Clone>(sorted: Vec<T>, order: usize) -> Vec<T> {
    let mut items = sorted;
    match order % 4 {
        0 | 3 => {}
        1 => items.reverse(),
        _ => {
            let turn = order / 4 % items.len().max(1);
            items.rotate_left(turn);
        }
    }
    items
}

fn numbers() -> impl Strategy<Value = (u64, Coordinates)> {
    let unit = None;
    let decimal = prop::sample::select(vec![0.1, -0.1, 2.0, -3.0, 0.25, 1.0 / 3.0, -1e-3, 1e6]);
    let start = prop_oneof![
        prop::sample::select(vec![0.0, -89.0, 90.0, 0.05, 1.7e9]),
        -1e3..1e3
    ];
    prop_oneof![
        (0..40_u64, start, decimal).prop_map({
            let unit = unit.clone();
            move |(size, start, step)| {
                let unit = unit.clone();
                (size, Coordinates::Scale { start, step, unit })
            }
        }),
        (btree_set(-300..300_i32, 0..20), 1..20_u32, any::<usize>()).prop_map(
            move |(values, divisor, order)| {
                let values = values
                    .into_iter()
                    .map(|value| f64::from(value) / f64::from(divisor));
                let values = arranged(values.collect(), order);
                let unit = unit.clone();
                (values.len() as u64, Coordinates::Values { values, unit })
            }
        ),
    ]
}

fn times() -> impl Strategy<Value = (u64, Coordinates)> {
    let time = |nanoseconds: i64| Timestamp::from_nanoseconds(nanoseconds.into()).unwrap();
    prop_oneof![
        (0..40_u64, -100..100_i64, 1..50_i64, any::<bool>()).prop_map(
            move |(size, start, step, back)| {
                let step = i128::from(if back { -step } else { step });
                let step = TimeStep::from_nanoseconds(step).unwrap();
                let start = TimeStart::Fixed(time(start));
                (size, Coordinates::TimeScale { start, step })
            }
        ),
        (btree_set(-300..300_i64, 0..20), any::<usize>()).prop_map(move |(times, order)| {
            let times = arranged(times.into_iter().map(time).collect(), order);
            (times.len() as u64, Coordinates::Times { times })
        }),
    ]
}

/// The first of the nearest, the greater of two equally near.
fn model_nearest<T: Copy + PartialOrd>(
    seen: &[T],
    target: T,
    distance: impl Fn(T, T) -> T,
) -> Option<usize> {
    (0..seen.len()).reduce(|best, index| {
        let (known, new) = (distance(seen[best], target), distance(seen[index], target));
        let better = new < known || (new == known && seen[index] > seen[best]);
        if better { index } else { best }
    })
}

fn is_sorted<T: PartialOrd>(items: &[T]) -> bool {
    items.windows(2).all(|pair| pair[0] < pair[1]) || items.windows(2).all(|pair| pair[0] > pair[1])
}

/// What a selection of one position came to.
fn found(pick: Result<AxisPick>) -> Option<usize> {
    let pick = pick.ok()?;
    assert!(pick.dropped && pick.slab == AxisSlab::at(pick.slab.start));
    Some(pick.slab.start as usize)
}

/// The positions of a slab, which must be in its one spelling.
fn positions(slab: &AxisSlab) -> Vec<usize> {
    match slab.count {
        0 => assert_eq!(*slab, AxisSlab::full(0)),
        1 => assert_eq!(slab.stride, 1),
        _ => {}
    }
    (0..slab.count)
        .map(|index| slab.position(index) as usize)
        .collect()
}

fn number(at: f64, matching: Matching) -> LabelSelector {
    LabelSelector::At {
        value: at.into(),
        matching,
    }
}

fn ends<T: Into<LabelValue>>(low: Option<T>, high: Option<T>, step: u64) -> LabelSelector {
    LabelSelector::range(low.map(Into::into), high.map(Into::into)).step(step)
}

/// Which of the two ends of a range are given.
fn open<T: Copy>([one, other]: [T; 2], which: u8) -> (Option<T>, Option<T>) {
    match which {
        0 => (None, None),
        1 => (Some(one), None),
        2 => (None, Some(other)),
        _ => (Some(one), Some(other)),
    }
}

fn inside<T: Copy + PartialOrd>(value: T, low: Option<T>, high: Option<T>) -> bool {
    let (low, high) = match (low, high) {
        (Some(low), Some(high)) if high < low => (Some(high), Some(low)),
        ends => ends,
    };
    low.is_none_or(|low| value >= low) && high.is_none_or(|high| value <= high)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn single_numbers(case in case(numbers()), tolerance in 0.0..2.0) {
        let (all, view) = (case.numbers(), case.view());
        let (seen, slack) = (case.seen(&all), case.seen(&case.slack(&all)));
        for target in case.wanted(&all) {
            let nearest = model_nearest(&seen, target, |a, b| (a - b).abs());
            let within = |allowed: f64| {
                nearest.filter(|&index| (seen[index] - target).abs() <= allowed + slack[index])
            };
            for (matching, expected) in [
                (Matching::Nearest, nearest),
                (Matching::Exact, within(0.0)),
                (Matching::Tolerance(tolerance), within(tolerance)),
            ] {
                let selector = number(target, matching);
                prop_assert_eq!(found(selector.resolve_in(&view)), expected, "{}", selector);
                // Text is as good as a number.
                let text = LabelSelector::parse(&selector.to_string()).unwrap();
                prop_assert_eq!(found(text.resolve_in(&view)), expected, "{}", text);
            }
        }
    }

    #[test]
    fn every_coordinate_finds_its_position(case in case(prop_oneof![numbers(), times()])) {
        let view = case.view();
        for (index, value) in view.values().enumerate() {
            let selector = LabelSelector::parse(&value.to_string()).unwrap();
            prop_assert_eq!(found(selector.resolve_in(&view)), Some(index));
            prop_assert_eq!(view.value_at(index as u64), value);
        }
    }

    #[test]
    fn ranges_of_numbers(case in case(numbers()), which in 0..6_u8, step in 1..4_u64) {
        let (all, view) = (case.numbers(), case.view());
        let (seen, slack) = (case.seen(&all), case.seen(&case.slack(&all)));
        let (low, high) = open(case.wanted(&all), which);
        let pick = ends(low, high, step).resolve_in(&view);
        if which != 0 && !is_sorted(&seen) {
            prop_assert!(pick.unwrap_err().message().contains("not sorted"));
            return Ok(());
        }
        let same = |index: usize, end: Option<f64>| {
            end.is_some_and(|end| (seen[index] - end).abs() <= slack[index])
        };
        let expected: Vec<_> = (0..seen.len())
            .filter(|&i| inside(seen[i], low, high) || same(i, low) || same(i, high))
            .step_by(step as usize)
            .collect();
        prop_assert_eq!(positions(&pick.unwrap().slab), expected);
    }

    #[test]
    fn single_times(case in case(times()), tolerance in 0..60_i64, at in -400..400_i64) {
        let (seen, view) = (case.seen(&case.nanoseconds()), case.view());
        let target = i128::from(at);
        let value = Timestamp::from_nanoseconds(target).unwrap();
        let nearest = model_nearest(&seen, target, |a, b| (a - b).abs());
        let within = |allowed: i64| {
            nearest.filter(|&index| (seen[index] - target).abs() <= allowed.into())
        };
        let step = TimeStep::from_nanoseconds(tolerance.into()).unwrap();
        for (selector, expected) in [
            (LabelSelector::nearest(value), nearest),
            (LabelSelector::from(value), within(0)),
            (LabelSelector::within(value, step), within(tolerance)),
        ] {
            prop_assert_eq!(found(selector.resolve_in(&view)), expected, "{}", selector);
            let text = LabelSelector::parse(&selector.to_string()).unwrap();
            prop_assert_eq!(found(text.resolve_in(&view)), expected, "{}", text);
        }
    }

    #[test]
    fn ranges_of_times(
        case in case(times()),
        which in 0..6_u8,
        step in 1..4_u64,
        wanted in [-400..400_i64, -400..400_i64],
    ) {
        let (seen, view) = (case.seen(&case.nanoseconds()), case.view());
        let (low, high) = open(wanted.map(i128::from), which);
        let time = |end: i128| Timestamp::from_nanoseconds(end).unwrap();
        let pick = ends(low.map(time), high.map(time), step).resolve_in(&view);
        if which != 0 && !is_sorted(&seen) {
            prop_assert!(pick.unwrap_err().message().contains("not sorted"));
            return Ok(());
        }
        let expected: Vec<_> = (0..seen.len())
            .filter(|&index| inside(seen[index], low, high))
            .step_by(step as usize)
            .collect();
        prop_assert_eq!(positions(&pick.unwrap().slab), expected);
    }

    #[test]
    fn days_and_months_are_periods(
        start in -40..40_i64,
        step in prop::sample::select(vec![-25_i64, -24, -7, 5, 24, 36]),
        ends in [(2022..2024_i32, 1..13_u8, 1..29_u8, 0..3_u8), (2022..2024_i32, 1..13_u8, 1..29_u8, 0..3_u8)],
    ) {
        const HOUR: i128 = 3_600_000_000_000;
        let noon: Timestamp = "2023-01-01T12:00".parse().unwrap();
        let first = noon.as_nanoseconds() + i128::from(start) * 24 * HOUR;
        let step = TimeStep::from_nanoseconds(i128::from(step) * HOUR).unwrap();
        let start = TimeStart::Fixed(Timestamp::from_nanoseconds(first).unwrap());
        let scale = Coordinates::TimeScale { start, step };
        let [low, high] = ends.map(|(year, month, day, precision)| match precision {
            0 => format!("{year}"),
            1 => format!("{year}-{month:02}"),
            _ => format!("{year}-{month:02}-{day:02}"),
        });
        let pick = LabelSelector::from(low.as_str()..=high.as_str()).resolve("t", 300, Some(&scale));
        // RFC 3339 text of one length compares as the time does; a period is all that begins with its text.
        let expected: Vec<_> = (0..300_usize)
            .filter(|&index| {
                let text = scale.value_at(index as u64).to_string();
                let between = inside(text.as_str(), Some(low.as_str()), Some(high.as_str()));
                between || text.starts_with(&low) || text.starts_with(&high)
            })
            .collect();
        prop_assert_eq!(positions(&pick.unwrap().slab), expected);
    }

    #[test]
    fn labels(
        (labels, slab) in some_labels(),
        wanted in ["[ab~.=]{0,3}", "[ab~.=]{0,3}"],
        which in 0..4_u8,
        step in 1..4_u64,
    ) {
        let known = Coordinates::Labels { labels: labels.clone() };
        let view = AxisView::new("l", labels.len() as u64, Some(&known)).with_slab(slab);
        let seen: Vec<_> = view.values().collect();
        let find = |text: &String| {
            seen.iter().position(|value| *value == CoordinateValue::Label(text.clone()))
        };
        for text in &wanted {
            let selector = LabelSelector::from(text.as_str());
            prop_assert_eq!(found(selector.resolve_in(&view)), find(text));
            prop_assert_eq!(LabelSelector::parse(&selector.to_string()).unwrap(), selector);
        }
        let (low, high) = open([&wanted[0], &wanted[1]], which);
        let pick = ends(low.cloned(), high.cloned(), step).resolve_in(&view);
        let known = |end: Option<&String>| end.is_none_or(|end| find(end).is_some());
        if !known(low) || !known(high) {
            prop_assert!(pick.is_err());
            return Ok(());
        }
        let (low, high) = (low.and_then(find), high.and_then(find));
        let expected: Vec<_> = (0..seen.len())
            .filter(|&index| inside(index, low, high))
            .step_by(step as usize)
            .collect();
        prop_assert_eq!(positions(&pick.unwrap().slab), expected);
    }

    #[test]
    fn indices(index in index(), size in 0..12_u64) {
        let expected = model_index(index, size);
        let pick = index.resolve("x", size);
        prop_assert_eq!(pick.as_ref().ok().map(|pick| positions(&pick.slab)), expected);
        prop_assert!(pick.is_err() || pick.unwrap().dropped == matches!(index, Index::At(_)));
        prop_assert_eq!(index.to_string().parse::<Index>().unwrap().resolve("x", size).ok(),
            index.resolve("x", size).ok());
    }

    #[test]
    fn narrowing_again_is_composing(one in index(), two in index(), three in index(), size in 0..30_u64) {
        let Ok(first) = one.resolve("x", size) else { return Ok(()) };
        let Ok(second) = two.resolve("x", first.slab.count) else { return Ok(()) };
        let outer = narrow(&first.slab, &second);
        prop_assert_eq!(outer.dropped, second.dropped);
        let all: Vec<usize> = (0..size as usize).collect();
        let list = |of: &[usize], pick: &AxisPick| -> Vec<usize> {
            positions(&pick.slab).into_iter().map(|index| of[index]).collect()
        };
        let narrowed = list(&list(&all, &first), &second);
        prop_assert_eq!(positions(&outer.slab), narrowed.clone());
        let Ok(third) = three.resolve("x", outer.slab.count) else { return Ok(()) };
        prop_assert_eq!(positions(&narrow(&outer.slab, &third).slab), list(&narrowed, &third));
        prop_assert_eq!(narrow(&outer.slab, &third), narrow(&first.slab, &narrow(&second.slab, &third)));
    }

    #[test]
    fn whatever_is_said_does_not_panic(
        text in "[-~=.0-9eTZ:aPinf]{0,12}",
        case in case(prop_oneof![numbers(), times()]),
    ) {
        let _ = text.parse::<Index>().and_then(|index| index.resolve("x", case.size));
        let _ = LabelSelector::parse(&text).and_then(|label| label.resolve_in(&case.view()));
    }

    #[test]
    fn no_axis_is_too_long(
        size in any::<u64>(),
        start in prop_oneof![any::<f64>().prop_filter("finite", |x| x.is_finite()), -10.0..10.0],
        step in prop_oneof![any::<f64>().prop_filter("finite", |x| x.is_finite()), -10.0..10.0],
        target in any::<f64>(),
        nanoseconds in any::<i64>(),
    ) {
        let scale = Coordinates::Scale { start, step, unit: None };
        for selector in [
            LabelSelector::from(target),
            LabelSelector::nearest(target),
            LabelSelector::from(target..),
            LabelSelector::from(start..=target),
        ] {
            if let Ok(pick) = selector.resolve("x", size, Some(&scale)) {
                prop_assert!(pick.slab.last().is_none_or(|last| last < size));
            }
        }
        let time = Timestamp::from_nanoseconds(nanoseconds.into()).unwrap();
        let step = TimeStep::from_nanoseconds(i128::from(nanoseconds) << 29 | 1).unwrap();
        let scale = Coordinates::TimeScale { start: TimeStart::Fixed(time), step };
        for selector in [LabelSelector::nearest(time), LabelSelector::from(..=time)] {
            if let Ok(pick) = selector.resolve("x", size, Some(&scale)) {
                prop_assert!(pick.slab.last().is_none_or(|last| last < size));
            }
        }
    }
}

fn some_labels() -> impl Strategy<Value = (Vec<String>, AxisSlab)> {
    let labels = btree_set("[ab~.=]{0,3}", 0..20).prop_map(Vec::from_iter);
    labels.prop_shuffle().prop_flat_map(|labels| {
        let size = labels.len() as u64;
        (Just(labels), slab_in(size))
    })
}

fn index() -> impl Strategy<Value = Index> {
    let end = || prop::option::of(-15..15_i64);
    prop_oneof![
        1 => (-15..15_i64).prop_map(Index::At),
        3 => (end(), end(), 1..6_u64)
            .prop_map(|(start, stop, step)| Index::Range { start, stop, step }),
        1 => Just(Index::Full),
    ]
}

/// NumPy's rules, position by position.
fn model_index(index: Index, size: u64) -> Option<Vec<usize>> {
    let size = size as i64;
    let all = 0..size;
    let selected: Vec<_> = match index {
        Index::Full => all.collect(),
        Index::At(index) => {
            let same = |position: &i64| *position == index || *position - size == index;
            vec![all.into_iter().find(same)?]
        }
        Index::Range { start, stop, step } => {
            let from_front = |end: i64| if end < 0 { end + size } else { end };
            all.filter(|&position| start.is_none_or(|start| position >= from_front(start)))
                .filter(|&position| stop.is_none_or(|stop| position < from_front(stop)))
                .step_by(step as usize)
                .collect()
        }
    };
    Some(
        selected
            .into_iter()
            .map(|position| position as usize)
            .collect(),
    )
}
