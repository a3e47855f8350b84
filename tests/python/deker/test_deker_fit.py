"""Values of attributes that one of the two has and the other not, or that one program spells in several ways."""

import json

import pytest
from peer import DekerError, attempt, check, deker, needs_deker, read, refused, told, tree  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker

LATEST = "9999-12-31T23:59:59.999999+00:00"
TIME = {"datetime": "2020-01-01T00:00:00+00:00"}
SPELLED = "datetime.datetime(2020, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)"


@pytest.fixture
def made(deker, tmp_path):
    """A storage with a collection `c` made by Deker, with these attributes as keys and as custom ones."""

    def make(key=None, custom=None, kind="array"):
        attributes = [{"name": name, "primary": True, "dtype": dtype} for name, dtype in (key or {}).items()]
        attributes += [{"name": name, "primary": False, "dtype": dtype} for name, dtype in (custom or {}).items()]
        schema = {
            "dimensions": [{"name": "x", "size": 4, "type": "generic", "labels": None, "scale": None}],
            "dtype": "numpy.int32",
            "attributes": attributes,
            "fill_value": "-1",
        }
        if kind == "varray":
            schema["vgrid"] = [2]
        document = {"name": "c", "type": kind, "metadata_version": "0.2", "schema": schema}
        deker.ask("create_collection", storage=tmp_path / "storage", document=document)
        return tmp_path / "storage"

    return make


def links(storage, kind="array"):
    """The folders of links, and the ids in them."""
    top = storage / "collections" / "c" / f"{kind}_symlinks"
    return {str(path.parent.relative_to(top)): path.stem for path in top.rglob("*") if path.is_symlink()}


def new(deker, storage, value, role="primary"):
    """An array made by Deker, with cells."""
    made = deker.ask("create", storage=storage, collection="c", **{role: {"k": value}})
    deker.ask("update", storage=storage, collection="c", key={"id": made}, number=5)
    return made


# Tuples with times in them.


@pytest.mark.parametrize("kind", ["array", "varray"])
@pytest.mark.parametrize("value", [[TIME], [1, [TIME], {"numpy": ["float32", 0.1]}], [{"complex": [1, 2]}, 2**70]])
def test_the_link_of_a_tuple_stays_as_deker_spells_it(made, deker, value, kind):
    storage = made({"k": "tuple"}, kind=kind)
    array = new(deker, storage, value)
    before = links(storage, kind)
    found = [each for each in check(storage, "--level", "4", "--repair") if each["kind"] != "unverified"]
    assert found == [] and links(storage, kind) == before
    assert deker.ask("find", storage=storage, collection="c", key={"k": value})["id"] == array
    assert told("ls", storage, "c", "--count")["count"] == 1
    # Deleted with its link.
    hyperslab("rm", storage, "c", f"id={array}")
    assert links(storage, kind) == {}


def test_another_key_than_that_of_a_tuple_is_still_found(made, deker):
    storage = made({"k": "tuple"})
    array = new(deker, storage, [TIME])
    (folder,) = links(storage)
    top = storage / "collections" / "c" / "array_symlinks"
    (top / folder).rename(top / folder.replace("2020", "2021"))
    found = check(storage, "--level", "3", "--repair")
    assert [each["kind"] for each in found] == ["index_disagrees"] * 2
    assert list(links(storage).values()) == [array]


def test_a_tuple_with_a_time_is_made_and_found_by_both(made, deker):
    storage = made({"k": "tuple"})
    key = 'k=[{"datetime": "2020-01-01"}, 2]'
    hyperslab("new", storage, "c", key)
    assert list(links(storage)) == [f"({SPELLED}, 2)"]
    found = deker.ask("find", storage=storage, collection="c", key={"k": [TIME, 2]})
    assert found["primary"] == {"k": ["2020-01-01T00:00:00+00:00", 2]}
    hyperslab("write", storage, "c", key, "--value", "3")
    assert told("show", storage, "c", key)["array"]["id"] == found["id"]
    assert "exists already" in refused(4, "new", storage, "c", key)
    assert check(storage, "--level", "4") == []


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ('[{"uuid": "0807a453-b99e-437e-bdb1-a67ca1cc9d85"}]', "the UUID 0807a453-b99e-437e-bdb1-a67ca1cc9d85"),
        ('[{"datetime": "2020-01-01T00:00:00.000000001Z"}]', "to the microsecond"),
        ("[true]", "no truth values in tuples"),
        ("[1, [false]]", "no truth values in tuples"),
    ],
)
def test_what_deker_has_not_in_tuples_is_refused_by_name(made, value, why):
    storage = made({"k": "tuple"}, {"c": "tuple"})
    hyperslab("new", storage, "c", "k=[1]")
    before = tree(storage)
    for words in (["new", storage, "c", f"k={value}"], ["new", storage, "c", "k=[2]", "--set", f"c={value}"]):
        told_why = refused(2, *words)
        assert why in told_why and "attribute '" in told_why
    assert why in refused(2, "write", storage, "c", "k=[1]", "--set", f"c={value}")
    assert tree(storage) == before


