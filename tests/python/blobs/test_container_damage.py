"""Containers in which something has gone wrong: it is told in a line, nothing breaks down, and all else is served.

The package's own check ends with a traceback on most of it, which is its defect D9.
"""

import itertools
import json
import random

import blob_damage
import containers
import pytest
from blob_damage import ALL, CONTENTS, KEYS, holds_all, path, sound  # noqa: F401
from containers import (
    assert_holds,
    attempt,
    blob,
    findings,
    get,
    key_of,
    keys,
    loose_files,
    package_contents,
    package_faults,
    put,
    refused,
    told,
)

from conftest import LONG


def assert_serves(path, names):
    containers.assert_gives(path, {KEYS[name]: CONTENTS[name] for name in names})


def damaged(path, group, kind):
    return group[kind](path)


# All verbs are tried on every eighth.
SWEPT = itertools.count()
VERBS = [
    ("ls",), ("ls", "--long"), ("ls", "--count"), ("stat",), ("stat", *KEYS.values()), ("stat", KEYS["plain"]), ("verify",),
    ("get", KEYS["zlib"], "--range=0..1"), ("export", "{folder}/{number}.zip"), ("export", "{folder}/{number}"),
    ("backup", "{folder}/copies"),
    ("pack", "--dry-run"), ("maintain", "--dry-run", "--offline"), ("pack", "--loosen", KEYS["zlib"]), ("put", "{file}"),
    ("put", "{file}", "{file}"),
    ("pack", "--keep-loose"), ("pack",), ("maintain",), ("pack", "--repack", "--compress", "always"), ("maintain", "--repack"),
]  # fmt: skip


def sweep(path, folder):
    """All verbs: each ends with one of our codes, and says in a line why."""
    file = folder / "file"
    file.write_bytes(b"put meanwhile")
    for number, (verb, *options) in enumerate(VERBS):
        words = [word.format(folder=folder, number=number, file=file) for word in options]
        done = attempt(verb, path, *words, patience=5)
        assert done.code in (0, 1, 3, 5, 7, 8, 10, 11), (verb, words, done)
        assert done.error.count("\n") == (0 if done.code < 2 else 1), (verb, words, done.error)


@pytest.mark.parametrize("kind", blob_damage.LOCAL)
def test_what_is_damaged_is_told_and_all_else_is_served(path, tmp_path, kind):
    hurt = damaged(path, blob_damage.LOCAL, kind)
    assert_serves(path, ALL - hurt)
    for name in hurt:
        done = attempt("get", path, KEYS[name], patience=3)
        assert done.code in (3, 7) or (done.code, done.out == CONTENTS[name]) == (0, True), (name, done)
    done = attempt("verify", path, "--json", patience=3)
    assert done.code == 1, done
    named = " ".join(each["key"] + each["message"] for each in json.loads(done.out)["findings"])
    if kind not in blob_damage.NOT_MENDED:
        assert any(KEYS[name] in named for name in hurt), named
    assert attempt("ls", path).code in (0, 7)
    if LONG or next(SWEPT) % 8 == 0:
        sweep(path, tmp_path)
        assert_serves(path, ALL - hurt)


MENDED = [each for each in blob_damage.LOCAL if each not in blob_damage.NOT_MENDED]


@pytest.mark.parametrize("kind", MENDED if LONG else MENDED[:60:3] + MENDED[60:])
def test_what_is_damaged_is_mended_by_putting_it_again(path, kind):
    for name in damaged(path, blob_damage.LOCAL, kind):
        blob("put", path, "-", stdin=CONTENTS[name], patience=3)
        assert get(path, KEYS[name], patience=3) == CONTENTS[name]
    told("maintain", path)
    found = findings(path)
    assert found == [], found
    assert package_faults(path) == {}
    assert package_contents(path, holds_all()) == holds_all()


def test_an_object_that_reaches_into_the_next_one_is_told(path):
    blob_damage.set_column(path, "zlib", "length", 4999)
    assert [(each["fault"], each["key"]) for each in findings(path)] == [("overlap", KEYS["zlib large"])]
    assert_serves(path, ALL)
    assert package_faults(path) == {"overlapping_packed": [KEYS["zlib large"]]}


