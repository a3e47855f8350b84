"""One JSON form of what Deker gives back, the one that hyperslab prints too."""

import datetime
import math

import numpy as np


def instant(value: datetime.datetime) -> str:
    """RFC 3339 in UTC, the fraction without trailing zeros."""
    if value.tzinfo is None:
        value = value.replace(tzinfo=datetime.timezone.utc)
    value = value.astimezone(datetime.timezone.utc)
    text = value.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f".{value.microsecond:06d}".rstrip("0") if value.microsecond else ""
    return f"{text}{fraction}Z"


def number(value: float):
    """A float, by its name where JSON has none."""
    value = float(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def attribute(value, inside: bool = False):
    """The value of an attribute. Inside a tuple Deker leaves a time as text, and a complex number stands apart from a pair."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (bool, int, np.integer)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        plain = number(value)
        return {"float": plain} if inside and isinstance(plain, str) else plain
    if isinstance(value, (complex, np.complexfloating)):
        pair = [number(value.real), number(value.imag)]
        return {"complex": pair} if inside else pair
    if isinstance(value, datetime.datetime):
        return instant(value)
    if isinstance(value, (list, tuple)):
        return [attribute(part, inside=True) for part in value]
    raise TypeError(f"no JSON form of {value!r}")


def attributes(values: dict) -> dict:
    """All attributes of one role."""
    return {name: attribute(value) for name, value in values.items()}


def coordinates(dimension: dict, start: datetime.datetime | None) -> list | None:
    """The coordinate of each position of a dimension, from its JSON form in the collection's file."""
    size = dimension["size"]
    if dimension["type"] == "time":
        step = datetime.timedelta(**dimension["step"])
        if start is None:
            start = datetime.datetime.fromisoformat(dimension["start_value"])
        return [instant(start + index * step) for index in range(size)]
    if dimension["labels"] is not None:
        return [label if isinstance(label, str) else number(label) for label in dimension["labels"]]
    if dimension["scale"] is not None:
        first, step = dimension["scale"]["start_value"], dimension["scale"]["step"]
        return [first + index * step for index in range(size)]
    return None


def dtype_name(dtype) -> str:
    """The name that hyperslab has for a type of cells: the width, not the C type."""
    return np.dtype(dtype).name


def same_cells(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Equal in type, shape and every cell, the parts of a complex number each by itself, NaN equal to NaN."""
    if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
        return False
    if np.iscomplexobj(ours):
        return same_cells(ours.real, theirs.real) and same_cells(ours.imag, theirs.imag)
    return bool(np.array_equal(ours, theirs, equal_nan=ours.dtype.kind == "f"))