def test_truth_values_in_tuples_are_found(made, deker):
    storage = made({"n": "int"}, {"c": "tuple"}, "varray")
    hyperslab("new", storage, "c", "n=1", "--set", "c=[1]")
    (document,) = (storage / "collections" / "c" / "varray_data").rglob("*.json")
    document.write_text(document.read_text().replace("[1]", "[true]"))
    with pytest.raises(DekerError, match="bool"):
        deker.ask("listed", storage=storage, collection="c")
    (found,) = check(storage, "--level", "2")
    assert found["kind"] == "schema_disagrees" and "truth values" in found["message"]
    # Cells are written all the same, and the value is put right.
    hyperslab("write", storage, "c", "n=1", "--value", "2")
    hyperslab("write", storage, "c", "n=1", "--set", "c=[1]")
    assert check(storage, "--level", "4") == [] and len(deker.ask("listed", storage=storage, collection="c")) == 1


# Numbers of a width.

NARROW = [
    ("int8", "300", "-128 to 127"),
    ("int8", "-129", "-128 to 127"),
    ("int16", "40000", "-32768 to 32767"),
    ("uint8", "-1", "0 to 255"),
    ("uint8", "256", "0 to 255"),
    ("uint", "-1", "0 to 18446744073709551615"),
    ("float16", "1e6", "-6.5504e4 to 6.5504e4"),
    ("float32", "1e300", "e38"),
    ("complex64", "1e300+1i", "e38"),
]


@pytest.mark.parametrize(("dtype", "value", "told_range"), NARROW)
def test_a_number_that_does_not_fit_is_refused_with_the_range(made, deker, dtype, value, told_range):
    storage = made({"k": f"numpy.{dtype}"}, {"c": f"numpy.{dtype}"})
    hyperslab("new", storage, "c", "k=1")
    before = tree(storage)
    for words in (["new", storage, "c", f"k={value}"], ["new", storage, "c", "k=2", "--set", f"c={value}"]):
        assert told_range in refused(2, *words)
    assert told_range in refused(2, "write", storage, "c", "k=1", "--set", f"c={value}")
    assert tree(storage) == before


def test_numbers_that_do_not_fit_are_found(made, deker):
    storage = made({"n": "int"}, {"c": "numpy.int8", "f": "numpy.float16"}, "varray")
    hyperslab("new", storage, "c", "n=1", "--set", "c=44", "--set", "f=2.5")
    (document,) = (storage / "collections" / "c" / "varray_data").rglob("*.json")
    document.write_text(document.read_text().replace('"c":44', '"c":300').replace('"f":2.5', '"f":1e6'))
    found = check(storage, "--level", "2")
    assert {each["kind"] for each in found} == {"schema_disagrees"}
    assert ["-128 to 127" in found[0]["message"], "float16" in found[1]["message"]] == [True, True]


@pytest.mark.parametrize(
    ("dtype", "number", "typed"),
    [
        ("float32", 0.1, "0.1"),
        ("float16", 0.1, "0.1"),
        ("float32", 16777217.0, "16777216"),
        ("float64", 0.1, "0.1"),
    ],
)
def test_a_narrow_float_as_a_key_is_found_by_what_is_listed(made, deker, tmp_path, dtype, number, typed):
    storage = made({"k": f"numpy.{dtype}"})
    array = new(deker, storage, {"numpy": [dtype, number]})
    (listed,) = told("ls", storage, "c")["arrays"]
    for word in (typed, repr(listed["key"]["k"]), hyperslab("ls", storage, "c").strip().removeprefix("k=")):
        assert told("show", storage, "c", f"k={word}")["array"]["id"] == array
        assert read(tmp_path, storage, "c", f"k={word}").tolist() == [5] * 4
        refused(4, "new", storage, "c", f"k={word}")
    assert told("show", storage, "c", f"id={array}")["array"]["key"] == listed["key"]
    # And the other way round.
    hyperslab("new", storage, "c", "k=0.2")
    key = {"k": {"numpy": [dtype, 0.2]}}
    theirs = deker.ask("find", storage=storage, collection="c", key=key)
    assert theirs["primary"] == told("show", storage, "c", "k=0.2")["array"]["key"]
    assert check(storage, "--level", "4") == []


def test_a_narrow_float_is_the_same_after_an_update_of_deker(made, deker):
    storage = made(custom={"k": "numpy.float32", "note": "string"})
    array = new(deker, storage, {"numpy": ["float32", 0.1]}, "custom")
    before = told("show", storage, "c", f"id={array}")["array"]["custom"]
    deker.ask("set_attributes", storage=storage, collection="c", key={"id": array}, custom={"note": "x"})
    assert told("show", storage, "c", f"id={array}")["array"]["custom"] == {**before, "note": "x"}


