//! Tables of cases.

use super::*;
use crate::{
    CoordinateValue, Coordinates, Dimension, ErrorKind, TimeStart, TimeStep, Timestamp, select,
};

fn view(dimension: &Dimension) -> AxisView<'_> {
    AxisView::new(
        &dimension.name,
        dimension.size,
        dimension.coordinates.as_ref(),
    )
}

fn sel(dimension: &Dimension, selector: impl Into<LabelSelector>) -> Result<AxisPick> {
    selector.into().resolve_in(&view(dimension))
}

/// The position a single coordinate means.
fn at(dimension: &Dimension, selector: impl Into<LabelSelector>) -> u64 {
    let pick = sel(dimension, selector).unwrap();
    assert!(pick.dropped);
    assert_eq!((pick.slab.count, pick.slab.stride), (1, 1));
    pick.slab.start
}

/// The first position and the count of a range.
fn range(dimension: &Dimension, selector: impl Into<LabelSelector>) -> (u64, u64) {
    let pick = sel(dimension, selector).unwrap();
    assert!(!pick.dropped);
    (pick.slab.start, pick.slab.count)
}

fn refusal(dimension: &Dimension, selector: impl Into<LabelSelector>) -> String {
    let error = sel(dimension, selector).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let name = format!("dimension '{}': ", dimension.name);
    error.message().strip_prefix(&name).unwrap().to_owned()
}

fn tenths() -> Dimension {
    Dimension::scale("x", 11, 0.0, 0.1, "m")
}

fn days(step: &str) -> Dimension {
    let start = TimeStart::Fixed("2023-01-30".parse().unwrap());
    Dimension::time_scale("time", 40, start, step.parse().unwrap())
}

#[test]
fn every_point_of_a_grid_of_tenths_is_addressable() {
    let x = tenths();
    for position in 0..=10_u64 {
        for text in [format!("0.{position}"), format!("{position}e-1")] {
            let text = text.replace("0.10", "1.0");
            assert_eq!(at(&x, text.as_str()), position, "{text}");
            assert_eq!(at(&x, text.parse::<f64>().unwrap()), position, "{text}");
            assert_eq!(range(&x, text.parse::<f64>().unwrap()..).0, position);
            assert_eq!(range(&x, ..=text.parse::<f64>().unwrap()).1, position + 1);
        }
        assert_eq!(at(&x, position as f64 * 0.1), position);
    }
    assert_eq!(range(&x, 0.3..=0.3), (3, 1));
    assert_eq!(range(&x, 0.3..=0.7), (3, 5));
    assert_eq!(range(&x, 0.31..=0.39), (0, 0));
    assert_eq!(at(&x, 1), 10);
}

#[test]
fn single_numbers() {
    let up = Dimension::scale("lat", 90, -89.0, 2.0, "degrees_north");
    let down = Dimension::scale("lat", 61, 90.0, -3.0, "degrees_north");
    assert_eq!((at(&up, -89.0), at(&up, 89), at(&up, "-1")), (0, 89, 44));
    assert_eq!(
        (at(&down, 90.0), at(&down, -90), at(&down, "0")),
        (0, 60, 30)
    );
    // Ties go to the greater coordinate, beyond the ends is the end.
    for (dimension, value, position) in [
        (&up, 0.0, 45),
        (&up, 0.1, 45),
        (&up, -0.1, 44),
        (&up, 1e300, 89),
        (&up, -90.0, 0),
        (&down, 1.5, 29),
        (&down, 1.4, 30),
        (&down, -1.5, 30),
        (&down, 99.0, 0),
        (&down, -99.0, 60),
    ] {
        assert_eq!(
            at(dimension, LabelSelector::nearest(value)),
            position,
            "{value}"
        );
    }
    assert_eq!(at(&up, LabelSelector::within(0.4, 0.6)), 45);
    assert_eq!(
        at(&up, LabelSelector::within(1.3, 0.3)),
        45,
        "1.3 - 1 is more than 0.3"
    );
    assert_eq!(
        refusal(&up, LabelSelector::within(0.2, 0.6)),
        "no coordinate is within 0.6 of 0.2; the nearest are -1 and 1; allow a greater tolerance"
    );
    assert_eq!(
        refusal(&up, 0.2),
        "0.2 is not a coordinate; the nearest are -1 and 1; ask for the nearest (`~value`) or give a tolerance \
         (`value~tolerance`)"
    );
    assert!(
        refusal(&down, "95").starts_with("'95' is not a coordinate; the nearest are 90 and 87;")
    );
    assert!(refusal(&up, 1000.0).contains("the nearest are 87 and 89;"));
    assert!(refusal(&up, -1000.0).contains("the nearest are -89 and -87;"));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for selector in [bad.into(), LabelSelector::nearest(bad)] {
            assert!(refusal(&up, selector).contains("is not a coordinate"));
        }
    }
    for tolerance in [-1.0, f64::NAN] {
        assert!(refusal(&up, LabelSelector::within(1.0, tolerance)).contains("zero or more"));
    }
    assert!(refusal(&up, "north").contains("'north' is not a number"));
    assert!(refusal(&up, "2023-01-03").contains("is not a number"));
    assert!(refusal(&up, Timestamp::from_nanoseconds(0).unwrap()).contains("is not a number"));
    let hour: TimeStep = "PT1H".parse().unwrap();
    assert!(refusal(&up, LabelSelector::within(1.0, hour)).contains("give a number"));
}

