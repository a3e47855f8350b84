"""tensorstore, with its default context or with a cache pool of 256 MiB: `tensorstore_peer.py [CACHE_BYTES]`."""

import os
import sys

import numpy as np
import tensorstore as ts
from common import Peer, Unsupported, serve

NAME = "t"
SMALL = {"default": True, "codec": "none"}


def context(cache_bytes):
    """The context of every handle: no sync, as for all peers."""
    spec = {"file_io_sync": False}
    if cache_bytes:
        spec["cache_pool"] = {"total_bytes_limit": cache_bytes}
    if threads := os.environ.get("HYPERSLAB_BENCH_THREADS"):
        limit = {"limit": int(threads)}
        spec |= {"data_copy_concurrency": limit, "file_io_concurrency": limit}
    return spec


def metadata(layout, cells):
    """The `zarr.json` of a layout."""
    chosen = {"shape": list(cells.shape), "data_type": str(cells.dtype)}
    inner = [{"name": "bytes", "configuration": {"endian": "little"}}]
    if layout["codec"] == "zstd":
        inner.append({"name": "zstd", "configuration": {"level": layout["level"]}})
    if layout.get("default"):
        return chosen | {"codecs": inner}
    if layout["inner"]:
        index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
        sharding = {
            "chunk_shape": layout["inner"],
            "codecs": inner,
            "index_codecs": index,
            "index_location": "end",
        }
        inner = [{"name": "sharding_indexed", "configuration": sharding}]
    grid = {"name": "regular", "configuration": {"chunk_shape": layout["chunks"]}}
    return chosen | {"chunk_grid": grid, "codecs": inner}


class Tensorstore(Peer):
    """One array; tensorstore has no groups."""

    packages = ("tensorstore", "numpy")

    def __init__(self, cache_bytes):
        """With a cache pool of that many bytes, or with none."""
        self.context = context(cache_bytes)
        self.small = ts.Context(self.context)

    def spec(self, path):
        """The spec of the array in a group."""
        return {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{path}/"}}

    def write(self, path, layout, cells):
        """Create the array and write all cells in one transaction of none: one call."""
        spec = self.spec(path / NAME) | {"metadata": metadata(layout, cells)}
        ts.open(spec, create=True, context=ts.Context(self.context)).result().write(cells).result()

    def open(self, path, writable=False):
        """Open with a context, and so a cache, of its own."""
        return ts.open(self.spec(path / NAME), open=True, context=ts.Context(self.context)).result()

    def read(self, handle):
        """Read all cells."""
        return handle.read().result()

    def read_into(self, handle, out):
        """Copy the array into one that wraps the buffer."""
        ts.array(out).write(handle).result()

    def box(self, handle, box):
        """Read by index."""
        return handle[box].read().result()

    def put(self, handle, box, cells):
        """Write by index; visible when the future is done."""
        handle[box].write(cells).result()

    def create_many(self, path, arrays, one_file):
        """Create arrays side by side in a folder."""
        if not one_file:
            raise Unsupported("a file for each array")
        for name, attributes, cells in arrays:
            spec = self.spec(path / name)
            spec["metadata"] = metadata(SMALL, cells) | {"attributes": attributes}
            ts.open(spec, create=True, context=self.small).result().write(cells).result()

    def open_many(self, path, names, one_file):
        """Open each array by its path."""
        if not one_file:
            raise Unsupported("a file for each array")
        for name in names:
            array = ts.open(self.spec(path / name), open=True, context=self.small).result()
            attributes = array.spec().to_json()["metadata"].get("attributes", {})
            yield np.asarray(array.read().result()), attributes["number"]


if __name__ == "__main__":
    serve(Tensorstore(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
