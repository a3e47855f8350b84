"""Cuts the small samples of examples/data from the full files, cell by cell as stored.

    python tests/python/make_samples.py FOLDER_WITH_THE_FULL_FILES

Attributes, types, packing, fill values, chunking and codecs are those of the full file.
"""

import pathlib
import sys

import netCDF4

DATA = pathlib.Path(__file__).resolve().parents[2] / "examples" / "data"
SAMPLES = {
    # Two of the eleven years and a bit, so that the last chunk hangs over the edge.
    "navy_winds.nc": {"TIME": slice(0, 28)},
    # Two of the ten members, every second longitude.
    "era5-levels-members.nc": {"number": slice(0, 2), "longitude": slice(None, None, 2)},
}


def cut(source: netCDF4.Dataset, sample: netCDF4.Dataset, parts: dict[str, slice]) -> None:
    for name, dimension in source.dimensions.items():
        size = len(range(*parts.get(name, slice(None)).indices(len(dimension))))
        sample.createDimension(name, None if dimension.isunlimited() else size)
    sample.setncatts({name: source.getncattr(name) for name in source.ncattrs()})
    for name, variable in source.variables.items():
        filters = variable.filters() or {}
        chunking = variable.chunking()
        attributes = {key: variable.getncattr(key) for key in variable.ncattrs()}
        copy = sample.createVariable(
            name,
            variable.dtype,
            variable.dimensions,
            zlib=filters.get("zlib", False),
            complevel=filters.get("complevel") or None,
            shuffle=filters.get("shuffle", False),
            fletcher32=filters.get("fletcher32", False),
            contiguous=chunking == "contiguous",
            chunksizes=None if chunking == "contiguous" else chunking,
            fill_value=attributes.pop("_FillValue", None),
        )
        copy.setncatts(attributes)
        variable.set_auto_maskandscale(False)
        copy.set_auto_maskandscale(False)
        copy[...] = variable[tuple(parts.get(axis, slice(None)) for axis in variable.dimensions)]


def main() -> None:
    full = pathlib.Path(sys.argv[1])
    for name, parts in SAMPLES.items():
        with (
            netCDF4.Dataset(full / name) as source,
            netCDF4.Dataset(DATA / name, "w", format="NETCDF4") as sample,
        ):
            cut(source, sample, parts)
        print(name, (DATA / name).stat().st_size, "bytes")


if __name__ == "__main__":
    main()
