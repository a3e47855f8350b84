"""Where Deker loses cells or gives a wrong answer: the same done by hyperslab, on Deker's own storages, is right."""

import datetime
import itertools
import os
import random
import signal
import subprocess
import time

import canonical
import h5py
import numpy as np
import pytest
from peer import (  # noqa: F401
    DekerError,
    attempt,
    check,
    command,
    data_file,
    deker,
    empty_cells,
    copied,
    needs_deker,
    read,
    refused,
    sample,
    told,
    tree,
)

from conftest import LONG, hyperslab

pytestmark = needs_deker

UTC = datetime.timezone.utc


def plain_collection(size=10, dtype="int32", kind="array", **more):
    """The JSON of a collection of one dimension and a number as key."""
    schema = {
        "dimensions": [{"name": "x", "size": size, "type": "generic", "labels": None, "scale": None}],
        "dtype": f"numpy.{dtype}",
        "attributes": [{"name": "number", "primary": True, "dtype": "int"}],
        "fill_value": None if dtype.startswith("float") else "-1",
        **more,
    }
    return {"name": "c", "type": kind, "metadata_version": "0.2", "schema": schema}


@pytest.fixture
def make(deker, tmp_path):
    """Makes a storage with a collection `c` of one array, number 1, filled with 0, 1, 2 ... by Deker."""

    def made(document, fill=True):
        storage = tmp_path / "storage"
        deker.ask("create_collection", storage=storage, document=document)
        attributes = document["schema"].get("attributes") or []
        primary = {each["name"]: 1 for each in attributes if each["primary"]}
        deker.ask("create", storage=storage, collection="c", primary=primary)
        if fill:
            shape = [dimension["size"] for dimension in document["schema"]["dimensions"]]
            dtype = document["schema"]["dtype"].removeprefix("numpy.")
            np.save(tmp_path / "fill.npy", np.arange(np.prod(shape), dtype=dtype).reshape(shape))
            deker.ask("update", storage=storage, collection="c", key=primary, file=tmp_path / "fill.npy")
        return storage

    return made


def both(deker, storage, folder, key=("number=1",), their_key={"number": 1}):
    """The cells, which both must read the same."""
    ours = read(folder, storage, "c", *key)
    assert canonical.same_cells(ours, np.asarray(deker.cells(storage, "c", their_key, folder)))
    return ours.tolist()


# Cells that were lost.


@pytest.mark.parametrize("kind, more", [("array", {}), ("varray", {"vgrid": [1]}), ("varray", {"vgrid": [2]})])
def test_clearing_a_piece_twice_keeps_the_rest(kind, more, make, deker, tmp_path):
    storage = make(plain_collection(kind=kind, **more))
    for _ in range(3):
        hyperslab("clear", storage, "c", "number=1", "--isel", "x=0:4")
        assert both(deker, storage, tmp_path) == [-1] * 4 + [4, 5, 6, 7, 8, 9]
    # Nor may Deker be led to lose them when it clears one more.
    deker.ask("clear", storage=storage, collection="c", key={"number": 1}, at=[[9, 10]])
    assert both(deker, storage, tmp_path) == [-1] * 4 + [4, 5, 6, 7, 8, -1]


@pytest.mark.parametrize("kind, more", [("array", {}), ("varray", {"vgrid": [2]})])
def test_clearing_past_the_end_clears_what_is_there(kind, more, make, deker, tmp_path):
    storage = make(plain_collection(kind=kind, **more))
    hyperslab("clear", storage, "c", "number=1", "--isel", "x=2:100")
    assert both(deker, storage, tmp_path) == [0, 1] + [-1] * 8


def test_writing_past_the_end_writes_what_is_there(make, deker, tmp_path):
    storage = make(plain_collection(kind="varray", vgrid=[2]))
    hyperslab("write", storage, "c", "number=1", "--isel", "x=7:100", "--value", "50")
    assert both(deker, storage, tmp_path) == [0, 1, 2, 3, 4, 5, 6, 50, 50, 50]
    # Cells for the whole of it do not fit.
    np.save(tmp_path / "many.npy", np.zeros(93, np.int32))
    refused(2, "write", storage, "c", "number=1", "--isel", "x=7:100", "--from", tmp_path / "many.npy")


