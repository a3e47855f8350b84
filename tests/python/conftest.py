"""What every cross-check needs: the built command, the real files, a store made by importing them."""

import os
import pathlib
import subprocess

try:
    # Before netCDF4: that tells HDF5 where its own plugins lie, and h5py would take those, which are made for another HDF5.
    import hdf5plugin  # noqa: F401
except ImportError:
    pass

import numpy as np
import pytest
import xarray as xr

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUNDLED = ROOT / "examples" / "data"
# Every variable of two or more dimensions of the three files.
VARIABLES = [
    ("coads_climatology.nc", "SST"),
    ("coads_climatology.nc", "AIRT"),
    ("coads_climatology.nc", "SLP"),
    ("navy_winds.nc", "UWND"),
    ("era5-levels-members.nc", "z"),
    ("era5-levels-members.nc", "t"),
]
LONG = "HYPERSLAB_TEST_LONG" in os.environ


def program(variable: str, *fallback: str) -> pathlib.Path:
    path = pathlib.Path(os.environ.get(variable, ROOT.joinpath("target", "release", *fallback)))
    if not path.exists():
        pytest.exit(f"{path} is not built; run these checks with: cargo xtask test --only build,python", 2)
    return path


def hyperslab(*arguments: object) -> str:
    """Runs the command and gives back what it printed; a failure shows its error."""
    words = [str(program("HYPERSLAB_BIN", "hyperslab")), *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{words[1:]} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def data_file(name: str) -> pathlib.Path:
    """The full file if HYPERSLAB_DATA holds one, else the bundled sample."""
    folder = os.environ.get("HYPERSLAB_DATA")
    if folder and (pathlib.Path(folder) / name).exists():
        return pathlib.Path(folder) / name
    return BUNDLED / name


def open_decoded(path: pathlib.Path) -> xr.Dataset:
    """Opened as xarray does by itself, but for a calendar that it refuses: then times stay numbers."""
    try:
        return xr.open_dataset(path).load()
    except ValueError:
        return xr.open_dataset(path, decode_times=False).load()


def only_data_variable(ds: xr.Dataset) -> xr.DataArray:
    found = [name for name, variable in ds.data_vars.items() if variable.ndim >= 2]
    assert len(found) == 1, f"one variable of two or more dimensions expected, found {found}"
    return ds[found[0]]


def assert_same_array(ours: xr.DataArray, theirs: xr.DataArray) -> None:
    """Equal cells, fill cells, dimensions, units, and the coordinates of each dimension."""
    assert ours.dims == theirs.dims
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours.values, theirs.values, strict=True)
    assert ours.attrs.get("units") == theirs.attrs.get("units")
    for dim in theirs.dims:
        assert (dim in ours.coords) == (dim in theirs.coords), f"coordinates of {dim}"
        if dim in theirs.coords:
            np.testing.assert_array_equal(ours[dim].values, theirs[dim].values, err_msg=dim)
            assert ours[dim].attrs.get("units") == theirs[dim].attrs.get("units"), dim


@pytest.fixture(scope="session", params=VARIABLES, ids=lambda pair: "-".join(pair))
def imported(request, tmp_path_factory):
    """(the file, the variable's name, a store, the collection's name), imported by the command."""
    name, variable = request.param
    store = tmp_path_factory.mktemp("store") / "store"
    hyperslab("init", store)
    hyperslab("import", data_file(name), store, "sample", "--variable", variable)
    return data_file(name), variable, store, "sample"



@pytest.fixture(scope="session")
def samples(tmp_path_factory):
    """Arrays of every dtype, layout and codec in a Zarr store, to be read only."""
    import zarr_samples

    return zarr_samples.make(tmp_path_factory.mktemp("samples"))
