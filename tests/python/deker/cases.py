"""What a sample storage holds: collections, their arrays, and what was done to them. Runs under Deker's Python."""

import dataclasses

import numpy as np

Attributes = dict


@dataclasses.dataclass
class Write:
    """Cells put at an index; without cells the place is cleared."""

    index: tuple | slice
    cells: object = None


@dataclasses.dataclass
class ArrayCase:
    """An array, what is written into it in order, and the custom attributes that are updated afterwards."""

    primary: Attributes | None = None
    custom: Attributes | None = None
    writes: list[Write] = dataclasses.field(default_factory=list)
    update: Attributes | None = None
    id: str | None = None
    # Positions of tiles deleted by themselves.
    lost_tiles: list[tuple] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Case:
    """A collection."""

    name: str
    schema: object
    arrays: list[ArrayCase]
    options: object = None
    # The dtype for which hyperslab has no type.
    refused: str | None = None
    # Whether Deker itself finds the arrays by their primary attributes.
    found_by_deker: bool = True
    # Written as Deker's first version did: no `scale` of dimensions.
    version: str = "0.2"


def ramp(shape, dtype, seed: int = 0) -> np.ndarray:
    """Cells that differ from their neighbours and use the whole width of the type, its ends among them."""
    dtype = np.dtype(dtype)
    count = int(np.prod(shape))
    rng = np.random.default_rng(seed + count)
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        cells = rng.integers(limits.min, limits.max, count, dtype=dtype, endpoint=True)
        cells[:1], cells[-1:] = limits.max, limits.min
    elif dtype.kind == "c":
        parts = np.empty(0, dtype).real.dtype
        cells = np.empty(count, dtype)
        cells.real, cells.imag = floats(count, parts, rng), floats(count, parts, rng)
    else:
        cells = floats(count, dtype, rng)
    return cells.reshape(shape)


def floats(count: int, dtype, rng) -> np.ndarray:
    """Floats with the special ones at the front; the last digits of the wide ones are in use."""
    cells = rng.standard_normal(count).astype(dtype) / dtype.type(3)
    special = [0.0, -0.0, np.inf, -np.inf, np.nan, np.finfo(dtype).max, np.finfo(dtype).tiny]
    cells[: len(special)] = np.array(special[:count], dtype)
    return cells


def plain(cells: np.ndarray) -> np.ndarray:
    """The same without NaN, which Deker counts as an empty cell."""
    return np.nan_to_num(cells, nan=1.5, posinf=2.5, neginf=-2.5)


def all_cases() -> list[Case]:
    """Every collection of the sample storage."""
    import cases_attributes
    import cases_dimensions
    import cases_dtypes
    import cases_layouts
    import cases_tiled

    parts = [cases_dtypes, cases_dimensions, cases_attributes, cases_layouts, cases_tiled]
    found = [case for part in parts for case in part.all_cases()]
    names = [case.name for case in found]
    assert len(set(names)) == len(names), "two collections of one name"
    return found
