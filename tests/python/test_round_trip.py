"""A variable imported and exported is the same variable to xarray."""

import netCDF4
import numpy as np

from conftest import assert_same_array, hyperslab, open_decoded


def exported(imported, tmp_path):
    path, variable, store, collection = imported
    out = tmp_path / "out.nc"
    hyperslab("export", store, collection, "-o", out)
    return path, variable, out


def test_xarray_reads_the_same_from_the_export(imported, tmp_path):
    path, variable, out = exported(imported, tmp_path)
    assert_same_array(open_decoded(out)[variable], open_decoded(path)[variable])


def test_fill_cells_and_attributes_survive(imported, tmp_path):
    path, variable, out = exported(imported, tmp_path)
    with netCDF4.Dataset(path) as theirs, netCDF4.Dataset(out) as ours:
        theirs, ours = theirs[variable], ours[variable]
        mask = np.ma.getmaskarray(theirs[...])
        np.testing.assert_array_equal(np.ma.getmaskarray(ours[...]), mask)
        # The packing may change, never the meaning of a cell.
        machinery = {"_FillValue", "missing_value", "scale_factor", "add_offset", "coordinates"}
        for name in set(theirs.ncattrs()) - machinery:
            np.testing.assert_array_equal(ours.getncattr(name), theirs.getncattr(name), err_msg=name)
