"""`hyperslab migrate`: every storage of Deker's that can be read becomes a store, and what cannot is told."""

import json
import subprocess

import canonical
import damage
import numpy as np
import pytest
import words
import xarray as xr
from peer import attempt, check, command, copied, copy_collection, deker, needs_deker, read, sample, told, tree  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker


def migrated(source, target, *options):
    done = attempt("migrate", source, target, *options, "--json")
    assert done.code in (0, 1), done
    return json.loads(done.out), done.code


def assert_same(made, target, report, folder):
    """Every array of the sample is in the target, under its identity, with its cells and attributes."""
    told_of = {each["name"]: each for each in report["collections"]}
    for name, collection in made.served().items():
        copy = told_of[name]
        renamed = {each["from"]: each["to"] for each in copy["renamed"] if each["what"] == "attribute"}
        left_out = {each["array"] for each in copy["left_out"]}
        assert copy["copied"] + copy["present"] + len(left_out) == len(collection["arrays"]), copy
        for array in collection["arrays"]:
            place = (target, copy["collection"], f"id={array['id']}")
            if "NaN" in array["primary"].values() and left_out:
                continue
            shown = told("show", *place)["array"]
            for part, ours in (("primary", "key"), ("custom", "custom")):
                wanted = {renamed.get(key, key): each for key, each in array[part].items() if each is not None}
                assert words.plain(shown[ours]) == words.plain(wanted), (name, array["id"])
            assert canonical.same_cells(read(folder, *place), made.cells(array)), (name, array["id"])


@pytest.mark.parametrize("adapter", ["hdf5", "zarr"])
def test_a_storage_becomes_a_store(sample, adapter, tmp_path):
    before = tree(sample.storage)
    target = tmp_path / "store"
    report, code = migrated(sample.storage, target, "--adapter", adapter)
    assert tree(sample.storage) == before
    # Cells of 80 bits have no type here; all others are there.
    assert code == 1 and not report["whole"]
    refused = {each["name"] for each in report["collections"] if "error" in each}
    assert refused == set(sample.collections) - set(sample.served())
    assert_same(sample, target, report, tmp_path)
    # What copying puts right is told.
    assert {"tiled time of a key"} <= {each["collection"] for each in report["repaired"]}
    assert check(target, "--level", "4") == []
    # Again: all is there, and nothing is written.
    stored = tree(target)
    again, _ = migrated(sample.storage, target, "--adapter", adapter)
    assert sum(each.get("copied", 0) for each in again["collections"]) == 0
    assert tree(target) == stored


def test_links_and_counts_are_made_anew_and_told(copied, tmp_path):
    made = copied("gzip 4", "key int")
    collection = made.storage / "collections" / "gzip 4"
    damage.a_count_of_empty_cells_is_too_high(collection)
    damage.a_link_is_missing(collection)
    report, code = migrated(made.storage, tmp_path / "store")
    assert code == 0 and report["whole"] and report["lost"] == []
    assert len([each for each in report["repaired"] if each["collection"] == "gzip 4"]) >= 2
    assert_same(made, tmp_path / "store", report, tmp_path)


def test_what_is_damaged_is_left_out_and_told_and_the_rest_is_there(copied, tmp_path):
    made = copied("gzip 4", "tiled vgrid", "key int")
    lost = damage.a_file_is_cut_off(made.storage / "collections" / "gzip 4")
    damage.a_tile_is_cut_off(made.storage / "collections" / "tiled vgrid")
    report, code = migrated(made.storage, tmp_path / "store")
    assert code == 1 and not report["whole"]
    assert any(lost in each["subject"] for each in report["lost"])
    whole = {each["name"]: each for each in report["collections"]}
    assert whole["gzip 4"]["copied"] == 3
    assert whole["tiled vgrid"]["copied"] == len(made.collections["tiled vgrid"]["arrays"]) - 1
    assert whole["key int"]["copied"] == 4 and whole["key int"]["left_out"] == []
    assert check(tmp_path / "store", "--level", "4") == []