@pytest.mark.parametrize("kind", blob_damage.GONE)
def test_what_is_gone_is_not_found(path, tmp_path, kind):
    hurt = damaged(path, blob_damage.GONE, kind)
    for name in hurt:
        refused(3, "get", path, KEYS[name])
        refused(3, "stat", path, KEYS[name])
    assert_serves(path, ALL - hurt)
    assert keys(path) == sorted(KEYS[name] for name in ALL - hurt)
    sweep(path, tmp_path)
    assert_serves(path, ALL - hurt)
    put(path, b"another", *(CONTENTS[name] for name in hurt))
    assert_serves(path, ALL)


@pytest.mark.parametrize("kind", blob_damage.WHOLE)
def test_without_its_index_a_container_is_refused(path, tmp_path, kind):
    damaged(path, blob_damage.WHOLE, kind)
    before = containers.tree(path)
    error = refused((3, 7, 11), "verify", path)
    assert "packs.idx" in error
    for verb, *options in VERBS if LONG else VERBS[::4]:
        words = [word.format(folder=tmp_path, number=0, file="/dev/null") for word in options]
        refused((3, 7, 11), verb, path, *words)
    assert containers.tree(path) == before, "nothing was made anew over what may be restored"


@pytest.mark.parametrize("kind", blob_damage.NONE)
def test_what_is_no_damage_is_taken_for_none(path, tmp_path, kind):
    damaged(path, blob_damage.NONE, kind)
    assert findings(path) == []
    assert_serves(path, ALL)
    assert keys(path) == sorted(KEYS.values())
    sweep(path, tmp_path)
    told("maintain", path, "--offline")
    assert findings(path) == []
    assert_serves(path, ALL)


@pytest.mark.parametrize("hostile", ["../../../../../../{}", "{}", "../{}", "aa/../../{}"])
def test_a_key_of_the_index_leads_nowhere_outside(path, tmp_path, hostile):
    """Whatever the index says, no verb reads, writes or removes a file that is not of the container."""
    (tmp_path / "victim").write_text("precious")
    blob_damage.set_column(path, "plain", "hashkey", hostile.format(f"{tmp_path}/victim"))
    sweep(path, tmp_path)
    attempt("maintain", path, "--offline")
    attempt("rm", path, *KEYS.values(), "--ignore-missing")
    assert (tmp_path / "victim").read_text() == "precious"
    made = {"container", "copies", "file", "victim", "8.zip", "9"}
    assert {each.name for each in tmp_path.iterdir()} <= made


CONFIGS = {
    "": 7, "{": 7, "[]": 7, "null": 7, "17": 7, '"x"': 7, "{}": 7, "\x00" * 100: 7, "[" * 100_000: 7, "{" * 100_000: 7,
    "\ufeff{}": 7,
}  # fmt: skip
FIELDS = {
    "container_version": {3: 8, 0: 8, 10**9: 8, "1": 7, None: 7, -1: 7, 1.5: 7, 10**30: 7},
    "loose_prefix_len": {-1: 7, 64: 7, 10**30: 7, "2": 7, None: 7, 1.5: 7},
    "pack_size_target": {0: 7, -1: 7, 10**30: 7, "big": 7, None: 7},
    "hash_type": {"md5": (7, 8), "blake3": (7, 8), "SHA256": (7, 8), "": (7, 8), None: 7, 1: 7},
    "container_id": {"": 7, "x": 7, None: 7, 17: 7},
    "compression_algorithm": {
        **dict.fromkeys(["zstd", "zstd+3", "zlib", "zlib+0", "zlib+10", ""], (7, 8)), None: 7, 1: 7,
    },
}  # fmt: skip
EVERY_FIELD = [(field, value, codes) for field, values in FIELDS.items() for value, codes in values.items()]


def refuses_its_config(path, codes):
    before = containers.tree(path)
    for verb, *options in [("verify",), ("ls",), ("get", KEYS["plain"]), ("put", "/dev/null"), ("maintain", "--offline")]:
        error = refused(codes, verb, path, *options)
        assert str(path) in error and len(error) < 1000
    assert containers.tree(path) == before


@pytest.mark.parametrize("text", CONFIGS, ids=lambda text: repr(text)[:20])
def test_a_config_that_does_not_read_is_refused(path, text):
    (path / "config.json").write_text(text)
    refuses_its_config(path, CONFIGS[text])


