"""Storages made by Deker, opened in place: every cell, attribute and coordinate as Deker has it, and nothing changed."""

import json
import shutil

import canonical
import numpy as np
import pytest
import words
import xarray as xr
from peer import attempt, check, copied, deker, empty_cells, needs_deker, read, refused, sample, told, tree  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker

# Which collections a test is about, by how their names begin.
FAMILIES = {
    "dtypes": ["dtype "],
    "fills": ["fill "],
    "dimensions": ["dims ", "Wetter ", "names "],
    "times": ["time ", "two times"],
    "keys": ["key "],
    "custom": ["custom ", "ids ", "no attribute"],
    "chunks": ["chunks "],
    "filters": ["gzip ", "lzf", "szip ", "zstd", "lz4", "blosc ", "bitshuffle", "bzip2"],
    "tiled": ["tiled "],
    "version 0.1": ["version 0.1"],
}


def of_family(sample, family):
    begins = tuple(FAMILIES[family])
    found = {name: each for name, each in sample.served().items() if name.startswith(begins)}
    assert found, family
    return found


def without_none(attributes: dict) -> dict:
    """Deker says null where an attribute is not set."""
    return {name: value for name, value in attributes.items() if value is not None}


def test_the_sample_has_what_it_must_and_deker_reads_it_as_expected(sample, deker):
    assert len(sample.collections) >= 45
    known = tuple(begin for family in FAMILIES.values() for begin in family)
    assert [name for name in sample.collections if not name.startswith(known)] == []
    assert sample.differences(deker) == []
    deker.assert_clean(sample.storage)


def test_every_collection_is_listed_and_what_has_no_type_here_is_named(sample):
    found = told("ls", sample.storage)
    served = sample.served()
    assert {each["name"] for each in found["collections"]} == set(served)
    for each in found["collections"]:
        wanted = served[each["name"]]
        assert each["dtype"] == wanted["dtype"], each
        assert each["shape"] == wanted["shape"], each
        assert each["dims"] == [dimension["name"] for dimension in wanted["dims"]]
        assert each["array_count"] == len(wanted["arrays"]), each
    left_out = {each["name"]: each for each in found["unreadable"]}
    assert set(left_out) == set(sample.collections) - set(served)
    for name, each in left_out.items():
        assert each["kind"] == "unsupported" and names_the_type(sample, name, each["message"])


def test_extended_floats_are_refused_by_name(sample, tmp_path):
    refusals = {name: each for name, each in sample.collections.items() if each["refused"]}
    assert {each["refused"] for each in refusals.values()} == {"float128", "complex256"}
    for name, each in refusals.items():
        one = f"id={each['arrays'][0]['id']}"
        for verb in [
            ("show", sample.storage, name),
            ("ls", sample.storage, name),
            ("read", sample.storage, name, one),
            ("export", sample.storage, name, one, "-o", tmp_path / "x.nc"),
            ("write", sample.storage, name, one, "--value", "1"),
        ]:
            assert names_the_type(sample, name, refused(8, *verb))


def names_the_type(sample, name, message) -> bool:
    """As NumPy calls it or as Deker does; the name of the collection has it too, and does not count."""
    dtype = sample.collections[name]["refused"]
    return any(each in message.replace(f"'{name}'", "") for each in (dtype, {"complex256": "clongfloat"}.get(dtype, dtype)))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_cell_attribute_and_coordinate(sample, family, tmp_path):
    problems = []
    for name, collection in of_family(sample, family).items():
        listed = told("ls", sample.storage, name)["arrays"]
        keys = sorted(json.dumps(words.plain(each["key"])) for each in listed)
        if keys != sorted(json.dumps(words.plain(each["primary"])) for each in collection["arrays"]):
            problems.append(f"{name}: listed {keys}")
        for array in collection["arrays"]:
            try:
                problems += [f"{name} {array['primary']}: {text}" for text in of_array(sample, name, array, tmp_path)]
            except AssertionError as error:
                # One that cannot be read hides none of the others.
                problems.append(f"{name} {array['primary']}: {error}")
    assert problems == []


