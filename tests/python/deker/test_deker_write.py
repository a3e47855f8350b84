"""What hyperslab writes into a storage, Deker reads, finds, changes and deletes; and the other way round."""

import json

import canonical
import h5py
import numpy as np
import pytest
import words
from peer import (  # noqa: F401
    DekerError,
    attempt,
    check,
    data_file,
    deker,
    empty_cells,
    lock_files,
    copied,
    needs_deker,
    read,
    refused,
    sample,
    told,
)

from conftest import hyperslab

pytestmark = needs_deker

SCHEMA = {
    "version": 1,
    "dtype": "float32",
    "dimensions": [
        {"name": "t", "size": 6, "coordinates": {"kind": "time_scale", "start": "$dt", "step": "PT6H"}},
        {"name": "y", "size": 8, "coordinates": {"kind": "scale", "start": 10.0, "step": -0.1}},
        {"name": "layer", "size": 3, "coordinates": {"kind": "labels", "labels": ["a", "größe", "c"]}},
    ],
    "attributes": [
        {"name": "dt", "type": "datetime", "role": "key"},
        {"name": "station", "type": "text", "role": "key"},
        {"name": "number", "type": "int", "role": "custom"},
        {"name": "part", "type": "float", "role": "custom"},
        {"name": "wave", "type": "complex", "role": "custom"},
        {"name": "note", "type": "text", "role": "custom"},
        {"name": "when", "type": "datetime", "role": "custom"},
        {"name": "pair", "type": "list", "role": "custom"},
    ],
}
TILED = {**SCHEMA, "version": 2, "tile_shape": [3, 4, 3]}
KEY = ("dt=2023-01-03", "station=nörd")
THEIR_KEY = {"dt": {"datetime": "2023-01-03T00:00:00+00:00"}, "station": "nörd"}


@pytest.fixture(params=["of deker", "of hyperslab"])
def storage(request, copied, tmp_path):
    """A storage that Deker made, with something in it, and an empty one of ours."""
    if request.param == "of deker":
        return copied("key int", "gzip 4", "tiled vgrid").storage
    hyperslab("init", tmp_path / "ours", "--adapter", "deker")
    return tmp_path / "ours"


def create(storage, schema, name="weather", *options):
    file = storage.parent / "schema.json"
    file.write_text(json.dumps(schema))
    hyperslab("create", storage, name, "--schema", file, *options)


def put(storage, folder, cells, *arguments):
    np.save(folder / "put.npy", cells)
    hyperslab("write", storage, *arguments, "--from", folder / "put.npy")


def assert_both_read(deker, storage, collection, key, their_key, cells, folder):
    ours = read(folder, storage, collection, *key)
    theirs = np.asarray(deker.cells(storage, collection, their_key, folder))
    assert canonical.same_cells(ours, cells), "hyperslab"
    assert canonical.same_cells(theirs, cells), "Deker"


def assert_clean(deker, storage):
    assert lock_files(storage) == []
    deker.assert_clean(storage)
    assert check(storage, "--level", "4") == []


