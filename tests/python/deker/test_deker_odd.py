"""Storages that are odd but whole, or broken in a way that neither program's writers make: nothing is lost or merged in silence."""

import fcntl
import json
import shutil
import subprocess

import numpy as np
import pytest
from peer import attempt, check, command, data_file, deker, needs_deker, read, refused, told, tree  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker

CELLS = np.arange(4, dtype=np.int32)


@pytest.fixture
def made(deker, tmp_path):
    """Makes a collection with one array of four cells, 0 to 3, tiled or not."""

    def make(name="c", kind="array", attributes=(), storage=None, **values):
        storage = storage or tmp_path / "storage"
        schema = {
            "dimensions": [{"name": "x", "size": 4, "type": "generic", "labels": None, "scale": None}],
            "dtype": "numpy.int32",
            "attributes": list(attributes),
            "fill_value": "-1",
        }
        if kind == "varray":
            schema["vgrid"] = [2]
        document = {"name": name, "type": kind, "metadata_version": "0.2", "schema": schema}
        deker.ask("create_collection", storage=storage, document=document)
        array = deker.ask("create", storage=storage, collection=name, **values)
        np.save(tmp_path / "cells.npy", CELLS)
        deker.ask("update", storage=storage, collection=name, key={"id": array}, file=tmp_path / "cells.npy")
        return storage, array

    return make


def tiles(deker, storage, name="c") -> dict:
    """The ids of tiles by their position."""
    found = deker.ask("tiles", storage=storage, collection=name)
    return {each["primary"]["v_position"][0]: each["id"] for each in found}


def tiles_in(storage) -> list[str]:
    """The ids of all tiles."""
    return sorted(path.stem for path in (storage / "collections" / "c" / "array_data").rglob("*.hdf5"))


def migrate(storage, target, *options) -> tuple[dict, int]:
    done = attempt("migrate", storage, target, *options, "--json")
    return json.loads(done.out), done.code


# Names.


def test_collections_of_one_name_in_our_spelling_are_never_merged(made, tmp_path):
    storage, first = made("a#b")
    _, second = made("a!b", storage=storage)
    target = tmp_path / "store"
    for name in ("a#b", "a!b"):
        report, code = migrate(storage, target, "--collection", name)
        assert code == 0 and report["whole"]
    # Others come before them in the next run, and names stay.
    _, third = made("a b:", storage=storage)
    made("!", storage=storage)
    for _ in range(2):
        report, code = migrate(storage, target)
        assert code == 0 and report["whole"]
        names = {each["name"]: each["collection"] for each in report["collections"]}
        for name, array in (("a#b", first), ("a!b", second), ("a b:", third)):
            [known] = told("ls", target, names[name])["arrays"]
            assert known["id"] == array
            assert told("show", target, names[name])["collection"]["schema"]["metadata"] == {"deker_collection": name}
    assert len({each["name"] for each in told("ls", target)["collections"]}) == 4


@pytest.mark.parametrize("name", ["a#b", "a=%,b", "{x} & [y]", "naïve 🌍", ".hidden", " spaces ", "x" * 140, "line\nbreak"])
@pytest.mark.parametrize("kind", ["array", "varray"])
def test_every_verb_works_on_collections_whose_names_are_odd(made, deker, tmp_path, name, kind):
    storage, array = made(name, kind)
    place = (storage, name, f"id={array}")
    hyperslab("write", *place, "--isel", "x=1:3", "--value", "7")
    assert read(tmp_path, *place).tolist() == [0, 7, 7, 3]
    assert deker.cells(storage, name, {"id": array}, tmp_path).tolist() == [0, 7, 7, 3]
    assert name in [each["name"] for each in told("ls", storage)["collections"]]
    hyperslab("clear", *place, "--isel", "x=1")
    hyperslab("new", storage, name)
    assert told("locks", storage)["locks"] == []
    assert check(storage, "--level", "4") == []
    hyperslab("rm", *place)
    assert told("ls", storage, name, "--count")["count"] == 1
    hyperslab("rm", storage, name, "--collection")
    assert told("ls", storage)["collections"] == []


def test_names_of_which_deker_makes_two_things_are_refused(tmp_path):
    storage = tmp_path / "storage"
    hyperslab("init", storage, "--adapter", "deker")
    for schema, name in (
        ({"attributes": []}, "a.lock"),
        ({"attributes": [{"name": "v_position", "role": "key", "type": "int"}]}, "a"),
    ):
        file = tmp_path / "schema.json"
        dimensions = [{"name": "x", "size": 4}]
        file.write_text(json.dumps({"version": 1, "dtype": "int32", "dimensions": dimensions, **schema}))
        assert "Deker" in refused((2, 8), "create", storage, name, "--schema", file)
    assert told("ls", storage)["collections"] == []