@pytest.mark.parametrize("kind, more", [("array", {}), ("varray", {"vgrid": [2]}), ("varray", {"vgrid": [10]})])
def test_no_cell_is_made_up_past_the_end(kind, more, make, tmp_path):
    storage = make(plain_collection(kind=kind, **more))

    def ours(index):
        return read(tmp_path, storage, "c", "number=1", "--isel", f"x={index}").tolist()

    assert ours("4:100") == [4, 5, 6, 7, 8, 9]
    assert ours("-100:3") == [0, 1, 2]
    assert ours("-3:") == [7, 8, 9]
    assert ours("10:100") == [] and ours("3:3") == [] and ours("5:2") == []
    assert ours("9") == 9 and ours("-10") == 0
    for index in ("10", "11", "-11", "1000000000000"):
        for verb in [("read",), ("write", "--value", "3"), ("clear",)]:
            error = refused(2, verb[0], storage, "c", "number=1", "--isel", f"x={index}", *verb[1:])
            assert "x" in error and "10" in error
    assert ours("::") == list(range(10))


def test_steps_forwards_are_taken(make, tmp_path):
    storage = make(plain_collection(kind="varray", vgrid=[2]))
    for index, wanted in [("::3", [0, 3, 6, 9]), ("1:8:2", [1, 3, 5, 7]), ("-4::2", [6, 8])]:
        assert read(tmp_path, storage, "c", "number=1", "--isel", f"x={index}").tolist() == wanted


# Coordinates.


def scale(start, step, size):
    given = {"name": "x", "size": size, "type": "generic", "scale": {"start_value": start, "step": step, "name": None}}
    return plain_collection() | {"schema": {**plain_collection()["schema"], "dimensions": [given]}}


@pytest.mark.parametrize("start, step", [(0.0, 0.1), (10.0, -0.1), (-0.3, 0.3), (1000.0, 0.01), (0.0, 1 / 3)])
def test_every_point_of_a_scale_is_found(start, step, make, tmp_path):
    storage = make(scale(start, step, 11))
    for position in range(11):
        for value in (repr(start + position * step), f"{start + position * step:.9f}"):
            assert read(tmp_path, storage, "c", "number=1", "--sel", f"x={value}") == position, value
    # Between two, before the first, one past the last.
    for position in (0.5, -1, 11):
        refused((2, 3), "read", storage, "c", "number=1", "--sel", f"x={start + position * step!r}")


def test_a_range_of_a_scale_has_both_its_ends(make, tmp_path):
    storage = make(scale(0.0, 0.1, 11))
    for span, wanted in [
        ("0.3..0.7", [3, 4, 5, 6, 7]),
        ("0.9..1.0", [9, 10]),
        ("0.9..1.1", [9, 10]),
        ("..0.1", [0, 1]),
        ("0.95..", [10]),
    ]:
        assert read(tmp_path, storage, "c", "number=1", "--sel", f"x={span}").tolist() == wanted, span


def test_a_float_label_is_found_by_its_number(make, tmp_path):
    document = plain_collection()
    labels = [1000.0, 850.5, 0.1]
    document["schema"]["dimensions"] = [{"name": "x", "size": 3, "type": "generic", "labels": labels, "scale": None}]
    storage = make(document)
    for position, label in enumerate(labels):
        assert read(tmp_path, storage, "c", "number=1", "--sel", f"x={label!r}") == position
    refused((2, 3), "read", storage, "c", "number=1", "--sel", "x=850.4")


def test_a_time_off_the_grid_or_at_its_end_is_refused(make, tmp_path):
    document = plain_collection()
    step = {"days": 0, "seconds": 3600, "microseconds": 0}
    time_of = {"name": "t", "size": 4, "type": "time", "start_value": "2023-01-01T00:00:00+00:00", "step": step}
    document["schema"]["dimensions"] = [time_of]
    storage = make(document)
    place = (storage, "c", "number=1")
    assert read(tmp_path, *place, "--sel", "t=2023-01-01T03:00:00Z") == 3
    assert read(tmp_path, *place, "--sel", "t=2023-01-01T03:00:00") == 3
    assert read(tmp_path, *place, "--sel", "t=~2023-01-01T02:40").tolist() == 3
    assert read(tmp_path, *place, "--sel", "t=2023-01-01T02:00..2023-01-01T09:00").tolist() == [2, 3]
    for off in ("2023-01-01T04:00:00", "2023-01-01T02:40:00", "2022-12-31T23:00:00"):
        refused((2, 3), "read", *place, "--sel", f"t={off}")


