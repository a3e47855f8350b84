"""Random selections through hyperslab equal the same selections through NumPy on what xarray read."""

import json
import os
import random
import subprocess

import numpy as np
import pytest
import xarray as xr

from conftest import LONG, data_file, hyperslab, open_decoded, program

FILES = [
    ("coads_climatology.nc", "SST"),
    ("navy_winds.nc", "UWND"),
    ("era5-levels-members.nc", "t"),
]
COUNT = 100_000 if LONG else 10_000
CELLS_MAX = 20_000


class Axis:
    """One axis of the expected array: its size, and its coordinates as numbers, instants or labels, if it has any.

    Each `pick_*` gives how the command line says it, `("isel" or "sel", text)`, and the NumPy index that means the same.
    """

    def __init__(self, name: str, size: int, coordinates: np.ndarray | None = None):
        self.name = name
        self.size = size
        kind = coordinates.dtype.kind if coordinates is not None else ""
        self.numbers = coordinates.astype(np.float64) if kind in ("i", "u", "f") else None
        self.instants = coordinates if kind == "M" else None
        self.labels = coordinates.tolist() if kind == "U" else None

    def pick(self, rng: random.Random):
        picks = [self.pick_all, self.pick_index, self.pick_range, self.pick_range]
        if self.numbers is not None:
            picks += [self.pick_number, self.pick_nearest, self.pick_numbers]
        if self.instants is not None:
            picks += [self.pick_instant, self.pick_nearest_instant, self.pick_instants]
        if self.labels is not None:
            picks += [self.pick_label, self.pick_labels]
        return rng.choice(picks)(rng)

    def pick_all(self, rng):
        return None, slice(None)

    def pick_index(self, rng):
        i = rng.randrange(-self.size, self.size)
        return ("isel", str(i)), i

    def pick_range(self, rng):
        # Ends may be open, negative, or past the end; the result may be empty.
        reach = self.size + 3
        start = rng.choice([None, rng.randint(-reach, reach)])
        stop = rng.choice([None, rng.randint(-reach, reach)])
        step = rng.choice([None, 1, 2, 3, rng.randint(1, reach)])
        ends = ["" if end is None else str(end) for end in (start, stop)]
        text = ":".join(ends if step is None else [*ends, str(step)])
        return ("isel", text), slice(start, stop, step)

    def pick_number(self, rng):
        i = rng.randrange(self.size)
        value = float(self.numbers[i])
        # 3 * 0.1 is not 0.3, and both mean the same cell.
        rounded = round(value * 10) * 0.1
        same = abs(rounded - value) <= 1e-12 * max(1.0, abs(value))
        return ("sel", repr(rng.choice([value, rounded]) if same else value)), i

    def pick_nearest(self, rng):
        low, high = float(self.numbers.min()), float(self.numbers.max())
        value = rng.uniform(low, high)
        distances = np.sort(np.abs(self.numbers - value))
        if self.size > 1 and distances[1] - distances[0] < 1e-6 * (high - low):
            return self.pick_number(rng)
        return ("sel", f"~{value!r}"), int(np.abs(self.numbers - value).argmin())

    def pick_numbers(self, rng):
        a, b = self.two_positions(rng)
        ends = sorted((float(self.numbers[a]), float(self.numbers[b])))
        # Ends off the grid select what lies between them.
        if self.size > 1 and rng.random() < 0.5:
            margin = 0.4 * float(np.abs(np.diff(self.numbers)).min())
            ends = [ends[0] - margin, ends[1] + margin]
        if rng.random() < 0.3:
            ends.reverse()
        return ("sel", f"{ends[0]!r}..{ends[1]!r}"), slice(a, b + 1)

    def pick_instant(self, rng):
        i = rng.randrange(self.size)
        return ("sel", iso(self.instants[i])), i

    def pick_nearest_instant(self, rng):
        i = rng.randrange(self.size)
        gaps = np.abs(np.diff(self.instants.astype(np.int64)))
        off = int(gaps.min() * rng.uniform(-0.4, 0.4)) // 10**9 if self.size > 1 else 0
        return ("sel", "~" + iso(self.instants[i] + np.timedelta64(off, "s"))), i

    def pick_instants(self, rng):
        a, b = self.two_positions(rng)
        ends = sorted((iso(self.instants[a]), iso(self.instants[b])))
        return ("sel", "..".join(ends)), slice(a, b + 1)

    def pick_label(self, rng):
        i = rng.randrange(self.size)
        return ("sel", rng.choice(["", "="]) + self.labels[i]), i

    def pick_labels(self, rng):
        a, b = self.two_positions(rng)
        return ("sel", f"{self.labels[a]}..{self.labels[b]}"), slice(a, b + 1)

    def two_positions(self, rng):
        return sorted((rng.randrange(self.size), rng.randrange(self.size)))