#[test]
fn ranges_of_numbers() {
    let up = Dimension::scale("lat", 90, -89.0, 2.0, "");
    let down = Dimension::scale("lat", 61, 90.0, -3.0, "");
    for (low, high) in [(-10.0, 10.0), (10.0, -10.0)] {
        assert_eq!(range(&up, low..=high), (40, 10));
        assert_eq!(range(&down, low..=high), (27, 7));
    }
    for (dimension, text, expected) in [
        (&up, "85..", (87, 3)),
        (&up, "..-85", (0, 3)),
        (&up, "..", (0, 90)),
        (&up, "-1000..1000", (0, 90)),
        (&up, "-inf..-89", (0, 1)),
        (&up, "89..inf", (89, 1)),
        (&up, "inf..", (0, 0)),
        (&up, "0.5..0.6", (0, 0)),
        (&up, "90..100", (0, 0)),
        (&up, " -89 .. -85..2", (0, 2)),
        (&down, "85..", (0, 2)),
        (&down, "..-85", (59, 2)),
        (&down, "-87..-87", (59, 1)),
        (&down, "..inf", (0, 61)),
        (&down, "....30", (0, 3)),
    ] {
        let selector = LabelSelector::parse(text).unwrap();
        assert_eq!(range(dimension, selector), expected, "{text}");
    }
    assert!(refusal(&up, f64::NAN..=1.0).contains("NaN"));
    assert!(refusal(&up, LabelSelector::from(0.0..).step(0)).contains("at least 1"));
}

#[test]
fn explicit_numbers() {
    let levels = Dimension::values("level", vec![1000.0, 850.0, 500.0, 10.0], "hPa");
    assert_eq!((at(&levels, 850), at(&levels, "10.0")), (1, 3));
    assert_eq!(at(&levels, 850.0 + 1e-4), 1);
    assert_eq!(at(&levels, LabelSelector::nearest(675.0)), 1);
    assert_eq!(range(&levels, 500..=850), (1, 2));
    assert_eq!(range(&levels, 849.9999..=2000.0), (0, 2));
    assert!(refusal(&levels, 850.001).contains("the nearest are 1000 and 850;"));

    let mixed = Dimension::values("level", vec![3.0, 1.0, 2.0], "");
    assert_eq!(
        (at(&mixed, 1.0), at(&mixed, LabelSelector::nearest(2.5))),
        (1, 0)
    );
    assert_eq!(range(&mixed, ..), (0, 3));
    assert!(refusal(&mixed, 1.0..=2.0).contains("not sorted"));
    assert!(refusal(&mixed, 1.4).contains("the nearest are 1 and 2"));
    // What is left of it may be sorted.
    let rest = view(&mixed).narrowed(&Index::from(1..).resolve("level", 3).unwrap());
    let pick = LabelSelector::from(1.5..=9.0).resolve_in(&rest).unwrap();
    assert_eq!(narrow(rest.slab(), &pick).slab, AxisSlab::at(2));

    let one = Dimension::values("level", vec![0.1], "");
    assert_eq!(at(&one, f64::from(0.1_f32) * (1.0 - 1.5e-8)), 0);
    assert!(refusal(&one, f64::from(0.1_f32)).contains("the only coordinate is 0.1;"));
    let none = Dimension::values("level", vec![], "");
    assert!(refusal(&none, 1.0).contains("no position is selected"));
    assert!(refusal(&none, LabelSelector::nearest(1.0)).contains("no position is selected"));
    assert_eq!(range(&none, 0.0..=1.0), (0, 0));
}

