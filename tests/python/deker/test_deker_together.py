"""Deker and hyperslab at work on one storage at once: no update that was acknowledged is lost, and no file is damaged."""

import json
import subprocess
import threading

import h5py
import numpy as np
import pytest
import together
from peer import (  # noqa: F401
    ENVIRONMENT,
    HERE,
    attempt,
    check,
    deker,
    interpreter,
    lock_files,
    needs_deker,
    read,
    told,
)

from conftest import LONG

pytestmark = needs_deker

SECONDS = 60 if LONG else 10
# Half of the workers are Deker's.
OF_DEKER = range(0, together.WORKERS, 2)
OF_HYPERSLAB = range(1, together.WORKERS, 2)


class Hands:
    """Each thing is a process of its own."""

    def __init__(self, storage, folder):
        self.storage, self.folder = storage, folder

    def done(self, *arguments):
        done = attempt(*arguments)
        # It waits for the others, so nothing may fail.
        assert done.code == 0, (arguments, done)
        return True

    def write(self, collection, number, box, stamp):
        return self.done("write", self.storage, collection, f"number={number}", *isel(box), "--value", stamp)

    def read(self, collection, number, box):
        return np.unique(read(self.folder, self.storage, collection, f"number={number}", *isel(box))).tolist()

    def attribute(self, collection, number, stamp):
        return self.done("write", self.storage, collection, f"number={number}", "--set", f"rank={stamp}")

    def create(self, collection, number):
        return self.done("new", self.storage, collection, f"number={number}", "--set", f"rank={number}")


def isel(box) -> list[str]:
    return [word for name, (start, stop) in zip("yx", box) for word in ("--isel", f"{name}={start}:{stop}")]


def collection(name, shape, **more) -> dict:
    dimensions = [{"name": n, "size": size, "type": "generic", "labels": None, "scale": None} for n, size in zip("yx", shape)]
    attributes = [{"name": "number", "primary": True, "dtype": "int"}, {"name": "rank", "primary": False, "dtype": "int"}]
    schema = {"dimensions": dimensions, "dtype": "numpy.int64", "attributes": attributes, "fill_value": "-1"}
    kind = "varray" if "vgrid" in more else "array"
    return {"name": name, "type": kind, "metadata_version": "0.2", "schema": {**schema, **more}}