@pytest.mark.parametrize("unit", ["", " ", "\t"])
def test_a_unit_that_names_none_is_none(deker, tmp_path, unit):
    storage, file = tmp_path / "storage", tmp_path / "schema.json"
    scale = {"kind": "scale", "start": 0, "step": 1, "unit": unit}
    dimensions = [{"name": "x", "size": 4, "coordinates": scale}]
    file.write_text(json.dumps({"version": 1, "dtype": "int32", "dimensions": dimensions}))
    hyperslab("init", storage, "--adapter", "deker")
    hyperslab("create", storage, "c", "--schema", file)
    hyperslab("new", storage, "c")
    assert deker.ask("collections", storage=storage) == ["c"]
    deker.assert_clean(storage)


# Attributes.


@pytest.mark.parametrize("kind", ["array", "varray"])
@pytest.mark.parametrize("value", ["y" * 4097, "д" * 2049, "nul\0in it", "half \udc80", "\ud83d", "\0"])
def test_a_text_that_no_store_of_ours_takes_hides_no_cells(made, deker, tmp_path, kind, value):
    attributes = [
        {"name": "c", "primary": False, "dtype": "string"},
        {"name": "t", "primary": False, "dtype": "tuple"},
        {"name": "n", "primary": False, "dtype": "int"},
    ]
    storage, array = made("c", kind, attributes, custom={"c": value, "t": [1, value], "n": 1})
    place = (storage, "c", f"id={array}")
    assert read(tmp_path, *place).tolist() == CELLS.tolist()
    hyperslab("write", *place, "--isel", "x=0", "--value", "9", "--set", "n=2")
    assert deker.cells(storage, "c", {"id": array}, tmp_path).tolist() == [9, 1, 2, 3]
    # What was not named is as Deker left it.
    kept = deker.ask("find", storage=storage, collection="c", key={"id": array})
    assert kept["custom"]["c"] == value and list(kept["custom"]["t"]) == [1, value] and kept["custom"]["n"] == 2
    assert {each["kind"] for each in check(storage, "--level", "4")} == {"unverified"}
    refused(2, "write", *place, "--set", f"c={'y' * 4097}")


def test_tiles_say_the_time_that_their_array_was_given(deker, tmp_path):
    storage = tmp_path / "storage"
    hyperslab("init", storage, "--adapter", "deker")
    file = tmp_path / "schema.json"
    times = {"kind": "time_scale", "start": "$begin", "step": "PT1H"}
    schema = {"version": 2, "dtype": "int32", "dimensions": [{"name": "t", "size": 4, "coordinates": times}]}
    schema["attributes"] = [{"name": "begin", "role": "custom", "type": "datetime"}]
    schema["tile_shape"] = [2]
    file.write_text(json.dumps(schema))
    hyperslab("create", storage, "c", "--schema", file)
    hyperslab("new", storage, "c", "--set", "begin=2020-01-01T00:00:00Z")
    [array] = told("ls", storage, "c")["arrays"]
    place = (storage, "c", f"id={array['id']}")
    hyperslab("write", *place, "--value", "5")
    change = ("write", *place, "--set", "begin=2021-01-01T00:00:00Z")
    with data_file(storage, "c", tiles_in(storage)[1]).open("r+b") as file:
        # Deker is at a tile: nothing has changed.
        fcntl.flock(file, fcntl.LOCK_EX)
        refused(5, *change, "--lock-timeout", "0.2")
    assert told("show", *place)["array"]["custom"] == {"begin": "2020-01-01T00:00:00Z"}
    assert check(storage, "--level", "4") == []
    hyperslab(*change)
    assert check(storage, "--level", "4") == []
    starts = {str(each["custom"]["parent.begin"]) for each in deker.ask("tiles", storage=storage, collection="c")}
    assert len(starts) == 2 and all("2021-01-01" in each for each in starts)
    assert deker.cells(storage, "c", {"id": array["id"]}, tmp_path).tolist() == [5] * 4
    deker.assert_clean(storage)


# Tiles and links.


@pytest.mark.parametrize("what", ["one link", "all links"])
def test_a_tile_without_a_link_is_never_called_right(made, deker, tmp_path, what):
    storage, array = made(kind="varray")
    top = storage / "collections" / "c" / "array_symlinks"
    before = tree(storage)
    if what == "all links":
        shutil.rmtree(top)
    else:
        next((top / array / "0").iterdir()).unlink()
    report, code = migrate(storage, tmp_path / "store")
    assert code == 1 and not report["whole"] and report["lost"] != [] and report["repaired"] == []
    found = check(storage, "--level", "3", "--repair")
    assert {each["kind"] for each in found} == {"corrupt"} and all(each["repaired"] for each in found)
    assert tree(storage) == before
    report, code = migrate(storage, tmp_path / "other")
    assert code == 0 and report["whole"]
    assert read(tmp_path, tmp_path / "other", "c").tolist() == CELLS.tolist()