@pytest.mark.parametrize("field,value,codes", EVERY_FIELD, ids=lambda each: repr(each)[:30])
def test_a_config_that_says_what_there_is_not_is_refused(path, field, value, codes):
    write_config(path, {field: value})
    refuses_its_config(path, codes)


def write_config(path, changes):
    document = {**containers.config(path), **changes}
    (path / "config.json").write_text(json.dumps({name: value for name, value in document.items() if value != "absent"}))


@pytest.mark.parametrize("field", containers.FIELDS)
def test_a_config_that_lacks_a_field_is_refused(path, field):
    write_config(path, {field: "absent"})
    refuses_its_config(path, 7)


def test_a_config_of_a_later_version_is_not_called_damaged(path):
    write_config(path, {"container_version": 3, "hash_type": "sha512", "packs": {"kind": "new"}, "loose_prefix_len": "absent"})
    refuses_its_config(path, 8)


def test_a_config_that_is_no_text_is_damaged(path):
    (path / "config.json").write_bytes(b'{"container_version": 1, "hash_type": "\xff\xfe"}')
    refuses_its_config(path, 7)


def test_a_config_that_is_not_there_is_not_found(path):
    (path / "config.json").unlink()
    refuses_its_config(path, 3)
    (path / "config.json").symlink_to("nowhere")
    refuses_its_config(path, 3)
    (path / "config.json").unlink()
    (path / "config.json").mkdir()
    refuses_its_config(path, (3, 7, 11))


@pytest.mark.parametrize("name", ["loose", "packs", "sandbox", "duplicates"])
@pytest.mark.parametrize("instead", ["nothing", "a file", "a link that leads nowhere", "a link to itself"])
def test_a_container_that_lacks_a_folder_is_none(path, name, instead):
    folder = path / name
    kept = folder.rename(path.parent / name)
    if instead == "a file":
        folder.write_text("x")
    elif instead != "nothing":
        folder.symlink_to("nowhere" if "nowhere" in instead else name)
    refuses_its_config(path, 3)
    if folder.is_symlink() or folder.exists():
        folder.unlink()
    kept.rename(folder)
    assert_holds(path, holds_all())


# Any bit of anything.


@pytest.mark.parametrize("seed", range(300 if LONG else 15))
def test_whatever_bits_of_the_index_are_flipped_nothing_breaks_down(path, tmp_path, seed):
    rng = random.Random(seed)
    file = path / "packs.idx"
    size = file.stat().st_size
    for _ in range(rng.choice([1, 3, 50])):
        containers.flip(file, rng.choice([rng.randrange(100), rng.randrange(size)]), 1 << rng.randrange(8))
    for words in [("verify", path), ("ls", path, "--long"), ("stat", path), *(("get", path, key) for key in KEYS.values())]:
        done = attempt(*words, patience=5)
        assert done.code in (0, 1, 3, 7, 8, 11), done
        if words[0] == "get" and done.code == 0:
            assert key_of(done.out) == words[2]
    if LONG or seed % 10 == 0:
        sweep(path, tmp_path)


PAGE = 4096
# The head of the page of rows, and where its rows begin; the rows themselves lie at its end.
PLACES = [*range(PAGE, PAGE + 16), *(range(2 * PAGE - 500, 2 * PAGE) if LONG else [])]


def test_no_bit_of_the_rows_leads_who_reads_them_round_in_a_circle(path):
    file = path / "packs.idx"
    content = file.read_bytes()
    for place, bit in itertools.product(PLACES, range(8)):
        containers.flip(file, place, 1 << bit)
        for words in [("verify", path), ("ls", path)]:
            assert attempt(*words, patience=3).code in (0, 1, 7), (place, bit, words)
        file.write_bytes(content)


@pytest.mark.parametrize("seed", range(300 if LONG else 12))
def test_whatever_bits_of_objects_are_flipped_none_is_given_for_another(path, seed):
    rng = random.Random(seed)
    files = [path / "packs" / "0", path / "packs" / "1", *loose_files(path)]
    for _ in range(rng.choice([1, 3])):
        file = rng.choice(files)
        containers.flip(file, rng.randrange(file.stat().st_size), 1 << rng.randrange(8))
    told_of = {each["key"] for each in findings(path)}
    assert told_of
    for name, key in KEYS.items():
        done = attempt("get", path, key)
        assert (done.code, done.out == CONTENTS[name]) == ((7, False) if key in told_of else (0, True))