def of_array(sample, name, wanted, tmp_path):
    place = (sample.storage, name, f"id={wanted['id']}")
    array = told("show", *place)["array"]
    cells = sample.cells(wanted)
    if array["id"] != wanted["id"] or array["shape"] != list(cells.shape):
        yield f"id {array['id']}, shape {array['shape']}"
    if array["key"] != wanted["primary"]:
        yield f"key {array['key']}"
    if array["custom"] != without_none(wanted["custom"]):
        yield f"custom attributes {array['custom']}, not {wanted['custom']}"
    ours = read(tmp_path, *place)
    if not canonical.same_cells(ours, cells):
        yield f"cells {ours.ravel()[:20]}, not {cells.ravel()[:20]}"
    coords = told("read", *place)["coords"]
    for dim, values in wanted["coords"].items():
        values = list(range(len(coords[dim]))) if values is None else values
        if coords[dim] != values:
            yield f"coordinates of {dim}: {coords[dim]}, not {values}"


@pytest.mark.parametrize("family", FAMILIES)
def test_arrays_are_found_by_their_key(sample, family):
    for name, collection in of_family(sample, family).items():
        for array in collection["arrays"]:
            found = told("show", sample.storage, name, *words.key(collection, array))["array"]
            assert found["id"] == array["id"], (name, array["primary"])


@pytest.mark.parametrize("key", ["[1]", '[1, "t", 0.5, [1, 2]]'])
def test_a_tuple_is_a_key_written_as_json(sample, key):
    found = told("show", sample.storage, "key tuple", f"key={key}")["array"]
    assert found["key"] == {"key": json.loads(key)}


def test_a_key_that_is_not_there_is_not_found(sample):
    collections = sample.collections
    assert refused(3, "show", sample.storage, "key int", "key=99")
    assert refused(3, "show", sample.storage, "key of three", "dt=2023-01-01T21:34:05", "number=9", "station=south")
    assert refused(3, "show", sample.storage, "key int", "id=00000000-0000-4000-8000-000000000000")
    # The array of another collection.
    assert refused(3, "show", sample.storage, "key int", f"id={collections['key text']['arrays'][0]['id']}")
    assert refused(2, "show", sample.storage, "key int", "nothing=1")


def test_arrays_are_found_by_conditions(sample):
    def numbers(condition, name="key of three"):
        return [each["key"] for each in told("ls", sample.storage, name, "--where", condition)["arrays"]]

    assert len(numbers("number >= 2")) == 2
    assert len(numbers("station in (nörd, south) and number = 1")) == 2
    assert len(numbers("dt > 2023-01-02")) == 0
    assert [each["key"] for each in numbers("key < 0", "key int")] == [-1]
    assert told("ls", sample.storage, "key of three", "--count")["count"] == 4


@pytest.mark.parametrize("family", ["dimensions", "times", "tiled", "version 0.1"])
def test_selection_by_coordinate(sample, family, tmp_path):
    for name, collection in of_family(sample, family).items():
        for array in collection["arrays"][:3]:
            cells = sample.cells(array)
            place = (sample.storage, name, f"id={array['id']}")
            for axis, dim in enumerate(collection["dims"]):
                values = array["coords"][dim["name"]]
                if dim["kind"] == "none":
                    continue
                for position, value in enumerate(values):
                    ours = read(tmp_path, *place, "--sel", f"{dim['name']}={words.coordinate(value)}")
                    theirs = np.take(cells, position, axis)
                    assert canonical.same_cells(ours, theirs), (name, dim["name"], value)
                if dim["kind"] in ("scale", "time") and len(values) > 2:
                    low, high = sorted([words.coordinate(values[1]), words.coordinate(values[-1])], key=in_order(values))
                    ours = read(tmp_path, *place, "--sel", f"{dim['name']}={low}..{high}")
                    theirs = np.take(cells, range(1, len(values)), axis)
                    assert canonical.same_cells(ours, theirs), (name, dim["name"], low, high)


def in_order(values):
    """How coordinates are ordered: numbers by size, times as text."""
    return float if isinstance(values[0], float) else str


