"""Storages that are newer, damaged or hostile: told in one line with the code of its kind, and the rest is served."""

import json

import numpy as np
import pytest
from peer import attempt, check, copied, data_file, deker, needs_deker, read, refused, sample, told, tree  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker

NAME = "gzip 4"
WHOLE = "key int"
INVALID, CORRUPT, UNSUPPORTED, TOO_LARGE = 2, 7, 8, 9


def change(made, do) -> None:
    """Changes the JSON of the collection."""
    path = made.storage / "collections" / NAME / f"{NAME}.json"
    document = json.loads(path.read_text())
    do(document)
    path.write_text(json.dumps(document))


def assert_left_out(made, kinds, *texts):
    """The collection is named with a reason, by every verb; the other one is served."""
    found = told("ls", made.storage)
    assert [each["name"] for each in found["collections"]] == [WHOLE]
    [left_out] = found["unreadable"]
    codes = {"corrupt": CORRUPT, "unsupported": UNSUPPORTED, "too_large": TOO_LARGE}
    assert left_out["name"] == NAME and left_out["kind"] in kinds
    for text in texts:
        assert text in left_out["message"]
    state = "state=whole"
    before = tree(made.storage)
    for verb in [
        ("show", NAME),
        ("ls", NAME),
        ("read", NAME, state),
        ("write", NAME, state, "--value", "1"),
        ("clear", NAME, state),
        ("new", NAME, "state=more"),
    ]:
        error = refused([codes[kind] for kind in kinds], verb[0], made.storage, *verb[1:])
        assert NAME in error
    assert tree(made.storage) == before
    assert any(each["collection"] == NAME for each in check(made.storage, "--level", "4"))
    assert told("ls", made.storage, WHOLE, "--count")["count"] == 4
    hyperslab("new", made.storage, WHOLE, "key=55")


@pytest.mark.parametrize("version", ["0.3", "0.10", "1.0", "10.0"])
def test_a_newer_version_is_refused(copied, version):
    """Deker compares versions as text, and takes 0.10 for older than 0.2."""
    made = copied(NAME, WHOLE)
    change(made, lambda document: document.update(metadata_version=version))
    assert_left_out(made, ["unsupported"], version)


@pytest.mark.parametrize("version", [None, 2, "2", "", "x.y", "0.2.1.9", ["0.2"], "-1"])
def test_a_version_that_is_none(copied, version):
    made = copied(NAME, WHOLE)
    change(made, lambda document: document.update(metadata_version=version))
    assert_left_out(made, ["corrupt", "unsupported"])


BAD_JSON = {
    "empty": "",
    "cut off": '{"name": "gzip 4", "type": "array", "schema": {"dimen',
    "no object": "[1, 2]",
    "not text": b"\xff\xfe\x00\x01",
    "deep": "[" * 100_000,
    "a number too large": '{"name": 1e999}',
}


@pytest.mark.parametrize("what", BAD_JSON)
def test_a_collection_of_bad_json(copied, what):
    made = copied(NAME, WHOLE)
    text = BAD_JSON[what]
    path = made.storage / "collections" / NAME / f"{NAME}.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert_left_out(made, ["corrupt"])


def dims(document):
    return document["schema"]["dimensions"]


BAD_SCHEMAS = {
    "no type": lambda d: d.pop("type"),
    "another type": lambda d: d.update(type="matrix"),
    "no schema": lambda d: d.pop("schema"),
    "no dtype": lambda d: d["schema"].pop("dtype"),
    "an unknown dtype": lambda d: d["schema"].update(dtype="numpy.float8"),
    "a negative size": lambda d: dims(d)[0].update(size=-3),
    "a size of a fraction": lambda d: dims(d)[0].update(size=1.5),
    "too few labels": lambda d: dims(d)[0].update(labels=["a", "b"]),
    "labels twice": lambda d: dims(d)[0].update(labels=["a"] * 24),
    "labels of two kinds": lambda d: dims(d)[0].update(labels=["a", 1.5] * 12),
    "labels and a scale": lambda d: dims(d)[0].update(
        labels=[str(n) for n in range(24)], scale={"start_value": 0.0, "step": 1.0, "name": None}
    ),
    "a scale without a step": lambda d: dims(d)[0].update(scale={"start_value": 0.0, "step": 0.0, "name": None}),
    "names twice": lambda d: dims(d)[1].update(name=dims(d)[0]["name"]),
    "a time without a start": lambda d: dims(d)[0].update(type="time", step={"days": 1, "seconds": 0, "microseconds": 0}),
    "a time of an unknown attribute": lambda d: dims(d)[0].update(
        type="time", start_value="$nothing", step={"days": 1, "seconds": 0, "microseconds": 0}
    ),
    "a time without a step": lambda d: dims(d)[0].update(
        type="time", start_value="2023-01-01T00:00:00+00:00", step={"days": 0, "seconds": 0, "microseconds": 0}
    ),
    "a fill value that is none": lambda d: d["schema"].update(fill_value="many"),
    "a fill value out of range": lambda d: d["schema"].update(fill_value="99999999999"),
    "an attribute of an unknown type": lambda d: d["schema"]["attributes"][0].update(dtype="set"),
}