#[test]
fn a_grid_far_from_zero_forgives_its_rounding() {
    let seconds = Dimension::scale("t", 10_000, 1.7e9, 0.001, "s");
    for position in 0..10_000_u64 {
        let text = format!("1700000{:03}.{:03}", position / 1000, position % 1000);
        assert_eq!(at(&seconds, text.as_str()), position);
    }
    let tenths = Dimension::scale("t", 1 << 40, 0.0, 0.1, "s");
    for position in 99_999_999_000..100_000_000_000_u64 {
        let text = format!("{}.{}", position / 10, position % 10);
        assert_eq!(at(&tenths, text.as_str()), position);
        assert_eq!(range(&tenths, text.as_str()..=text.as_str()), (position, 1));
    }
    assert!(refusal(&seconds, 1.7e9 + 0.0015).contains("is not a coordinate"));
}

#[test]
fn an_axis_of_any_size_is_searched_at_once() {
    let scale = Dimension::scale("x", u64::MAX, 0.0, 1.0, "");
    assert_eq!(at(&scale, 4_503_599_627_370_495_i64), 4_503_599_627_370_495);
    assert_eq!(range(&scale, 1e9..=2e9), (1_000_000_000, 1_000_000_001));
    assert_eq!(range(&scale, 10.0..), (10, u64::MAX - 10));
    let last = Index::from(-1).resolve("x", u64::MAX).unwrap();
    assert_eq!(last.slab.start, u64::MAX - 1);
    for index in [Index::from(u64::MAX), Index::from(i64::MAX)] {
        assert!(index.resolve("x", u64::MAX).is_err());
    }
    let all = Index::range(..)
        .step(u64::MAX)
        .resolve("x", u64::MAX)
        .unwrap();
    assert_eq!(all.slab, AxisSlab::at(0));

    let step = TimeStep::from_nanoseconds(i128::from(i64::MAX) * 1_000_000_000).unwrap();
    for step in [
        step,
        TimeStep::from_nanoseconds(-step.as_nanoseconds()).unwrap(),
    ] {
        let start = TimeStart::Fixed(Timestamp::from_nanoseconds(0).unwrap());
        let wild = Dimension::time_scale("t", u64::MAX, start, step);
        assert_eq!(at(&wild, LabelSelector::nearest("1970-01-02")), 0);
        assert_eq!(range(&wild, "1969"..="2000").1, 1);
    }
}

#[test]
fn labels() {
    let layer = Dimension::labels("layer", ["wind", "temperature", "1", "a..b", "~x", ""]);
    assert_eq!(
        (at(&layer, "wind"), at(&layer, "1"), at(&layer, "")),
        (0, 2, 5)
    );
    assert_eq!(at(&layer, LabelSelector::parse("=a..b").unwrap()), 3);
    assert_eq!(at(&layer, LabelSelector::parse("=~x").unwrap()), 4);
    assert_eq!(at(&layer, LabelSelector::parse("=").unwrap()), 5);
    assert_eq!(range(&layer, "temperature"..="1"), (1, 2));
    assert_eq!(range(&layer, "1"..="temperature"), (1, 2));
    assert_eq!(range(&layer, "a..b"..), (3, 3));
    assert_eq!(range(&layer, ..="wind"), (0, 1));
    assert_eq!(
        refusal(&layer, "Temprature"),
        "there is no label 'Temprature' among the 6 there are; did you mean 'temperature'?"
    );
    assert_eq!(
        refusal(&layer, "humidity"),
        "there is no label 'humidity' among the 6 there are"
    );
    assert!(refusal(&layer, "wind"..="humidity").contains("'humidity'"));
    assert!(refusal(&layer, 1.0).contains("labels are text"));
    assert!(refusal(&layer, LabelSelector::nearest("wind")).contains("no nearest"));
    let rest = view(&layer).narrowed(&Index::from(1..).resolve("layer", 6).unwrap());
    let missed = LabelSelector::from("wind").resolve_in(&rest).unwrap_err();
    assert!(missed.message().contains("not among the 5 selected before"));
}