# Tiles and attributes.


def test_the_time_of_a_tile_is_that_of_its_first_cell(copied, deker):
    """Deker counts tiles where it should count cells."""
    made = copied("tiled time of a key")
    name = "tiled time of a key"
    start = datetime.datetime(2024, 5, 1, 3, tzinfo=UTC)
    hyperslab("new", made.storage, name, f"dt={start:%Y-%m-%dT%H:%M}")
    hyperslab("write", made.storage, name, f"dt={start:%Y-%m-%dT%H:%M}", "--value", "5")
    array = deker.ask("find", storage=made.storage, collection=name, key={"dt": {"datetime": start.isoformat()}})
    tiles = [
        each
        for each in deker.ask("tiles", storage=made.storage, collection=name)
        if each["primary"]["vid"] == array["id"]
    ]
    # 8 hours in 2 tiles, 9 places in 3.
    times = {tuple(each["primary"]["v_position"]): each["custom"]["parent.dt"] for each in tiles}
    wanted = {
        (t, x): canonical.instant(start + t * 4 * datetime.timedelta(hours=1))
        for t, x in itertools.product(range(2), range(3))
    }
    assert times == wanted


def test_an_update_keeps_the_attributes_that_it_does_not_name(deker, tmp_path):
    """Also where all dimensions are times that begin at an attribute."""
    step = {"days": 0, "seconds": 60, "microseconds": 0}
    document = plain_collection()
    document["schema"]["dimensions"] = [{"name": "t", "size": 3, "type": "time", "start_value": "$began", "step": step}]
    document["schema"]["attributes"] += [
        {"name": "began", "primary": False, "dtype": "datetime"},
        {"name": "note", "primary": False, "dtype": "string"},
        {"name": "rank", "primary": False, "dtype": "int"},
    ]
    storage = tmp_path / "storage"
    deker.ask("create_collection", storage=storage, document=document)
    custom = {"began": {"datetime": "2023-01-01T00:00:00+00:00"}, "note": "kept", "rank": 3}
    deker.ask("create", storage=storage, collection="c", primary={"number": 1}, custom=custom)
    hyperslab("write", storage, "c", "number=1", "--set", "rank=4")
    wanted = {"began": "2023-01-01T00:00:00Z", "note": "kept", "rank": 4}
    assert deker.ask("find", storage=storage, collection="c", key={"number": 1})["custom"] == wanted
    hyperslab("write", storage, "c", "number=1", "--set", "began=2024-01-01")
    wanted["began"] = "2024-01-01T00:00:00Z"
    assert told("show", storage, "c", "number=1")["array"]["custom"] == wanted
    assert told("read", storage, "c", "number=1")["coords"]["t"][1] == "2024-01-01T00:01:00Z"
    # Without it there is no time.
    refused(2, "write", storage, "c", "number=1", "--unset", "began")


@pytest.mark.parametrize("value", ["../../../outside", "..", ".", "../c/x", "", "x" * 300, "a/../../../b"])
def test_a_key_never_leaves_its_collection(value, deker, tmp_path):
    document = plain_collection()
    document["schema"]["attributes"] = [{"name": "station", "primary": True, "dtype": "string"}]
    storage = tmp_path / "storage"
    deker.ask("create_collection", storage=storage, document=document)
    before = tree(tmp_path)
    error = refused((2, 8), "new", storage, "c", f"station={value}")
    assert "station" in error
    assert tree(tmp_path) == before


def test_an_absolute_key_never_leaves_its_collection(deker, tmp_path):
    document = plain_collection()
    document["schema"]["attributes"] = [{"name": "station", "primary": True, "dtype": "string"}]
    storage = tmp_path / "storage"
    deker.ask("create_collection", storage=storage, document=document)
    refused((2, 8), "new", storage, "c", f"station={tmp_path}/elsewhere")
    assert not (tmp_path / "elsewhere").exists()
    # A slash inside is a level of the tree, to Deker too.
    hyperslab("new", storage, "c", "station=north/one")
    assert deker.ask("find", storage=storage, collection="c", key={"station": "north/one"}) is not None


# Files that nobody can open any more.


