"""Where the package loses objects, gives wrong ones, or ends with a traceback: the same done by `hyperslab blob` is right.

The numbers are those of the list of defects that were found in version 1.5.0.
"""

import os
import sqlite3
import subprocess
import sys

import containers
import pytest
from blob_damage import ALL, CONTENTS, KEYS, holds_all, path, sound  # noqa: F401
from containers import (
    ENVIRONMENT,
    assert_holds,
    attempt,
    blob,
    contents_by_key,
    counts,
    create,
    exported,
    files_of,
    findings,
    get,
    key_of,
    keys,
    loose_file,
    loose_files,
    package,
    package_contents,
    package_faults,
    package_keys,
    put,
    refused,
    rows,
    running,
    told,
    wait_for,
)
from disk_objectstore import CompressMode
from disk_objectstore.exceptions import NotExistent

# D3: whoever is killed while he repacks leaves a container that the package cannot read.

# Where it is killed: before the function that this names.
KILLED = {
    "before the rows are switched": "the_mappings",
    "when the rows lead to pack -1": "os.remove",
    "when the old pack is gone": "os.link",
    "when the new pack has its name": "the_update",
    "when the rows lead to the new pack": "os.unlink",
}
REPACK = """
import os, sys
from sqlalchemy.orm import Session
from disk_objectstore import CompressMode, Container, container

def die(*_, **__):
    os._exit(9)

class Os:
    def __getattr__(self, name):
        return getattr(os, name)
    def remove(self, path):
        die() if sys.argv[2] == "os.remove" and str(path).endswith("/packs/0") else os.remove(path)
    def link(self, *paths):
        die() if sys.argv[2] == "os.link" else os.link(*paths)
    def unlink(self, path):
        die() if sys.argv[2] == "os.unlink" else os.unlink(path)

class Update:
    def __init__(self, *_):
        die()

container.os = Os()
if sys.argv[2] == "the_mappings":
    Session.bulk_update_mappings = die
if sys.argv[2] == "the_update":
    container.update = Update
Container(sys.argv[1]).repack_pack("0", CompressMode.YES)
"""


def killed_while_repacking(path, where):
    """A container of several packs, whose first one the package was about to repack; what is in it."""
    create(path, pack_size_target=30_000)
    contents = [containers.wordy(seed, 4000) for seed in range(20)] + [containers.randomly(1, 80_000), b""]
    loose = [b"loose", containers.wordy("loose", 70_000)]
    with package(path) as container:
        container.add_objects_to_pack(contents)
        container.delete_objects([key_of(contents[2])])
        for content in loose:
            container.add_object(content)
    done = subprocess.run([sys.executable, "-c", REPACK, path, KILLED[where]], env=ENVIRONMENT)
    assert done.returncode == 9
    assert (path / "packs" / "-1").exists()
    expected = contents_by_key(contents + loose)
    del expected[key_of(contents[2])]
    return expected


@pytest.mark.parametrize("where", KILLED)
def test_d3_all_objects_are_read_after_a_repack_that_was_killed(tmp_path, where):
    path = tmp_path / "container"
    expected = killed_while_repacking(path, where)
    before = files_but_the_index(path)
    assert keys(path) == sorted(expected)
    containers.assert_gives(path, expected)
    assert get(path, key_of(containers.wordy(0, 4000)), "--range", "100..2000") == containers.wordy(0, 4000)[100:2000]
    assert len(told("stat", path, *expected)["objects"]) == len(expected)
    assert findings(path) == []
    assert exported(path, tmp_path / "all.zip") == expected
    assert told("ls", path, "--long")["objects"] != []
    copy = told("backup", path, tmp_path / "copies", "--verify")
    assert copy["findings"] == []
    assert keys(copy["backup"]["path"]) == sorted(expected)
    assert files_but_the_index(path) == before


def files_but_the_index(path):
    """What the package had not written from its log into the index is there afterwards."""
    return {name: content for name, content in containers.tree(path).items() if name != "packs.idx"}