@pytest.mark.parametrize("schema", [SCHEMA, TILED], ids=["array", "tiled"])
@pytest.mark.parametrize("options", [(), ("--chunks", "2,4,3", "--codec", "deflate:4")], ids=["plain", "deflate"])
def test_the_life_of_an_array(storage, schema, options, deker, tmp_path):
    create(storage, schema, "weather", *options)
    shape = (6, 8, 3)
    cells = np.full(shape, np.nan, np.float32)
    made = told("new", storage, "weather", *KEY, "--set", "number=3")["array"]
    found = deker.ask("find", storage=storage, collection="weather", key=THEIR_KEY)
    assert found["id"] == made["id"] and found["custom"]["number"] == 3 and found["custom"]["note"] is None
    place = ("weather", KEY, THEIR_KEY)
    assert_both_read(deker, storage, *place, cells, tmp_path)
    # A piece, by coordinates.
    piece = np.arange(2 * 3 * 3, dtype=np.float32).reshape(2, 3, 3)
    span = ("--sel", "t=2023-01-03T06:00..2023-01-03T12:00", "--sel", "y=9.5..9.7")
    put(storage, tmp_path, piece, "weather", *KEY, *span)
    cells[1:3, 3:6] = piece
    assert_both_read(deker, storage, *place, cells, tmp_path)
    # Deker writes over a part of it.
    np.save(tmp_path / "theirs.npy", piece[0] + 100)
    at = [2, [2, 5], [0, 3]]
    deker.ask("update", storage=storage, collection="weather", key=THEIR_KEY, at=at, file=tmp_path / "theirs.npy")
    cells[2, 2:5] = piece[0] + 100
    assert_both_read(deker, storage, *place, cells, tmp_path)
    # Everything, then one label cleared.
    cells = np.random.default_rng(1).random(shape, np.float32)
    put(storage, tmp_path, cells, "weather", *KEY)
    assert_both_read(deker, storage, *place, cells, tmp_path)
    hyperslab("clear", storage, "weather", *KEY, "--sel", "layer=größe")
    cells[:, :, 1] = np.nan
    assert_both_read(deker, storage, *place, cells, tmp_path)
    # With a step, which Deker cannot.
    hyperslab("write", storage, "weather", *KEY, "--isel", "t=::2", "--isel", "y=1::3", "--value", "7.5")
    cells[::2, 1::3] = 7.5
    assert_both_read(deker, storage, *place, cells, tmp_path)
    hyperslab("clear", storage, "weather", *KEY)
    cells[:] = np.nan
    assert_both_read(deker, storage, *place, cells, tmp_path)
    assert_clean(deker, storage)
    hyperslab("rm", storage, "weather", *KEY)
    assert deker.ask("find", storage=storage, collection="weather", key=THEIR_KEY) is None
    assert deker.ask("listed", storage=storage, collection="weather") == []
    assert_clean(deker, storage)
    left = [path for path in (storage / "collections" / "weather").rglob("*") if path.is_file() or path.is_symlink()]
    assert [path.name for path in left] == ["weather.json"]


def test_attributes_of_every_type_both_ways(storage, deker):
    create(storage, SCHEMA)
    hyperslab("new", storage, "weather", *KEY)
    texts = {
        "number": "-7",
        "part": "1e-05",
        "wave": "1.5-2i",
        "note": 'it\'s "größe" 天気',
        "when": "2024-02-29T12:01:00.25Z",
        "pair": '[2, "y"]',
    }
    hyperslab("write", storage, "weather", *KEY, *words.set_attributes(texts))
    wanted = {
        "number": -7,
        "part": 1e-05,
        "wave": [1.5, -2.0],
        "note": texts["note"],
        "when": "2024-02-29T12:01:00.25Z",
        "pair": [2, "y"],
    }
    assert deker.ask("find", storage=storage, collection="weather", key=THEIR_KEY)["custom"] == wanted
    # Deker's second spelling.
    changes = {
        "part": 0.125,
        "when": {"datetime": "2024-03-01T00:00:00+00:00"},
        "wave": {"complex": [0.0, 1.0]},
        "pair": [3, "z"],
    }
    deker.ask("set_attributes", storage=storage, collection="weather", key=THEIR_KEY, custom=changes)
    wanted |= {"part": 0.125, "when": "2024-03-01T00:00:00Z", "wave": [0.0, 1.0], "pair": [3, "z"]}
    assert told("show", storage, "weather", *KEY)["array"]["custom"] == wanted
    # One of ours after that leaves the others as they are.
    hyperslab("write", storage, "weather", *KEY, "--set", "number=8", "--unset", "note")
    wanted |= {"number": 8, "note": None}
    assert deker.ask("find", storage=storage, collection="weather", key=THEIR_KEY)["custom"] == wanted
    ours = told("show", storage, "weather", *KEY)["array"]["custom"]
    assert ours == {name: value for name, value in wanted.items() if value is not None}
    # A key is for good.
    refused(2, "write", storage, "weather", *KEY, "--set", "station=other")
    assert_clean(deker, storage)