def killed_soon(patience, *arguments) -> bool:
    """Runs the command and kills it after so long; whether it was still at work."""
    process = subprocess.Popen(command(*arguments), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        process.wait(patience)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


@pytest.mark.parametrize("kind, more", [("array", {}), ("varray", {"vgrid": [4]})])
def test_a_killed_writer_leaves_files_that_open_crash(kind, more, make, deker, tmp_path):
    size = 1 << 20
    storage = make(plain_collection(size, kind=kind, **more))
    wanted = {0}
    hyperslab("write", storage, "c", "number=1", "--value", "0")
    start = time.monotonic()
    hyperslab("write", storage, "c", "number=1", "--value", "0")
    took = time.monotonic() - start
    rng, killed = random.Random(1), 0
    for value in range(1, 80 if LONG else 25):
        killed += killed_soon(rng.random() * took, "write", storage, "c", "number=1", "--value", value)
        wanted.add(value)
        cells = read(tmp_path, storage, "c", "number=1")
        assert cells.shape == (size,) and set(np.unique(cells).tolist()) <= wanted
        with h5py.File(next((storage / "collections" / "c" / "array_data").rglob("*.hdf5"))) as file:
            assert file["data"].shape[0] * more.get("vgrid", [1])[0] == size
    assert killed >= 5, "no write was killed in its midst"
    hyperslab("write", storage, "c", "number=1", "--value", "500")
    hyperslab("locks", storage, "--clean")
    assert set(deker.cells(storage, "c", {"number": 1}, tmp_path).tolist()) == {500}
    attempt("check", storage, "--level", "4", "--repair")
    assert check(storage, "--level", "4") == []
    deker.assert_clean(storage)


def test_a_killed_update_leaves_its_array_with_attributes_crash(deker, tmp_path):
    document = plain_collection()
    document["schema"]["attributes"] += [{"name": "rank", "primary": False, "dtype": "int"}]
    storage = tmp_path / "storage"
    deker.ask("create_collection", storage=storage, document=document)
    deker.ask("create", storage=storage, collection="c", primary={"number": 1}, custom={"rank": 0})
    start = time.monotonic()
    hyperslab("write", storage, "c", "number=1", "--set", "rank=0")
    took = time.monotonic() - start
    rng, last = random.Random(2), 0
    for value in range(1, 80 if LONG else 25):
        whole = not killed_soon(rng.random() * took * 1.2, "write", storage, "c", "number=1", "--set", f"rank={value}")
        rank = told("show", storage, "c", "number=1")["array"]["custom"]["rank"]
        assert rank in ((value,) if whole else (last, value))
        last = rank
    assert deker.ask("find", storage=storage, collection="c", key={"number": 1})["custom"]["rank"] == last


def test_updates_do_not_let_a_file_grow(make, deker):
    """Deker takes another 2 kB for each."""
    document = plain_collection(8)
    document["schema"]["attributes"] += [{"name": "note", "primary": False, "dtype": "string"}]
    storage = make(document)
    array = deker.ask("find", storage=storage, collection="c", key={"number": 1})["id"]
    before = data_file(storage, "c", array).stat().st_size
    for number in range(100):
        hyperslab("write", storage, "c", "number=1", "--set", f"note=number {number} {'x' * (number % 40)}")
    assert data_file(storage, "c", array).stat().st_size - before < 16 * 1024
    assert deker.ask("find", storage=storage, collection="c", key={"number": 1})["custom"]["note"].startswith("number 99")


def test_one_cell_of_an_empty_chunked_array_takes_little(deker, tmp_path):
    """Deker writes all the others too."""
    document = plain_collection(1 << 22, "float64")
    document["options"] = {
        "chunks": {"mode": "manual", "size": [4096]},
        "compression": {"compression": "none", "options": []},
    }
    storage = tmp_path / "storage"
    deker.ask("create_collection", storage=storage, document=document)
    array = deker.ask("create", storage=storage, collection="c", primary={"number": 1})
    hyperslab("write", storage, "c", "number=1", "--isel", "x=1000000", "--value", "2")
    file = data_file(storage, "c", array)
    assert os.stat(file).st_blocks * 512 < 1 << 20
    assert empty_cells(file) == (1 << 22) - 1
    cells = deker.cells(storage, "c", {"number": 1}, tmp_path, at=[[999_999, 1_000_002]])
    np.testing.assert_array_equal(cells, [np.nan, 2, np.nan])
    # Deker goes on with it.
    deker.ask("update", storage=storage, collection="c", key={"number": 1}, at=[[5, 6]], number=7.0)
    assert read(tmp_path, storage, "c", "number=1", "--isel", "x=5") == 7
