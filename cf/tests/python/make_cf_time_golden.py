"""Writes tests/data/cf_time_golden.tsv: what cftime says CF times are.

Run with the packages cftime and numpy:  python make_cf_time_golden.py > ../data/cf_time_golden.tsv

Columns: units, calendar, kind of number (int or float), number, and either the UTC instant in RFC 3339 to the
microsecond, or "number" where the time is no instant of the calendar that people use.
"""

import sys

import cftime
import numpy as np

CASES = [
    # (units, calendar, numbers)
    ("hour since 1980-01-14 14:00:00", "standard", [0.0, 0.5, 17526.5, 96426.0, 438.291, 1]),
    ("hours since 1900-01-01 00:00:0.0", "gregorian", [0, 1043136, 1043136.25, -87672, 876600.1]),
    ("days since 1-1-1", "standard", [719164, 719164.5, 577736, 577735, 730121.75, 800000.123456]),
    ("days since 0001-01-01 00:00:00", "proleptic_gregorian", [719162, 0, 577735, 1.5, -365]),
    ("days since 0000-01-01", "proleptic_gregorian", [719528, 0, 59, 60]),
    ("days since 1582-10-04", "standard", [0, 1, 2, 365]),
    ("days since 1582-10-15 12:00", "standard", [-0.5, -0.75, 0, 1]),
    ("days since -4713-01-01 12:00:00", "standard", [2440587.5, 2451545, 0]),
    ("seconds since 1970-01-01T00:00:00Z", "proleptic_gregorian", [0, 1483228800, -1, 1.5, 1e9 + 0.25]),
    ("seconds since 1970-01-01", "standard", [1499385600, 4102444800, -12219292800, -12219292801]),
    ("sec since 1992-10-08 15:15:42.5-06:00", "standard", [0, 10, 0.1, 3.0e8]),
    ("minutes since 2000-01-01 00:00:00+01:00", "standard", [0, 60, 525600, 0.01]),
    ("mins since 2000-02-28 23:59", "gregorian", [1, 1441, 1440]),
    ("milliseconds since 1970-01-01 00:00:00", "standard", [1483228800001, 0.5, -1]),
    ("msec since 1970-1-1", "standard", [1, 1000]),
    ("microseconds since 1970-01-01", "proleptic_gregorian", [1483228800000001, -1]),
    ("d since 1970-01-01 UTC", "standard", [17000, 17000.25]),
    ("hrs since 1970-01-01 0:0:0", "standard", [1, 24]),
    ("h since 2000-1-1 12:0", "standard", [12, 0.25]),
    ("s since 2038-01-19T03:14:07", "standard", [0, 1]),
    ("days since 1600-02-28", "standard", [1, 2, 146097]),
    ("days since 1700-02-28", "gregorian", [1, 2]),
    ("days since 1500-02-28", "standard", [1, 40000]),
    ("days since 1900-02-28", "julian", [1, 2]),
    ("days since 2000-02-28", "noleap", [1, 366]),
    ("days since 2000-02-28", "365_day", [1]),
    ("days since 2001-02-28", "all_leap", [1]),
    ("days since 2001-02-28", "366_day", [1]),
    ("days since 2000-02-30", "360_day", [1, 360]),
    ("months since 2000-02-30", "360_day", [1]),
    ("days since 1850-01-01", "standard", [60265.5, 0.041666666666666664, 1e-6]),
    ("hours since 1800-01-01", "standard", [1910957.7, 7.0 / 60]),
    ("days since 9999-12-30", "standard", [0, 0.5]),
]

REAL = {"standard", "gregorian", "proleptic_gregorian"}


def expected(units, calendar, number):
    date = cftime.num2date(number, units, calendar, only_use_cftime_datetimes=True)
    # Times of a real calendar from the switch on are the same in the proleptic calendar.
    if calendar not in REAL:
        return "number"
    if calendar != "proleptic_gregorian" and date < cftime.datetime(1582, 10, 15, calendar=calendar):
        return "number"
    year = f"{date.year:04d}" if date.year >= 0 else f"-{-date.year:06d}"
    return year + date.strftime("-%m-%dT%H:%M:%S") + f".{date.microsecond:06d}Z"


def main():
    print("# Made by make_cf_time_golden.py with cftime", cftime.__version__)
    for units, calendar, numbers in CASES:
        for number in numbers:
            kind = "int" if isinstance(number, int) else "float"
            value = np.int64(number) if kind == "int" else np.float64(number)
            print(units, calendar, kind, repr(number), expected(units, calendar, value), sep="\t")


if __name__ == "__main__":
    sys.exit(main())