def iso(instant: np.datetime64) -> str:
    return np.datetime_as_string(instant.astype("datetime64[s]"), unit="s") + "Z"


def axes_of(array: xr.DataArray) -> list[Axis]:
    return [
        Axis(dim, array.sizes[dim], array[dim].values if dim in array.coords else None)
        for dim in array.dims
    ]


def requests(axes: list[Axis], count: int, rng: random.Random):
    """(request, index tuple) for each selection, few of them large."""
    while count:
        request, index, cells = {"isel": {}, "sel": {}}, [], 1
        for axis in axes:
            said, meant = axis.pick(rng)
            index.append(meant)
            if said is not None:
                how, text = said
                request[how][axis.name] = text
            if isinstance(meant, slice):
                cells *= len(range(*meant.indices(axis.size)))
        if cells <= CELLS_MAX or rng.random() < 0.01:
            count -= 1
            yield request, tuple(index)


def compare(store, collection: str, expected: np.ndarray, axes: list[Axis], count: int, tmp_path) -> None:
    seed = int(os.environ.get("HYPERSLAB_TEST_SEED", random.randrange(2**32)))
    print(f"seed {seed}: repeat with HYPERSLAB_TEST_SEED={seed}")
    asked = list(requests(axes, count, random.Random(seed)))
    lines = tmp_path / "requests.jsonl"
    lines.write_text("".join(json.dumps(request) + "\n" for request, _ in asked))
    batch = [program("HYPERSLAB_SELECT_BATCH", "examples", "select_batch"), store, collection]
    with lines.open() as stdin, subprocess.Popen(batch, stdin=stdin, stdout=subprocess.PIPE) as run:
        for number, (request, index) in enumerate(asked):
            header = run.stdout.readline()
            assert header, f"no answer to request {number}: {request} (seed {seed})"
            header = json.loads(header)
            assert "error" not in header, f"{request}: {header} (seed {seed})"
            cells = np.dtype(header["dtype"])
            raw = run.stdout.read(header["bytes"])
            ours = np.frombuffer(raw, cells.newbyteorder("<")).reshape(header["shape"])
            fill = cells.type(float(header["fill"]))
            ours = np.where(ours == fill, cells.type(np.nan), ours)
            np.testing.assert_array_equal(
                ours, expected[index], err_msg=f"{request} (seed {seed})", strict=True
            )
        assert run.stdout.read() == b""
    assert run.returncode == 0


@pytest.mark.parametrize("name,variable", FILES, ids=[name for name, _ in FILES])
def test_random_selections_of_the_file(name, variable, tmp_path):
    store = tmp_path / "store"
    hyperslab("init", store)
    hyperslab("import", data_file(name), store, "sample", "--variable", variable)
    array = open_decoded(data_file(name))[variable]
    compare(store, "sample", array.values, axes_of(array), COUNT, tmp_path)


@pytest.mark.parametrize("name,variable", FILES, ids=[name for name, _ in FILES])
def test_random_selections_on_a_tenth_grid_with_labels(name, variable, tmp_path):
    """The same cells under other coordinates: labels on the first axis, steps of 0.1 on the last two."""
    array = open_decoded(data_file(name))[variable]
    cells = array.values
    first, *middle, last = cells.shape
    axes = [Axis("name", first, np.array([f"member {i}" for i in range(first)]))]
    axes += [Axis(f"axis_{i}", size) for i, size in enumerate(middle[:-1])]
    axes.append(Axis("grid_y", middle[-1], np.round((np.arange(middle[-1]) - 30) / 10, 1)))
    axes.append(Axis("grid_x", last, np.round(np.arange(last) / 10, 1)))
    store = tmp_path / "store"
    make(store, cells, axes, tmp_path)
    compare(store, "tenths", cells, axes, COUNT, tmp_path)


def make(store, cells: np.ndarray, axes: list[Axis], tmp_path) -> None:
    """A collection by schema, and its one array from a .npy file."""
    dimensions = []
    for axis in axes:
        dimension = {"name": axis.name, "size": axis.size}
        if axis.labels:
            dimension["coordinates"] = {"kind": "labels", "labels": axis.labels}
        elif axis.numbers is not None:
            start = float(axis.numbers[0])
            dimension["coordinates"] = {"kind": "scale", "start": start, "step": 0.1, "unit": "km"}
        dimensions.append(dimension)
    schema = tmp_path / "schema.json"
    schema.write_text(
        json.dumps({"version": 1, "dtype": cells.dtype.name, "fill_value": "NaN", "dimensions": dimensions})
    )
    np.save(tmp_path / "cells.npy", cells)
    hyperslab("init", store)
    hyperslab("create", store, "tenths", "--schema", schema)
    hyperslab("new", store, "tenths", "--from", tmp_path / "cells.npy")
