"""The groups of a Zarr store need no hyperslab to be read: zarr-python, xarray and tensorstore see every cell."""

import warnings

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from zarr_samples import Sample, assert_same_bits

zarr = pytest.importorskip("zarr", minversion="3")
ts = pytest.importorskip("tensorstore")

pytestmark = pytest.mark.filterwarnings("error")


def of(samples: list[Sample], collection: str) -> list[Sample]:
    found = [sample for sample in samples if sample.collection == collection]
    return sorted(found, key=lambda sample: str(sample.key))


def expected_fill(sample: Sample):
    """What the attribute `_FillValue` says, where there is one."""
    declared = sample.known["fill_value"]
    return None if declared is None or sample.dtype.kind in "bc" else sample.dtype.type(declared)


def test_zarr_python_reads_every_cell(samples):
    for sample in samples:
        group = zarr.open_group(sample.group, mode="r")
        assert group.metadata.consolidated_metadata is not None
        array = group[sample.variable]
        assert array.metadata.dimension_names == tuple(sample.known["dimensions"])
        assert_same_bits(np.asarray(array[...]), sample.cells, sample)
        # Read alone, so that its own metadata count, and not the copy in those of the group.
        alone = zarr.open_array(sample.data, mode="r")
        assert alone.metadata.to_dict() == array.metadata.to_dict(), sample
        if sample.cells.ndim == 3 and sample.cells.size:
            part = (slice(1, None), slice(0, 5, 2), slice(1, 3))
            assert_same_bits(np.asarray(alone[part]), sample.cells[part], sample)


def test_zarr_python_walks_the_whole_store(samples):
    collections = {sample.group.parent for sample in samples}
    for collection in collections:
        group = zarr.open_group(collection, mode="r")
        names = {sample.group.name for sample in samples if sample.group.parent == collection}
        assert set(group.group_keys()) == names


def test_tensorstore_reads_every_cell(samples):
    for sample in samples:
        spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{sample.data}/"}}
        array = ts.open(spec, read=True).result()
        assert array.domain.labels == tuple(sample.known["dimensions"])
        assert_same_bits(array.read().result(), sample.cells, sample)


@pytest.mark.parametrize("consolidated", [True, False])
def test_xarray_reads_every_cell_in_the_raw(samples, consolidated):
    for sample in samples:
        with xr.open_zarr(
            sample.group, consolidated=consolidated, chunks=None, decode_cf=False
        ) as opened:
            variable = opened[sample.variable]
            assert variable.dims == tuple(sample.known["dimensions"])
            assert_same_bits(variable.values, sample.cells, sample)
            fill = expected_fill(sample)
            if fill is None:
                assert "_FillValue" not in variable.attrs, sample
            else:
                np.testing.assert_equal(sample.dtype.type(variable.attrs["_FillValue"]), fill)


@pytest.mark.parametrize("consolidated", [True, False])
def test_xarray_masks_the_missing_cells(samples, consolidated):
    for sample in samples:
        if sample.collection == "odd times":
            continue
        with xr.open_zarr(sample.group, consolidated=consolidated, chunks=None) as opened:
            values = opened[sample.variable].values
        fill = expected_fill(sample)
        if fill is None:
            assert_same_bits(values, sample.cells, sample)
            continue
        missing = sample.cells == fill if fill == fill else np.isnan(sample.cells)
        assert np.isnan(values[missing]).all(), sample
        present = ~missing & ~np.isnan(sample.cells)
        np.testing.assert_array_equal(values[present], sample.cells[present].astype(values.dtype))


@pytest.mark.parametrize("consolidated", [True, False])
def test_every_kind_of_coordinate_and_attribute(samples, consolidated):
    for sample in of(samples, "stations"):
        opened = xr.open_zarr(sample.group, consolidated=consolidated, chunks=None)
        assert set(opened.data_vars) == {"stations"}
        assert set(opened.coords) == {"station", "time", "level", "lat"}
        assert list(opened.station.values) == ["north", "süd", "", "東"]
        times = ["2020-02-28T12:00:00", "2020-02-29T12:00:00", "1969-12-31T00:00:00"]
        np.testing.assert_array_equal(opened.time.values, pd.to_datetime(times).values)
        np.testing.assert_array_equal(opened.level.values, [1000.0, 850.5, 1e-300], strict=True)
        assert opened.level.attrs == {"units": "hPa"}
        np.testing.assert_array_equal(opened.lat.values, [10.0, 10.0 - 0.1, 10.0 - 0.2])
        assert opened.lat.attrs == {"units": "degrees_north", "standard_name": "latitude"}
        assert opened.attrs == {
            "Conventions": "CF-1.11",
            "title": "Stations",
            "version": 3,
            **sample.key,
            "id": sample.known["id"],
        }
        variable = opened["stations"]
        assert np.isnan(variable.encoding["_FillValue"])
        assert variable.attrs == {
            "long_name": "temperature of air",
            "units": "K",
            "height": 2.5,
            "missing": "NaN",
            "count": -7,
            "valid": 1,
            "phase": [1.0, -2.0],
            "seen": "2020-02-29T00:00:00.5Z",
            "sensor": "9f2c1f0e-3a52-4d0c-9d61-0f4f5f7c7a11",
            "pair": '[4,"four"]',
        }
        chosen = variable.sel(station="süd", time="2020-02-29T12:00", level=850.5, lat=9.9, method=None)
        np.testing.assert_array_equal(chosen.values, sample.cells[1, 1, 1, 1])


@pytest.mark.parametrize("consolidated", [True, False])
def test_times_start_where_the_attribute_says(samples, consolidated):
    starts = ["2023-01-01T00:00", "2023-01-02T06:30", "2023-01-03T00:00"]
    for sample, start in zip(of(samples, "hourly"), starts, strict=True):
        opened = xr.open_zarr(sample.group, consolidated=consolidated, chunks=None)
        hours = pd.date_range(start, periods=6, freq="h").values
        np.testing.assert_array_equal(opened.time.values, hours)
        np.testing.assert_array_equal(opened.x.values, np.arange(5) * 0.25)
        assert opened.rain.encoding["_FillValue"] == -9
        masked = np.where(sample.cells == -9, np.nan, sample.cells)
        np.testing.assert_array_equal(opened.rain.values, masked.astype(opened.rain.dtype))


def test_days_of_a_collection_become_one(samples):
    groups = [sample.group for sample in of(samples, "hourly")[:2]]
    days = [xr.open_zarr(group, chunks=None) for group in groups]
    joined = xr.concat(days, dim="time", join="outer", combine_attrs="drop_conflicts")
    assert joined.sizes == {"time": 12, "x": 5}


def test_times_to_the_nanosecond(samples):
    (sample,) = of(samples, "odd times")
    opened = xr.open_zarr(sample.group, chunks=None)
    expected = ["1815-06-18T11:35:00.000000000", "1815-06-18T11:35:00.000000001"]
    np.testing.assert_array_equal(opened.time.values, np.array(expected, "datetime64[ns]"))
    assert opened.none.shape == (0,)


def test_nothing_of_a_collection_is_unknown_to_zarr_python(samples):
    """No warning for a folder or an object that zarr-python does not know."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for collection in {sample.group.parent for sample in samples}:
            for _, node in zarr.open_group(collection, mode="r", use_consolidated=False).members(max_depth=None):
                assert node.metadata.zarr_format == 3
