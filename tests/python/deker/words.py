"""From the JSON form of attributes and coordinates to the words of hyperslab's command line."""

import json
import math


def value(given, dtype: str) -> str:
    """The value of an attribute as a person types it."""
    if dtype in ("datetime", "string"):
        return given
    if dtype == "tuple":
        return json.dumps(given)
    if dtype.removeprefix("numpy.") in ("complex", "complex64", "cfloat"):
        real, imaginary = (float(part) for part in given)
        sign = "-" if math.copysign(1, imaginary) < 0 else "+"
        return f"{real!r}{sign}{abs(imaginary)!r}i"
    return str(given)


def key(collection: dict, array: dict) -> list[str]:
    """The words that name an array: its key, or its id where a key cannot be typed."""
    kinds = {each["name"]: each["dtype"] for each in collection["attributes"] if each["primary"]}
    typed = {name: kinds[name] not in ("tuple",) and given != "NaN" for name, given in array["primary"].items()}
    if not typed or not all(typed.values()):
        return [f"id={array['id']}"]
    return [f"{name}={value(given, kinds[name])}" for name, given in array["primary"].items()]


def plain(given):
    """The same without the sign of a zero: a key has one spelling of it."""
    if isinstance(given, dict):
        return {name: plain(each) for name, each in given.items()}
    if isinstance(given, list):
        return [plain(each) for each in given]
    return given + 0.0 if isinstance(given, float) else given


def coordinate(given) -> str:
    """Exactly this coordinate, as `--sel` takes it; a label may look like anything, so it stands behind a `=`."""
    if isinstance(given, float):
        # As a person writes it: 0.3, not the sum that lies next to it.
        return repr(round(given, 9))
    return given if given.endswith("Z") and given[:4].isdigit() else f"={given}"


def set_attributes(of: dict) -> list[str]:
    """`--set` words from names and texts."""
    return [word for name, text in of.items() for word in ("--set", f"{name}={text}")]
