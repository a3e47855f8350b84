"""Deker: one HDF5 file per array, chosen by its attributes."""

import numpy as np
from common import Peer, Unsupported, serve
from deker import ArraySchema, AttributeSchema, Client, DimensionSchema
from deker_local_adapters import HDF5Options

NAME = "t"
ATTRIBUTES = {
    "number": (int, True),
    "station": (str, False),
    "note": (str, False),
    "height": (float, False),
    "quality": (int, False),
    "latitude": (float, False),
}


def client(path):
    """A client whose notices stay quiet."""
    return Client(f"file://{path}", loglevel="CRITICAL")


def schema(cells, attributes):
    """The schema of arrays like `cells`."""
    names = ("time", "y", "x")[-cells.ndim :]
    dimensions = [DimensionSchema(name=n, size=s) for n, s in zip(names, cells.shape, strict=True)]
    declared = [
        AttributeSchema(name=name, dtype=kind, primary=primary)
        for name, (kind, primary) in attributes.items()
    ]
    return ArraySchema(dtype=cells.dtype.type, dimensions=dimensions, attributes=declared)


class Deker(Peer):
    """A client with one collection."""

    packages = ("deker", "deker-local-adapters", "h5py", "numpy")

    def write(self, path, layout, cells):
        """Create client, collection and array, and update all cells."""
        if layout["codec"] != "none" or layout["inner"]:
            raise Unsupported("this layout")
        options = HDF5Options(chunks=tuple(layout["chunks"]))
        with client(path) as place:
            collection = place.create_collection(NAME, schema(cells, {}), options)
            collection.create()[:].update(cells)

    def open(self, path, writable=False):
        """Open client, collection and array."""
        place = client(path)
        return place, next(iter(place.get_collection(NAME)))

    def close(self, handle):
        """Close the client."""
        handle[0].close()

    def read(self, handle):
        """Read the subset of all."""
        return handle[1][:].read()

    def box(self, handle, box):
        """Read a subset."""
        return handle[1][box].read()

    def put(self, handle, box, cells):
        """Update a subset."""
        handle[1][box].update(cells)

    def create_many(self, path, arrays, one_file):
        """Create the arrays of a collection; each is a file."""
        with client(path) as place:
            collection = place.create_collection(NAME, schema(arrays[0][2], ATTRIBUTES))
            for _, attributes, cells in arrays:
                number = {"number": attributes["number"]}
                custom = {key: attributes[key] for key in attributes if key != "number"}
                collection.create(number, custom)[:].update(cells)

    def open_many(self, path, names, one_file):
        """Find each array by its primary attribute."""
        with client(path) as place:
            collection = place.get_collection(NAME)
            for number in range(len(names)):
                array = collection.filter({"number": number}).first()
                yield np.asarray(array[:].read()), array.primary_attributes["number"]


if __name__ == "__main__":
    serve(Deker())