def test_arrays_made_by_either_are_found_changed_and_deleted_by_the_other(storage, deker, tmp_path):
    create(storage, SCHEMA)
    for number in range(6):
        when, station = f"2023-01-0{number + 1}", f"s{number % 2}"
        if number % 2:
            hyperslab("new", storage, "weather", f"dt={when}", f"station={station}")
        else:
            their_key = {"dt": {"datetime": f"{when}T00:00:00+00:00"}, "station": station}
            deker.ask("create", storage=storage, collection="weather", primary=their_key)
    ours = told("ls", storage, "weather")["arrays"]
    theirs = deker.ask("listed", storage=storage, collection="weather")
    assert len(ours) == len(theirs) == 6
    in_order = lambda keys: sorted(keys, key=json.dumps)
    assert in_order(each["key"] for each in ours) == in_order(each["primary"] for each in theirs)
    # The same key again.
    refused(4, "new", storage, "weather", "dt=2023-01-01", "station=s0")
    refused(4, "new", storage, "weather", "dt=2023-01-02", "station=s1")
    with pytest.raises(DekerError):
        same = {"dt": {"datetime": "2023-01-02T00:00:00+00:00"}, "station": "s1"}
        deker.ask("create", storage=storage, collection="weather", primary=same)
    # Each deletes one of the other's.
    hyperslab("rm", storage, "weather", "dt=2023-01-01", "station=s0")
    deker.ask("delete", storage=storage, collection="weather", key=same)
    refused(3, "show", storage, "weather", "dt=2023-01-02", "station=s1")
    assert len(deker.ask("listed", storage=storage, collection="weather")) == told("ls", storage, "weather", "--count")["count"]
    assert_clean(deker, storage)
    hyperslab("rm", storage, "weather", "--all")
    assert deker.ask("listed", storage=storage, collection="weather") == []
    hyperslab("rm", storage, "weather", "--collection")
    assert "weather" not in deker.ask("collections", storage=storage)
    assert not (storage / "collections" / "weather.lock").exists()
    assert_clean(deker, storage)


def test_a_collection_that_deker_deleted_is_gone_and_can_be_made_again(storage, deker):
    create(storage, SCHEMA)
    deker.ask("delete_collection", storage=storage, collection="weather")
    refused(3, "show", storage, "weather")
    create(storage, TILED)
    assert deker.ask("document", storage=storage, collection="weather")["type"] == "varray"
    file = storage.parent / "schema.json"
    refused(4, "create", storage, "weather", "--schema", file)


