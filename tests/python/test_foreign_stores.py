"""Files and Zarr groups of other programs opened in place: listed and read as xarray does, and never changed."""

import hashlib
import json
import pathlib
import subprocess

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from conftest import VARIABLES, assert_same_array, data_file, hyperslab, open_decoded, program

zarr = pytest.importorskip("zarr", minversion="3")
ts = pytest.importorskip("tensorstore")

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


def listed(store, unreadable=()) -> dict:
    found = json.loads(hyperslab("ls", store, "--json"))
    assert [each["name"] for each in found["unreadable"]] == list(unreadable)
    return {each["name"]: each for each in found["collections"]}


def read(store, name, folder, *selection) -> np.ndarray:
    out = folder / "out.npy"
    hyperslab("read", store, name, "-o", out, *selection)
    return np.load(out)


def refused(*arguments) -> str:
    words = [str(program("HYPERSLAB_BIN", "hyperslab")), *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 8, f"{words[1:]} ended with {done.returncode}: {done.stderr}"
    assert done.stderr.count("\n") == 1
    return done.stderr


def fingerprint(place: pathlib.Path) -> dict:
    files = [place] if place.is_file() else sorted(path for path in place.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def weather() -> xr.Dataset:
    """Two variables over times, latitudes and labels, one of them packed, one of text."""
    rng = np.random.default_rng(5)
    dims = ("time", "lat", "station")
    ds = xr.Dataset(
        {
            "t": (dims, rng.normal(280, 9, (6, 5, 3)).astype("f4"), {"units": "K"}),
            "rain": (dims, rng.integers(0, 500, (6, 5, 3)) / 10, {"units": "mm"}),
            "name": (("station",), ["one", "two", "three"]),
        },
        coords={
            "time": pd.date_range("2023-01-01", periods=6, freq="6h"),
            "lat": np.linspace(20, -20, 5),
            "station": ["nörd", "mid", "s"],
        },
    )
    ds.rain.encoding = {"dtype": "int16", "scale_factor": 0.1, "_FillValue": -1}
    return ds


@pytest.mark.parametrize("consolidated", [True, False], ids=["consolidated", "listed"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_zarr_group_of_xarray(zarr_format, consolidated, tmp_path):
    source = tmp_path / "source.zarr"
    ds = weather()
    chunks = {"t": {"chunks": (2, 5, 2)}}
    ds.to_zarr(source, zarr_format=zarr_format, consolidated=consolidated, encoding=chunks)
    before = fingerprint(source)
    with xr.open_zarr(source, consolidated=consolidated, chunks=None) as opened:
        theirs = opened.load()
    found = listed(source)
    assert sorted(found) == ["rain", "t"]
    for name, each in found.items():
        assert each["dims"] == list(theirs[name].dims) and each["shape"] == list(theirs[name].shape)
        assert each["dtype"] == str(theirs[name].dtype) and each["array_count"] == 1
        np.testing.assert_array_equal(read(source, name, tmp_path), theirs[name].values, strict=True)
    for selection, expected in [
        (["--sel", "lat=-10..10", "--sel", "station=nörd"], theirs.sel(lat=slice(10, -10), station="nörd")),
        (["--sel", "time=2023-01-01T06:00", "--isel", "lat=::2"], theirs.isel(time=1, lat=slice(None, None, 2))),
        (["--isel", "time=-1", "--isel", "station=1:3"], theirs.isel(time=-1, station=slice(1, 3))),
        (["--isel", "time=3:3"], theirs.isel(time=slice(3, 3))),
    ]:
        for name in found:
            np.testing.assert_array_equal(
                read(source, name, tmp_path, *selection), expected[name].values, err_msg=str(selection), strict=True
            )
    hyperslab("export", source, "t", "-o", tmp_path / "t.nc")
    assert_same_array(open_decoded(tmp_path / "t.nc")["t"], theirs.t)
    assert json.loads(hyperslab("check", source, "--level", "4", "--json"))["found"] == 0
    for words in [
        ("write", source, "t", "--value", "1"),
        ("new", source, "t", "variable=u"),
        ("clear", source, "t"),
        ("rm", source, "t", "--collection"),
    ]:
        assert "read-only" in refused(*words)
    assert fingerprint(source) == before


@pytest.mark.parametrize("name, variable", VARIABLES, ids=lambda value: str(value))
def test_a_netcdf_file_reads_as_xarray_does(name, variable, tmp_path):
    path = data_file(name)
    before = fingerprint(path)
    theirs = open_decoded(path)[variable]
    each = listed(path)[variable]
    assert each["dims"] == list(theirs.dims) and each["shape"] == list(theirs.shape)
    schema = json.loads(hyperslab("show", path, variable, "--schema"))

    def ours(*selection):
        cells = read(path, variable, tmp_path, *selection)
        fill = schema.get("fill_value")
        # xarray says NaN for what is missing.
        return np.where(cells == cells.dtype.type(fill), np.nan, cells).astype(cells.dtype) if fill else cells

    np.testing.assert_array_equal(ours(), theirs.values.astype(each["dtype"]), strict=True)
    last = theirs.dims[-1]
    middle = float(theirs[last].values[theirs.sizes[last] // 2])
    part = ours("--sel", f"{last}={middle!r}", "--isel", f"{theirs.dims[-2]}=1:9:3")
    expected = theirs.sel({last: middle}).isel({theirs.dims[-2]: slice(1, 9, 3)})
    np.testing.assert_array_equal(part, expected.values.astype(part.dtype), strict=True)
    assert fingerprint(path) == before


@pytest.mark.parametrize("kind", ["nc", "zarr2", "zarr3", "zarr2-listed", "zarr3-listed"])
def test_groups_in_groups(kind, tmp_path):
    cells = np.arange(20, dtype="i4").reshape(4, 5)
    levels = np.array([1000.0, 850.0, 500.0, 10.0])
    if kind == "nc":
        source = tmp_path / "source.nc"
        with netCDF4.Dataset(source, "w") as file:
            file.createDimension("level", 4)
            file.createVariable("level", "f8", ("level",))[:] = levels
            file.createVariable("top", "f8", ("level",))[:] = levels * 2
            inner = file.createGroup("a").createGroup("b")
            inner.createDimension("x", 5)
            inner.createVariable("v", "i4", ("level", "x"))[:] = cells
    else:
        source, version = tmp_path / "source.zarr", int(kind[4])
        root = zarr.open_group(source, mode="w", zarr_format=version)
        inner = root.create_group("a").create_group("b")

        def add(group, name, data, dims):
            if version == 3:
                group.create_array(name, data=data, dimension_names=dims)
            else:
                group.create_array(name, data=data).attrs["_ARRAY_DIMENSIONS"] = dims

        add(root, "level", levels, ["level"])
        add(root, "top", levels * 2, ["level"])
        add(inner, "v", cells, ["level", "x"])
        if not kind.endswith("listed"):
            zarr.consolidate_metadata(source, zarr_format=version)
    found = listed(source)
    assert sorted(found) == ["a/b/v", "top"]
    assert found["a/b/v"]["dims"] == ["level", "x"]
    np.testing.assert_array_equal(read(source, "a/b/v", tmp_path), cells, strict=True)
    # The coordinates of a group around it.
    np.testing.assert_array_equal(read(source, "a/b/v", tmp_path, "--sel", "level=850"), cells[1], strict=True)
    for target in ["copy", "copy"]:
        hyperslab("copy", f"{source}/a/b/v", tmp_path / "store" / target)
    np.testing.assert_array_equal(read(tmp_path / "store", "copy", tmp_path), cells, strict=True)


@pytest.mark.parametrize("driver", ["zarr", "zarr3"])
def test_a_plain_array_of_tensorstore(driver, tmp_path):
    cells = np.arange(5 * 7, dtype="<i2").reshape(5, 7)
    metadata = {
        "zarr": {"chunks": [2, 3], "dtype": "<i2", "shape": [5, 7]},
        "zarr3": {
            "shape": [5, 7],
            "data_type": "int16",
            "dimension_names": ["y", None],
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [2, 3]}},
        },
    }[driver]
    folder = tmp_path / "alone"
    store = {"driver": "file", "path": f"{folder}/"}
    array = ts.open({"driver": driver, "kvstore": store, "metadata": metadata}, create=True).result()
    array[...] = cells
    first = "y" if driver == "zarr3" else "dim_0"
    assert listed(folder)["alone"]["dims"] == [first, "dim_1"]
    np.testing.assert_array_equal(read(folder, "alone", tmp_path), cells, strict=True)
    part = read(folder, "alone", tmp_path, "--isel", f"{first}=1:5:2", "--isel", "dim_1=-1")
    np.testing.assert_array_equal(part, cells[1:5:2, -1], strict=True)


def test_a_codec_that_is_not_known_hides_nothing(tmp_path):
    source = tmp_path / "source.zarr"
    group = zarr.open_group(source, mode="w", zarr_format=3)
    for name in ["u", "v"]:
        group.create_array(name, data=np.arange(4))
    node = source / "u" / "zarr.json"
    metadata = json.loads(node.read_text())
    metadata["codecs"].append({"name": "numcodecs.squish", "configuration": {}})
    node.write_text(json.dumps(metadata))
    assert sorted(listed(source, unreadable=["u"])) == ["v"]
    assert "numcodecs.squish" in refused("read", source, "u")
    np.testing.assert_array_equal(read(source, "v", tmp_path), np.arange(4), strict=True)


@pytest.mark.parametrize("shards", [None, (10, 12)])
def test_an_array_that_is_compressed_twice(shards, tmp_path):
    place = tmp_path / "twice.zarr"
    group = zarr.create_group(place)
    codecs = [zarr.codecs.GzipCodec(), zarr.codecs.ZstdCodec(checksum=True)]
    array = group.create_array("v", shape=(13, 17), chunks=(5, 6), shards=shards, dtype="i4", compressors=codecs)
    array[...] = np.arange(13 * 17, dtype="i4").reshape(13, 17)
    np.testing.assert_array_equal(read(place, "v", tmp_path), array[...])