# Values for which there is no room here.

ROOMLESS = [
    ("datetime", {"datetime": LATEST}, LATEST),
    ("int", 2**70, str(2**70)),
    ("int", -(2**63) - 1, str(-(2**63) - 1)),
    ("numpy.uint", {"numpy": ["uint64", 2**64 - 1]}, str(2**64 - 1)),
    ("tuple", [1, [2**70, "a"]], f'[1,[{2**70},"a"]]'),
]


@pytest.mark.parametrize("kind", ["array", "varray"])
@pytest.mark.parametrize(("dtype", "value", "text"), ROOMLESS)
def test_an_array_is_served_whatever_its_key_is(made, deker, tmp_path, dtype, value, text, kind):
    storage = made({"k": dtype}, {"note": "string"}, kind)
    array = new(deker, storage, value)
    plain = {"datetime": "2020-01-01", "tuple": "[1]"}.get(dtype, "1")
    hyperslab("new", storage, "c", f"k={plain}")
    before = deker.ask("find", storage=storage, collection="c", key={"k": value})
    assert told("ls", storage, "c", "--count")["count"] == len(told("ls", storage, "c")["arrays"]) == 2
    assert told("ls", storage)["collections"][0]["array_count"] == 2
    assert text in json.dumps(told("ls", storage, "c", "--sort", "k")["arrays"]).replace('\\"', '"')
    assert told("show", storage, "c", f"id={array}")["array"]["key"] == {"k": text}
    assert read(tmp_path, storage, "c", f"id={array}").tolist() == [5] * 4
    # What is written goes back as it came.
    hyperslab("write", storage, "c", f"id={array}", "--isel", "x=0", "--value", "6", "--set", "note=x")
    after = deker.ask("find", storage=storage, collection="c", key={"k": value})
    assert after == {**before, "custom": {"note": "x"}}
    assert told("ls", storage, "c", "--where", "note = x", "--count")["count"] == 1
    (found,) = check(storage, "--level", "4")
    assert found["kind"] == "unverified" and "attribute 'k'" in found["message"]
    hyperslab("rm", storage, "c", f"id={array}")
    assert len(links(storage, kind)) == 1


def test_keys_without_room_are_sorted_behind_the_others(made, deker):
    storage = made({"k": "int"})
    numbers = [(37 * index) % 60 for index in range(60)]
    for index, number in enumerate(numbers):
        value = 2**70 + number if index % 3 else number
        deker.ask("create", storage=storage, collection="c", primary={"k": value})
    listed = [each["key"]["k"] for each in told("ls", storage, "c", "--sort", "k")["arrays"]]
    plain = sorted(number for index, number in enumerate(numbers) if index % 3 == 0)
    assert listed[:20] == plain and sorted(listed[20:]) == listed[20:] and len(listed) == 60


@pytest.mark.parametrize(("dtype", "value", "text"), ROOMLESS)
def test_an_array_is_served_whatever_its_attributes_are(made, deker, tmp_path, dtype, value, text):
    storage = made(custom={"k": dtype, "note": "string"})
    array = new(deker, storage, value, "custom")
    before = deker.ask("find", storage=storage, collection="c", key={"id": array})
    assert told("show", storage, "c", f"id={array}")["array"]["custom"] == {"k": text}
    assert read(tmp_path, storage, "c", f"id={array}").tolist() == [5] * 4
    hyperslab("write", storage, "c", f"id={array}", "--value", "6", "--set", "note=x")
    after = deker.ask("find", storage=storage, collection="c", key={"id": array})
    assert after["custom"] == {**before["custom"], "note": "x"}
    # In the spelling of its update as well.
    deker.ask("set_attributes", storage=storage, collection="c", key={"id": array}, custom={"k": None, "note": "y"})
    deker.ask("set_attributes", storage=storage, collection="c", key={"id": array}, custom={"k": value})
    hyperslab("write", storage, "c", f"id={array}", "--value", "7")
    after = deker.ask("find", storage=storage, collection="c", key={"id": array})
    assert after["custom"]["note"] == "y" and after["custom"]["k"] is not None
    (found,) = check(storage, "--level", "4")
    assert found["kind"] == "unverified" and "attribute 'k'" in found["message"]
    hyperslab("write", storage, "c", f"id={array}", "--unset", "k")
    assert told("show", storage, "c", f"id={array}")["array"]["custom"] == {"note": "y"}
    assert check(storage, "--level", "4") == []


def test_a_value_for_which_there_is_no_room_is_told_when_it_is_migrated(made, deker, tmp_path):
    storage = made({"k": "int"})
    new(deker, storage, 2**70)
    new(deker, storage, 7)
    done = attempt("migrate", storage, tmp_path / "copy")
    assert done.code == 1 and str(2**70) in done.error
    assert told("ls", tmp_path / "copy", "c", "--count")["count"] == 1
