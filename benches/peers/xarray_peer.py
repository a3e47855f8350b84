"""xarray over h5netcdf for files and over zarr-python for folders."""

import hdf5plugin  # noqa: F401, its import registers the filters
import xarray
from common import Peer, serve

NAME = "t"


class Xarray(Peer):
    """Reads what h5py and zarr-python wrote."""

    packages = ("xarray", "h5netcdf", "h5py", "zarr", "numpy")

    def open(self, path, writable=False):
        """Open lazily, without dask."""
        if path.is_dir():
            return xarray.open_zarr(path, chunks=None, consolidated=False)
        return xarray.open_dataset(path, engine="h5netcdf", phony_dims="sort", cache=False)

    def close(self, handle):
        """Close the file."""
        handle.close()

    def read(self, handle):
        """Read through `.values` of an array that keeps no copy."""
        return handle[NAME][...].values

    def box(self, handle, box):
        """Read by position."""
        return handle[NAME][box].values


if __name__ == "__main__":
    serve(Xarray())