@pytest.mark.parametrize("words", [("maintain",), ("maintain", "--offline"), ("pack", "--repack")], ids=" ".join)
@pytest.mark.parametrize("where", KILLED)
def test_d3_it_is_mended_so_that_the_package_works_again(tmp_path, where, words):
    path = tmp_path / "container"
    expected = killed_while_repacking(path, where)
    # A lock file of the package that was killed within its own block may be there, too.
    verb, *options = words
    told(verb, path, *options)
    assert_holds(path, expected)
    if "--offline" not in words:
        told("maintain", path, "--offline")
    assert not (path / "packs" / "-1").exists()
    with package(path) as container:
        container.add_objects_to_pack([b"more"])
        container.repack(CompressMode.AUTO)
        container.clean_storage(vacuum=True)
    expected.update(contents_by_key([b"more"]))
    assert_holds(path, expected)


@pytest.mark.parametrize("where", KILLED)
def test_d3_objects_are_put_and_deleted_meanwhile(tmp_path, where):
    path = tmp_path / "container"
    expected = killed_while_repacking(path, where)
    more = [b"put", b"put, too"]
    put(path, more[0])
    put(path, *more)
    gone = sorted(expected)[::3]
    assert told("rm", path, *gone) == {"deleted": len(gone)}
    expected = {key: content for key, content in expected.items() if key not in gone}
    expected.update(contents_by_key(more))
    assert keys(path) == sorted(expected) and findings(path) == []
    told("maintain", path)
    assert_holds(path, expected)


# D6: keys are paths.

HOSTILE = [
    "", " ", ".", "..", "/", "//", "ab/abs/path", "../config.json", "../../secret", "/etc/passwd", "{folder}/secret",
    "ab{folder}/secret", "ab/../../secret",
    "..\\config.json", "%2e%2e%2fconfig.json", "\\0", "%00", "a\x01b", "ü" * 64, "\u0660" * 64, "\uff10" * 64,
    "\U0001d7d8" * 64, "*", "?" * 64,
    "a" * 63, "a" * 65, "a" * 40, "a" * 128, "A" * 64, "g" * 64, "0x" + "a" * 62, " " + "a" * 63, "a" * 63 + " ",
    "a" * 63 + "\n", "a" * 64 + "\n",
    "a" * 100_000, "' OR 1=1 --", "-x", "--json", "-", "key", "\u202e" + "a" * 63,
]  # fmt: skip


@pytest.fixture(params=[0, 2], ids=["without folders", "with folders"])
def beside_secrets(request, tmp_path):
    """A container, and files that keys could lead to."""
    path = create(tmp_path / "container", loose_prefix_len=request.param)
    (tmp_path / "secret").write_text("not to be read")
    (path / "secret").write_text("nor this")
    with package(path) as container:
        container.add_object(b"loose")
        container.add_objects_to_pack([b"packed"])
    return path


def test_d6_the_package_reads_what_is_no_object(beside_secrets):
    """So that the next tests ask for what matters."""
    with package(beside_secrets) as container:
        hostile = "../secret" if container.loose_prefix_len == 0 else "ab" + str(beside_secrets.parent / "secret")
        assert container.get_object_content(hostile).startswith(b"no")


def test_d6_what_is_no_key_is_refused_by_every_verb(beside_secrets):
    path, folder = beside_secrets, beside_secrets.parent
    before = containers.tree(folder)
    good = key_of(b"loose")
    for number, hostile in enumerate(each.replace("{folder}", str(folder)) for each in HOSTILE):
        form = ["--json"] if number % 2 else []
        refused(2, "get", path, "-o", folder / "out", *form, "--", hostile)
        for words in [
            ("stat", path), ("stat", path, good), ("rm", path), ("rm", path, good), ("export", path, folder / "new.zip"),
            ("export", path, folder / "new", good), ("import", path, path),
        ]:  # fmt: skip
            refused(2, words[0], *form, "--", *words[1:], hostile)
        refused(2, "rm", "--ignore-missing", *form, "--", path, hostile, good)
        refused(2, "pack", path, *form, f"--loosen={hostile}")
    assert containers.tree(folder) == before
    assert_holds(path, contents_by_key([b"loose", b"packed"]))


def test_d6_a_refusal_is_one_line_whatever_the_key_is(beside_secrets):
    for hostile in ["line\nbreak", "\x1b[31mred", "a" * 100_000, "\u202eabc"]:
        error = refused(2, "get", beside_secrets, hostile)
        assert "\x1b" not in error and "\u202e" not in error and len(error) < 500


