"""What a storage holds as Deker sees it, and how that differs from what is expected. Runs under Deker's Python."""

import json
import pathlib

import canonical
import numpy as np
from deker import Client


def meta(array) -> dict:
    """An array without its cells."""
    return {
        "id": array.id,
        "primary": canonical.attributes(array.primary_attributes),
        "custom": canonical.attributes(array.custom_attributes),
        "shape": list(array.shape),
        "dtype": canonical.dtype_name(array.dtype),
    }


def one(client: Client, collection: str, key: dict | None):
    """An array by its key or id; the only one without either."""
    arrays = client.get_collection(collection)
    if arrays is None:
        raise LookupError(f"no collection {collection}")
    found = arrays.filter(key).first() if key else next(iter(arrays))
    if found is None:
        raise LookupError(f"no array {key} in {collection}")
    return found


def differences(client: Client, expected: dict, folder: pathlib.Path) -> list[str]:
    """Where collections, attributes, coordinates or cells are not those that are expected."""
    found = []
    for name, wanted in expected.items():
        collection = client.get_collection(name)
        if collection is None:
            found.append(f"{name}: not there")
            continue
        try:
            found += [f"{name}: {text}" for text in of_collection(collection, wanted, folder)]
        except Exception as error:
            found.append(f"{name}: {type(error).__name__}: {error}")
    return found


def of_collection(collection, wanted: dict, folder: pathlib.Path):
    schema = collection.varray_schema or collection.array_schema
    for what, is_now, was in [
        ("dtype", canonical.dtype_name(schema.dtype), wanted["dtype"]),
        ("shape", list(schema.shape), wanted["shape"]),
        ("vgrid", list(getattr(schema, "vgrid", None) or []), wanted["vgrid"] or []),
        ("attributes", json.loads(json.dumps(collection.as_dict["schema"]["attributes"])), wanted["attributes"]),
    ]:
        if is_now != was:
            yield f"{what} is {is_now}, not {was}"
    arrays = {array.id: array for array in collection}
    known = {array["id"] for array in wanted["arrays"]}
    if set(arrays) != known:
        yield f"arrays {sorted(set(arrays) ^ known)} are in one of both only"
    for array in wanted["arrays"]:
        if array["id"] in arrays:
            for text in of_array(collection, wanted, arrays[array["id"]], array, folder):
                yield f"{array['primary']} {array['id']}: {text}"


def of_array(collection, of: dict, array, wanted: dict, folder: pathlib.Path):
    for role in ("primary", "custom"):
        is_now = canonical.attributes(getattr(array, f"{role}_attributes"))
        if not same(is_now, wanted[role]):
            yield f"{role} attributes are {is_now}, not {wanted[role]}"
    # By the links; a NaN and a text with a slash have their places too.
    if array.primary_attributes and of.get("found_by_deker", True):
        by_key = collection.filter(dict(array.primary_attributes)).first()
        if by_key is None or by_key.id != array.id:
            yield "is not found by its primary attributes"
    subset = array[:]
    for name, positions in subset.describe().items():
        if (values := wanted["coords"].get(name)) is None:
            continue
        is_now = [canonical.attribute(position) for position in positions]
        # Deker rounds a scale to the digits of its step.
        close = all(
            abs(a - b) < 1e-9 if isinstance(a, float) and isinstance(b, float) else a == b
            for a, b in zip(is_now, values, strict=True)
        )
        if not close:
            yield f"coordinates of {name} are {is_now}, not {values}"
    cells = np.load(folder / wanted["cells"])
    ours = np.asarray(subset.read())
    if not canonical.same_cells(ours, cells.reshape(ours.shape)):
        yield f"cells are {ours.ravel()[:20]}, not {cells.ravel()[:20]}"


def same(ours, theirs) -> bool:
    """Equal in JSON, where -0.0 and 0.0 are two."""
    return json.dumps(ours) == json.dumps(theirs)
