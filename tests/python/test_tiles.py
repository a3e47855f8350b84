"""Arrays in tiles: other programs open the whole from its own file, and each tile from its."""

import json
import subprocess

import h5py
import netCDF4
import numpy as np
import pytest
import xarray as xr
import zarr

from conftest import hyperslab, program

SCHEMA = {
    "version": 2,
    "dtype": "float32",
    "dimensions": [
        {"name": "time", "size": 5, "coordinates": {"kind": "time_scale", "start": "$dt", "step": "PT6H"}},
        {"name": "lat", "size": 7, "coordinates": {"kind": "scale", "start": -30, "step": 10, "unit": "degrees_north"}},
        {"name": "site", "size": 4, "coordinates": {"kind": "labels", "labels": ["a", "b", "Zürich", "d"]}},
    ],
    "tile_shape": [2, 3, 4],
    "attributes": [
        {"name": "dt", "type": "datetime", "role": "key"},
        {"name": "part", "type": "text", "role": "key"},
        {"name": "units", "type": "text", "role": "custom"},
    ],
}
KEY = ("dt=2023-01-03", "part=50% of it")


def make(folder, adapter, *options):
    """A store with one array of which only the tiles along the first three latitudes and the last time are written."""
    store = folder / "store"
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    hyperslab("init", store, "--adapter", adapter)
    hyperslab("create", store, "c", "--schema", folder / "schema.json", *options)
    hyperslab("new", store, "c", *KEY, "--set", "units=K")
    cells = np.arange(5 * 7 * 4, dtype="f4").reshape(5, 7, 4)
    whole = np.full((5, 7, 4), np.nan, "f4")
    for part in (np.s_[:, :2], np.s_[4:, :]):
        whole[part] = cells[part]
        np.save(folder / "part.npy", cells[part])
        rows = "time=4" if part[0] == slice(4, None) else "lat=:2"
        values = cells[part][0] if rows == "time=4" else cells[part]
        np.save(folder / "part.npy", values)
        hyperslab("write", store, "c", *KEY, "--isel", rows, "--from", folder / "part.npy")
    return store, whole


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make(tmp_path_factory.mktemp("tiles"), "hdf5")


def array_file(store):
    (path,) = (store / "c" / "arrays").iterdir()
    return path


def tile_files(store):
    (folder,) = (store / "c" / "tiles").iterdir()
    return sorted(folder.glob("*.nc"))


def test_only_tiles_that_are_written_are_there(made):
    store, _ = made
    assert [path.name for path in tile_files(store)] == ["0.0.0.nc", "1.0.0.nc", "2.0.0.nc", "2.1.0.nc", "2.2.0.nc"]


def test_h5py_opens_the_whole(made):
    store, whole = made
    with h5py.File(array_file(store)) as file:
        variable = file["c"]
        assert variable.is_virtual
        assert len(variable.virtual_sources()) == 3 * 3
        np.testing.assert_array_equal(variable[...], whole)
        np.testing.assert_array_equal(variable[1:5:2, 2:7, 1], whole[1:5:2, 2:7, 1])
        assert variable.attrs["units"] == b"K" or variable.attrs["units"] == "K"


def test_netcdf4_and_xarray_open_the_whole_with_its_coordinates(made):
    store, whole = made
    with netCDF4.Dataset(array_file(store)) as ds:
        np.testing.assert_array_equal(np.ma.filled(ds["c"][...], np.nan), whole)
    with xr.open_dataset(array_file(store)) as ds:
        np.testing.assert_array_equal(ds["c"].values, whole)
        assert list(ds["site"].values) == ["a", "b", "Zürich", "d"]
        assert str(ds["time"].values[4])[:13] == "2023-01-04T00"


def test_each_tile_is_a_file_with_its_own_coordinates(made):
    store, whole = made
    with xr.open_dataset(array_file(store)) as ds:
        reference = ds.load()
    for path in tile_files(store):
        i, j, _ = map(int, path.stem.split("."))
        place = (slice(2 * i, 2 * i + 2), slice(3 * j, 3 * j + 3))
        with xr.open_dataset(path) as tile:
            np.testing.assert_array_equal(tile["c"].values, whole[place])
            for name in ("time", "lat", "site"):
                wanted = reference[name].isel(time=place[0], lat=place[1], missing_dims="ignore")
                np.testing.assert_array_equal(tile[name].values, wanted.values)
            assert tile.attrs["part"] == "50% of it"


def test_xarray_puts_tiles_together(made):
    store, whole = made
    tiles = [xr.open_dataset(path) for path in tile_files(store) if path.stem.endswith(".0.0")]
    joined = xr.combine_by_coords(tiles)
    np.testing.assert_array_equal(joined["c"].values, whole[:, :3])


def test_what_h5py_changes_in_a_tile_is_read(tmp_path):
    store, whole = make(tmp_path, "hdf5")
    with h5py.File(tile_files(store)[0], "r+") as file:
        file["c"][0, 0, 0] = -5
    whole[0, 0, 0] = -5
    hyperslab("read", store, "c", *KEY, "-o", tmp_path / "read.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "read.npy"), whole)
    with h5py.File(array_file(store), "r+") as file:
        file["c"].attrs["seen"] = "yes"
    repair = [program("HYPERSLAB_BIN", "hyperslab"), "check", store, "--level", "4", "--repair"]
    repaired = subprocess.run(repair, capture_output=True, text=True)
    assert "2 faults found at level 4, 2 repaired" in repaired.stdout
    hyperslab("check", store, "--level", "4")
    hyperslab("read", store, "c", *KEY, "-o", tmp_path / "read.npy")
    np.testing.assert_array_equal(np.load(tmp_path / "read.npy"), whole)


def test_zarr_python_opens_the_whole(tmp_path):
    store, whole = make(tmp_path, "zarr", "--chunks", "1,3,2")
    (array,) = [node for _, node in zarr.open_group(store / "c", mode="r").members(max_depth=None)
                if isinstance(node, zarr.Array) and node.ndim == 3]
    assert (array.shards, array.chunks) == ((2, 3, 4), (1, 3, 2))
    np.testing.assert_array_equal(array[...], whole)