def test_d6_the_key_of_another_hash_is_none(tmp_path):
    path, other = create(tmp_path / "container"), create(tmp_path / "other", hash_type="sha1")
    put(path, b"x")
    put(other, b"x")
    refused(2, "get", path, key_of(b"x", "sha1"))
    refused(2, "rm", other, key_of(b"x"))
    refused(2, "export", path, tmp_path / "new.zip", key_of(b"x", "sha1"))
    refused(2, "import", path, other, key_of(b"x"))
    assert_holds(path, contents_by_key([b"x"]))


# D7: what is damaged is given as if it were not, and putting it again does not mend it.

KINDS = ["plain", "plain large", "zlib", "zlib large"]


def is_refused_as_damaged(path, name, folder):
    """No output file is left, nor what was to become it."""
    out = folder / "out" / "object"
    out.parent.mkdir(exist_ok=True)
    error = refused(7, "get", path, KEYS[name], "-o", out)
    assert list(out.parent.iterdir()) == []
    assert KEYS[name] in error
    done = attempt("get", path, KEYS[name])
    assert done.code == 7 and done.out != CONTENTS[name], "what was printed must not look whole"


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("name", KINDS)
def test_d7_damage_is_told_and_nothing_is_given_for_it(path, tmp_path, name, share):
    containers.flip_packed(path, KEYS[name], share)
    is_refused_as_damaged(path, name, tmp_path)
    (found,) = findings(path)
    assert (found["fault"], found["key"], found["has_copy"]) == ("packed_damaged", KEYS[name], False)
    others = {KEYS[other]: CONTENTS[other] for other in ALL - {name}}
    containers.assert_gives(path, others)
    # Nor is it copied anywhere.
    for to in (tmp_path / "all.zip", tmp_path / "twin"):
        refused(7, "export", path, to)
    assert not (tmp_path / "all.zip").exists()
    assert KEYS[name] not in keys(tmp_path / "twin")
    refused(7, "pack", path, "--loosen", KEYS[name])
    assert attempt("pack", path, "--repack", "--compress", "always").code == 1
    # No care of ours makes it look sound, or lets it vanish.
    assert attempt("maintain", path, "--offline").code in (0, 1)
    assert [each["key"] for each in findings(path)] == [KEYS[name]]
    containers.assert_gives(path, others)


def put_by_itself(path, name):
    blob("put", path, "-", stdin=CONTENTS[name])


def put_with_others(path, name):
    put(path, b"another one", CONTENTS[name])


def put_compressed(path, name):
    blob("put", path, "-", "--compress", "always", stdin=CONTENTS[name])


def put_by_the_package(path, name):
    with package(path) as container:
        container.add_object(CONTENTS[name])


def loosened_before(path, name):
    """Not put again, but there twice before the damage."""
    containers.flip_packed(path, KEYS[name])
    told("pack", path, "--loosen", KEYS[name])
    containers.flip_packed(path, KEYS[name])


PUTS = [put_by_itself, put_with_others, put_compressed, put_by_the_package, loosened_before]


@pytest.mark.parametrize("again", PUTS)
@pytest.mark.parametrize("name", KINDS)
def test_d7_what_is_put_again_is_there_again(path, tmp_path, name, again):
    containers.flip_packed(path, KEYS[name])
    again(path, name)
    out = tmp_path / "out"
    blob("get", path, KEYS[name], "-o", out)
    assert out.read_bytes() == CONTENTS[name]
    containers.assert_gives(path, {KEYS[name]: CONTENTS[name]})
    # As long as the damaged bytes are there, they are told.
    assert all(each["has_copy"] for each in findings(path))
    told("maintain", path)
    assert findings(path) == [] and package_faults(path) == {}
    containers.assert_gives(path, holds_all())
    assert package_contents(path, holds_all()) == holds_all()
    told("maintain", path, "--offline")
    assert findings(path) == [] and package_faults(path) == {}