#[test]
fn single_times() {
    let time = days("PT6H");
    assert_eq!(at(&time, "2023-01-30"), 0);
    assert_eq!(at(&time, "2023-01-31T01:00+01:00"), 4);
    assert_eq!(
        at(&time, "2023-01-30T12:00".parse::<Timestamp>().unwrap()),
        2
    );
    assert_eq!(at(&time, LabelSelector::nearest("2023-01-30T03:00")), 1);
    assert_eq!(
        at(&days("-PT6H"), LabelSelector::nearest("2023-01-29T21:00")),
        0
    );
    assert_eq!(at(&days("-P1D"), "2023-01-01"), 29);
    let hour: TimeStep = "PT1H".parse().unwrap();
    assert_eq!(
        at(&time, LabelSelector::within("2023-01-30T05:00", hour)),
        1
    );
    assert!(
        refusal(&time, LabelSelector::within("2023-01-30T04:59", hour)).contains("within PT1H of")
    );
    assert!(refusal(&time, "2023-01-30T00:00:00.000000001").starts_with(
        "'2023-01-30T00:00:00.000000001' is not a coordinate; the nearest are 2023-01-30T00:00:00Z and \
         2023-01-30T06:00:00Z;"
    ));
    assert!(refusal(&time, "2023-01").contains("select it as the range `2023-01..2023-01`"));
    assert!(refusal(&time, "soon").contains("is not a time"));
    assert!(refusal(&time, 3.0).starts_with("3 is not a coordinate; the nearest are 2023-"));
    assert!(refusal(&time, f64::INFINITY).contains("out of range"));
    assert!(refusal(&time, "3").contains("write `@3` for seconds since 1970"));
    assert!(refusal(&time, LabelSelector::within("2023-01-30", 1.0)).contains("step of time"));
    let back = TimeStep::from_nanoseconds(-1).unwrap();
    assert!(refusal(&time, LabelSelector::within("2023-01-30", back)).contains("zero or more"));
}

