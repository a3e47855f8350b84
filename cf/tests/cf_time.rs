//! CF times against what cftime says, from a table made by `tests/python/make_cf_time_golden.py`.

use hyperslab_cf::{TimeAxis, TimeNumbers};
use hyperslab_core::Timestamp;

#[test]
fn times_are_those_of_cftime() {
    let rows = include_str!("data/cf_time_golden.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let mut count = 0;
    for row in rows {
        let [units, calendar, kind, number, expected] =
            row.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let axis = if kind == "int" {
            let numbers = [number.parse().unwrap()];
            TimeAxis::decide(TimeNumbers::Ints(&numbers), units, Some(calendar))
        } else {
            let numbers = [number.parse().unwrap()];
            TimeAxis::decide(TimeNumbers::Floats(&numbers), units, Some(calendar))
        };
        match axis {
            TimeAxis::Instants(times) => {
                let expected: Timestamp = expected.parse().expect(row);
                // cftime stops at the microsecond.
                let apart = times[0].as_nanoseconds() - expected.as_nanoseconds();
                assert!(apart.abs() <= 500, "{row}: {}", times[0]);
                if kind == "int" {
                    assert_eq!(apart, 0, "{row}: {}", times[0]);
                }
            }
            TimeAxis::Numbers { reason } => assert_eq!(expected, "number", "{row}: {reason}"),
        }
        count += 1;
    }
    assert!(count > 90, "the table is short: {count}");
}