@pytest.mark.parametrize("what", BAD_SCHEMAS)
def test_a_collection_whose_schema_makes_no_sense(copied, what):
    made = copied(NAME, WHOLE)
    change(made, BAD_SCHEMAS[what])
    assert_left_out(made, ["corrupt", "unsupported", "too_large"])


BAD_SHAPES = {
    "no dimensions": lambda d: d["schema"].update(dimensions=[]),
    "a size of zero": lambda d: dims(d)[0].update(size=0),
    "another size": lambda d: dims(d)[0].update(size=25),
    "a size beyond all bounds": lambda d: dims(d)[0].update(size=2**62),
    "sizes beyond all bounds": lambda d: [each.update(size=2**62) for each in dims(d)],
    "sizes beyond all numbers": lambda d: dims(d)[0].update(size=2**70),
}


@pytest.mark.parametrize("what", BAD_SHAPES)
def test_a_shape_that_the_files_do_not_have(copied, what, tmp_path):
    """The collection may be listed; no cell is read, written or made up, and no memory is asked for."""
    made = copied(NAME, WHOLE)
    change(made, BAD_SHAPES[what])
    before = tree(made.storage)
    for verb in [("read", "-o", tmp_path / "x.npy"), ("write", "--value", "1"), ("clear",)]:
        refused((CORRUPT, UNSUPPORTED, TOO_LARGE), verb[0], made.storage, NAME, "state=whole", *verb[1:])
    assert tree(made.storage) == before
    assert any(each["collection"] == NAME for each in check(made.storage, "--level", "4"))
    assert WHOLE in [each["name"] for each in told("ls", made.storage)["collections"]]


BAD_OPTIONS = {
    "chunks of another rank": lambda d: d["options"]["chunks"].update(size=[1]),
    "chunks of nothing": lambda d: d["options"]["chunks"].update(size=[0, 0]),
    "chunks beyond all bounds": lambda d: d["options"]["chunks"].update(size=[2**62, 2**62]),
    "an unknown filter": lambda d: d["options"]["compression"].update(compression="magic"),
    "the number of an unknown filter": lambda d: d["options"]["compression"].update(compression="31999"),
    "no options": lambda d: d.update(options="many"),
}


@pytest.mark.parametrize("what", BAD_OPTIONS)
def test_options_that_no_array_can_be_made_with(copied, what, tmp_path):
    """They matter when cells are put down first: refused, or done in another way, but reported."""
    made = copied(NAME, WHOLE)
    array = next(each for each in made.collections[NAME]["arrays"] if each["primary"]["state"] == "whole")
    change(made, BAD_OPTIONS[what])
    before = tree(made.storage)
    done = attempt("read", made.storage, NAME, "state=whole", "-o", tmp_path / "x.npy")
    if done.code == 0:
        np.testing.assert_array_equal(np.load(tmp_path / "x.npy"), made.cells(array))
    else:
        assert done.code in (CORRUPT, UNSUPPORTED) and done.error.count("\n") == 1
    assert tree(made.storage) == before
    assert any(each["collection"] == NAME for each in check(made.storage, "--level", "4"))
    done = attempt("write", made.storage, NAME, "state=never", "--value", "1")
    if done.code == 0:
        assert np.all(read(tmp_path, made.storage, NAME, "state=never") == 1)
    else:
        assert done.code in (INVALID, CORRUPT, UNSUPPORTED, TOO_LARGE) and done.error.count("\n") == 1
        assert tree(made.storage) == before
    assert told("ls", made.storage, WHOLE, "--count")["count"] == 4


def test_a_grid_that_does_not_divide(copied):
    made = copied("tiled vgrid", WHOLE)
    path = made.storage / "collections" / "tiled vgrid" / "tiled vgrid.json"
    whole = json.loads(path.read_text())
    for grid in [[3, 3], [0, 3], [2], [-2, 3], None, [10**30, 1], "23"]:
        path.write_text(json.dumps({**whole, "schema": {**whole["schema"], "vgrid": grid}}))
        assert refused((CORRUPT, UNSUPPORTED), "read", made.storage, "tiled vgrid", "scene=full")
        assert [each["name"] for each in told("ls", made.storage)["collections"]] == [WHOLE]


