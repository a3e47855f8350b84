"""Makes a storage with Deker, and beside it what must be read from it. Runs under Deker's Python:

    make_storage.py FOLDER

FOLDER gets `storage`, `expected.json` and `cells/*.npy`.
"""

import datetime
import json
import os
import pathlib
import sys

import canonical
import cases
import numpy as np
from deker import Client


def main() -> None:
    folder = pathlib.Path(sys.argv[1]).resolve()
    (folder / "cells").mkdir(parents=True)
    chosen = cases.all_cases()
    with Client(f"file://{folder / 'storage'}", loglevel="CRITICAL") as client:
        described = {case.name: make(client, case, folder) for case in chosen}
    for case in chosen:
        if case.version == "0.1":
            as_the_first_version(folder / "storage" / "collections" / case.name / f"{case.name}.json")
    (folder / "expected.json").write_text(json.dumps({"collections": described}, indent=1))


def make(client: Client, case: cases.Case, folder: pathlib.Path) -> dict:
    """Makes a collection and its arrays; the description of it."""
    collection = client.create_collection(case.name, case.schema, case.options)
    schema = json.loads(json.dumps(collection.as_dict["schema"]))
    arrays = [make_array(collection, schema, array, case, folder, n) for n, array in enumerate(case.arrays)]
    fixed = [fixed_coordinates(dimension) for dimension in schema["dimensions"]]
    return {
        "type": collection.as_dict["type"],
        "dtype": canonical.dtype_name(case.schema.dtype),
        "shape": list(case.schema.shape),
        "vgrid": schema.get("vgrid"),
        "dims": [
            {"name": dimension["name"], "kind": kind(dimension), "values": values}
            for dimension, values in zip(schema["dimensions"], fixed)
        ],
        "attributes": schema["attributes"],
        "refused": case.refused,
        "found_by_deker": case.found_by_deker,
        "arrays": arrays,
    }


def make_array(collection, schema, case: cases.ArrayCase, of: cases.Case, folder, number: int) -> dict:
    """Makes an array, and keeps what its cells must be: those of NumPy after the same writes."""
    array = collection.create(case.primary, case.custom, case.id)
    cells = np.full(array.shape, array.fill_value, array.dtype)
    for write in case.writes:
        subset = array[write.index]
        if write.cells is None:
            subset.clear()
            cells[write.index] = array.fill_value
        else:
            subset.update(write.cells)
            cells[write.index] = write.cells
    for position in case.lost_tiles:
        tile(collection, array, position).delete()
        box = (slice(p * size, (p + 1) * size) for p, size in zip(position, array.arrays_shape))
        cells[tuple(box)] = array.fill_value
    if case.update:
        array.update_custom_attributes(case.update)
    # As it stands on the disk, not as it was given.
    again = collection.filter({"id": array.id}).first()
    file = f"cells/{of.name}-{number}.npy"
    np.save(folder / file, cells)
    return {
        "id": array.id,
        "primary": canonical.attributes(again.primary_attributes),
        "custom": canonical.attributes(again.custom_attributes),
        "coords": {
            dimension["name"]: canonical.coordinates(dimension, start_of(dimension, again))
            for dimension in schema["dimensions"]
        },
        "cells": file,
    }


def tile(collection, array, position: tuple):
    """One tile of an array."""
    for found in collection.arrays:
        attributes = found.primary_attributes
        if attributes["vid"] == array.id and tuple(attributes["v_position"]) == position:
            return found
    raise LookupError(f"no tile at {position}")


def kind(dimension: dict) -> str:
    """What the coordinates of a dimension are."""
    if dimension["type"] == "time":
        return "time"
    if dimension["labels"] is not None:
        return "labels" if isinstance(dimension["labels"][0], str) else "values"
    return "none" if dimension["scale"] is None else "scale"


def start_of(dimension: dict, array) -> datetime.datetime | None:
    """Where the time of this array begins, if an attribute says it."""
    start = dimension.get("start_value") or ""
    if not start.startswith("$"):
        return None
    return {**array.primary_attributes, **array.custom_attributes}[start[1:]]


def fixed_coordinates(dimension: dict) -> list | None:
    """The coordinates that all arrays share."""
    if (dimension.get("start_value") or "").startswith("$"):
        return None
    return canonical.coordinates(dimension, None)


def as_the_first_version(path: pathlib.Path) -> None:
    """Turns the file of a collection into what Deker's first version wrote."""
    document = json.loads(path.read_text())
    document["metadata_version"] = "0.1"
    for dimension in document["schema"]["dimensions"]:
        dimension.pop("scale", None)
    path.write_text(json.dumps(document))


if __name__ == "__main__":
    os.environ.setdefault("TQDM_DISABLE", "1")
    main()
