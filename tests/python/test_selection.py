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
    """One axis of the expected array: its size, and its coordinates as float64 numbers or datetime64 instants."""

    def __init__(self, name: str, size: int, coordinates: np.ndarray | None, labels: list[str] | None = None):
        self.name = name
        self.size = size
        self.labels = labels
        self.instants = coordinates if coordinates is not None and coordinates.dtype.kind == "M" else None
        numbers = coordinates is not None and coordinates.dtype.kind in "iuf"
        self.numbers = coordinates.astype(np.float64) if numbers else None

    def random(self, rng: random.Random) -> tuple[dict | None, object]:
        """A request for this axis, and the NumPy index that means the same."""
        kinds = ["all", "index", "range", "range"]
        if self.numbers is not None:
            kinds += ["at", "nearest", "between"]
        if self.instants is not None:
            kinds += ["time", "times"]
        if self.labels is not None:
            kinds += ["label", "labels"]
        return getattr(self, "pick_" + rng.choice(kinds))(rng)

    def pick_all(self, rng):
        return None, slice(None)

    def pick_index(self, rng):
        i = rng.randrange(-self.size, self.size)
        return {"index": i}, i

    def pick_range(self, rng):
        # Ends may be open, negative, or past the end; the result may be empty.
        reach = self.size + 3
        start = rng.choice([None, rng.randint(-reach, reach)])
        stop = rng.choice([None, rng.randint(-reach, reach)])
        step = rng.choice([1, 1, 1, 2, 3, rng.randint(1, reach)])
        return {"range": [start, stop, step]}, slice(start, stop, step)

    def pick_at(self, rng):
        i = rng.randrange(self.size)
        value = float(self.numbers[i])
        # 3 * 0.1 is not 0.3, and both mean the same cell.
        steps = round(value * 10)
        near = steps * 0.1 if abs(steps * 0.1 - value) < 1e-9 * max(1, abs(value)) else value
        return {"at": rng.choice([value, near])}, i

    def pick_nearest(self, rng):
        low, high = sorted((self.numbers[0], self.numbers[-1]))
        value = rng.uniform(low, high)
        distances = np.sort(np.abs(self.numbers - value))
        if len(distances) > 1 and distances[1] - distances[0] < 1e-6 * (high - low):
            return self.pick_at(rng)
        return {"nearest": value}, int(np.abs(self.numbers - value).argmin())

    def pick_between(self, rng):
        a, b = rng.randrange(self.size), rng.randrange(self.size)
        a, b = min(a, b), max(a, b)
        ends = [float(self.numbers[a]), float(self.numbers[b])]
        # Ends off the grid select what lies between them.
        if rng.random() < 0.5 and self.size > 1:
            margin = 0.4 * float(np.abs(np.diff(self.numbers)).min())
            low, high = min(ends) - margin, max(ends) + margin
            ends = [low, high] if ends[0] <= ends[1] else [high, low]
        return {"between": ends}, slice(a, b + 1)

    def pick_time(self, rng):
        i = rng.randrange(self.size)
        return {"time": iso(self.instants[i])}, i

    def pick_times(self, rng):
        a, b = rng.randrange(self.size), rng.randrange(self.size)
        a, b = min(a, b), max(a, b)
        return {"times": [iso(self.instants[a]), iso(self.instants[b])]}, slice(a, b + 1)

    def pick_label(self, rng):
        i = rng.randrange(self.size)
        return {"label": self.labels[i]}, i

    def pick_labels(self, rng):
        a, b = rng.randrange(self.size), rng.randrange(self.size)
        a, b = min(a, b), max(a, b)
        return {"labels": [self.labels[a], self.labels[b]]}, slice(a, b + 1)


def iso(instant: np.datetime64) -> str:
    return np.datetime_as_string(instant.astype("datetime64[ns]"), unit="s") + "Z"


def axes_of(array: xr.DataArray) -> list[Axis]:
    return [
        Axis(dim, array.sizes[dim], array[dim].values if dim in array.coords else None)
        for dim in array.dims
    ]


def requests(axes: list[Axis], count: int, rng: random.Random):
    """(request, index tuple) for each selection, few of them large."""
    while count:
        request, index, cells = {}, [], 1
        for axis in axes:
            asked, meant = axis.random(rng)
            index.append(meant)
            if asked is not None:
                request[axis.name] = asked
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
            cells = np.dtype(header["dtype"]).newbyteorder("<")
            raw = run.stdout.read(header["bytes"])
            ours = np.frombuffer(raw, cells).reshape(header["shape"])
            if header["fill"] is not None:
                ours = np.where(ours == cells.type(header["fill"]), cells.type(np.nan), ours)
            np.testing.assert_array_equal(ours, expected[index], err_msg=f"{request} (seed {seed})")
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
    axes = [Axis(f"axis_{i}", size, None) for i, size in enumerate(cells.shape)]
    axes[0] = Axis("name", cells.shape[0], None, [f"member {i}" for i in range(cells.shape[0])])
    for position, start in ((-2, -3.0), (-1, 0.0)):
        size = cells.shape[position]
        grid = np.round((np.arange(size) + round(start * 10)) / 10, 1)
        axes[position] = Axis(f"grid_{-position}", size, grid)
    store = tmp_path / "store"
    make(store, cells, axes, tmp_path)
    compare(store, "tenths", cells, axes, COUNT, tmp_path)


def make(store, cells: np.ndarray, axes: list[Axis], tmp_path) -> None:
    """A collection by schema, and its one array from a .npy file."""
    raise NotImplementedError
