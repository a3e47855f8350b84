"""A collection for each type of cells that Deker writes, and for each kind of fill value."""

import cases
import numpy as np
from cases import ArrayCase, Case, Write
from deker import ArraySchema, AttributeSchema, DimensionSchema

# The wide spellings of 64 bits are types of their own in NumPy, and names of their own in Deker's JSON.
TYPES = {
    "int8": np.int8,
    "int16": np.int16,
    "int32": np.int32,
    "int64": np.int64,
    "longlong": np.longlong,
    "uint8": np.uint8,
    "uint16": np.uint16,
    "uint32": np.uint32,
    "uint64": np.uint64,
    "ulonglong": np.ulonglong,
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "float128": np.longdouble,
    "complex64": np.complex64,
    "complex128": np.complex128,
    "complex256": np.clongdouble,
    "python int": int,
    "python float": float,
    "python complex": complex,
}
REFUSED = ("float128", "complex256")


def schema(dtype, fill=None, shape=(3, 5)):
    dimensions = [DimensionSchema(name=n, size=s) for n, s in zip("yx", shape)]
    state = AttributeSchema(name="state", dtype=str, primary=True)
    return ArraySchema(dimensions=dimensions, dtype=dtype, attributes=[state], fill_value=fill)


def states(dtype, seed=0):
    """Arrays never, partly and wholly written, cleared in part and as a whole."""
    cells = cases.ramp((3, 5), dtype, seed)
    everything = slice(None)
    return [
        ArrayCase({"state": "never"}),
        ArrayCase({"state": "part"}, writes=[Write((slice(1, 3), slice(0, 4)), cells[1:3, 0:4])]),
        ArrayCase({"state": "whole"}, writes=[Write(everything, cells)]),
        ArrayCase({"state": "again"}, writes=[Write(everything, cells), Write((0, 2), cells[1, 1])]),
        ArrayCase({"state": "cleared row"}, writes=[Write(everything, cells), Write((slice(0, 1),))]),
        ArrayCase({"state": "cleared"}, writes=[Write(everything, cells), Write(everything)]),
    ]


def cases_of_types():
    for name, dtype in TYPES.items():
        refused = name if name in REFUSED else None
        yield Case(f"dtype {name}", schema(dtype), states(dtype), refused=refused)


FILLS = {
    "int16": (np.int16, -7),
    "int64": (np.int64, 2**62 + 1),
    "uint8": (np.uint8, 255),
    "uint64": (np.uint64, 2**64 - 1),
    "float16": (np.float16, np.float16(0.1)),
    "float32": (np.float32, np.float32(-9999.9)),
    "float64 tiny": (np.float64, 1e-300),
    "float64 infinite": (np.float64, float("inf")),
    "float64 nan": (np.float64, float("nan")),
    "complex64": (np.complex64, np.complex64(1 - 2.5j)),
    "complex128": (np.complex128, 1e-05 + 1e16j),
}


def cases_of_fills():
    for name, (dtype, fill) in FILLS.items():
        yield Case(f"fill {name}", schema(dtype, fill), states(dtype, seed=1))


def all_cases():
    yield from cases_of_types()
    yield from cases_of_fills()