def test_selection_by_index_and_by_both(sample, tmp_path):
    name = "tiled 3-d"
    array = sample.collections[name]["arrays"][0]
    cells, place = sample.cells(array), (sample.storage, name, "scene=full")
    rng = np.random.default_rng(3)
    for _ in range(30):
        index, isel = [], []
        for axis, size in enumerate(cells.shape):
            start, stop = sorted(rng.integers(0, size + 1, 2).tolist())
            step = int(rng.integers(1, 4))
            index.append(slice(start, stop, step))
            isel += ["--isel", f"d{axis}={start}:{stop}:{step}"]
        np.testing.assert_array_equal(read(tmp_path, *place, *isel), cells[tuple(index)], strict=True)
    np.testing.assert_array_equal(read(tmp_path, *place, "--isel", "d1=-1"), cells[:, -1], strict=True)
    name = "time of a custom attribute"
    array = sample.collections[name]["arrays"][0]
    cells, start = sample.cells(array), array["coords"]["t"][2]
    ours = read(tmp_path, sample.storage, name, "--sel", f"t={start}", "--isel", "x=1")
    np.testing.assert_array_equal(ours, cells[2, 1], strict=True)


@pytest.mark.parametrize("family", ["dimensions", "times", "tiled", "filters"])
def test_export_is_read_by_xarray(sample, family, tmp_path):
    # netCDF has no type for these; as .npy they are compared with the others.
    for name, collection in of_family(sample, family).items():
        if collection["dtype"].startswith("complex") or collection["dtype"] == "float16":
            continue
        array = collection["arrays"][0]
        file = tmp_path / "out.nc"
        hyperslab("export", sample.storage, name, f"id={array['id']}", "-o", file)
        with xr.open_dataset(file, mask_and_scale=False, decode_timedelta=False) as opened:
            dims = tuple(dim["name"] for dim in collection["dims"])
            [variable] = [each for each in opened.data_vars.values() if each.dims == dims]
            assert canonical.same_cells(variable.values, sample.cells(array)), name
            for dim in collection["dims"]:
                values = array["coords"][dim["name"]]
                if dim["kind"] == "none":
                    assert dim["name"] not in opened.coords, (name, dim)
                elif dim["kind"] == "time":
                    instants = np.array([value.rstrip("Z") for value in values], "datetime64[us]")
                    np.testing.assert_array_equal(opened[dim["name"]].values.astype("datetime64[us]"), instants)
                else:
                    assert opened[dim["name"]].values.tolist() == values, (name, dim)
        file.unlink()


