"""Zarr groups of other programs in, of version 2 and 3: the same variable as that of the netCDF file they were made from."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from conftest import VARIABLES, assert_same_array, data_file, hyperslab, open_decoded

zarr = pytest.importorskip("zarr", minversion="3")
ts = pytest.importorskip("tensorstore")

pytestmark = pytest.mark.filterwarnings("ignore:Consolidated metadata is currently not part")


def imported(source, variable, folder, *options):
    """Imports a variable and exports it again."""
    store, out = folder / "store", folder / "out.nc"
    hyperslab("import", source, store, "sample", "--variable", variable, *options)
    hyperslab("export", store, "sample", "-o", out)
    return open_decoded(out)[variable.split("/")[-1]]


@pytest.mark.parametrize("consolidated", [True, False], ids=["consolidated", "listed"])
@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("name, variable", VARIABLES, ids=lambda value: str(value))
def test_what_xarray_writes_is_what_the_file_says(name, variable, zarr_format, consolidated, tmp_path):
    # Stored as the file has it, but for the chunks.
    try:
        ds = xr.open_dataset(data_file(name))[[variable]].load()
    except ValueError:
        ds = xr.open_dataset(data_file(name), decode_times=False)[[variable]].load()
    kept = {"dtype", "scale_factor", "add_offset", "_FillValue", "units", "calendar"}
    for each in ds.variables.values():
        each.encoding = {key: value for key, value in each.encoding.items() if key in kept}
    source = tmp_path / "source.zarr"
    ds.to_zarr(source, zarr_format=zarr_format, consolidated=consolidated)
    ours = imported(source, variable, tmp_path)
    with xr.open_zarr(source, consolidated=consolidated, chunks=None, decode_times=False) as opened:
        theirs = opened[variable].load()
    original = open_decoded(data_file(name))[variable]
    assert_same_array(ours, original.astype(ours.dtype))
    np.testing.assert_array_equal(ours.values, theirs.values, strict=True)


COMPRESSORS = {
    2: {
        "none": None,
        "zstd": {"id": "zstd", "level": 3},
        "blosc": {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1},
        "zlib": {"id": "zlib", "level": 2},
        "gzip": {"id": "gzip", "level": 2},
    },
    3: {
        "none": [],
        "zstd": [{"name": "zstd", "configuration": {"level": 3, "checksum": True}}],
        "blosc": [
            {
                "name": "blosc",
                "configuration": {
                    "cname": "lz4", "clevel": 5, "shuffle": "bitshuffle", "typesize": 4, "blocksize": 0
                },
            }
        ],
        "gzip": [{"name": "gzip", "configuration": {"level": 2}}],
        "checked": [{"name": "zstd", "configuration": {"level": 1, "checksum": False}}, {"name": "crc32c"}],
    },
}
DTYPES = ["bool", "i1", "u1", "<i2", ">i2", "<u4", ">i8", "<u8", "<f2", "<f4", ">f8", "<c8", "<c16"]


def cells(dtype: str) -> np.ndarray:
    numbers = np.arange(5 * 7 * 3).reshape(5, 7, 3) - 3
    kind = np.dtype(dtype).kind
    if kind == "c":
        return (numbers * (1 - 2j)).astype(dtype)
    return (numbers % 3 == 0) if kind == "b" else (numbers + 3 * (kind == "u")).astype(dtype)


def read(source, variable, folder):
    store, out = folder / "store", folder / "out.npy"
    hyperslab("import", source, store, "sample", "--variable", variable)
    hyperslab("read", store, "sample", "-o", out)
    return np.load(out)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_every_dtype_of_zarr_python(zarr_format, tmp_path):
    group = zarr.open_group(tmp_path / "source.zarr", mode="w", zarr_format=zarr_format)
    for number, dtype in enumerate(DTYPES):
        array = group.create_array(f"v{number}", shape=(5, 7, 3), chunks=(2, 3, 3), dtype=dtype)
        array[:4] = cells(dtype)[:4]
    for number, dtype in enumerate(DTYPES):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        expected = cells(dtype)
        expected[4:] = 0
        ours = read(tmp_path / "source.zarr", f"v{number}", folder)
        np.testing.assert_array_equal(ours, expected, err_msg=dtype)
        assert ours.dtype == expected.dtype.newbyteorder("=")


@pytest.mark.parametrize(
    "zarr_format, codec", [(version, codec) for version, codecs in COMPRESSORS.items() for codec in codecs]
)
def test_every_codec_order_and_separator(zarr_format, codec, tmp_path):
    group = zarr.open_group(tmp_path / "source.zarr", mode="w", zarr_format=zarr_format)
    shards = {"shards": (4, 6, 3)} if zarr_format == 3 else {}
    separators = [".", "/"]
    for number, options in enumerate([{}, {"order": "F"}, shards]):
        if zarr_format == 3:
            options = {"filters": [zarr.codecs.TransposeCodec(order=(2, 0, 1))]} if "order" in options else options
        array = group.create_array(
            f"v{number}",
            shape=(5, 7, 3),
            chunks=(2, 3, 3),
            dtype="<f4",
            compressors=COMPRESSORS[zarr_format][codec],
            chunk_key_encoding={
                "name": "v2" if zarr_format == 2 else "default",
                "separator": separators[number % 2],
            },
            fill_value=7,
            **options,
        )
        array[1:] = cells("<f4")[1:]
        folder = tmp_path / f"{number}"
        folder.mkdir()
        expected = cells("<f4")
        expected[0] = 7
        np.testing.assert_array_equal(
            read(tmp_path / "source.zarr", f"v{number}", folder), expected, strict=True
        )


@pytest.mark.parametrize("driver", ["zarr", "zarr3"])
def test_what_tensorstore_writes(driver, tmp_path):
    metadata = {
        "zarr": {"compressor": {"id": "blosc", "cname": "zstd"}, "chunks": [2, 3, 3], "dtype": "<i2"},
        "zarr3": {
            "data_type": "int16",
            "dimension_names": ["z", None, "x"],
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [4, 6, 3]}},
            "codecs": [
                {
                    "name": "sharding_indexed",
                    "configuration": {
                        "chunk_shape": [2, 3, 3],
                        "index_location": "start",
                        "codecs": [{"name": "bytes", "configuration": {"endian": "big"}}, {"name": "gzip"}],
                    },
                }
            ],
        },
    }[driver]
    folder = tmp_path / "alone"
    array = ts.open(
        {
            "driver": driver,
            "kvstore": {"driver": "file", "path": f"{folder}/"},
            "metadata": {"shape": [5, 7, 3], **metadata},
        },
        create=True,
    ).result()
    array[...] = cells("<i2")
    # An array in no group is called as its folder is.
    np.testing.assert_array_equal(read(folder, "alone", tmp_path), cells("<i2"), strict=True)


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_labels_scalars_and_times(zarr_format, tmp_path):
    times = pd.date_range("2023-01-01", periods=3, freq="6h")
    ds = xr.Dataset(
        {"v": (("station", "time"), np.arange(6.0).reshape(2, 3), {"units": "K", "long_name": "ä"})},
        coords={"station": ["nörd", "s"], "time": times, "height": ((), 2.0, {"units": "m"})},
        attrs={"title": "Stations", "count": 3, "ratio": 0.5},
    )
    ds.to_zarr(tmp_path / "source.zarr", zarr_format=zarr_format)
    ours = imported(tmp_path / "source.zarr", "v", tmp_path)
    xr.testing.assert_equal(ours.drop_vars("height", errors="ignore"), ds.v.drop_vars("height"))
    assert ours.attrs["units"] == "K" and ours.attrs["long_name"] == "ä"


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_complex_numbers_as_xarray_writes_them(zarr_format, tmp_path):
    ds = xr.Dataset({"v": (("z", "y", "x"), cells("<c16"))})
    ds.to_zarr(tmp_path / "source.zarr", zarr_format=zarr_format)
    np.testing.assert_array_equal(read(tmp_path / "source.zarr", "v", tmp_path), cells("<c16"), strict=True)


@pytest.mark.parametrize("consolidated", [True, False])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_groups_in_groups(zarr_format, consolidated, tmp_path):
    root = zarr.open_group(tmp_path / "source.zarr", mode="w", zarr_format=zarr_format)
    inner = root.create_group("a").create_group("b")
    inner.create_array("v", data=cells("<i2"))
    if consolidated:
        zarr.consolidate_metadata(tmp_path / "source.zarr", zarr_format=zarr_format)
    np.testing.assert_array_equal(read(tmp_path / "source.zarr", "a/b/v", tmp_path), cells("<i2"))


def test_what_cannot_be_read_is_named(tmp_path):
    source = tmp_path / "source.zarr"
    group = zarr.open_group(source, mode="w", zarr_format=3)
    group.create_array("v", data=cells("<i2"))
    node = source / "v" / "zarr.json"
    metadata = json.loads(node.read_text())
    metadata["codecs"].append({"name": "numcodecs.squish", "configuration": {}})
    node.write_text(json.dumps(metadata))
    with pytest.raises(AssertionError, match="numcodecs.squish"):
        read(source, "v", tmp_path)
    with pytest.raises(AssertionError, match="no variable 'w'"):
        read(source, "w", tmp_path)
    shutil.rmtree(source / "v")
    (source / "zarr.json").write_text("{}")
    with pytest.raises(AssertionError, match="damaged"):
        read(source, "v", tmp_path)
