"""Deker: one HDF5 file per array, chosen by its attributes."""

import numpy as np
from common import Unsupported, serve
from deker import ArraySchema, AttributeSchema, Client, DimensionSchema, VArraySchema
from deker_local_adapters import HDF5Options
from storage import StoragePeer

NAME = "t"
ATTRIBUTES = {
    "number": (int, True),
    "station": (str, False),
    "note": (str, False),
    "height": (float, False),
    "quality": (int, False),
    "latitude": (float, False),
}
KEYED = {"number": (int, True)}


def client(path):
    """A client whose notices stay quiet."""
    return Client(f"file://{path}", loglevel="CRITICAL")


def parts(shape, dtype, attributes):
    """What a schema is made of."""
    names = ("time", "y", "x")[-len(shape) :]
    dimensions = [DimensionSchema(name=n, size=s) for n, s in zip(names, shape, strict=True)]
    declared = [
        AttributeSchema(name=name, dtype=kind, primary=primary)
        for name, (kind, primary) in attributes.items()
    ]
    return {"dtype": dtype.type, "dimensions": dimensions, "attributes": declared}


def schema(cells, attributes):
    """The schema of arrays like `cells`."""
    return ArraySchema(**parts(cells.shape, cells.dtype, attributes))


def options(layout):
    """The options of a collection for a layout."""
    if layout.get("contiguous"):
        return None
    if layout["codec"] != "none" or layout["inner"]:
        raise Unsupported("this layout")
    return HDF5Options(chunks=tuple(layout["chunks"]))


class Deker(StoragePeer):
    """A client with one collection."""

    packages = ("deker", "deker-local-adapters", "h5py", "numpy")

    def write(self, path, layout, cells):
        """Create client, collection and array, and update all cells."""
        with client(path) as place:
            collection = place.create_collection(NAME, schema(cells, {}), options(layout))
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

    def create_keyed(self, path, arrays):
        """Create each by its primary attribute."""
        with client(path) as place:
            collection = place.create_collection(NAME, schema(arrays[0][1], KEYED))
            for number, cells in arrays:
                collection.create({"number": number})[:].update(cells)

    def find_keyed(self, path, numbers):
        """Find each by its primary attribute."""
        with client(path) as place:
            collection = place.get_collection(NAME)
            for number in numbers:
                array = collection.filter({"number": number}).first()
                yield array.primary_attributes["number"]

    def read_keyed(self, path, numbers):
        """Find each by its primary attribute and read it."""
        with client(path) as place:
            collection = place.get_collection(NAME)
            for number in numbers:
                array = collection.filter({"number": number}).first()
                yield array[:].read(), array.primary_attributes["number"]

    def create_tiled(self, path, shape, dtype, counts):
        """Create a VArray."""
        place = client(path)
        tiled = VArraySchema(**parts(shape, dtype, {}), vgrid=tuple(counts))
        return place, place.create_collection(NAME, tiled).create()

    def open_tiled(self, path):
        """Open as any array."""
        return self.open(path)

    def create_empty(self, path, shape, dtype, layout):
        """Create an array and write nothing."""
        place = client(path)
        empty = ArraySchema(**parts(shape, dtype, {}))
        return place, place.create_collection(NAME, empty, options(layout)).create()

    def create_noted(self, path, cells, note):
        """Create an array with a custom attribute, which is updated."""
        noted = schema(cells, KEYED | {"note": (str, False)})
        place = client(path)
        array = place.create_collection(NAME, noted).create({"number": 0}, {"note": note})
        array[:].update(cells)

        def change(note):
            # An array whose client has gone cannot be changed.
            assert place.is_open
            array.update_custom_attributes({"note": note})

        return change


if __name__ == "__main__":
    serve(Deker())
