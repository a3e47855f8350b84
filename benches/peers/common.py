"""What every worker shares: requests on standard input, clocks, checksums.

A worker is one process that is started once per run and does one request at a time. Each request is one line of JSON,
each answer too. Only what stands between the two readings of the clocks counts: no import, no checksum, no copying of
prepared files, no release of results.
"""

from __future__ import annotations

import json
import sys
import time
import traceback
import zlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np


class Unsupported(Exception):
    """What a peer does not offer, so that its cell in the table stays empty."""


class Peer:
    """One way to store arrays. A method that is not overridden is not offered."""

    packages: tuple[str, ...] = ()

    def write(self, path, layout, cells):
        """Store `cells` at `path`, where nothing is, and close everything."""
        raise Unsupported("write")

    def open(self, path, writable=False):
        """Open what `write` stored, with nothing cached yet."""
        raise Unsupported("open")

    def close(self, handle):
        """Give back what `open` took."""

    def read(self, handle):
        """Read all cells into memory that the peer allocates."""
        raise Unsupported("fresh memory")

    def read_into(self, handle, out):
        """Read all cells into memory that is there already."""
        raise Unsupported("a given buffer")

    def box(self, handle, box):
        """Read the cells of a tuple of slices."""
        raise Unsupported("boxes")

    def put(self, handle, box, cells):
        """Write the cells of a tuple of slices."""
        raise Unsupported("updates")

    def flush(self, handle):
        """Make what was put visible to other processes."""

    def create_many(self, path, arrays, one_file):
        """Create arrays of `(name, attributes, cells)`, in one file or collection or each in its own."""
        raise Unsupported("many arrays")

    def open_many(self, path, names, one_file):
        """Yield the cells and the attribute `number` of each array, each opened anew."""
        raise Unsupported("many arrays")


class Clock:
    """Wall time, and processor time of all threads of this process, in seconds."""

    def __init__(self):
        """Start."""
        self.cpu = time.process_time()
        self.wall = time.perf_counter()

    def stop(self):
        """Give both as an answer."""
        wall = time.perf_counter() - self.wall
        return {"wall": wall, "cpu": time.process_time() - self.cpu}


def checksum(cells):
    """CRC-32 of the cells in C order, as all workers compute it."""
    return zlib.crc32(memoryview(np.ascontiguousarray(cells)).cast("B"))


def source(request):
    """The cells that everything is made of: shared pages of one file, all of them touched."""
    cells = np.asarray(np.load(request["source"], mmap_mode="r"))
    checksum(cells)
    return cells


def boxes(request, starts="starts"):
    """The boxes of a request as tuples of slices."""
    shape = request["shape"]
    for start in request[starts]:
        yield tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))


def touched(shape, dtype):
    """A buffer whose pages are there already."""
    return np.full(shape, 1, dtype=dtype)


def verify(peer, request):
    """The checksum of what is stored, read by a handle of its own."""
    handle = peer.open(request["path"])
    cells = checksum(peer.read(handle))
    peer.close(handle)
    return cells


def run_write(peer, request):
    """Write everything into a new place."""
    cells = source(request)
    clock = Clock()
    peer.write(request["path"], request["layout"], cells)
    answer = clock.stop()
    if request.get("check"):
        answer["checksum"] = verify(peer, request)
    return answer


def run_read(peer, request):
    """Read everything, into fresh memory or into a given buffer."""
    handle = peer.open(request["path"])
    if request["into"] == "given":
        cells = touched(request["shape"], request["dtype"])
        clock = Clock()
        peer.read_into(handle, cells)
        answer = clock.stop()
    else:
        clock = Clock()
        cells = peer.read(handle)
        answer = clock.stop()
    answer["checksum"] = checksum(cells)
    peer.close(handle)
    return answer


def run_slabs(peer, request):
    """Read boxes one after the other, in one or more passes through one handle."""
    handle = peer.open(request["path"])
    stash = touched([len(request["starts"]), *request["shape"]], request["dtype"])
    wanted = list(boxes(request))
    passes = []
    for _ in range(request["passes"]):
        clock = Clock()
        for place, box in zip(stash, wanted, strict=True):
            place[...] = peer.box(handle, box)
        passes.append(clock.stop() | {"checksum": checksum(stash)})
    peer.close(handle)
    return {"passes": passes}


def run_update(peer, request):
    """Write boxes through one handle, and make them visible to others."""
    cells = source(request)
    values = [cells[box].copy() for box in boxes(request, "from")]
    wanted = list(boxes(request))
    handle = peer.open(request["path"], writable=True)
    clock = Clock()
    for box, value in zip(wanted, values, strict=True):
        peer.put(handle, box, value)
    peer.flush(handle)
    answer = clock.stop()
    peer.close(handle)
    if request.get("check"):
        answer["checksum"] = verify(peer, request)
    return answer


def small_arrays(request):
    """Arrays of 16 x 16 cells with six attributes, two of them text."""
    for number in range(request["count"]):
        cells = (np.arange(256, dtype="float32") / 4 + number).reshape(16, 16)
        attributes = {
            "number": number,
            "station": f"station {number}",
            "note": "measured at the top of the tower",
            "height": number / 2,
            "quality": number % 4,
            "latitude": 47.25,
        }
        yield f"a{number:05d}", attributes, cells


def run_create(peer, request):
    """Create many small arrays."""
    arrays = list(small_arrays(request))
    clock = Clock()
    peer.create_many(request["path"], arrays, request["one_file"])
    return clock.stop()


def run_open(peer, request):
    """Open many small arrays by name, one by one, and read each with an attribute."""
    names = [name for name, _, _ in small_arrays(request)]
    found = []
    clock = Clock()
    for cells, number in peer.open_many(request["path"], names, request["one_file"]):
        found.append((cells, number))
    answer = clock.stop()
    check = 0
    for cells, number in found:
        check = zlib.crc32(np.ascontiguousarray(cells), check)
        check = zlib.crc32(int(number).to_bytes(8, "little"), check)
    answer["checksum"] = check
    return answer


RUN = {
    "write": run_write,
    "read": run_read,
    "slabs": run_slabs,
    "update": run_update,
    "create": run_create,
    "open": run_open,
}


def versions(packages):
    """Versions of the packages that a peer is made of."""
    found = {"python": sys.version.split()[0]}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def reply(peer, request):
    """The answer to one request; what goes wrong is an answer too."""
    try:
        if request["op"] == "versions":
            return {"versions": versions(peer.packages)}
        request["path"] = Path(request["path"])
        return RUN[request["op"]](peer, request)
    except Unsupported as missing:
        return {"unsupported": str(missing)}
    except Exception as error:  # noqa: BLE001, whatever goes wrong is an answer
        traceback.print_exc()
        return {"error": f"{type(error).__name__}: {error}"}


def serve(peer):
    """Answer requests until there are no more."""
    answers = sys.stdout
    # What a library prints must not be taken for an answer.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        answers.write(json.dumps(reply(peer, json.loads(line))) + "\n")
        answers.flush()
