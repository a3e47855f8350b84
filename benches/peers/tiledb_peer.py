"""TileDB, with tiles of the shape of the chunks."""

import os

import numpy as np
import tiledb
from common import Peer, Unsupported, serve

NAME = "t"


def context():
    """The context of every handle."""
    config = {}
    if threads := os.environ.get("HYPERSLAB_BENCH_THREADS"):
        config["sm.compute_concurrency_level"] = threads
        config["sm.io_concurrency_level"] = threads
    return tiledb.Ctx(config)


def schema(layout, cells, ctx):
    """A dense array with one unnamed attribute."""
    tiles = layout["inner"] or layout["chunks"]
    names = ("time", "y", "x")[-cells.ndim :]
    dimensions = [
        tiledb.Dim(name, domain=(0, size - 1), tile=min(tile, size), dtype=np.int32, ctx=ctx)
        for name, size, tile in zip(names, cells.shape, tiles, strict=True)
    ]
    zstd = layout["codec"] == "zstd"
    filters = tiledb.FilterList([tiledb.ZstdFilter(level=layout["level"])] if zstd else [])
    attribute = tiledb.Attr(dtype=cells.dtype, filters=filters, ctx=ctx)
    domain = tiledb.Domain(*dimensions, ctx=ctx)
    return tiledb.ArraySchema(domain=domain, attrs=[attribute], ctx=ctx)


class TileDB(Peer):
    """One array per place."""

    packages = ("tiledb", "numpy")

    def __init__(self):
        """With one context for creating many arrays."""
        self.ctx = context()

    def write(self, path, layout, cells):
        """Create the array and write all cells as one fragment."""
        if layout.get("default"):
            raise Unsupported("tiles of its own choice")
        ctx = context()
        tiledb.Array.create(str(path), schema(layout, cells, ctx), ctx=ctx)
        with tiledb.open(str(path), "w", ctx=ctx) as array:
            array[:] = cells

    def open(self, path, writable=False):
        """Open with a context, and so a tile cache, of its own."""
        return tiledb.open(str(path), "w" if writable else "r", ctx=context())

    def close(self, handle):
        """Close the array."""
        handle.close()

    def read(self, handle):
        """Read by `[:]`."""
        return handle[:]

    def box(self, handle, box):
        """Read by index."""
        return handle[box]

    def put(self, handle, box, cells):
        """Write by index: a fragment each."""
        handle[box] = cells

    def create_many(self, path, arrays, one_file):
        """Create arrays side by side in a folder, attributes as metadata."""
        if not one_file:
            raise Unsupported("a file for each array")
        path.mkdir()
        layout = {"inner": None, "chunks": [16, 16], "codec": "none"}
        for name, attributes, cells in arrays:
            place = str(path / name)
            tiledb.Array.create(place, schema(layout, cells, self.ctx), ctx=self.ctx)
            with tiledb.open(place, "w", ctx=self.ctx) as array:
                array[:] = cells
                for key, value in attributes.items():
                    array.meta[key] = value

    def open_many(self, path, names, one_file):
        """Open each array by its path."""
        if not one_file:
            raise Unsupported("a file for each array")
        for name in names:
            with tiledb.open(str(path / name), "r", ctx=self.ctx) as array:
                yield array[:], array.meta["number"]


if __name__ == "__main__":
    serve(TileDB())
