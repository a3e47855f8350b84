"""h5py, as it comes or with a chunk cache of 256 MiB: `h5py_peer.py [CACHE_BYTES]`."""

import sys

import h5py
import hdf5plugin
from common import Peer, serve

NAME = "t"


def filters(layout):
    """Keywords of `create_dataset` for a layout."""
    if layout.get("contiguous"):
        return {}
    keywords = {"chunks": tuple(layout["inner"] or layout["chunks"])}
    if layout.get("shuffle"):
        keywords["shuffle"] = True
    if layout["codec"] == "deflate":
        keywords |= {"compression": "gzip", "compression_opts": layout["level"]}
    elif layout["codec"] == "zstd":
        keywords |= hdf5plugin.Zstd(clevel=layout["level"])
    return keywords


class H5py(Peer):
    """One file per place, one variable in it."""

    packages = ("h5py", "hdf5plugin", "numpy")

    def __init__(self, cache_bytes):
        """With the default cache of chunks, or with one of that many bytes."""
        self.keywords = {"rdcc_nbytes": cache_bytes, "rdcc_nslots": 100_003} if cache_bytes else {}

    def write(self, path, layout, cells):
        """Write through `create_dataset` with the cells at hand."""
        with h5py.File(path, "w", **self.keywords) as file:
            file.create_dataset(NAME, data=cells, **filters(layout))

    def open(self, path, writable=False):
        """Open the file and the variable."""
        file = h5py.File(path, "r+" if writable else "r", **self.keywords)
        return file, file[NAME]

    def close(self, handle):
        """Close the file."""
        handle[0].close()

    def read(self, handle):
        """Read by `[...]`."""
        return handle[1][...]

    def read_into(self, handle, out):
        """Read by `read_direct`."""
        handle[1].read_direct(out)

    def box(self, handle, box):
        """Read by index."""
        return handle[1][box]

    def put(self, handle, box, cells):
        """Write by index."""
        handle[1][box] = cells

    def flush(self, handle):
        """Flush the file."""
        handle[0].flush()

    def create_many(self, path, arrays, one_file):
        """Create all variables in one file, or a file for each."""
        if one_file:
            with h5py.File(path, "w", **self.keywords) as file:
                for name, attributes, cells in arrays:
                    fill(file, name, attributes, cells)
            return
        path.mkdir()
        for name, attributes, cells in arrays:
            with h5py.File(path / f"{name}.h5", "w", **self.keywords) as file:
                fill(file, NAME, attributes, cells)

    def open_many(self, path, names, one_file):
        """Open the variables of one file, or a file for each."""
        if one_file:
            with h5py.File(path, "r", **self.keywords) as file:
                for name in names:
                    yield file[name][...], file[name].attrs["number"]
            return
        for name in names:
            with h5py.File(path / f"{name}.h5", "r", **self.keywords) as file:
                yield file[NAME][...], file[NAME].attrs["number"]


def fill(file, name, attributes, cells):
    """Create one variable with its attributes."""
    variable = file.create_dataset(name, data=cells)
    for key, value in attributes.items():
        variable.attrs[key] = value


if __name__ == "__main__":
    serve(H5py(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