@pytest.fixture
def storage(deker, tmp_path):
    """Arrays of zeros, but for one of tiles that are not there yet; and arrays of attributes."""
    place, side = tmp_path / "storage", together.SIDE
    grid = [side // together.TILE] * 2
    deker.ask("create_collection", storage=place, document=collection("plain", (side, side)))
    deker.ask("create_collection", storage=place, document=collection("tiled", (side, side), vgrid=grid))
    deker.ask("create_collection", storage=place, document=collection("marked", (2, 2)))
    for name, number, _ in together.PLACES:
        deker.ask("create", storage=place, collection=name, primary={"number": number}, custom={"rank": 0})
        if (name, number) != ("tiled", 2):
            deker.ask("update", storage=place, collection=name, key={"number": number}, number=0)
    for number in range(together.WORKERS):
        deker.ask("create", storage=place, collection="marked", primary={"number": number}, custom={"rank": 0})
    return place


def run(storage, folder, seconds) -> list[together.Event]:
    """Lets all workers work, and gives back what they did."""
    logs = [folder / f"log-{number}" for number in range(together.WORKERS)]
    words = [interpreter(), HERE / "work.py", storage]
    processes = [
        subprocess.Popen([*words, str(n), str(seconds), logs[n]], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
        for n in OF_DEKER
    ]
    failures, threads = [], []
    for number in OF_HYPERSLAB:
        own = folder / f"worker-{number}"
        own.mkdir()
        worker = together.Worker(number, Hands(storage, own), logs[number])
        threads.append(threading.Thread(target=caught, args=(failures, worker.run, seconds)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for process in processes:
        error = process.communicate(timeout=seconds + 120)[1]
        if process.returncode != 0:
            failures.append(error)
    assert failures == []
    return together.events(logs)


def caught(failures, do, *arguments):
    try:
        do(*arguments)
    except BaseException as error:
        failures.append(error)


def test_nothing_is_lost_between_deker_and_hyperslab_concurrent(storage, deker, tmp_path):
    done = run(storage, tmp_path, SECONDS)
    for worker in range(together.WORKERS):
        acknowledged = {each.what for each in done if each.worker == worker and each.end is not None}
        assert acknowledged == {"write", "read", "attribute", "create"}, worker
    ours = {(name, n): read(tmp_path, storage, name, f"number={n}") for name, n, _ in together.PLACES}
    theirs = {(name, n): deker.cells(storage, name, {"number": n}, tmp_path) for name, n, _ in together.PLACES}
    for place, cells in ours.items():
        np.testing.assert_array_equal(cells, theirs[place], err_msg=str(place))
    assert together.lost_updates(done, ours) == []
    assert together.wrong_reads(done, OF_DEKER) == []
    assert_attributes_and_arrays(storage, deker, done)
    assert_whole(storage, deker)


def test_what_is_asked_of_them_can_be_denied():
    """The questions of the test above, put to what went wrong."""

    def event(what, stamp, start, end, box=((0, 2), (0, 2)), seen=None):
        return together.Event(1, what, "plain", 0, box, stamp, start, end, seen)

    cells = np.zeros((4, 4), int)
    first, second = event("write", 5, 1.0, 2.0), event("write", 6, 3.0, 4.0)
    cells[:2, :2] = 6
    assert together.lost_updates([first, second], {("plain", 0): cells}) == []
    cells[1, 1] = 5
    assert together.lost_updates([first, second], {("plain", 0): cells})
    # Of two at once either may be the last, and one that nobody heard of again may be there or not.
    assert together.lost_updates([first, event("write", 6, 1.5, 4.0)], {("plain", 0): cells}) == []
    assert together.lost_updates([first, event("write", 6, 3.0, None)], {("plain", 0): cells}) == []
    cells[3, 3] = 5
    assert together.lost_updates([first], {("plain", 0): cells})
    cells[3, 3] = 7
    assert together.lost_updates([first], {("plain", 0): cells})
    for seen, start, right in [([6], 5.0, True), ([5], 5.0, False), ([5], 2.5, True), ([5, 6], 3.5, False), ([9], 5.0, False)]:
        read_so = event("read", 0, start, start + 0.5, seen=seen)
        assert (together.wrong_reads([first, second, read_so], ()) == []) == right, seen
    assert together.wrong_reads([first, event("read", 0, 0.1, 0.5, seen=[5])], ())


def assert_attributes_and_arrays(storage, deker, done):
    """The last attribute of each, and every array that was made."""
    theirs = {each["primary"]["number"]: each for each in deker.ask("listed", storage=storage, collection="marked")}
    assert {each["key"]["number"] for each in told("ls", storage, "marked")["arrays"]} == set(theirs)
    for worker in range(together.WORKERS):
        set_by = [each for each in done if (each.what, each.worker) == ("attribute", worker)]
        last = max(at for at, each in enumerate(set_by) if each.end is not None)
        possible = {each.stamp for each in set_by[last:]}
        ours = told("show", storage, "marked", f"number={worker}")["array"]["custom"]
        assert ours["rank"] in possible and theirs[worker]["custom"]["rank"] == ours["rank"]
    made = {each.number for each in done if each.what == "create" and each.end is not None}
    tried = {each.number for each in done if each.what == "create"}
    assert made <= {number for number in theirs if number >= 1000} <= tried


def assert_whole(storage, deker):
    """Every file opens, no lock is left, and neither finds fault."""
    assert lock_files(storage) == []
    for path in (storage / "collections").rglob("*.hdf5"):
        with h5py.File(path) as file:
            assert json.loads(file["meta"][()])["id"] == path.stem
            if "data" in file:
                file["data"][()]
    deker.assert_clean(storage)
    assert check(storage, "--level", "4") == []


def test_attributes_that_two_of_ours_set_are_both_kept_concurrent(storage, deker):
    """Deker loses one of them; its own second process would, too, so here are only ours, while Deker reads."""
    document = collection("pair", (2, 2))
    document["schema"]["attributes"] += [{"name": n, "primary": False, "dtype": "int"} for n in ("one", "two")]
    deker.ask("create_collection", storage=storage, document=document)
    deker.ask("create", storage=storage, collection="pair", primary={"number": 1})

    failures = []

    def count(name):
        for number in range(30):
            done = attempt("write", storage, "pair", "number=1", "--set", f"{name}={number}")
            assert done.code == 0, done

    threads = [threading.Thread(target=caught, args=(failures, count, name)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    found = deker.ask("find", storage=storage, collection="pair", key={"number": 1})
    assert found["custom"] == {"rank": None, "one": 29, "two": 29}