#[test]
fn times_as_seconds_and_as_distances_from_the_start() {
    // 2023-01-30 is 1675036800 seconds after 1970.
    let (time, back) = (days("PT6H"), days("-P1D"));
    for (text, expected) in [
        ("@1675036800", 0),
        ("@1675058400", 1),
        ("~@1675058399.999", 1),
        ("@1675058399~1s", 1),
        ("+0s", 0),
        ("+6h", 1),
        ("+PT12H", 2),
        ("+1d 6h", 5),
        ("~+8h", 1),
        ("+7h~PT1H", 1),
        ("+002023-01-30", 0),
    ] {
        assert_eq!(
            at(&time, LabelSelector::parse(text).unwrap()),
            expected,
            "{text}"
        );
    }
    assert_eq!(at(&back, LabelSelector::parse("-2d").unwrap()), 2);
    assert_eq!(at(&time, 1_675_058_400.0), 1);
    let step: TimeStep = "PT6H".parse().unwrap();
    assert_eq!(at(&time, step), 1);
    for (text, expected) in [
        ("+6h..+12h", (1, 2)),
        ("+6h..", (1, 39)),
        ("+5h..2023-01-30T18:00", (1, 3)),
        ("@1675036800..@1675058400", (0, 2)),
        ("-1d..+6h", (0, 2)),
        ("+0h..+1d..2", (0, 3)),
    ] {
        assert_eq!(
            range(&time, LabelSelector::parse(text).unwrap()),
            expected,
            "{text}"
        );
    }
    assert_eq!(
        range(
            &time,
            step..=TimeStep::from_nanoseconds(step.as_nanoseconds() * 2).unwrap()
        ),
        (1, 2)
    );
    // The start is that of the whole axis, whatever is selected of it.
    let rest = view(&time).narrowed(&Index::from(2..).resolve("time", 40).unwrap());
    let pick = LabelSelector::parse("+18h")
        .unwrap()
        .resolve_in(&rest)
        .unwrap();
    assert_eq!(pick.slab.start, 1);
    for (text, said) in [
        (
            "+7h",
            "'+7h' is not a coordinate; the nearest are 2023-01-30T06:00:00Z",
        ),
        ("+1mo", "months and years have no fixed length"),
        ("@soon", "write seconds since 1970"),
        ("@99999999999999", "out of range"),
    ] {
        let refused = refusal(&time, LabelSelector::parse(text).unwrap());
        assert!(refused.contains(said), "{text}: {refused}");
    }
    let empty = Dimension::time_scale(
        "time",
        0,
        TimeStart::Fixed("2023-01-01".parse().unwrap()),
        step,
    );
    assert!(refusal(&empty, "+6h").contains("no position is selected"));
    assert!(refusal(&tenths(), step).contains("is not a number"));
    // On labels such text is a label like any other.
    let signs = Dimension::labels("sign", ["@1", "+3h"]);
    assert_eq!(at(&signs, LabelSelector::parse("@1").unwrap()), 0);
    assert_eq!(at(&signs, LabelSelector::parse("+3h").unwrap()), 1);
    for selector in [
        LabelSelector::from(step),
        LabelSelector::from(TimeStep::from_nanoseconds(-1).unwrap()),
    ] {
        let text = selector.to_string();
        assert!(text.starts_with(['+', '-']), "{text}");
        assert_eq!(LabelSelector::parse(&text).unwrap().to_string(), text);
    }
}

#[test]
fn ranges_of_times_cover_the_periods_they_name() {
    for (step, text, expected) in [
        ("PT6H", "2023-01..2023-01", (0, 8)),
        ("PT6H", "2023-01-31..2023-02-01", (4, 8)),
        ("PT6H", "2023-02-01..2023-01-31", (4, 8)),
        ("PT6H", "..2023-01-30", (0, 4)),
        ("PT6H", "..2023-01-30T06:00", (0, 2)),
        ("PT6H", "2023-02..", (8, 32)),
        ("PT6H", "2023..2023", (0, 40)),
        ("PT6H", "2024..", (0, 0)),
        ("PT6H", "2023-01-30T01:00..2023-01-30T05:00", (0, 0)),
        ("PT6H", "..2023-01..4", (0, 2)),
        ("-P1D", "2023-01..2023-01", (0, 30)),
        ("-P1D", "2022..2022-12-31", (30, 10)),
        ("-P1D", "2023-01-29..", (0, 2)),
        ("-P1D", "..2022-12-25", (36, 4)),
    ] {
        let selector = LabelSelector::parse(text).unwrap();
        assert_eq!(range(&days(step), selector), expected, "{step} {text}");
    }
    let from: Timestamp = "2023-01-30".parse().unwrap();
    assert_eq!(
        range(&days("PT6H"), from..=from),
        (0, 1),
        "an instant is no period"
    );
    let times = ["2023-01-03", "2023-01-01"].map(|text| text.parse().unwrap());
    let known = Coordinates::Times {
        times: times.to_vec(),
    };
    let listed = Dimension::with_coordinates("time", 2, known);
    assert_eq!(at(&listed, "2023-01-01"), 1);
    assert_eq!(range(&listed, "2023-01-02"..), (0, 1));
}

#[test]
fn what_has_no_coordinates_cannot_be_selected_by_them() {
    let plain = Dimension::new("n", 3);
    assert!(refusal(&plain, 1.0).contains("select by index instead"));
    let start = TimeStart::Attribute("dt".to_owned());
    let open = Dimension::time_scale("time", 3, start, "PT1H".parse().unwrap());
    assert!(refusal(&open, "2023").contains("attribute 'dt'"));
    let short = Dimension {
        size: 4,
        ..Dimension::labels("l", ["a"])
    };
    assert!(refusal(&short, "a").contains("1 coordinates for size 4"));
    assert_eq!(
        CoordinateValue::of(short.coordinates.as_ref(), 3),
        CoordinateValue::Position(3)
    );
}

