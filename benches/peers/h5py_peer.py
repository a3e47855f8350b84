"""h5py, as it comes or with a chunk cache of 256 MiB: `h5py_peer.py [CACHE_BYTES]`."""

import itertools
import sys

import h5py
import hdf5plugin
import numpy as np
from common import serve
from storage import StoragePeer

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


class H5py(StoragePeer):
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

    def create_keyed(self, path, arrays):
        """Create a file for each, named by the number."""
        path.mkdir()
        for number, cells in arrays:
            with h5py.File(path / f"{number}.h5", "w", **self.keywords) as file:
                file.create_dataset(NAME, data=cells).attrs["number"] = number

    def find_keyed(self, path, numbers):
        """Open each file and read the attribute."""
        for number in numbers:
            with h5py.File(path / f"{number}.h5", "r", **self.keywords) as file:
                yield file[NAME].attrs["number"]

    def read_keyed(self, path, numbers):
        """Open each file and read it."""
        for number in numbers:
            with h5py.File(path / f"{number}.h5", "r", **self.keywords) as file:
                yield file[NAME][...], file[NAME].attrs["number"]

    def create_tiled(self, path, shape, dtype, counts):
        """Make a folder; the files come with their cells."""
        path.mkdir()
        tile = [length // count for length, count in zip(shape, counts, strict=True)]
        np.save(path / "tiles.npy", np.array([shape, tile]))
        return self.open_tiled(path)

    def open_tiled(self, path):
        """What the files are."""
        return Tiles(path, *np.load(path / "tiles.npy").tolist(), self.keywords)

    def create_empty(self, path, shape, dtype, layout):
        """Create a variable and write nothing."""
        file = h5py.File(path, "w", **self.keywords)
        return file, file.create_dataset(NAME, tuple(shape), dtype, **filters(layout))

    def create_noted(self, path, cells, note):
        """Create a file with an attribute, for whose changes it is opened anew."""
        with h5py.File(path, "w", **self.keywords) as file:
            file.create_dataset(NAME, data=cells).attrs["note"] = note

        def change(note):
            with h5py.File(path, "r+", **self.keywords) as file:
                file[NAME].attrs["note"] = note

        return change


class Tiles:
    """A file for each tile, in a loop; looks like an open file and like the variable in it."""

    def __init__(self, path, shape, tile, keywords):
        """Of that shape, in tiles of that shape."""
        self.path, self.shape, self.tile, self.keywords = path, shape, tile, keywords

    def __getitem__(self, box):
        """Read by index; 0 and 1 are the file and the variable."""
        if not isinstance(box, tuple):
            return self
        cells = None
        for name, inside, place in self.pieces(box):
            with h5py.File(name, "r", **self.keywords) as file:
                if cells is None:
                    shape = [part.stop - part.start for part in box]
                    cells = np.empty(shape, file[NAME].dtype)
                cells[place] = file[NAME][inside]
        return cells

    def __setitem__(self, box, cells):
        """Write by index; a tile that is not there yet is written whole."""
        for name, inside, place in self.pieces(box):
            if name.exists():
                with h5py.File(name, "r+", **self.keywords) as file:
                    file[NAME][inside] = cells[place]
            else:
                with h5py.File(name, "w", **self.keywords) as file:
                    file.create_dataset(NAME, data=cells[place])

    def pieces(self, box):
        """File, box in the tile and box in the result for each tile that a box touches."""
        touched = [
            range(part.start // length, (part.stop - 1) // length + 1)
            for part, length in zip(box, self.tile, strict=True)
        ]
        for tile in itertools.product(*touched):
            inside, place = [], []
            for number, part, length in zip(tile, box, self.tile, strict=True):
                first, last = max(part.start, number * length), min(part.stop, (number + 1) * length)
                inside.append(slice(first - number * length, last - number * length))
                place.append(slice(first - part.start, last - part.start))
            name = "-".join(map(str, tile))
            yield self.path / f"{name}.h5", tuple(inside), tuple(place)

    def close(self):
        """Nothing is open."""


def fill(file, name, attributes, cells):
    """Create one variable with its attributes."""
    variable = file.create_dataset(name, data=cells)
    for key, value in attributes.items():
        variable.attrs[key] = value


if __name__ == "__main__":
    serve(H5py(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
