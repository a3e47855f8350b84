"""Attributes of every type, as keys and as custom ones, as Deker spells them at first and after an update."""

import dataclasses
import datetime
import uuid

import cases
import numpy as np
from cases import ArrayCase, Case, Write
from deker import ArraySchema, AttributeSchema, DimensionSchema

UTC = datetime.timezone.utc
WHOLE = datetime.datetime(2023, 1, 1, 21, 34, 5, tzinfo=UTC)
FRACTION = datetime.datetime(2023, 1, 1, 21, 34, 5, 600, tzinfo=UTC)
# NumPy's scalar types; a value of uint64 above the range of int64 has no type in hyperslab, so none is here.
SCALARS = {
    "np i8": np.int8(-128),
    "np i16": np.int16(-32768),
    "np i32": np.int32(2**31 - 1),
    "np i64": np.int64(-(2**63)),
    "np u8": np.uint8(255),
    "np u16": np.uint16(65535),
    "np u32": np.uint32(2**32 - 1),
    "np u64": np.uint64(2**40),
    "np f16": np.float16(0.1),
    "np f32": np.float32(0.1),
    "np f64": np.float64(0.1),
    "np c64": np.complex64(0.1 - 2j),
    "np c128": np.complex128(-1e-05 + 1e16j),
}
TUPLES = [
    (1,),
    (1, "t", 0.5, (1, 2)),
    ("it's", 'say "x"', (1 + 2j, (-0.5j, "(1+2j)")), FRACTION),
    (),
]


def declared(primary, **kinds):
    return [AttributeSchema(name=name, dtype=kind, primary=primary) for name, kind in kinds.items()]


def case(name, attributes, arrays):
    """One-dimensional arrays with these attributes; each is written with cells of its own."""
    schema = ArraySchema(dimensions=[DimensionSchema(name="x", size=4)], dtype=np.int32, attributes=attributes)
    for index, array in enumerate(arrays):
        array.writes = [Write(slice(None), cases.ramp((4,), np.int32, index))]
    return Case(name, schema, arrays)


def keys_of(name, kind, values):
    return case(name, declared(True, key=kind), [ArrayCase({"key": value}) for value in values])


def keys():
    yield keys_of("key int", int, [0, -1, 2**62, 7])
    yield keys_of("key float", float, [0.1, 1e-05, 1e16, -0.0, -2.5, 123456789.125, float("inf"), float("nan")])
    yield keys_of("key complex", complex, [1 + 2j, -0.5j, 1e-05 + 1e16j])
    # An empty text is no level of the tree of links, and collides with it: only as a custom attribute below.
    yield keys_of("key text", str, ["plain", "with space", "it's", 'say "x"', "Größe 天気", "a=b", "100%", "-1", "a/b"])
    yield keys_of("key tuple", tuple, [(1,), TUPLES[1], ("it's", 'say "x"', (1 + 2j, (-0.5j,)))])
    # Deker reads the time and the last text back as something else, and then looks for links of another name.
    yield dataclasses.replace(keys_of("key tuple changed", tuple, [TUPLES[2]]), found_by_deker=False)
    yield keys_of("key datetime", datetime.datetime, [WHOLE, FRACTION, datetime.datetime(1901, 2, 3, tzinfo=UTC)])
    several = declared(True, dt=datetime.datetime, number=int, station=str) + declared(False, note=str)
    yield case(
        "key of three",
        several,
        [
            ArrayCase({"dt": WHOLE, "number": number, "station": station}, {"note": f"{station} {number}"})
            for number in (1, 2)
            for station in ("nörd", "south")
        ],
    )
    scalars = {name: value for name, value in SCALARS.items() if name in ("np i16", "np u32", "np f64")}
    kinds = {name: type(value) for name, value in scalars.items()}
    yield case("key of numpy scalars", declared(True, **kinds), [ArrayCase(dict(scalars))])


CUSTOM = {
    "whole": 2**53 + 1,
    "part": 1e-05,
    "huge": 1e16,
    "zero": -0.0,
    "hole": float("nan"),
    "end": float("-inf"),
    "wave": 1.5 - 1j,
    "text": 'it\'s "x" Größe 天気 a/b',
    "empty": "",
    "looks like a number": "0.25",
    "pair": TUPLES[2],
    "none in it": (),
    "when": FRACTION,
    "whole second": WHOLE,
    "größe": 5,
}


def custom():
    kinds = {name: type(value) for name, value in CUSTOM.items()}
    kinds["text"] = str
    attributes = declared(True, number=int) + declared(False, **kinds)
    update = {
        "part": 0.25,
        "when": WHOLE,
        "whole second": FRACTION,
        "wave": -2j,
        "pair": (1, (2, "x"), 0.5),
        "empty": "",
        "hole": float("inf"),
    }
    yield case(
        "custom of every type",
        attributes,
        [
            ArrayCase({"number": 0}, dict(CUSTOM)),
            ArrayCase({"number": 1}, None),
            ArrayCase({"number": 2}, dict(CUSTOM), update=update),
            ArrayCase({"number": 3}, {"text": "only this"}, update={"whole": 9}),
        ],
    )
    scalar_kinds = {name: type(value) for name, value in SCALARS.items()}
    yield case(
        "custom of numpy scalars",
        declared(True, number=int) + declared(False, **scalar_kinds),
        [
            ArrayCase({"number": 0}, dict(SCALARS)),
            ArrayCase({"number": 1}, {"np f32": np.float32(2.5)}, update={"np u8": np.uint8(3), "np f16": np.float16(7.5)}),
        ],
    )
    yield case(
        "custom without a key",
        declared(False, note=str, rank=int),
        [ArrayCase(None, {"note": f"number {index}", "rank": index}) for index in range(3)],
    )


def ids():
    """Before Deker 1.1.4 ids were made from names."""
    made = [str(uuid.uuid5(uuid.NAMESPACE_URL, f"array-{index}")) for index in range(3)]
    arrays = [ArrayCase({"number": index}, id=made[index]) for index in range(3)]
    yield case("ids of version 5", declared(True, number=int), arrays)
    yield case("no attribute at all", [], [ArrayCase(), ArrayCase(), ArrayCase()])


def all_cases():
    yield from keys()
    yield from custom()
    yield from ids()