#[test]
fn indices() {
    let slab = |start, count, stride| AxisSlab {
        start,
        count,
        stride,
    };
    for (index, size, expected) in [
        (Index::from(2..5), 10, slab(2, 3, 1)),
        (Index::from(2..=5), 10, slab(2, 4, 1)),
        (Index::from(-3..), 10, slab(7, 3, 1)),
        (Index::from(-3..=-1), 10, slab(7, 3, 1)),
        (Index::from(..=-2), 10, slab(0, 9, 1)),
        (Index::from(..=i64::MAX), 10, slab(0, 10, 1)),
        (Index::from(..-12), 10, slab(0, 0, 1)),
        (Index::from(-12..), 10, slab(0, 10, 1)),
        (Index::from(8..100), 10, slab(8, 2, 1)),
        (Index::from(-5..2), 10, slab(0, 0, 1)),
        (Index::from(10..), 10, slab(0, 0, 1)),
        (Index::from(..), 0, slab(0, 0, 1)),
        (Index::range(1..).step(4), 10, slab(1, 3, 4)),
        (Index::range(..).step(100), 10, slab(0, 1, 1)),
        (Index::from((0..24).step_by(6)), 48, slab(0, 4, 6)),
        (Index::from((0..24).step_by(6)), 10, slab(0, 2, 6)),
        (Index::from((3..4).step_by(9)), 10, slab(3, 1, 1)),
        (Index::from((3..3).step_by(9)), 10, slab(0, 0, 1)),
        (Index::from((0..usize::MAX).step_by(1)), 10, slab(0, 10, 1)),
    ] {
        let pick = index.resolve("x", size).unwrap();
        assert_eq!(pick, AxisPick::kept(expected), "{index} of {size}");
    }
    for (index, size) in [
        (0, 0),
        (-1, 0),
        (3, 3),
        (-4, 3),
        (i64::MIN, 3),
        (i64::MAX, 3),
    ] {
        let error = Index::At(index).resolve("x", size).unwrap_err();
        let expected = format!("dimension 'x': index {index} is out of range for size {size}; ");
        assert!(error.message().starts_with(&expected), "{error}");
    }
    assert!(Index::range(..).step(0).resolve("x", 3).is_err());
}

#[test]
fn indices_as_text() {
    for text in ["3", "-1", ":", "2:10", "::2", "2:10:3", ":-1", "-5:"] {
        assert_eq!(text.parse::<Index>().unwrap().to_string(), text);
    }
    assert_eq!(" 2 : 10 ".parse::<Index>().unwrap(), Index::from(2..10));
    assert_eq!("::".parse::<Index>().unwrap(), Index::Full);
    for text in [
        "",
        "x",
        "1.5",
        "1:2:3:4",
        "::0",
        "::-1",
        "...",
        "99999999999999999999",
    ] {
        let error = text.parse::<Index>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
        assert!(error.message().contains(text));
    }
}

#[test]
fn coordinates_as_text() {
    let day: TimeStep = "P1D".parse().unwrap();
    for (text, expected) in [
        ("0.3", LabelSelector::from("0.3")),
        ("2023-01-03T06:00", LabelSelector::from("2023-01-03T06:00")),
        ("~0.3", LabelSelector::nearest("0.3")),
        ("0.3~0.05", LabelSelector::within("0.3", 0.05)),
        ("2023-01-03~P1D", LabelSelector::within("2023-01-03", day)),
        ("-10..10", LabelSelector::from("-10"..="10")),
        ("10..", LabelSelector::from("10"..)),
        ("..10", LabelSelector::from(..="10")),
        ("..", LabelSelector::from(..)),
        ("0..90..3", LabelSelector::from("0"..="90").step(3)),
        ("....3", LabelSelector::from(..).step(3)),
        ("=a..b~c", LabelSelector::from("a..b~c")),
        ("==", LabelSelector::from("=")),
    ] {
        assert_eq!(LabelSelector::parse(text).unwrap(), expected, "{text}");
    }
    for text in [
        "",
        " ",
        "0...5",
        "5...",
        "...",
        "1..2..0",
        "1..2..x",
        "~1..2",
        "a~b",
        "~a~b",
        "1..2..3..4",
    ] {
        let error = LabelSelector::parse(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text}");
    }
}

