"""The files of a collection need no hyperslab to be read."""

import shutil
import subprocess

import h5py
import netCDF4
import numpy as np
import pytest

from conftest import assert_same_array, only_data_variable, open_decoded


@pytest.fixture
def own_file(imported):
    path, variable, store, collection = imported
    files = sorted((store / collection / "arrays").glob("*.nc"))
    assert len(files) == 1
    return files[0], open_decoded(path)[variable]


def test_xarray_opens_it_with_coordinates(own_file):
    file, theirs = own_file
    assert_same_array(only_data_variable(open_decoded(file)), theirs)


def test_h5py_opens_it_with_dimension_scales(own_file):
    file, theirs = own_file
    with h5py.File(file) as opened:
        name = only_data_variable(open_decoded(file)).name
        cells = opened[name]
        assert cells.shape == theirs.shape
        for axis, dim in enumerate(theirs.dims):
            scale = cells.dims[axis][0]
            assert scale.name == f"/{dim}"
            assert scale.shape == (theirs.sizes[dim],)
        # Read in the raw, so that the filters are h5py's own.
        assert np.asarray(cells[...]).size == theirs.size


def test_ncdump_lists_dimensions_and_units(own_file):
    file, theirs = own_file
    if shutil.which("ncdump"):
        done = subprocess.run(["ncdump", "-h", file], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        header = done.stdout
    else:
        with netCDF4.Dataset(file) as opened:
            lines = [f"{name} = {len(size)} ;" for name, size in opened.dimensions.items()]
            for name, variable in opened.variables.items():
                lines += [f'{name}:{key} = "{variable.getncattr(key)}" ;' for key in variable.ncattrs()]
            header = "\n".join(lines)
    for dim in theirs.dims:
        assert f"{dim} = {theirs.sizes[dim]} ;" in header
    assert f'units = "{theirs.attrs["units"]}"' in header
