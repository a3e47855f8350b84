"""zarr-python 3, alone or with the codec pipeline of zarrs: `zarr_peer.py [zarrs]`."""

import os
import sys

import zarr
from common import Peer, serve
from zarr.core.buffer import default_buffer_prototype

NAME = "t"


def settings(arguments):
    """Keywords of `zarr.config.set` for this run."""
    chosen = {}
    if "zarrs" in arguments:
        import zarrs  # noqa: F401, its import registers the pipeline

        chosen["codec_pipeline.path"] = "zarrs.ZarrsCodecPipeline"
    if threads := os.environ.get("HYPERSLAB_BENCH_THREADS"):
        chosen |= {"threading.max_workers": int(threads), "async.concurrency": int(threads)}
    return chosen


def codecs(layout):
    """Keywords of `create_array` for a layout."""
    if layout.get("default"):
        return {}
    zstd = zarr.codecs.ZstdCodec(level=layout["level"])
    return {
        "chunks": tuple(layout["inner"] or layout["chunks"]),
        "shards": tuple(layout["chunks"]) if layout["inner"] else None,
        "compressors": [zstd] if layout["codec"] == "zstd" else None,
        "filters": None,
    }


class Zarr(Peer):
    """A group with one array."""

    packages = ("zarr", "zarrs", "numcodecs", "numpy")

    def write(self, path, layout, cells):
        """Write through `create_array` and an assignment of all cells."""
        group = zarr.create_group(path)
        array = group.create_array(
            NAME,
            shape=cells.shape,
            dtype=cells.dtype,
            dimension_names=["time", "y", "x"],
            **codecs(layout),
        )
        array[...] = cells

    def open(self, path, writable=False):
        """Open the array of the group."""
        return zarr.open_group(path, mode="r+" if writable else "r")[NAME]

    def read(self, handle):
        """Read by `[...]`."""
        return handle[...]

    def read_into(self, handle, out):
        """Read into a buffer of the caller."""
        buffer = default_buffer_prototype().nd_buffer.from_ndarray_like(out)
        handle.get_basic_selection(Ellipsis, out=buffer)

    def box(self, handle, box):
        """Read by index."""
        return handle[box]

    def put(self, handle, box, cells):
        """Write by index; visible at once."""
        handle[box] = cells

    def create_many(self, path, arrays, one_file):
        """Create the arrays of one group."""
        if not one_file:
            raise_unsupported()
        group = zarr.create_group(path)
        for name, attributes, cells in arrays:
            group.create_array(name, data=cells, attributes=attributes)

    def open_many(self, path, names, one_file):
        """Open each array through the group."""
        if not one_file:
            raise_unsupported()
        group = zarr.open_group(path, mode="r")
        for name in names:
            array = group[name]
            yield array[...], array.attrs["number"]


def raise_unsupported():
    """Files are HDF5's."""
    from common import Unsupported

    raise Unsupported("a file for each array")


if __name__ == "__main__":
    zarr.config.set(settings(sys.argv[1:]))
    serve(Zarr())