@pytest.mark.parametrize("name", KINDS)
def test_d7_what_was_put_again_by_itself_is_found_to_have_a_copy(path, name):
    containers.flip_packed(path, KEYS[name])
    put_by_itself(path, name)
    (found,) = findings(path)
    assert (found["fault"], found["key"], found["has_copy"]) == ("packed_damaged", KEYS[name], True)
    said = told("maintain", path, "--dry-run")["maintained"]["cleaned"]
    assert said["healed"] == [KEYS[name]]
    assert told("maintain", path)["maintained"]["cleaned"]["healed"] == [KEYS[name]]
    # The bytes that nobody needs go with the next repacking.
    assert told("verify", path)["verified"]["unused_bytes"] > 0
    assert_holds(path, holds_all())
    told("maintain", path, "--offline")
    assert told("verify", path)["verified"]["unused_bytes"] == 0
    assert counts(path) == (len(ALL), 0)


@pytest.mark.parametrize("name", KINDS)
def test_d7_it_is_restored_from_a_copy(path, tmp_path, name):
    blob("export", path, tmp_path / "all.zip")
    containers.flip_packed(path, KEYS[name])
    blob("get", tmp_path / "all.zip", KEYS[name], "-o", tmp_path / "copy")
    blob("put", path, tmp_path / "copy")
    assert get(path, KEYS[name]) == CONTENTS[name]


def test_d7_a_damaged_object_is_not_copied_however_large_it_is(tmp_path):
    """One that is streamed is damaged, too; it is not the medium that fails."""
    path = create(tmp_path / "container")
    contents = [containers.randomly(1, 3 << 20), containers.wordy(2, 3 << 20), b"small"]
    with package(path) as container:
        container.add_objects_to_pack(contents[:1] + contents[2:])
        container.add_objects_to_pack(contents[1:2], compress=True)
    for content in contents[:2]:
        containers.flip_packed(path, key_of(content))
        for to in (tmp_path / "twin", tmp_path / "all.zip"):
            assert key_of(content) in refused(7, "export", path, to, key_of(content))
        assert key_of(content) in refused(7, "pack", path, "--loosen", key_of(content))
        assert key_of(content) in refused(7, "get", path, key_of(content), "-o", tmp_path / "out")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["container", "twin"]
    assert keys(tmp_path / "twin") == [] and findings(tmp_path / "twin") == []
    assert list((tmp_path / "twin" / "sandbox").iterdir()) == list((path / "sandbox").iterdir()) == []
    assert loose_files(path) == []


@pytest.mark.parametrize("name", ["loose", "loose large"])
@pytest.mark.parametrize("again", [put_by_itself, put_with_others, put_by_the_package])
def test_d7_a_damaged_loose_object_is_told_and_mended(path, tmp_path, name, again):
    containers.flip(loose_file(path, KEYS[name]), 700)
    is_refused_as_damaged(path, name, tmp_path)
    (found,) = findings(path)
    assert (found["fault"], found["key"], found["has_copy"]) == ("loose_damaged", KEYS[name], False)
    # It is not packed as if it were sound, nor is it lost.
    done = attempt("pack", path)
    assert done.code == 1 and KEYS[name] in done.out.decode()
    assert attempt("maintain", path, "--offline").code == 1
    assert [each["key"] for each in findings(path)] == [KEYS[name]]
    assert [file.name for file in loose_files(path)] == [KEYS[name][2:]]
    again(path, name)
    assert get(path, KEYS[name]) == CONTENTS[name]
    told("maintain", path)
    expected = dict(holds_all())
    expected.update({key_of(b"another one"): b"another one"} if again is put_with_others else {})
    assert_holds(path, expected)
    assert counts(path) == (len(expected), 0)


def test_d7_a_damaged_copy_beside_a_sound_pack_does_no_harm(path):
    told("pack", path, "--loosen", *(KEYS[name] for name in KINDS))
    for name in KINDS:
        containers.flip(loose_file(path, KEYS[name]), 900)
        assert get(path, KEYS[name]) == CONTENTS[name]
    assert sorted((each["fault"], each["has_copy"]) for each in findings(path)) == [("loose_damaged", True)] * 4
    told("maintain", path)
    assert_holds(path, holds_all())


