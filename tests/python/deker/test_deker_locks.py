"""Deker's locks: honoured, waited for, not believed when their process is gone, and none left behind by hyperslab."""

import contextlib
import fcntl
import json
import subprocess
import threading
import time

import numpy as np
import pytest
from peer import (  # noqa: F401
    PATIENCE,
    Deker,
    DekerError,
    attempt,
    check,
    command,
    copied,
    data_file,
    deker,
    lock_files,
    needs_deker,
    read,
    refused,
    sample,
    told,
)

from conftest import hyperslab

pytestmark = needs_deker

ARRAY = ("chunks dividing", "state=whole", {"state": "whole"})
TILED = ("tiled vgrid", "scene=full", {"scene": "full"})
BOTH = pytest.mark.parametrize("name, key, their_key", [ARRAY, TILED], ids=["array", "tiled"])


def started(*arguments) -> subprocess.Popen:
    return subprocess.Popen(command(*arguments), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def ended_well(process: subprocess.Popen) -> str:
    out, error = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, error
    return out


def locked_out(*arguments) -> None:
    """Ends as locked when the second that it was given is over, not when it likes."""
    start = time.monotonic()
    refused(5, *arguments, "--lock-timeout", "1")
    assert time.monotonic() - start < 15


@contextlib.contextmanager
def held(storage, name, their_key, role, file=None):
    """A Deker that stays in the midst of reading or writing until `release` is called."""
    with Deker() as other:
        assert other.ask("hold", storage=storage, collection=name, key=their_key, role=role, file=file) == "held"
        yield other


# Somebody is at work.


@BOTH
def test_a_reader_of_deker_sees_all_of_a_write_or_nothing(name, key, their_key, copied, tmp_path):
    """A writer may wait for it, or leave it the file that it has open."""
    made = copied(name)
    file = tmp_path / "theirs.npy"
    with held(made.storage, name, their_key, "reader", file) as other:
        process = started("write", made.storage, name, key, "--value", "4")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        assert other.release() == "done"
        ended_well(process)
    theirs, before = np.load(file), made.cells(made.collections[name]["arrays"][0])
    if name == ARRAY[0]:
        assert np.all(theirs == 4) or np.array_equal(theirs, before)
    # Deker reads one tile after the other, and holds none but the one that it reads.
    assert np.all((theirs == 4) | (theirs == before))
    assert np.all(read(tmp_path, made.storage, name, key) == 4)
    assert lock_files(made.storage) == []


@BOTH
def test_a_writer_waits_for_a_writer_of_deker(name, key, their_key, copied, tmp_path):
    made = copied(name)
    with held(made.storage, name, their_key, "writer") as other:
        locked_out("write", made.storage, name, key, "--value", "3")
        locked_out("clear", made.storage, name, key)
        process = started("write", made.storage, name, key, "--value", "4")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        assert other.release() == "done"
        ended_well(process)
    assert np.all(read(tmp_path, made.storage, name, key) == 4)
    assert lock_files(made.storage) == []


@BOTH
def test_a_reader_outlasts_a_writer_of_deker(name, key, their_key, copied, tmp_path):
    """Deker's own reader fails at once."""
    made = copied(name)
    file = tmp_path / "out.npy"
    with held(made.storage, name, their_key, "writer") as other:
        process = started("read", made.storage, name, key, "-o", file)
        time.sleep(0.5)
        assert other.release() == "done"
        ended_well(process)
    array = made.collections[name]["arrays"][0]
    np.testing.assert_array_equal(np.load(file), made.cells(array))


@BOTH
def test_readers_share(name, key, their_key, copied, tmp_path):
    made = copied(name)
    with held(made.storage, name, their_key, "reader") as other:
        start = time.monotonic()
        read(tmp_path, made.storage, name, key)
        told("show", made.storage, name, key)
        assert time.monotonic() - start < 10
        assert other.release() == "done"


WHOLE = {
    "attribute": ("chunks dividing", "state=whole", {"state": "whole"}),
    "deletion": ("chunks dividing", "state=whole", {"state": "whole"}),
    "deletion of tiles": ("tiled vgrid", "scene=full", {"scene": "full"}),
}


def change(what, made, name, key):
    return ("write", made.storage, name, key, "--set", "rank=4") if what == "attribute" else ("rm", made.storage, name, key)


def with_attribute(made, name):
    """Deker's schema of it has no custom attribute; one is added to its file and to all arrays."""
    import damage

    path = made.storage / "collections" / name / f"{name}.json"
    document = json.loads(path.read_text())
    document["schema"]["attributes"].append({"name": "rank", "primary": False, "dtype": "int"})
    path.write_text(json.dumps(document))
    for file in damage.files(path.parent):
        damage.change_meta(file, lambda meta: meta["custom_attributes"].update(rank=1))


@pytest.mark.parametrize("what", WHOLE)
def test_attributes_and_deletion_wait_for_a_writer_of_deker(what, copied, deker):
    """Deker deletes without asking for any lock."""
    name, key, their_key = WHOLE[what]
    made = copied(name)
    if what == "attribute":
        with_attribute(made, name)
    words = change(what, made, name, key)
    with held(made.storage, name, their_key, "writer") as other:
        locked_out(*words)
        assert other.release() == "done"
    hyperslab(*words)
    assert lock_files(made.storage) == []
    deker.assert_clean(made.storage)


@pytest.mark.parametrize("what", WHOLE)
def test_attributes_and_deletion_do_not_harm_a_reader_of_deker(what, copied, deker):
    name, key, their_key = WHOLE[what]
    made = copied(name)
    if what == "attribute":
        with_attribute(made, name)
    with held(made.storage, name, their_key, "reader") as other:
        process = started(*change(what, made, name, key))
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(2)
        # Of a deleted array it may miss the tiles that it has not read yet; it must come to its end.
        assert other.release() == "done"
        ended_well(process)
    assert lock_files(made.storage) == []
    deker.assert_clean(made.storage)


def test_disjoint_tiles_are_written_while_deker_holds_another(copied, tmp_path):
    """The tiles at the top are locked; those below are nobody's."""
    name, key = "tiled vgrid", "scene=full"
    made = copied(name)
    array = made.collections[name]["arrays"][0]
    with contextlib.ExitStack() as after:
        for path in tiles_of(made, name, array, row=0):
            file = after.enter_context(path.open("r+b"))
            fcntl.flock(file, fcntl.LOCK_EX)
        hyperslab("write", made.storage, name, key, "--isel", "d0=4:8", "--value", "3", "--lock-timeout", "5")
        locked_out("write", made.storage, name, key, "--value", "4")
    cells = made.cells(array)
    cells[4:] = 3
    # The one that was refused has written nothing, not even where it could.
    np.testing.assert_array_equal(read(tmp_path, made.storage, name, key), cells)


def tiles_of(made, name, array, row):
    import h5py

    for path in (made.storage / "collections" / name / "array_data").rglob("*.hdf5"):
        with h5py.File(path) as file:
            primary = json.loads(file["meta"][()])["primary_attributes"]
        if primary["vid"] == array["id"] and primary["v_position"][0] == row:
            yield path


def test_a_writer_of_many_tiles_goes_on_when_one_is_given_back(copied, tmp_path):
    """Deker then waits for itself until its time is up."""
    name, key = "tiled vgrid", "scene=full"
    made = copied(name)
    path = next(iter(tiles_of(made, name, made.collections[name]["arrays"][0], row=1)))
    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        process = started("write", made.storage, name, key, "--value", "6")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(2)
        fcntl.flock(file, fcntl.LOCK_UN)
        start = time.monotonic()
        ended_well(process)
        assert time.monotonic() - start < 20
    assert np.all(read(tmp_path, made.storage, name, key) == 6)
    assert lock_files(made.storage) == []


# Somebody is gone.


@BOTH
def test_the_mark_of_a_killed_reader_holds_nobody_up(name, key, their_key, copied, deker, tmp_path):
    made = copied(name)
    with Deker() as other, pytest.raises(DekerError, match="ended with -9"):
        other.ask("die_reading", storage=made.storage, collection=name, key=their_key)
    assert [each for each in lock_files(made.storage) if each.endswith(".arrayreadlock")]
    stale_and_then_clean(made, name, key, their_key, deker, tmp_path)


def test_the_mark_of_a_killed_writer_of_tiles_holds_nobody_up(copied, deker, tmp_path):
    name, key, their_key = TILED
    made = copied(name)
    with Deker() as other, pytest.raises(DekerError, match="ended with -9"):
        other.ask("die_writing", storage=made.storage, collection=name, key=their_key, number=7.0)
    assert [each for each in lock_files(made.storage) if each.endswith(".varraylock")]
    # Deker's own readers fail until somebody clears it.
    with pytest.raises(DekerError):
        deker.cells(made.storage, name, their_key, tmp_path)
    stale_and_then_clean(made, name, key, their_key, deker, tmp_path)


def stale_and_then_clean(made, name, key, their_key, deker, folder):
    array = made.collections[name]["arrays"][0]
    found = check(made.storage, "--level", "2")
    assert [each for each in found if each["kind"] == "stale_lock" and each["collection"] == name], found
    listed = told("locks", made.storage)["locks"]
    assert listed and all(each["stale"] for each in listed)
    start = time.monotonic()
    np.testing.assert_array_equal(read(folder, made.storage, name, key), made.cells(array))
    hyperslab("write", made.storage, name, key, "--value", "8")
    assert time.monotonic() - start < 20
    hyperslab("locks", made.storage, "--clean")
    assert lock_files(made.storage) == []
    assert np.all(deker.cells(made.storage, name, their_key, folder) == 8)
    deker.ask("update", storage=made.storage, collection=name, key=their_key, number=9.0)
    assert np.all(read(folder, made.storage, name, key) == 9)


def test_cleaning_breaks_no_living_lock(copied):
    name, key, their_key = ARRAY
    made = copied(name)
    with held(made.storage, name, their_key, "reader") as other:
        before = lock_files(made.storage)
        assert before
        listed = told("locks", made.storage, "--clean")
        assert lock_files(made.storage) == before and listed["removed"] == 0
        [lock] = listed["locks"]
        assert lock["pid"] == other.process.pid and not lock["stale"] and lock["mode"] == "shared"
        assert other.release() == "done"


# Many at once.


@BOTH
def test_readers_do_not_fail_while_deker_writes(name, key, their_key, copied, tmp_path):
    made = copied(name)
    shape = made.cells(made.collections[name]["arrays"][0]).shape
    stop = threading.Event()
    failures = []

    def write():
        with Deker() as other:
            number = 0
            while not stop.is_set():
                number += 1
                try:
                    other.ask("update", storage=made.storage, collection=name, key=their_key, number=float(number % 50))
                except DekerError as error:
                    # It gives up when somebody reads; that is its way.
                    if "Lock" not in error.kind and "locked" not in str(error):
                        failures.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(40):
            cells = read(tmp_path, made.storage, name, key)
            assert cells.shape == shape
            if name == ARRAY[0]:
                # One file is written under one lock: no reader sees half of it.
                assert len(np.unique(cells)) == 1 or np.array_equal(cells, made.cells(made.collections[name]["arrays"][0]))
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert lock_files(made.storage) == []


def test_of_many_who_make_one_key_one_does(copied, deker):
    made = copied("key int")
    for number in range(50, 55):
        processes = [started("new", made.storage, "key int", f"key={number}") for _ in range(5)]
        codes = sorted(process.wait(PATIENCE) for process in processes)
        assert codes == [0, 4, 4, 4, 4]
    found = deker.ask("listed", storage=made.storage, collection="key int")
    assert sorted(each["primary"]["key"] for each in found)[-6:-1] == list(range(50, 55))
    deker.assert_clean(made.storage)


def test_no_lock_is_left_behind(copied, deker, tmp_path):
    made = copied("key int", "tiled vgrid", "custom of every type")
    for words in [
        ("ls",),
        ("show", "tiled vgrid", "scene=full"),
        ("read", "tiled vgrid", "scene=full"),
        ("write", "tiled vgrid", "scene=full", "--value", "1"),
        ("clear", "tiled vgrid", "scene=full", "--isel", "d0=0"),
        ("new", "key int", "key=77"),
        ("write", "custom of every type", "number=1", "--set", "whole=3"),
        ("rm", "key int", "key=77"),
        ("check",),
        ("locks",),
    ]:
        attempt(words[0], made.storage, *words[1:])
        assert lock_files(made.storage) == [], words
    # A lock of one who failed.
    refused(2, "write", made.storage, "key int", "key=0", "--isel", "x=99", "--value", "1")
    assert lock_files(made.storage) == []
    # Deker wants the file of each collection, and nobody to hold it.
    for name in made.collections:
        with (made.storage / "collections" / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    deker.assert_clean(made.storage)
