"""Others write into a Zarr store: the cells are read back, and a check calls nothing an error that is none.

Where all of a chunk becomes fill, others delete it. A check cannot tell that from a loss, so it names the chunk, as it names a
file of HDF5 that another program has changed."""

import json
import pathlib
import shutil

import numpy as np
import pytest
import xarray as xr

import zarr_samples
from zarr_samples import Sample, assert_same_bits, read_cells

zarr = pytest.importorskip("zarr", minversion="3")
ts = pytest.importorskip("tensorstore")


class Store:
    """A store that may be written to."""

    def __init__(self, folder: pathlib.Path, samples: list[Sample]):
        self.folder = folder
        self.samples = samples

    def check(self, expected: dict[str, np.ndarray]) -> list[dict]:
        """Compares all cells with those expected, or else with those put in, and gives back the findings."""
        out = self.folder / "read"
        zarr_samples.run(self.folder, "--read", out)
        for sample in self.samples:
            found = read_cells(out / f"{sample.known['id']}.json")
            assert_same_bits(found, expected.get(sample.known["id"], sample.cells), sample)
        return json.loads((out / "findings.json").read_text())

    def stored(self) -> dict[str, set[pathlib.Path]]:
        """The objects of each array that hold cells, by the identity of the array."""
        return {
            sample.known["id"]: {
                path for path in sample.data.rglob("*") if path.is_file() and path.name != "zarr.json"
            }
            for sample in self.samples
        }

    def of(self, collection: str) -> Sample:
        found = [sample for sample in self.samples if sample.collection == collection]
        return min(found, key=lambda sample: str(sample.key))


@pytest.fixture
def store(tmp_path) -> Store:
    """A few arrays with coordinates."""
    return Store(tmp_path, zarr_samples.make(tmp_path, "--labelled"))


@pytest.fixture
def every_kind(samples, tmp_path) -> Store:
    """A copy of all samples."""
    original = samples[0].group.parents[1]
    shutil.copytree(original, tmp_path / "store")
    records = original.parent / "cells"
    copies = [
        Sample(tmp_path / "store" / sample.group.relative_to(original), records / f"{sample.known['id']}.json")
        for sample in samples
    ]
    return Store(tmp_path, copies)


def open_with(writer: str, sample: Sample):
    if writer == "zarr":
        return zarr.open_array(sample.data, mode="r+")
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{sample.data}/"}}
    return ts.open(spec, read=True, write=True).result()


@pytest.mark.parametrize("writer", ["zarr", "tensorstore"])
def test_regions_and_whole_chunks_are_read_back(every_kind, writer):
    """In every dtype and codec: a part of some chunks, all of one chunk, fill over stored cells, one cell."""
    expected, stored = {}, every_kind.stored()
    for sample in every_kind.samples:
        if sample.cells.ndim == 0 or not sample.cells.size or sample.collection == "stations":
            continue
        array, cells = open_with(writer, sample), sample.cells.copy()
        donor = np.roll(sample.cells.reshape(-1), 5).reshape(sample.cells.shape)
        inside = tuple(slice(min(1, size - 1), max(size - 1, 1)) for size in cells.shape)
        corner = tuple(slice(0, min(2, size)) for size in cells.shape)
        last = tuple(size - 1 for size in cells.shape)
        for part in (inside, corner, last):
            array[part] = donor[part]
            cells[part] = donor[part]
        expected[sample.known["id"]] = cells
    assert len(expected) > 300
    assert_only_gone(every_kind.check(expected), stored, every_kind.stored())


def test_a_chunk_that_was_deleted_reads_as_fill(store):
    sample, stored = store.of("hourly"), store.stored()
    shutil.rmtree(sample.data / "c" / "0")
    cells = sample.cells.copy()
    cells[0:4] = -9
    findings = store.check({sample.known["id"]: cells})
    assert len(findings) == 1 and "/c/0/0" in findings[0]["message"]
    assert_only_gone(findings, stored, store.stored())
    # A repair does not vouch for what it cannot know.
    assert findings[0]["message"] in zarr_samples.run(store.folder, "--repair")
    assert store.check({sample.known["id"]: cells}) == findings


def test_xarray_writes_regions(store):
    sample = store.of("hourly")
    with xr.open_zarr(sample.group, chunks=None) as opened:
        day = opened.load()
    part = day[["rain"]].drop_vars(["time", "x"]).isel(time=slice(1, 5))
    part["rain"] = part.rain + 100
    part.to_zarr(sample.group, region={"time": slice(1, 5), "x": slice(0, 5)}, mode="r+")
    cells = sample.cells.copy()
    cells[1:5][cells[1:5] != -9] += 100
    assert store.check({sample.known["id"]: cells}) == []


@pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")
def test_xarray_writes_a_variable_anew(store):
    """Coordinates are written again, and metadata in other words: a repair restores them and keeps the cells."""
    sample = store.of("hourly")
    with xr.open_zarr(sample.group, chunks=None) as opened:
        day = opened.load()
    day["rain"] = day.rain.where(day.rain != 4)
    day.rain.attrs["comment"] = "no four"
    day.to_zarr(sample.group, mode="a")
    cells = np.where(sample.cells == 4, np.int16(-9), sample.cells)
    expected = {sample.known["id"]: cells}
    assert_only_mendable(store, expected)


@pytest.mark.parametrize("place", ["array", "group", "collection", "coordinate"])
def test_attributes_of_others_are_no_error(store, place):
    sample = store.of("stations")
    path = {
        "array": sample.data,
        "group": sample.group,
        "collection": sample.group.parent,
        "coordinate": sample.group / "lat",
    }[place]
    zarr.open(path, mode="r+").attrs["history"] = ["seen by others", 7]
    assert_only_mendable(store, {})


def test_an_array_of_others_beside_ours_is_named(store):
    """It is not ours to remove; reading goes on."""
    sample = store.of("stations")
    zarr.create_array(sample.group / "mask", shape=(4,), dtype="bool")
    findings = store.check({})
    assert [finding["kind"] for finding in findings] == ["stray"]
    assert findings[0]["level"] == 3


def assert_only_gone(findings: list[dict], before: dict, after: dict) -> None:
    """Every object that was stored and is not there is counted, and nothing else is found."""
    gone = [len(before[array] - after[array]) for array in before]
    told = [int(finding["message"].split()[0]) for finding in findings]
    assert sorted(told) == sorted(count for count in gone if count)
    for finding in findings:
        assert finding["kind"] == "chunk_lost" and finding["level"] == 3, finding


def assert_only_mendable(store: Store, expected: dict[str, np.ndarray]) -> None:
    findings = store.check(expected)
    assert findings
    for finding in findings:
        assert finding["level"] == 3 and finding["repairable"], finding
    assert zarr_samples.run(store.folder, "--repair") == ""
    assert store.check(expected) == []
