"""Files of other programs in, files with other codecs out."""

import h5py
import netCDF4
import numpy as np
import pytest

from conftest import assert_same_array, data_file, hyperslab, only_data_variable, open_decoded

DTYPES = ["?", "i1", "u1", "<i2", ">i2", "<u4", ">i8", "<u8", "<f2", "<f4", ">f8", "<c8", "<c16"]
STORAGE = {
    "contiguous": {},
    "chunked": {"chunks": (3, 4)},
    "gzip": {"chunks": (3, 4), "compression": "gzip", "shuffle": True},
    "fletcher32": {"chunks": (5, 7), "compression": "gzip", "fletcher32": True},
    "lzf": {"chunks": (4, 7), "compression": "lzf"},
    "growing": {"chunks": (4, 4), "maxshape": (None, None), "compression": "gzip"},
}


def cells(dtype: str) -> np.ndarray:
    numbers = np.arange(35).reshape(5, 7) - 3
    if dtype.lstrip("<>")[0] == "u":
        numbers = numbers + 3
    if dtype.lstrip("<>")[0] == "c":
        numbers = numbers * (1 - 2j)
    return (numbers % 2 == 0) if dtype == "?" else numbers.astype(dtype)


def round_trip(path, variable, tmp_path) -> np.ndarray:
    store, out = tmp_path / "store", tmp_path / "out.npy"
    hyperslab("import", path, store, "sample", "--variable", variable)
    hyperslab("read", store, "sample", "-o", out)
    return np.load(out)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("storage", STORAGE)
def test_every_layout_of_h5py_is_read(libver, storage, tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w", libver=libver) as file:
        file.create_dataset("v", data=cells("<f4"), **STORAGE[storage])
    np.testing.assert_array_equal(round_trip(path, "v", tmp_path), cells("<f4"), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_number_type_of_h5py_is_read(dtype, tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w", libver="latest") as file:
        file.create_dataset("v", data=cells(dtype), **STORAGE["gzip"])
        for axis, (name, size) in enumerate({"y": 5, "x": 7}.items()):
            scale = file.create_dataset(name, data=np.arange(size) * 0.5)
            scale.make_scale(name)
            file["v"].dims[axis].attach_scale(scale)
    expected = cells(dtype)
    ours = round_trip(path, "v", tmp_path)
    np.testing.assert_array_equal(ours, expected)
    assert ours.dtype == expected.dtype.newbyteorder("=")
    out = tmp_path / "row.npy"
    hyperslab("read", tmp_path / "store", "sample", "--sel", "y=1.5", "-o", out)
    np.testing.assert_array_equal(np.load(out), expected[3])


@pytest.mark.parametrize("calendar", ["noleap", "360_day", "standard", "proleptic_gregorian"])
def test_times_of_every_calendar_survive(calendar, tmp_path):
    path = tmp_path / "calendar.nc"
    numbers = np.array([0.0, 31.0, 58.5, 59.0, 90.0])
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("time", 5)
        file.createDimension("x", 7)
        time = file.createVariable("time", "f8", ("time",))
        time.setncatts({"units": "days since 2003-01-01 12:00:00", "calendar": calendar})
        time[:] = numbers
        variable = file.createVariable("v", "f4", ("time", "x"), fill_value=np.float32(-9))
        variable.units = "K"
        variable[:] = cells("<f4")
        variable[2, 3] = np.ma.masked
    store, out = tmp_path / "store", tmp_path / "out.nc"
    hyperslab("import", path, store, "sample", "--variable", "v")
    hyperslab("export", store, "sample", "-o", out)
    assert_same_array(open_decoded(out)["v"], open_decoded(path)["v"])


@pytest.mark.parametrize("codec", ["none", "deflate:1", "zstd:3", "blosc"])
def test_the_netcdf_library_reads_every_codec(codec, tmp_path):
    """netCDF4-python brings the plug-ins for zstd and blosc; h5py would need them installed."""
    store = tmp_path / "store"
    hyperslab("import", data_file("navy_winds.nc"), store, "winds", "--variable", "UWND", "--codec", codec)
    (file,) = (store / "winds" / "arrays").glob("*.nc")
    theirs = open_decoded(data_file("navy_winds.nc"))["UWND"]
    assert_same_array(only_data_variable(open_decoded(file)), theirs)
