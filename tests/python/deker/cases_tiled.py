"""VArrays: arrays in tiles that are files of their own."""

import datetime

import cases
import numpy as np
from cases import ArrayCase, Case, Write
from deker import AttributeSchema, DimensionSchema, Scale, TimeDimensionSchema, VArraySchema
from deker_local_adapters import HDF5CompressionOpts, HDF5Options

UTC = datetime.timezone.utc
START = datetime.datetime(2022, 12, 31, 20, tzinfo=UTC)
SHAPE = (8, 9)
SCENE = AttributeSchema(name="scene", dtype=str, primary=True)
NOTE = AttributeSchema(name="note", dtype=str, primary=False)


def plain(shape=SHAPE):
    return [DimensionSchema(name=f"d{axis}", size=size) for axis, size in enumerate(shape)]


def case(name, dimensions, arrays, attributes=(SCENE, NOTE), dtype=np.float32, options=None, **grid):
    schema = VArraySchema(dimensions=dimensions, dtype=dtype, attributes=list(attributes), **grid)
    return Case(name, schema, arrays, options)


def scenes(shape=SHAPE, dtype=np.float32):
    """Full, sparse, in part, never, cleared, and with tiles deleted one by one."""
    cells = cases.ramp(shape, dtype)
    if cells.dtype.kind in "fc":
        # Deker counts NaN as empty, and drops a tile of which it counts enough (the test of that has its own storage).
        cells[np.isnan(cells)] = 1.25
    whole = Write(slice(None), cells)
    corner = tuple(slice(0, max(1, size // 3)) for size in shape)
    middle = tuple(slice(size // 3, size - 1) for size in shape)
    last = tuple(slice(size - 1, size) for size in shape)
    return [
        ArrayCase({"scene": "full"}, {"note": "all"}, [whole]),
        ArrayCase({"scene": "sparse"}, None, [Write(corner, cells[corner]), Write(last, cells[last])]),
        ArrayCase({"scene": "middle"}, None, [Write(middle, cells[middle])], update={"note": "over the borders"}),
        ArrayCase({"scene": "never"}),
        ArrayCase({"scene": "cleared in part"}, None, [whole, Write(middle)]),
        ArrayCase({"scene": "cleared"}, None, [whole, Write(slice(None))]),
        ArrayCase({"scene": "lost"}, None, [whole], lost_tiles=[(0,) * len(shape), (1,) * len(shape)]),
    ]


def timed():
    dt = AttributeSchema(name="dt", dtype=datetime.datetime, primary=True)
    began = AttributeSchema(name="began", dtype=datetime.datetime, primary=False)
    hours = datetime.timedelta(hours=1)
    half = Scale(0.0, 0.5)
    for name, attribute, roles in [("tiled time of a key", dt, 0), ("tiled time of a custom attribute", began, 1)]:
        time = TimeDimensionSchema(name="t", size=8, start_value=f"${attribute.name}", step=hours)
        x = DimensionSchema(name="x", size=9, scale=half)
        attributes = [attribute] if roles == 0 else [SCENE, attribute]
        arrays = []
        for index in range(2):
            start = START + index * datetime.timedelta(days=1, microseconds=5)
            given = ({"dt": start}, None) if roles == 0 else ({"scene": f"s{index}"}, {"began": start})
            cells = cases.ramp(SHAPE, np.int64, index)
            arrays.append(ArrayCase(*given, [Write((slice(0, 5),), cells[:5])]))
        yield case(name, [time, x], arrays, attributes, np.int64, vgrid=(2, 3))
    fixed = TimeDimensionSchema(name="t", size=4, start_value=START, step=-hours)
    labels = DimensionSchema(name="layer", size=3, labels=["a", "ü", "c"])
    shape = (4, 3)
    yield case("tiled labels and fixed time", [fixed, labels], scenes(shape), vgrid=(2, 3))


def all_cases():
    yield case("tiled vgrid", plain(), scenes(), vgrid=(2, 3))
    yield case("tiled arrays_shape", plain(), scenes(), arrays_shape=(4, 3))
    yield case("tiled one tile", plain(), scenes()[:4], vgrid=(1, 1))
    yield case("tiled every cell", plain((2, 3)), scenes((2, 3))[:2], vgrid=(2, 3))
    yield case("tiled 3-d", plain((4, 6, 10)), scenes((4, 6, 10), np.int16), dtype=np.int16, vgrid=(2, 3, 5))
    yield case("tiled 1-d", plain((12,)), scenes((12,)), vgrid=(4,))
    filters = HDF5CompressionOpts("gzip", 4)
    options = HDF5Options(chunks=(2, 3), compression_opts=filters)
    yield case("tiled gzip", plain(), scenes(), options=options, vgrid=(2, 3))
    yield case("tiled fill", plain(), scenes(dtype=np.uint8), dtype=np.uint8, vgrid=(2, 3), fill_value=9)
    yield case("tiled complex", plain(), scenes(dtype=np.complex64), dtype=np.complex64, vgrid=(2, 3))
    keyless = [
        ArrayCase(None, {"note": f"number {index}"}, [Write((index,), cases.ramp(SHAPE, np.float32, index)[index])])
        for index in range(3)
    ]
    yield case("tiled without a key", plain(), keyless, [NOTE], vgrid=(2, 3))
    yield from timed()