@pytest.mark.parametrize("kept", [0, 1, 8, 100, 700, 2000, "all but one", "three quarters"])
def test_a_file_that_is_cut_off(copied, kept, tmp_path):
    made = copied(NAME, WHOLE)
    first, *others = made.collections[NAME]["arrays"]
    path = data_file(made.storage, NAME, first["id"])
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[: {"all but one": size - 1, "three quarters": size * 3 // 4}.get(kept, kept)])
    before = tree(made.storage)
    state = f"id={first['id']}"
    for verb in [("read", "-o", tmp_path / "x.npy"), ("write", "--value", "1"), ("clear",)]:
        refused(CORRUPT, verb[0], made.storage, NAME, state, *verb[1:])
    assert tree(made.storage) == before
    for array in others:
        ours = read(tmp_path, made.storage, NAME, f"id={array['id']}")
        np.testing.assert_array_equal(ours, made.cells(array))
    assert len(told("ls", made.storage, NAME)["arrays"]) >= len(others)


def test_loops_of_links_end(copied, tmp_path):
    made = copied(NAME, WHOLE)
    collections = made.storage / "collections"
    (collections / "loop").symlink_to("loop")
    (collections / "round").mkdir()
    (collections / "round" / "round").symlink_to(collections)
    links = collections / NAME / "array_symlinks"
    (links / "circle").symlink_to(links)
    (collections / NAME / "array_data" / "circle").symlink_to(collections)
    one = next(path for path in links.rglob("*.hdf5") if path.is_symlink())
    one.unlink()
    one.symlink_to(one)
    assert [each["name"] for each in told("ls", made.storage)["collections"]] == sorted([NAME, WHOLE])
    for array in made.collections[NAME]["arrays"]:
        ours = read(tmp_path, made.storage, NAME, f"state={array['primary']['state']}")
        np.testing.assert_array_equal(ours, made.cells(array))
    assert check(made.storage, "--level", "4")
    assert len(told("ls", made.storage, NAME)["arrays"]) == len(made.collections[NAME]["arrays"])
    hyperslab("du", made.storage)


def test_links_that_leave_the_storage_are_not_followed(copied, tmp_path):
    """Neither to read what is outside nor to change it."""
    made = copied(NAME, WHOLE)
    first = made.collections[NAME]["arrays"][0]
    path = data_file(made.storage, NAME, first["id"])
    outside = tmp_path / "outside.hdf5"
    path.rename(outside)
    path.symlink_to(outside)
    secret = tmp_path / "secret"
    secret.mkdir()
    (made.storage / "collections" / "elsewhere").symlink_to(secret)
    content = outside.read_bytes()
    attempt("write", made.storage, NAME, f"id={first['id']}", "--value", "1")
    attempt("write", made.storage, NAME, f"id={first['id']}", "--set", "state=x")
    attempt("rm", made.storage, NAME, "--all")
    attempt("rm", made.storage, "elsewhere", "--collection")
    assert outside.read_bytes() == content and secret.is_dir()


@pytest.mark.parametrize("value", ["../../../../outside", "ABSOLUTE", "..", ""])
def test_a_stored_key_that_leaves_the_folder(copied, value, tmp_path):
    """Deker writes it and makes its link outside; here it is an array like any other, found by its id, and reported."""
    import damage

    made = copied(NAME, WHOLE)
    first, *others = made.collections[NAME]["arrays"]
    path = data_file(made.storage, NAME, first["id"])
    value = value.replace("ABSOLUTE", str(tmp_path / "outside"))
    damage.change_meta(path, lambda meta: meta["primary_attributes"].update(state=value))
    before = tree(tmp_path)
    assert len(told("ls", made.storage, NAME)["arrays"]) == len(others) + 1
    np.testing.assert_array_equal(read(made.folder, made.storage, NAME, f"id={first['id']}"), made.cells(first))
    assert any(each["collection"] == NAME for each in check(made.storage, "--level", "4"))
    assert tree(tmp_path) == before
    attempt("check", made.storage, "--level", "4", "--repair")
    attempt("rm", made.storage, NAME, f"id={first['id']}")
    changed = {name for name in set(before) ^ set(tree(tmp_path)) if not name.startswith("copied/collections/")}
    assert changed == set()
    for array in others:
        np.testing.assert_array_equal(
            read(tmp_path, made.storage, NAME, f"state={array['primary']['state']}"), made.cells(array)
        )


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"id": 5}', "null", "\x00", "x" * 2000])
def test_metadata_of_an_array_that_makes_no_sense(copied, content, tmp_path):
    import damage

    made = copied(NAME, WHOLE)
    first, *others = made.collections[NAME]["arrays"]
    damage.set_meta(data_file(made.storage, NAME, first["id"]), content)
    refused(CORRUPT, "show", made.storage, NAME, f"id={first['id']}")
    assert len(told("ls", made.storage, NAME)["arrays"]) >= len(others)
    for array in others:
        read(tmp_path, made.storage, NAME, f"id={array['id']}")


def test_a_place_that_is_no_storage(tmp_path):
    refused(3, "ls", f"deker+file://{tmp_path}/nothing")
    (tmp_path / "empty").mkdir()
    assert attempt("ls", tmp_path / "empty").code in (3, 8)
    (tmp_path / "file").write_text("x")
    assert attempt("ls", f"deker+file://{tmp_path}/file").code not in (0, 70)
    (tmp_path / "closed" / "collections").mkdir(parents=True)
    assert told("ls", tmp_path / "closed") == {"collections": [], "unreadable": []}