def test_the_schema_says_what_deker_says(sample):
    for name, collection in sample.served().items():
        schema = json.loads(hyperslab("show", sample.storage, name, "--schema"))
        roles = {each["name"]: each["role"] for each in schema.get("attributes", [])}
        theirs = {each["name"]: "key" if each["primary"] else "custom" for each in collection["attributes"]}
        assert roles == theirs, name
        if collection["vgrid"]:
            shape = [size // count for size, count in zip(collection["shape"], collection["vgrid"])]
            assert schema["tile_shape"] == shape, name
        else:
            assert schema.get("tile_shape") is None, name
    schema = json.loads(hyperslab("show", sample.storage, "time of a key", "--schema"))
    assert schema["dimensions"][0]["coordinates"] == {"kind": "time_scale", "start": "$dt", "step": "PT1H"}


def test_every_spelling_of_the_place(sample):
    name = "dims none labelled"
    for place in [
        sample.storage,
        f"{sample.storage}/",
        f"file://{sample.storage}",
        f"deker+file://{sample.storage}",
    ]:
        assert told("show", place, name)["array_count"] == 1
    # Forced, where nothing looks like a storage of Deker's.
    assert attempt("ls", f"deker+file://{sample.folder}").code != 0


def test_reading_changes_nothing(sample, tmp_path):
    before = tree(sample.storage)
    for name in ["dims scale tenth", "tiled vgrid", "key text", "gzip 4", "custom of every type"]:
        array = sample.collections[name]["arrays"][0]
        place = (sample.storage, name, f"id={array['id']}")
        hyperslab("ls", sample.storage, name)
        hyperslab("show", *place)
        hyperslab("read", *place, "-o", tmp_path / "x.npy")
        hyperslab("read", *place, "--explain")
    hyperslab("ls", sample.storage)
    hyperslab("du", sample.storage)
    hyperslab("locks", sample.storage)
    attempt("check", sample.storage, "--level", "4")
    assert tree(sample.storage) == before


def test_sizes_are_told(sample):
    found = {each["name"]: each for each in told("du", sample.storage)["collections"]}
    for name, collection in sample.served().items():
        cells = sum(sample.cells(array).nbytes for array in collection["arrays"])
        assert found[name]["memory_bytes"] == cells, name
        assert found[name]["array_count"] == len(collection["arrays"]), name
        folder = sample.storage / "collections" / name
        files = [*folder.glob("*array_data/**/*.hdf5"), *folder.glob("varray_data/**/*.json")]
        on_disk = sum(path.stat().st_size for path in files)
        assert 0 <= found[name]["stored_bytes"] <= on_disk, name


def test_a_check_of_an_unhurt_storage_finds_only_what_deker_did_wrong(sample):
    """Its count of empty cells, the start of its tiles, and the links of a tuple that it reads as another."""
    wrong = {"key tuple changed", "tiled time of a key", "tiled time of a custom attribute"}
    wrong |= {name for name, collection in sample.collections.items() if counts_are_wrong(sample, name, collection)}
    wrong |= set(sample.collections) - set(sample.served())
    found = check(sample.storage, "--level", "4")
    assert [each for each in found if each["collection"] not in wrong] == []


def counts_are_wrong(sample, name, collection) -> bool:
    """Whether Deker says of a file that more cells are empty than are."""
    import h5py

    for path in (sample.storage / "collections" / name / "array_data").rglob("*.hdf5"):
        with h5py.File(path) as file:
            data = file.get("data")
            if data is None:
                continue
            cells = data[()]
            document = json.loads((sample.storage / "collections" / name / f"{name}.json").read_text())
            fill = document["schema"]["fill_value"]
            empty = np.isnan(cells) if fill is None else cells == cells.dtype.type(complex_or_number(fill, cells.dtype))
            if empty_cells(path) != int(np.count_nonzero(empty)):
                return True
    return False


def complex_or_number(text: str, dtype):
    if dtype.kind == "c":
        return complex(text)
    return int(text) if dtype.kind in "iu" else float(text)


MOVED = ["key int", "key float", "key text", "key tuple", "key of three", "tiled vgrid", "tiled time of a key", "gzip 4"]


def test_a_moved_storage_is_read_by_key_and_mended(copied, deker, tmp_path):
    made = copied(*MOVED)
    # Its links lead to where it was.
    place = made.storage.rename(tmp_path / "moved")
    made.storage = place
    for name, collection in made.collections.items():
        for array in collection["arrays"]:
            key = words.key(collection, array)
            assert told("show", place, name, *key)["array"]["id"] == array["id"]
            assert canonical.same_cells(read(tmp_path, place, name, *key), made.cells(array))
    found = check(place, "--level", "3")
    astray = {each["collection"] for each in found if each["kind"] == "index_disagrees" and each["repairable"]}
    assert astray == set(MOVED)
    check(place, "--level", "3", "--repair")
    assert [each for each in check(place, "--level", "3") if each["kind"] == "index_disagrees"] == []
    # Its links are right again for Deker too.
    assert made.differences(deker) == []
    deker.assert_clean(place)


def test_a_copy_does_not_reach_into_the_original(copied, tmp_path):
    made = copied("key of three", "tiled vgrid")
    copy = tmp_path / "copy"
    shutil.copytree(made.storage, copy, symlinks=True)
    before = tree(made.storage)
    key = ("dt=2023-01-01T21:34:05", "number=1", "station=south")
    hyperslab("write", copy, "key of three", *key, "--value", "5")
    hyperslab("write", copy, "tiled vgrid", "scene=full", "--value", "5")
    hyperslab("write", copy, "key of three", *key, "--set", "note=changed")
    hyperslab("rm", copy, "tiled vgrid", "scene=sparse")
    assert np.all(read(tmp_path, copy, "key of three", *key) == 5)
    assert np.all(read(tmp_path, copy, "tiled vgrid", "scene=full") == 5)
    assert tree(made.storage) == before
