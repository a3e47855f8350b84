"""`hyperslab check` on storages that were damaged: it finds all, in one run, and what is whole is still served."""

import contextlib
import fcntl
import json

import damage
import pytest
import words
from peer import attempt, check, copied, copy_collection, deker, needs_deker, refused, sample, told  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker

ARRAYS = "gzip 4"
TILED = "tiled vgrid"
EVERY = {**{what: (ARRAYS, do) for what, do in damage.OF_ARRAYS.items()}, **{w: (TILED, do) for w, do in damage.OF_TILED.items()}}


def named(finding: dict, text: str, names: dict) -> bool:
    """Whether a finding is about this: a file, a folder, an array by its id or its key, a collection."""
    said = f"{finding['subject']} {finding['message']}"
    return text == finding["collection"] or any(name in said for name in names.get(text, [text]))


@pytest.mark.parametrize("what", EVERY)
def test_damage_is_found(copied, what):
    name, do = EVERY[what]
    storage = copied(name, "key int").storage
    names = damage.names(storage / "collections" / name)
    known = {json.dumps(each, sort_keys=True) for each in check(storage, "--level", "4")}
    text = do(storage / "collections" / name)
    found = check(storage, "--level", "4")
    new = [each for each in found if json.dumps(each, sort_keys=True) not in known]
    assert [each for each in new if named(each, text, names)], (text, new)
    assert {each["collection"] for each in new} <= {name, None}
    for each in new:
        assert "\n" not in each["message"] and each["kind"] in KINDS, each
    # The rest is served, and listed.
    assert told("ls", storage, "key int", "--count")["count"] == 4
    assert "key int" in [each["name"] for each in told("ls", storage)["collections"]]
    # A check changes nothing: the same again.
    assert check(storage, "--level", "4") == found


KINDS = (
    "collection_unreadable",
    "array_unreadable",
    "stale_lock",
    "array_lost",
    "index_disagrees",
    "stray",
    "leftover",
    "schema_disagrees",
    "chunk_lost",
    "corrupt",
    "unverified",
)


def test_all_damage_is_found_in_one_run(copied, tmp_path):
    """Each in a collection of its own; the run of none ends early."""
    made = copied(ARRAYS, TILED, "key int")
    collections = made.storage / "collections"
    texts = {}
    for number, (what, (name, do)) in enumerate(EVERY.items()):
        twin = collections / f"copy {number}"
        copy_collection(collections / name, twin)
        names = damage.names(twin)
        texts[twin.name] = (what, do(twin), names)
    found = check(made.storage, "--level", "4")
    missed = [
        what
        for name, (what, text, names) in texts.items()
        if not any(each["collection"] in (name, None) and named(each, text, names) for each in found)
    ]
    assert missed == []
    # `--report`, and one collection only.
    report = tmp_path / "report.json"
    done = attempt("check", made.storage, "--level", "4", "--report", report, "--json")
    assert done.code == 1 and len(json.loads(report.read_text())["findings"]) == len(found)
    assert {each["collection"] for each in check(made.storage, "copy 0", "--level", "4")} == {"copy 0"}
    assert check(made.storage, "key int", "--level", "4") == []
    for array in made.collections["key int"]["arrays"]:
        told("show", made.storage, "key int", *words.key(made.collections["key int"], array))


# What can be put right without losing a cell, and is then right for Deker too.
REPAIRABLE = [
    "a count of empty cells is too high",
    "a link leads nowhere",
    "a link is missing",
    "a link leads to another array",
    "the count is missing",
    "the lock file is gone",
]


@pytest.mark.parametrize("what", REPAIRABLE)
def test_damage_is_mended(copied, what, deker):
    made = copied(ARRAYS)
    known = check(made.storage, "--level", "4")
    names = damage.names(made.storage / "collections" / ARRAYS)
    text = EVERY[what][1](made.storage / "collections" / ARRAYS)
    found = check(made.storage, "--level", "4", "--repair")
    assert [each for each in found if named(each, text, names) and each["repaired"]], found
    assert [each for each in check(made.storage, "--level", "4") if each not in known] == []
    assert made.differences(deker) == []
    deker.assert_clean(made.storage)


def test_a_stray_folder_beside_the_collections_is_found_and_hides_none(copied):
    made = copied("key int")
    (made.storage / "collections" / "no collection").mkdir()
    assert [each["name"] for each in told("ls", made.storage)["collections"]] == ["key int"]
    assert any("no collection" in each["subject"] for each in check(made.storage, "--level", "4"))


def test_an_array_that_is_locked_meanwhile_does_not_end_the_check(copied):
    made = copied(ARRAYS, "key int")
    first, second = damage.files(made.storage / "collections" / ARRAYS)[:2]
    names = damage.names(made.storage / "collections" / ARRAYS) | damage.names(made.storage / "collections" / "key int")
    text = damage.a_file_is_cut_off(made.storage / "collections" / "key int")
    with first.open("r+b") as file, contextlib.ExitStack() as after:
        fcntl.flock(file, fcntl.LOCK_EX)
        after.callback(fcntl.flock, file, fcntl.LOCK_UN)
        found = check(made.storage, "--level", "4", "--lock-timeout", "1")
        assert any(named(each, text, names) for each in found)
        assert not any(named(each, second.stem, names) for each in found)
    left = check(made.storage, "--level", "4")
    assert not any(named(each, first.stem, names) for each in left)


def test_what_is_damaged_is_refused_and_what_is_whole_is_read(copied):
    made = copied(ARRAYS)
    text = damage.a_file_is_cut_off(made.storage / "collections" / ARRAYS)
    for array in made.collections[ARRAYS]["arrays"]:
        place = (made.storage, ARRAYS, f"id={array['id']}")
        if array["id"] == text:
            before = damage.files(made.storage / "collections" / ARRAYS)
            refused(7, "read", *place)
            refused(7, "write", *place, "--value", "1")
            refused(7, "clear", *place)
            assert damage.files(made.storage / "collections" / ARRAYS) == before
        else:
            hyperslab("read", *place)


def test_wrong_times_of_tiles_are_one_fault_for_each_array(copied, deker):
    name = "tiled time of a key"
    made = copied(name)
    arrays = {each["id"] for each in made.collections[name]["arrays"]}
    tiles = deker.ask("tiles", storage=made.storage, collection=name)
    found = check(made.storage, "--level", "4")
    assert {each["kind"] for each in found} == {"schema_disagrees"}
    # One each, although Deker makes every tile but the first in time so.
    assert len(tiles) > 2 * len(found)
    subjects = [each["subject"] for each in found]
    assert len(set(subjects)) == len(subjects) and set(subjects) <= arrays
    assert all(each["message"].split()[1] in ("tile", "tiles") for each in found)
    assert all(each["repaired"] for each in check(made.storage, "--level", "4", "--repair"))
    assert check(made.storage, "--level", "4") == []
    assert made.differences(deker) == []