def test_two_tiles_at_one_place_are_no_whole_array(made, deker, tmp_path):
    storage, array = made(kind="varray")
    link = next((storage / "collections" / "c" / "array_symlinks" / array / "0").iterdir())
    target = link.readlink()
    link.unlink()
    hyperslab("write", storage, "c", f"id={array}", "--isel", "x=0", "--value", "9")
    link.symlink_to(target)
    assert "corrupt" in {each["kind"] for each in check(storage, "--level", "2")}
    report, code = migrate(storage, tmp_path / "store")
    assert code == 1 and not report["whole"]


def test_a_tile_in_the_place_of_another_is_not_read(made, deker, tmp_path):
    storage, array = made(kind="varray")
    ids = tiles(deker, storage)
    shutil.copy(data_file(storage, "c", ids[1]), data_file(storage, "c", ids[0]))
    assert "another" in refused(7, "read", storage, "c", f"id={array}")
    # The other one is read.
    assert read(tmp_path, storage, "c", f"id={array}", "--isel", "x=2:4").tolist() == [2, 3]
    report, code = migrate(storage, tmp_path / "store")
    assert code == 1 and not report["whole"]


@pytest.mark.parametrize("kind", ["array", "varray"])
def test_a_storage_may_be_reached_by_a_link(made, deker, tmp_path, kind):
    key = [{"name": "k", "primary": True, "dtype": "int"}]
    real, alias = tmp_path / "real", tmp_path / "alias"
    real.mkdir()
    alias.symlink_to(real)
    made("c", kind, key, storage=alias, primary={"k": 1})
    for path in (alias, real):
        assert check(path, "--level", "4") == []
    hyperslab("new", alias, "c", "k=2")
    hyperslab("write", alias, "c", "k=2", "--value", "5")
    deker.assert_clean(alias)
    assert deker.cells(alias, "c", {"k": 2}, tmp_path).tolist() == [5] * 4
    assert check(real, "--level", "4") == []


def test_a_link_that_leads_elsewhere_by_now_takes_no_write_along(made, tmp_path):
    key = [{"name": "k", "primary": True, "dtype": "int"}]
    one, two, alias = tmp_path / "one", tmp_path / "two", tmp_path / "alias"
    made("c", "varray", key, storage=one, primary={"k": 1})
    shutil.copytree(one, two, symlinks=True)
    alias.symlink_to(one)
    before = tree(two)
    process = subprocess.Popen(command("shell", alias), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    process.stdin.write("ls c --count\n")
    process.stdin.flush()
    assert "1" in process.stdout.readline()
    alias.unlink()
    alias.symlink_to(two)
    # The store that is open stays the one that it was.
    process.communicate("write c k=1 --value 7\nnew c k=2\n", timeout=60)
    assert process.returncode == 0
    assert read(tmp_path, one, "c", "k=1").tolist() == [7] * 4
    assert tree(two) == before


@pytest.mark.parametrize("kind", ["array", "varray"])
def test_a_copy_that_followed_links_is_found_and_mended(made, deker, tmp_path, kind):
    key = [{"name": "k", "primary": True, "dtype": "int"}, {"name": "n", "primary": False, "dtype": "int"}]
    storage, _ = made("c", kind, key, primary={"k": 1}, custom={"n": 1})
    twin = tmp_path / "twin"
    shutil.copytree(storage, twin, symlinks=False)
    hyperslab("write", twin, "c", "k=1", "--set", "n=2")
    found = check(twin, "--level", "4")
    assert {each["kind"] for each in found} == {"index_disagrees"}
    assert all("file of its own" in each["message"] for each in found)
    assert all(each["repaired"] for each in check(twin, "--level", "4", "--repair"))
    assert check(twin, "--level", "4") == []
    assert deker.ask("find", storage=twin, collection="c", key={"k": 1})["custom"] == {"n": 2}
    deker.assert_clean(twin)


@pytest.mark.parametrize("kind", ["array", "varray"])
def test_a_damaged_array_is_deleted_by_its_id(made, deker, tmp_path, kind):
    key = [{"name": "k", "primary": True, "dtype": "int"}]
    storage, array = made("c", kind, key, primary={"k": 1})
    hyperslab("new", storage, "c", "k=2")
    data, ending = ("array_data", "hdf5") if kind == "array" else ("varray_data", "json")
    [file] = (storage / "collections" / "c" / data).rglob(f"{array}.{ending}")
    file.write_bytes(file.read_bytes()[:20])
    refused(7, "rm", storage, "c", "k=1")
    assert told("rm", storage, "c", f"id={array}")["deleted"]["array"]["id"] == array
    assert check(storage, "--level", "4") == []
    assert [each["key"] for each in told("ls", storage, "c")["arrays"]] == [{"k": 2}]
    deker.assert_clean(storage)
