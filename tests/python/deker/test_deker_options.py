"""What a new collection may say, and what a check says of one that says what Deker cannot use."""

import fcntl
import json

import numpy as np
import pytest
from peer import check, deker, needs_deker, read, refused, told  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker

SCHEMA = {"version": 1, "dtype": "float64", "dimensions": [{"name": "x", "size": 64}], "attributes": []}


@pytest.fixture
def storage(tmp_path):
    hyperslab("init", tmp_path / "storage", "--adapter", "deker")
    (tmp_path / "schema.json").write_text(json.dumps(SCHEMA))
    return tmp_path / "storage"


def create(storage, codec, name="c"):
    return ["create", storage, name, "--schema", storage.parent / "schema.json", f"--codec={codec}"]


@pytest.mark.parametrize(
    ("codec", "allowed"),
    [
        ("gzip:-1", "0 to 9"),
        ("gzip:10", "0 to 9"),
        ("gzip:99", "0 to 9"),
        ("lzf:3", "lzf has no level"),
        ("szip:4", "nn or ec"),
        ("zstd:-5", "0 to 22"),
        ("zstd:23", "0 to 22"),
        ("blosc:10", "0 to 9"),
        ("none:3", "level"),
        ("fast", "gzip, lzf, szip, zstd, blosc"),
        ("32002", "32015"),
        ("700", "32015"),
    ],
)
def test_a_codec_that_deker_cannot_use_is_refused_with_what_is_allowed(storage, deker, codec, allowed):
    assert allowed in refused(2, *create(storage, codec))
    assert told("ls", storage)["collections"] == [] and deker.ask("collections", storage=storage) == []


@pytest.mark.parametrize(
    "codec", ["none", "gzip", "gzip:0", "gzip:9", "lzf", "szip", "zstd", "zstd:22", "blosc", "blosc:9", "32004", "307:9"]
)
def test_deker_writes_with_every_codec_that_is_taken(storage, deker, tmp_path, codec):
    hyperslab(*create(storage, codec))
    assert deker.ask("collections", storage=storage) == ["c"]
    array = deker.ask("create", storage=storage, collection="c")
    deker.ask("update", storage=storage, collection="c", key={"id": array}, number=5)
    assert read(tmp_path, storage, "c", f"id={array}").tolist() == [5] * 64
    hyperslab("write", storage, "c", f"id={array}", "--isel", "x=0", "--value", "1")
    assert deker.cells(storage, "c", {"id": array}, tmp_path).tolist() == [1] + [5] * 63
    assert check(storage, "--level", "4") == []
    deker.assert_clean(storage)


@pytest.mark.parametrize(
    ("name", "options"),
    [("lzf", ["3"]), ("gzip", ["10"]), ("gzip", ["-1"]), ("32015", ["-5"]), ("szip", ["4"]), ("zstd", ["3"])],
)
def test_options_that_deker_cannot_use_are_found(storage, name, options):
    hyperslab(*create(storage, "gzip"))
    path = storage / "collections" / "c" / "c.json"
    document = json.loads(path.read_text())
    document["options"]["compression"] = {"compression": name, "options": options}
    path.write_text(json.dumps(document))
    (found,) = check(storage, "--level", "1")
    assert found["kind"] == "schema_disagrees" and f"'{name}'" in found["message"]
    # The arrays are there all the same.
    hyperslab("new", storage, "c")
    assert told("ls", storage, "c", "--count")["count"] == 1


def test_what_is_said_of_options_and_types_is_as_the_document_says(storage):
    hyperslab(*create(storage, "gzip"))
    path = storage / "collections" / "c" / "c.json"
    document = json.loads(path.read_text())
    for change, text in [
        ({"options": {"chunks": {"mode": "manual", "size": [10, 100]}}}, "chunks of [10,100] cannot be made of [64] cells"),
        ({"type": "x"}, 'the type is "x", neither array nor varray'),
        ({"type": None}, "the type is null, neither array nor varray"),
    ]:
        path.write_text(json.dumps({**document, **change}))
        (found,) = check(storage, "--level", "1")
        assert text in found["message"], found
        assert "Some(" not in found["message"] and "None" not in found["message"]


def test_metadata_for_which_there_is_no_place_is_told_before(storage, tmp_path):
    (tmp_path / "schema.json").write_text(json.dumps({**SCHEMA, "metadata": {"title": "T"}}))
    told_before = hyperslab(*create(storage, "none"), "--explain")
    assert "metadata" in told_before


def test_a_collection_is_not_deleted_while_deker_makes_or_empties_it(storage):
    hyperslab(*create(storage, "none"))
    lock = storage / "collections" / "c.lock"
    with lock.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert "c.lock" in refused(5, "rm", storage, "c", "--collection")
        assert [each["name"] for each in told("ls", storage)["collections"]] == ["c"]
    hyperslab("rm", storage, "c", "--collection")
    assert told("ls", storage)["collections"] == [] and not lock.exists()


def test_import_copy_and_migrate_make_collections_that_deker_reads(storage, deker, tmp_path):
    """Into a new storage of Deker, whose schema is another one than that which is asked for."""
    hyperslab(*create(storage, "gzip:4"))
    (array,) = [told("new", storage, "c")["array"]["id"]]
    hyperslab("write", storage, "c", f"id={array}", "--value", "2.5")
    np.save(tmp_path / "cells.npy", np.full(64, 2.5))
    for number, words in enumerate((["copy", f"{storage}/c"], ["migrate", storage])):
        target = tmp_path / f"target{number}"
        hyperslab("init", target, "--adapter", "deker")
        hyperslab(*words, f"{target}/c" if words[0] == "copy" else target)
        assert deker.cells(target, "c", {"id": array}, tmp_path).tolist() == [2.5] * 64
        deker.assert_clean(target)
    target = tmp_path / "imported"
    hyperslab("init", target, "--adapter", "deker")
    hyperslab("export", storage, "c", f"id={array}", "-o", tmp_path / "c.nc")
    hyperslab("import", tmp_path / "c.nc", target, "c", "--variable", "c")
    (listed,) = deker.ask("listed", storage=target, collection="c")
    assert deker.cells(target, "c", {"id": listed["id"]}, tmp_path).tolist() == [2.5] * 64
    deker.assert_clean(target)
