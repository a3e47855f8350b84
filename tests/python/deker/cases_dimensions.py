"""Dimensions: plain, labelled, scaled, timed, one to five of them, and names of every script."""

import datetime

import cases
import numpy as np
from cases import ArrayCase, Case, Write
from deker import ArraySchema, AttributeSchema, DimensionSchema, Scale, TimeDimensionSchema

UTC = datetime.timezone.utc
NOON = datetime.datetime(2023, 1, 1, 12, tzinfo=UTC)
KOLKATA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))


def case(name, *dimensions, attributes=(), arrays=({},), version="0.2"):
    """Arrays of these dimensions, wholly written; `arrays` are their attributes."""
    shape = tuple(dimension.size for dimension in dimensions)
    schema = ArraySchema(dimensions=list(dimensions), dtype=np.float64, attributes=list(attributes))
    made = []
    for index, given in enumerate(arrays):
        cells = cases.ramp(shape, np.float64, index)
        made.append(ArrayCase(given.get("primary"), given.get("custom"), [Write(slice(None), cells)]))
    return Case(name, schema, made, version=version)


def plain(name, size):
    return DimensionSchema(name=name, size=size)


def scaled(name, size, start, step, named=None):
    return DimensionSchema(name=name, size=size, scale=Scale(start, step, named))


def labelled(name, *labels):
    return DimensionSchema(name=name, size=len(labels), labels=list(labels))


def timed(name, size, start, **step):
    return TimeDimensionSchema(name=name, size=size, start_value=start, step=datetime.timedelta(**step))


def of_time():
    first, second = NOON, datetime.datetime(1969, 12, 31, 23, 59, 59, 250_000, tzinfo=UTC)
    key = AttributeSchema(name="dt", dtype=datetime.datetime, primary=True)
    custom = AttributeSchema(name="began", dtype=datetime.datetime, primary=False)
    yield case("time fixed", timed("t", 6, NOON, hours=6))
    yield case("time negative step", timed("t", 5, NOON, minutes=-90))
    yield case("time microseconds", timed("t", 7, NOON.replace(microsecond=600), microseconds=250))
    yield case("time days and seconds", timed("t", 4, NOON, days=31, seconds=1, milliseconds=500))
    yield case("time of another zone", timed("t", 3, datetime.datetime(2020, 3, 1, 2, tzinfo=KOLKATA), days=1))
    yield case("time without a zone", timed("t", 3, datetime.datetime(2020, 3, 1, 2), days=1))
    yield case(
        "time of a key",
        timed("t", 4, "$dt", hours=1),
        plain("x", 2),
        attributes=[key],
        arrays=[{"primary": {"dt": first}}, {"primary": {"dt": second}}],
    )
    yield case(
        "time of a custom attribute",
        timed("t", 4, "$began", seconds=-30),
        labelled("x", "a", "b"),
        attributes=[key, custom],
        arrays=[{"primary": {"dt": first}, "custom": {"began": second}}],
    )
    yield case(
        "two times",
        timed("run", 2, "$dt", days=1),
        timed("t", 3, NOON, hours=3),
        attributes=[key],
        arrays=[{"primary": {"dt": second}}],
    )


def of_space():
    yield case("dims none labelled", plain("y", 4), plain("x", 3))
    yield case("dims text labels", labelled("layer", "temperature", "pressure", "it's", 'say "x"', "a/b"), plain("x", 2))
    yield case("dims float labels", labelled("level", 1000.0, 850.5, 0.1, -1e-05), plain("x", 2))
    yield case("dims scale tenth", scaled("x", 11, 0.0, 0.1))
    yield case("dims scale negative", scaled("y", 9, 90.0, -22.5), scaled("x", 4, -180.0, 90.0))
    yield case("dims scale named", scaled("y", 5, -1.0, 0.3, "latitude"), scaled("x", 3, -1e-05, 0.00025, "Länge"))
    for rank in range(1, 6):
        yield case(f"dims {rank}", *(plain(f"d{axis}", 2 + axis) for axis in range(rank)))
    yield case("Wetter übung 天気", labelled("größe", "süß", "苦い", "🌧"), plain("координата", 2))
    yield case("names with spaces", scaled("air level", 3, 1.0, 0.5), plain("a b", 2))
    yield case("dims of one", plain("one", 1), scaled("x", 1, 0.1, 0.1), timed("t", 1, NOON, hours=1))


def of_the_first_version():
    """Version 0.1 knew no scales."""
    yield case("version 0.1", plain("y", 3), labelled("x", "a", "b"), version="0.1")
    yield case("version 0.1 time", timed("t", 3, NOON, hours=1), plain("x", 2), version="0.1")


def all_cases():
    yield from of_space()
    yield from of_time()
    yield from of_the_first_version()
