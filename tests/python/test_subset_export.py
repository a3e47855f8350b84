"""A piece of an array, chosen by position, label or time, is a netCDF file that xarray opens with coordinates and attributes."""

import json

import numpy as np
import pytest
import xarray as xr

from conftest import hyperslab

SCHEMA = {
    "version": 1,
    "dtype": "float32",
    "dimensions": [
        {"name": "time", "size": 8, "coordinates": {"kind": "time_scale", "start": "$dt", "step": "PT3H"}},
        {"name": "layer", "size": 3, "coordinates": {"kind": "labels", "labels": ["wind", "temperature", "größe"]}},
        {
            "name": "lat",
            "size": 5,
            "coordinates": {"kind": "scale", "start": -1.0, "step": 0.1, "unit": "degrees_north"},
            "metadata": {"standard_name": "latitude"},
        },
    ],
    "attributes": [
        {"name": "dt", "type": "datetime", "role": "key"},
        {"name": "station", "type": "text", "role": "key"},
        {"name": "quality", "type": "int", "role": "custom"},
    ],
    "metadata": {"long_name": "Air temperature", "units": "K"},
}
CELLS = np.arange(8 * 3 * 5, dtype="<f4").reshape(8, 3, 5)
EXPECTED = xr.DataArray(
    CELLS,
    dims=("time", "layer", "lat"),
    coords={
        "time": np.datetime64("2023-01-03T00:00", "ns") + np.arange(8) * np.timedelta64(3, "h"),
        "layer": ["wind", "temperature", "größe"],
        "lat": -1.0 + np.arange(5) * 0.1,
    },
)
# How the command line says it, and how xarray does.
PIECES = [
    ([], lambda array: array),
    (["--isel", "time=0"], lambda array: array.isel(time=0)),
    (["--isel", "time=1:7:2", "--isel", "lat=-1"], lambda array: array.isel(time=slice(1, 7, 2), lat=-1)),
    (["--sel", "layer=größe"], lambda array: array.sel(layer="größe")),
    (["--sel", "layer=wind..temperature", "--sel", "lat=-0.9..-0.7"], lambda array: array.isel(layer=[0, 1], lat=[1, 2, 3])),
    (["--sel", "time=2023-01-03T06:00"], lambda array: array.sel(time="2023-01-03T06:00:00")),
    (["--sel", "time=2023-01-03T06:00..2023-01-03T15:00"], lambda array: array.isel(time=slice(2, 6))),
    (["--sel", "time=+3h..+6h", "--sel", "layer=wind"], lambda array: array.isel(time=[1, 2], layer=0)),
    (["--sel", "time=@1672725600", "--sel", "lat=~-0.82"], lambda array: array.isel(time=2, lat=2)),
    (["--isel", "time=0", "--isel", "layer=0", "--isel", "lat=0"], lambda array: array[0, 0, 0]),
]


@pytest.fixture(scope="module", params=["hdf5", "zarr"])
def store(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("subset")
    (folder / "schema.json").write_text(json.dumps(SCHEMA))
    np.save(folder / "cells.npy", CELLS)
    hyperslab("init", folder / "s", "--adapter", request.param)
    hyperslab("create", folder / "s", "weather", "--schema", folder / "schema.json")
    key = ["dt=2023-01-03", "station=north pole"]
    hyperslab("new", folder / "s", "weather", *key, "--set", "quality=3", "--from", folder / "cells.npy")
    return folder / "s"


@pytest.mark.parametrize("words, expected", PIECES)
@pytest.mark.parametrize("verb", ["read", "export"])
def test_xarray_opens_a_piece_with_coordinates_and_attributes(store, tmp_path, verb, words, expected):
    out = tmp_path / "piece.nc"
    hyperslab(verb, store, "weather", *words, "-o", out)
    expected = expected(EXPECTED)
    with xr.open_dataset(out) as opened:
        piece = opened["weather"].load()
        everything = {**opened.attrs, **piece.attrs}
    assert piece.dims == expected.dims
    np.testing.assert_array_equal(piece.values, expected.values)
    for name in ["time", "layer", "lat"]:
        theirs = expected.coords[name]
        if name == "layer" and theirs.dims == ():
            # A label is kept as an attribute: a text without a dimension is no netCDF variable that every tool reads.
            assert piece.attrs["layer"] == theirs.item()
            continue
        ours = piece.coords[name]
        assert ours.dims == theirs.dims, name
        if name == "lat":
            np.testing.assert_allclose(ours.values, theirs.values, rtol=0, atol=1e-12)
            assert ours.attrs["units"] == "degrees_north"
            assert ours.attrs["standard_name"] == "latitude"
        else:
            np.testing.assert_array_equal(ours.values, theirs.values, err_msg=name)
    assert piece.attrs["units"] == "K"
    assert piece.attrs["long_name"] == "Air temperature"
    assert everything["quality"] == 3
    assert everything["station"] == "north pole"
    assert everything["dt"].startswith("2023-01-03T00:00:00")
