"""What is measured beside Deker: small arrays by key, tiles, the first cell of an empty array, changes of attributes."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from common import RUN, Clock, Peer, boxes, checksum, source

SIDE = 10


class StoragePeer(Peer):
    """What a peer does in these workloads besides."""

    def create_keyed(self, path, arrays):
        """Create small arrays of `(number, cells)` at `path`, where nothing is."""
        raise NotImplementedError

    def find_keyed(self, path, numbers):
        """Yield the number, as stored, of each array, found by its number."""
        raise NotImplementedError

    def read_keyed(self, path, numbers):
        """Yield the cells and the number of each array, found by its number."""
        raise NotImplementedError

    def create_tiled(self, path, shape, dtype, counts):
        """Create an array without cells, in so many tiles along each axis; give what `put` and `box` take."""
        raise NotImplementedError

    def open_tiled(self, path):
        """Open what `create_tiled` made."""
        raise NotImplementedError

    def create_empty(self, path, shape, dtype, layout):
        """Create an array without cells; give what `put` takes."""
        raise NotImplementedError

    def create_noted(self, path, cells, note):
        """Create a small array with an attribute; give a function that changes the attribute."""
        raise NotImplementedError


def small_arrays(count):
    """Arrays of 10 x 10 cells by their number."""
    for number in range(count):
        yield number, (np.arange(SIDE * SIDE, dtype="float32") / 4 + number).reshape(SIDE, SIDE)


def run_create(peer, request):
    """Create many small arrays."""
    arrays = list(small_arrays(request["count"]))
    clock = Clock()
    peer.create_keyed(request["path"], arrays)
    return clock.stop()


def run_find(peer, request):
    """Find each small array by its number."""
    clock = Clock()
    found = list(peer.find_keyed(request["path"], range(request["count"])))
    answer = clock.stop()
    check = 0
    for number in found:
        check = zlib.crc32(int(number).to_bytes(8, "little"), check)
    return answer | {"checksum": check}


def run_read(peer, request):
    """Find each small array by its number and read it."""
    clock = Clock()
    found = list(peer.read_keyed(request["path"], range(request["count"])))
    answer = clock.stop()
    check = 0
    for cells, number in found:
        check = zlib.crc32(np.ascontiguousarray(cells), check)
        check = zlib.crc32(int(number).to_bytes(8, "little"), check)
    return answer | {"checksum": check}


def run_tiles(peer, request):
    """Write all tiles twice, then read all, a plane and single cells, each through an array opened for it."""
    first = np.array(source(request))
    second = first[::-1].copy()
    whole = tuple(slice(0, length) for length in first.shape)
    handle = peer.create_tiled(request["path"], first.shape, first.dtype, request["counts"])
    passes = []
    for cells in (first, second):
        clock = Clock()
        peer.put(handle, whole, cells)
        passes.append(clock.stop())
    peer.close(handle)
    for wanted in ([whole], list(boxes(request["plane"])), list(boxes(request["cells"]))):
        handle = peer.open_tiled(request["path"])
        clock = Clock()
        found = [peer.box(handle, box) for box in wanted]
        answer = clock.stop()
        peer.close(handle)
        check = 0
        for cells in found:
            check = zlib.crc32(memoryview(np.ascontiguousarray(cells)).cast("B"), check)
        passes.append(answer | {"checksum": check})
    return {"passes": passes}


def run_first(peer, request):
    """Write one cell where none was, and say what memory that took."""
    box = tuple(slice(start, start + 1) for start in request["start"])
    value = np.full(np.dtype(request["dtype"]).itemsize, 1, "uint8").view(request["dtype"])
    handle = peer.create_empty(
        request["path"], request["shape"], np.dtype(request["dtype"]), request["layout"]
    )
    before = memory()
    clock = Clock()
    peer.put(handle, box, value.reshape(1, 1, 1))
    peer.flush(handle)
    answer = clock.stop()
    answer["bytes"] = growth(before)
    peer.close(handle)
    handle = peer.open(request["path"])
    answer["checksum"] = checksum(peer.box(handle, box))
    peer.close(handle)
    return answer


def run_attributes(peer, request):
    """Change the note of a small array again and again, and say by how much all files grew."""
    _, cells = next(small_arrays(1))
    change = peer.create_noted(request["path"], cells, "as it was made")
    before = file_bytes(request["path"])
    clock = Clock()
    for number in range(request["count"]):
        change(f"changed {number} times")
    answer = clock.stop()
    return answer | {"bytes": file_bytes(request["path"]) - before}


def memory():
    """Bytes of memory of this process, after its peak was forgotten; None where the system does not say."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return None
    return status("VmRSS:")


def growth(before):
    """By how many bytes the memory was more at its peak, at least a page."""
    return None if before is None else max(status("VmHWM:") - before, 4096)


def status(name):
    """A number of `/proc/self/status`, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024
    return None


def file_bytes(path):
    """Bytes of all files at and below a path."""
    found = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(one.stat().st_size for one in found if one.is_file() and not one.is_symlink())


RUN |= {
    "create-keyed": run_create,
    "find-keyed": run_find,
    "read-keyed": run_read,
    "tiles": run_tiles,
    "first-cell": run_first,
    "attributes": run_attributes,
}
