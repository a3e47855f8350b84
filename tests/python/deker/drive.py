"""Deker at the other end of a pipe: reads one JSON request a line, answers with one line. Runs under Deker's Python.

    {"do": "verify", "storage": "/path", "expected": "/path/expected.json"}  ->  {"ok": [differences]}

A failure is `{"error": [class, text]}`. Cells travel in .npy files. By hand: `echo '{"do": ...}' | python drive.py`.
"""

import contextlib
import datetime
import io
import json
import logging
import os
import pathlib
import re
import signal
import sys

# Read when Deker is imported.
os.environ["TQDM_DISABLE"] = "1"

import canonical
import h5py
import hdf5plugin  # noqa: F401  its filters must be known before a collection that uses them is opened
import numpy as np
from deker import Client
from describe import differences, meta, one

# Deker logs each error with its stack, whatever the level; the errors are answered.
logging.disable(logging.CRITICAL)
REQUESTS = {}


def request(function):
    """Makes a function a request of its name."""
    REQUESTS[function.__name__] = function
    return function


def client(storage: str, **options) -> Client:
    return Client(f"file://{storage}", loglevel="CRITICAL", **options)


def value(given):
    """A value of Deker from its JSON: `{"datetime": text}`, `{"complex": [re, im]}`, `{"numpy": [type, value]}`, a list
    for a tuple."""
    if isinstance(given, list):
        return tuple(value(part) for part in given)
    if not isinstance(given, dict):
        return given
    if "datetime" in given:
        return datetime.datetime.fromisoformat(given["datetime"])
    if "numpy" in given:
        kind, plain = given["numpy"]
        return getattr(np, kind)(plain)
    return complex(*given["complex"])


def values(given: dict | None) -> dict | None:
    return None if given is None else {name: value(each) for name, each in given.items()}


def index(given):
    """An index: a list of ints, `[start, stop]` for a slice, values of coordinates; None for everything."""
    if given is None:
        return slice(None)
    return tuple(slice(*map(value, each)) if isinstance(each, list) else value(each) for each in given)


@request
def verify(storage, expected, only=None):
    """What Deker reads otherwise than is expected; of all collections, or of those that are named."""
    found = json.loads(pathlib.Path(expected).read_text())["collections"]
    if only:
        found = {name: each for name, each in found.items() if name in only}
    with client(storage) as opened:
        return differences(opened, found, pathlib.Path(expected).parent)


@request
def integrity(storage, level=4):
    """Deker's own findings, each heading with its lines."""
    out = io.StringIO()
    with client(storage) as opened, contextlib.redirect_stdout(out):
        opened.check_integrity(level, stop_on_error=False)
    text = out.getvalue().replace("Integrity check is running...", "").strip()
    found, heading = {}, "Deker"
    for line in text.splitlines() if text != "Integrity check found no errors" else []:
        if line.startswith("Collection") and line.endswith(":"):
            heading = line
        elif line.strip():
            found.setdefault(heading, []).append(line.strip())
    return found


@request
def collections(storage):
    with client(storage) as opened:
        return sorted(collection.name for collection in opened)


@request
def create_collection(storage, document):
    """From the JSON that Deker writes."""
    with client(storage) as opened:
        return opened.collection_from_dict(document).as_dict


@request
def document(storage, collection):
    """The collection as Deker has it."""
    with client(storage) as opened:
        return opened.get_collection(collection).as_dict


@request
def delete_collection(storage, collection):
    with client(storage) as opened:
        opened.get_collection(collection).delete()


@request
def create(storage, collection, primary=None, custom=None):
    with client(storage) as opened:
        return opened.get_collection(collection).create(values(primary), values(custom)).id


@request
def find(storage, collection, key):
    """The array by `{"id": ...}` or by its primary attributes; null when there is none."""
    with client(storage) as opened:
        found = opened.get_collection(collection).filter(values(key)).first()
        return None if found is None else meta(found)


@request
def listed(storage, collection):
    with client(storage) as opened:
        return sorted((meta(array) for array in opened.get_collection(collection)), key=lambda each: each["id"])


@request
def tiles(storage, collection):
    """The arrays under the VArrays."""
    with client(storage) as opened:
        return [meta(array) for array in opened.get_collection(collection).arrays]


@request
def read(storage, collection, key, file, at=None):
    """Puts what Deker reads into a file."""
    with client(storage) as opened:
        cells = one(opened, collection, values(key))[index(at)].read()
    np.save(file, cells)


@request
def update(storage, collection, key, at=None, file=None, number=None, timeout=60):
    """Writes the cells of a file, or one number into each."""
    with client(storage, write_lock_timeout=timeout) as opened:
        subset = one(opened, collection, values(key))[index(at)]
        # A bare number breaks its tiled arrays.
        subset.update(np.load(file) if file else np.full(subset.shape, number, subset.dtype))


@request
def clear(storage, collection, key, at=None):
    with client(storage) as opened:
        one(opened, collection, values(key))[index(at)].clear()


@request
def set_attributes(storage, collection, key, custom):
    with client(storage) as opened:
        one(opened, collection, values(key)).update_custom_attributes(values(custom))


@request
def delete(storage, collection, key):
    with client(storage) as opened:
        one(opened, collection, values(key)).delete()


@request
def clear_locks(storage):
    with client(storage) as opened, contextlib.redirect_stdout(io.StringIO()):
        opened.clear_locks()


@request
def die_reading(storage, collection, key):
    """Reads, and is killed while it holds its lock."""
    array, h5py.Dataset.__getitem__ = opened_array(storage, collection, key), killed
    array[:].read()


@request
def die_writing(storage, collection, key, number):
    """Writes, and is killed while it holds its lock, before a cell is changed."""
    array, h5py.Dataset.__setitem__ = opened_array(storage, collection, key), killed
    array[:].update(np.full(array.shape, number, array.dtype))


@request
def hold(storage, collection, key, role, file=None):
    """Reads or writes, and stays in the midst of it until the next line comes; says `"held"` when it is there. What was read
    is put into `file`."""
    # One thread: of several, others would read on, or stay too.
    array = opened_array(storage, collection, key, workers=1)
    name = {"reader": "__getitem__", "writer": "__setitem__"}[role]
    plain = getattr(h5py.Dataset, name)

    def held(cells, *arguments):
        # `meta` and `empty_cells` are single cells.
        if cells.shape:
            setattr(h5py.Dataset, name, plain)
            answer({"ok": "held"})
            sys.stdin.readline()
        return plain(cells, *arguments)

    subset = array[:]
    if role == "writer":
        cells = subset.read()
        setattr(h5py.Dataset, name, held)
        subset.update(cells)
    else:
        setattr(h5py.Dataset, name, held)
        cells = subset.read()
    if file:
        np.save(file, cells)
    return "done"


def opened_array(storage, collection, key, **options):
    """An array whose client lives as long as this process."""
    KEPT.append(client(storage, **options))
    return one(KEPT[-1], collection, values(key))


KEPT: list[Client] = []


def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def answer(reply: dict) -> None:
    ANSWERS.write(json.dumps(reply) + "\n")
    ANSWERS.flush()


def serve() -> None:
    """One request a line, until the input ends."""
    while line := sys.stdin.readline():
        given = json.loads(line)
        try:
            reply = {"ok": REQUESTS[given.pop("do")](**given)}
        except Exception as error:
            reply = {"error": [type(error).__name__, re.sub(r"\s+", " ", str(error))]}
        answer(reply)


if __name__ == "__main__":
    # Deker prints and draws bars; the answers have the pipe for themselves.
    ANSWERS, sys.stdout = sys.stdout, sys.stderr
    serve()