@pytest.mark.parametrize("primary", [True, False])
def test_an_array_with_a_number_of_no_type_here_is_left_out_and_told_once(deker, tmp_path, primary):
    document = {
        "name": "u64",
        "type": "array",
        "metadata_version": "0.2",
        "schema": {
            "dimensions": [{"name": "x", "size": 2, "type": "generic", "labels": None, "scale": None}],
            "dtype": "numpy.int32",
            "attributes": [{"name": "k", "primary": primary, "dtype": "numpy.uint64"}],
        },
    }
    storage = tmp_path / "storage"
    deker.ask("create_collection", storage=storage, document=document)
    ids = []
    for number in (1, 2**63, 2):
        attributes = {"k": {"numpy": ["uint64", number]}}
        part = {"primary": attributes} if primary else {"custom": attributes}
        ids.append(deker.ask("create", storage=storage, collection="u64", **part))
    report, code = migrated(storage, tmp_path / "store")
    assert code == 1 and not report["whole"] and report["repaired"] == []
    [collection] = report["collections"]
    assert collection["copied"] == 2 and [each["id"] for each in collection["left_out"]] == [ids[1]]
    # For a person: one line for the array, and no other.
    done = attempt("migrate", storage, tmp_path / "other")
    assert done.code == 1 and "right in the copy" not in done.error
    name = f"k={2**63} " if primary else f"id={ids[1]} "
    assert [name in line and "left out" in line for line in done.error.splitlines()] == [True]
    assert "copied 2 arrays" in done.out and "1 left out" in done.out


def test_an_interrupted_migration_goes_on(copied, tmp_path):
    names = [f"gzip {level}" for level in range(10)] + ["tiled vgrid"]
    made = copied(*names)
    target = tmp_path / "store"
    killed = 0
    for patience in np.linspace(0.02, 0.5, 12):
        process = subprocess.Popen(
            command("migrate", made.storage, target), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            killed += 1
        process.wait()
    assert killed > 0
    report, code = migrated(made.storage, target)
    assert code == 0
    assert_same(made, target, report, tmp_path)
    check(target, "--level", "4", "--repair")
    assert check(target, "--level", "4") == []


def test_names_that_no_format_carries_are_changed_and_told(deker, tmp_path):
    document = {
        "name": "odd names",
        "type": "array",
        "metadata_version": "0.2",
        "schema": {
            "dimensions": [
                {"name": "wind speed", "size": 2, "type": "generic", "labels": None, "scale": None},
                {"name": "2nd", "size": 3, "type": "generic", "labels": None, "scale": None},
            ],
            "dtype": "numpy.float32",
            "attributes": [
                {"name": "dtype", "primary": True, "dtype": "int"},
                {"name": "scale_factor", "primary": False, "dtype": "float"},
            ],
        },
    }
    storage = tmp_path / "storage"
    deker.ask("create_collection", storage=storage, document=document)
    hyperslab("new", storage, "odd names", "dtype=1", "--set", "scale_factor=0.5")
    hyperslab("write", storage, "odd names", "--value", "7")
    report, code = migrated(storage, tmp_path / "store")
    assert code == 0, report
    [collection] = report["collections"]
    assert {(each["from"], each["to"]) for each in collection["renamed"]} == {
        ("wind speed", "wind_speed"),
        ("2nd", "_2nd"),
        ("dtype", "_dtype"),
        ("scale_factor", "_scale_factor"),
    }
    shown = told("show", tmp_path / "store", "odd names", "_dtype=1")["array"]
    assert shown["key"] == {"_dtype": 1} and shown["custom"] == {"_scale_factor": 0.5}
    hyperslab("export", tmp_path / "store", "odd names", "-o", tmp_path / "x.nc")
    with xr.open_dataset(tmp_path / "x.nc") as opened:
        [variable] = opened.data_vars.values()
        assert variable.dims == ("wind_speed", "_2nd") and np.all(variable.values == 7)


def test_only_storages_of_deker_are_migrated(tmp_path):
    hyperslab("init", tmp_path / "store")
    done = attempt("migrate", tmp_path / "store", tmp_path / "other")
    assert done.code == 2 and "copy" in done.error
    assert attempt("migrate", tmp_path / "nothing", tmp_path / "other").code == 3