# Of each a collection that Deker made: what hyperslab makes from its schema must be the same to Deker.
ALIKE = [
    *(f"dtype {name}" for name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")),
    *(f"dtype {name}" for name in ("float16", "float32", "float64", "complex64", "complex128")),
    *(f"fill {name}" for name in ("int16", "int64", "uint64", "float32", "float64 tiny", "float64 infinite", "complex128")),
    "dims none labelled",
    "dims text labels",
    "dims float labels",
    "dims scale tenth",
    "dims scale negative",
    "dims 5",
    "time fixed",
    "time negative step",
    "time microseconds",
    "time days and seconds",
    "time of a key",
    "time of a custom attribute",
    "key int",
    "key float",
    "key complex",
    "key text",
    "key datetime",
    "key of three",
    "tiled vgrid",
    "tiled 3-d",
    "tiled time of a key",
    "tiled fill",
    "tiled without a key",
]
# How Deker lays out the collections that have options.
OPTIONS = {
    "chunks dividing": ("--chunks", "8,6"),
    "gzip 4": ("--chunks", "8,6", "--codec", "deflate:4"),
    "gzip 9": ("--chunks", "8,6", "--codec", "deflate:9"),
    "zstd": ("--chunks", "8,6", "--codec", "zstd:6"),
}


def test_collections_made_from_the_schemas_of_deker(sample, deker, tmp_path):
    """The file of the collection, every array of it by its key, its attributes and its cells."""
    ours = tmp_path / "ours"
    hyperslab("init", ours, "--adapter", "deker")
    problems = []
    for name in [*ALIKE, *OPTIONS]:
        schema = json.loads(hyperslab("show", sample.storage, name, "--schema"))
        create(ours, schema, name, *OPTIONS.get(name, ()))
        problems += [f"{name}: {text}" for text in unlike(sample, ours, name, deker)]
        for array in sample.collections[name]["arrays"]:
            refill(sample, ours, name, array, deker, tmp_path, problems)
    assert problems == []
    deker.assert_clean(ours)
    assert check(ours, "--level", "4") == []


def unlike(sample, ours, name, deker):
    theirs = deker.ask("document", storage=sample.storage, collection=name)
    mine = deker.ask("document", storage=ours, collection=name)
    for what in ("name", "type", "schema", "metadata_version", "storage_adapter"):
        if mine[what] != theirs[what]:
            yield f"{what} is {mine[what]}, not {theirs[what]}"
    if name in OPTIONS and mine["options"] != theirs["options"]:
        yield f"options are {mine['options']}, not {theirs['options']}"
    file = ours / "collections" / name / f"{name}.json"
    if not (ours / "collections" / f"{name}.lock").exists() or json.loads(file.read_text())["name"] != name:
        yield "its files are not those of Deker"


def refill(sample, ours, name, array, deker, folder, problems):
    """Makes the array of a key again with the same cells."""
    collection = sample.collections[name]
    key = words.key(collection, array)
    if key[0].startswith("id=") and collection["attributes"] and array["primary"]:
        # NaN is no key of ours.
        return
    kinds = {each["name"]: each["dtype"] for each in collection["attributes"]}
    custom = {n: words.value(value, kinds[n]) for n, value in array["custom"].items() if value is not None}
    typed = [] if key[0].startswith("id=") else key
    file = sample.folder / array["cells"]
    new = told("new", ours, name, *typed, *words.set_attributes(custom), "--from", file)["array"]
    found = deker.ask("find", storage=ours, collection=name, key={"id": new["id"]})
    cells = deker.cells(ours, name, {"id": new["id"]}, folder)
    if words.plain(found["primary"]) != words.plain(array["primary"]) or found["custom"] != array["custom"]:
        problems.append(f"{name}: attributes {found}, not {array}")
    if not canonical.same_cells(np.asarray(cells), np.load(file)):
        problems.append(f"{name} {array['primary']}: cells differ")


ALTERNATING = ["chunks none", "chunks not dividing", "gzip 4", "szip nn", "lzf", "zstd", "blosc lz4", "bitshuffle lz4"]


@pytest.mark.parametrize("name", [*ALTERNATING, "gzip complex", "tiled vgrid", "tiled gzip", "tiled fill", "tiled 3-d"])
def test_both_write_in_turn(copied, name, deker, tmp_path):
    """Random pieces by one or the other; after each, both read what NumPy has. No cell is NaN or the fill value: Deker counts
    on that when it guesses how much is empty."""
    made = copied(name)
    collection = made.collections[name]
    array = collection["arrays"][0]
    key, their_key, place = [f"id={array['id']}"], {"id": array["id"]}, (made.storage, name)
    cells = made.cells(array)
    rng = np.random.default_rng(len(name))
    for turn in range(10):
        bounds = [sorted(rng.choice(size + 1, 2, replace=False).tolist()) for size in cells.shape]
        box = tuple(slice(*each) for each in bounds)
        isel = [word for dim, (a, b) in zip(collection["dims"], bounds) for word in ("--isel", f"{dim['name']}={a}:{b}")]
        piece = np.ascontiguousarray(rng.integers(10, 100, cells[box].shape).astype(cells.dtype))
        what = turn % 5
        if what in (0, 2):
            put(made.storage, tmp_path, piece, name, *key, *isel)
            cells[box] = piece
        elif what == 1:
            np.save(tmp_path / "theirs.npy", piece)
            deker.ask("update", storage=made.storage, collection=name, key=their_key, at=bounds, file=tmp_path / "theirs.npy")
            cells[box] = piece
        elif what == 3:
            hyperslab("clear", *place, *key, *isel)
            cells[box] = fill_of(made, name, cells.dtype)
        else:
            hyperslab("write", *place, *key, *isel, "--value", "11")
            cells[box] = 11
        assert_both_read(deker, made.storage, name, key, their_key, cells, tmp_path)
    deker.assert_clean(made.storage)
    assert lock_files(made.storage) == []


def fill_of(made, name, dtype):
    text = json.loads((made.storage / "collections" / name / f"{name}.json").read_text())["schema"]["fill_value"]
    return dtype.type(np.nan if text is None else complex(text).real if dtype.kind == "c" else float(text))


def test_the_count_of_empty_cells_is_exact(copied, deker, tmp_path):
    """Deker drops all cells when it believes that the last one is cleared, and believes the count."""
    made = copied("chunks dividing")
    name = "chunks dividing"
    for array in made.collections[name]["arrays"]:
        place = (made.storage, name, f"state={array['primary']['state']}")
        file = data_file(made.storage, name, array["id"])
        cells = made.cells(array)
        for box, verb in [
            ((slice(0, 3), slice(0, 3)), "write"),
            ((slice(1, 5), slice(2, 9)), "clear"),
            ((slice(1, 5), slice(2, 9)), "clear"),
            ((slice(0, 24), slice(0, 17)), "clear"),
        ]:
            isel = ("--isel", f"y={box[0].start}:{box[0].stop}", "--isel", f"x={box[1].start}:{box[1].stop}")
            if verb == "write":
                hyperslab("write", *place, *isel, "--value", "4")
                cells[box] = 4
            else:
                hyperslab("clear", *place, *isel)
                cells[box] = np.nan
            assert empty_cells(file) == int(np.count_nonzero(np.isnan(cells))), (array["primary"], verb)
            with h5py.File(file) as opened:
                assert "data" not in opened or opened["data"].shape == cells.shape
        assert_both_read(deker, made.storage, name, place[2:], {"id": array["id"]}, cells, tmp_path)


def test_tiles_are_made_where_something_is_written_and_go_when_it_is_cleared(copied, deker, tmp_path):
    made = copied("tiled vgrid")
    name, storage = "tiled vgrid", made.storage
    array = next(each for each in made.collections[name]["arrays"] if each["primary"]["scene"] == "never")

    def positions():
        found = deker.ask("tiles", storage=storage, collection=name)
        return sorted(tuple(tile["primary"]["v_position"]) for tile in found if tile["primary"]["vid"] == array["id"])

    assert positions() == []
    hyperslab("write", storage, name, "scene=never", "--isel", "d0=3:5", "--isel", "d1=8", "--value", "1")
    assert positions() == [(0, 2), (1, 2)]
    hyperslab("clear", storage, name, "scene=never", "--isel", "d0=0:4")
    # Deker takes the file away, too; without cells it is as good as gone.
    assert [position for position in positions() if holds_cells(storage, name, array, position)] == [(1, 2)]
    cells = np.full((8, 9), np.nan, np.float32)
    cells[4, 8] = 1
    assert_both_read(deker, storage, name, ["scene=never"], {"scene": "never"}, cells, tmp_path)
    hyperslab("rm", storage, name, "scene=never")
    assert positions() == []
    deker.assert_clean(storage)


def holds_cells(storage, name, array, position) -> bool:
    for path in (storage / "collections" / name / "array_data").rglob("*.hdf5"):
        with h5py.File(path) as file:
            primary = json.loads(file["meta"][()])["primary_attributes"]
            if primary == {"vid": array["id"], "v_position": list(position)}:
                return "data" in file
    raise LookupError(position)


def test_adapter_named_deker_makes_a_storage_that_deker_opens(tmp_path, deker):
    place = tmp_path / "empty"
    hyperslab("init", place, "--adapter", "deker")
    assert (place / "collections").is_dir()
    assert deker.ask("collections", storage=place) == []
    deker.assert_clean(place)
    document = {
        "name": "größe",
        "type": "array",
        "metadata_version": "0.2",
        "schema": {"dimensions": [{"name": "x", "size": 3, "type": "generic"}], "dtype": "int32"},
    }
    deker.ask("create_collection", storage=place, document=document)
    assert [each["name"] for each in told("ls", place)["collections"]] == ["größe"]
    assert attempt("init", place, "--adapter", "deker").code != 0


def test_what_deker_has_no_form_for_is_refused_and_changes_nothing(tmp_path, deker):
    place = tmp_path / "ours"
    hyperslab("init", place, "--adapter", "deker")
    plain = [{"name": "x", "size": 4}]
    for schema in [
        {"version": 1, "dtype": "bool", "dimensions": plain},
        {
            "version": 1,
            "dtype": "float32",
            "dimensions": [{"name": "t", "size": 2, "coordinates": {"kind": "times", "times": ["2023-01-01", "2023-01-07"]}}],
        },
        # Deker's tiles divide the array without a rest.
        {"version": 2, "dtype": "float32", "dimensions": plain, "tile_shape": [3]},
        {
            "version": 1,
            "dtype": "float32",
            "dimensions": plain,
            "attributes": [{"name": "flag", "type": "bool", "role": "custom"}],
        },
    ]:
        file = tmp_path / "schema.json"
        file.write_text(json.dumps(schema))
        refused((2, 8), "create", place, "c", "--schema", file)
        assert list((place / "collections").iterdir()) == []
    assert deker.ask("collections", storage=place) == []