def test_d7_both_copies_are_damaged(path, tmp_path):
    told("pack", path, "--loosen", *(KEYS[name] for name in KINDS))
    for name in KINDS:
        containers.flip(loose_file(path, KEYS[name]), 900)
        containers.flip_packed(path, KEYS[name])
        is_refused_as_damaged(path, name, tmp_path)
    assert len(findings(path)) == 8 and not any(each["has_copy"] for each in findings(path))
    assert attempt("maintain", path).code in (0, 1)
    assert len(findings(path)) == 8, "neither is to be removed: what is left of them may still be of use"
    for name in KINDS:
        put_by_itself(path, name)
    told("maintain", path)
    assert_holds(path, holds_all())


# D8: who seeks in what is compressed rewrites it as a loose file.


def test_d8_a_piece_of_a_compressed_object_writes_nothing(path):
    before = containers.tree(path)
    content = CONTENTS["zlib large"]
    for first, end in [(0, 10), (70_000, 100_000), (139_990, 140_000), (5, 139_999)]:
        assert get(path, KEYS["zlib large"], f"--range={first}..{end}") == content[first:end]
    assert containers.tree(path) == before
    with package(path) as container, container.get_object_stream(KEYS["zlib large"]) as stream:
        stream.read(1000)
        stream.seek(100, os.SEEK_CUR)
    assert loose_file(path, KEYS["zlib large"]).exists(), "the package does"


# The others that a command can meet.


def test_d2_a_lock_that_is_held_is_not_removed_by_who_wants_it(tmp_path):
    path = create(tmp_path / "container")
    lock = path / "packs" / "0.lock"
    lock.write_bytes(b"of somebody else")
    with files_of([b"a", b"b"], path) as files:
        for _ in range(3):
            refused(5, "put", path, *files, "--lock-timeout", "0.1")
    assert lock.read_bytes() == b"of somebody else"
    assert keys(path) == []


def test_d2_a_packer_that_removes_our_lock_and_walks_in_loses_nothing(tmp_path):
    """The package's first attempt to pack removes our lock, and its second one is let in, while we are still putting."""
    path = tmp_path / "container"
    told("init", path)
    large, loose = containers.randomly("large", 3 << 20), [containers.randomly(f"loose {seed}", 5000) for seed in range(5)]
    with package(path) as container:
        for content in loose:
            container.add_object(content)
        process = running("put", path, "-", "/dev/null")
        process.stdin.write(large[: 1 << 20])
        process.stdin.flush()
        wait_for((path / "packs" / "0.lock").exists)
        with pytest.raises(FileExistsError):
            container.pack_all_loose(clean_loose_per_pack=True)
        try:
            container.pack_all_loose(clean_loose_per_pack=True)
        except FileExistsError:
            pass
        out, error = process.communicate(large[1 << 20 :])
    assert process.returncode in (0, 5, 6), error
    expected = contents_by_key(loose)
    if process.returncode == 0:
        expected.update(contents_by_key([large, b""]))
    assert_holds(path, expected)


def test_d5_what_another_has_packed_meanwhile_is_listed_by_us(tmp_path):
    path = create(tmp_path / "container")
    with package(path) as stale:
        key = stale.add_object(b"object")
        assert list(stale.list_all_objects()) == [key]
        told("pack", path)
        assert list(stale.list_all_objects()) == []
        assert keys(path) == [key] and package_keys(path) == [key]
        # And what is asked for by its key is found by it, too.
        assert stale.get_object_content(key) == b"object"


def test_d7_the_package_gives_what_is_damaged(path):
    """So that the tests above test what they say."""
    containers.flip_packed(path, KEYS["plain"])
    with package(path) as container:
        assert container.get_object_content(KEYS["plain"]) != CONTENTS["plain"]


def test_d10_what_is_not_there_is_not_there(path):
    absent = [key_of(str(number).encode()) for number in range(50)]
    with package(path) as container:
        assert container.has_objects(absent) == [False] * 50
        with pytest.raises(NotExistent):
            container.get_object_content(absent[0])
    assert "40 more" in refused(3, "stat", path, *absent)
    assert absent[7] in refused(3, "get", path, absent[7])


def test_the_index_is_one_that_sqlite_finds_sound(path):
    put(path, *[str(number).encode() for number in range(3000)])
    told("rm", path, *[key_of(str(number).encode()) for number in range(0, 3000, 2)])
    told("maintain", path, "--offline", "--compress", "auto")
    opened = sqlite3.connect(path / "packs.idx")
    assert opened.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    opened.close()
    assert len(rows(path)) == 1500 + len(ALL)