#[test]
fn all_axes_at_once() {
    let dimensions = [
        days("PT6H"),
        Dimension::labels("layer", ["wind", "temperature"]),
        Dimension::scale("lat", 90, -89.0, 2.0, ""),
        Dimension::new("lon", 180),
    ];
    let views: Vec<_> = dimensions.iter().map(view).collect();
    let shape = |selection: Selection| -> Vec<Option<u64>> {
        let picks = selection.resolve(&views).unwrap();
        let kept = |pick: &AxisPick| (!pick.dropped).then_some(pick.slab.count);
        picks.iter().map(kept).collect()
    };
    let whole = vec![Some(40), Some(2), Some(90), Some(180)];
    assert_eq!(shape(select![]), whole);
    assert_eq!(shape(select![...]), whole);
    assert_eq!(shape(select![.., .., .., .., ...,]), whole);
    assert_eq!(
        shape(select![0, "temperature", 10.0..=20.0, (0..24).step_by(6)]),
        [None, None, Some(5), Some(4)]
    );
    assert_eq!(
        shape(select![..., -1.0, 5..]),
        [Some(40), Some(2), None, Some(175)]
    );
    assert_eq!(
        shape(select!["2023-01".., ..., -1]),
        [Some(40), Some(2), Some(90), None]
    );
    assert_eq!(
        shape(select![
            LabelSelector::nearest("2024-01-01"),
            ..,
            1..=2,
            Index::range(..).step(100)
        ]),
        [None, Some(2), Some(2), Some(2)]
    );
    for (selection, message) in [
        (select![..., 0, ...], "given twice"),
        (
            select![0, 0, 0, 0, 0],
            "5 selectors for 4 dimensions (time, layer, lat, lon)",
        ),
        (
            select![.., .., .., 1.0],
            "dimension 'lon': it has no coordinates",
        ),
        (
            select![.., 2],
            "dimension 'layer': index 2 is out of range for size 2",
        ),
    ] {
        assert!(
            selection
                .resolve(&views)
                .unwrap_err()
                .message()
                .contains(message)
        );
    }
    assert_eq!(select![].resolve(&[]).unwrap(), []);
    assert_eq!(select![...].resolve(&[]).unwrap(), []);
}

#[test]
fn an_axis_tells_its_coordinates() {
    let lat = Dimension::scale("lat", 90, -89.0, 2.0, "degrees_north");
    assert_eq!(view(&lat).to_string(), "lat: 90, -89 to 89 degrees_north");
    let part = view(&lat).narrowed(&sel(&lat, 0.0..).unwrap());
    assert_eq!(part.to_string(), "lat: 45 of 90, 1 to 89 degrees_north");
    let part = part.narrowed(
        &Index::range(..3)
            .step(2)
            .resolve("lat", part.count())
            .unwrap(),
    );
    let shown: Vec<_> = part.values().map(|value| value.to_string()).collect();
    assert_eq!(shown, ["1", "5"]);
    assert_eq!(part.values().nth(1), Some(CoordinateValue::Number(5.0)));
    assert_eq!(part.values().size_hint(), (2, Some(2)));
    assert_eq!(view(&Dimension::new("n", 7)).to_string(), "n: 7");
    let time = days("PT6H");
    let json = serde_json::to_string(&view(&time).value_at(1)).unwrap();
    assert_eq!(json, "\"2023-01-30T06:00:00Z\"");
    for (number, text) in [
        (-0.0, "0"),
        (1e300, "1e300"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1e-7, "1e-7"),
    ] {
        assert_eq!(CoordinateValue::Number(number).to_string(), text);
    }
}
