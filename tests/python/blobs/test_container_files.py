"""Containers as files: who may read them, media that cannot be written or are full, objects larger than the memory."""

import ctypes
import os
import resource
import shutil
import signal
import stat
import subprocess
import sys

import containers
import pytest
from containers import (
    ENVIRONMENT,
    assert_holds,
    attempt,
    blob,
    command,
    contents_by_key,
    files_of,
    findings,
    key_of,
    keys,
    loose_files,
    package_faults,
    put,
    refused,
    told,
)

from conftest import LONG


def made(path, contents, *options):
    """A container of ours, in which every second object is packed; what must be in it."""
    told("init", path, *options)
    put(path, *contents[::2])
    for content in contents[1::2]:
        blob("put", path, "-", stdin=content)
    return contents_by_key(contents)


# Permissions.

ADDS = """
import os, sys
os.umask(int(sys.argv[2], 8))
from disk_objectstore import Container
container = Container(sys.argv[1])
container.init_container()
container.add_object(b"loose")
container.add_objects_to_pack([b"packed"])
container.close()
"""


def modes(path):
    """The permissions of each kind of file and folder of a container."""
    found = {}
    for each in [path, *path.rglob("*")]:
        kind = each.relative_to(path).parts[:1] + ((str(each.is_dir()),) if each.parent != path else ())
        found.setdefault(kind, set()).add(oct(stat.S_IMODE(each.stat().st_mode)))
    return found


@pytest.mark.parametrize("umask", [0o022, 0o002, 0o027, 0o077, 0], ids=oct)
def test_files_are_as_open_as_those_of_the_package(tmp_path, umask):
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    subprocess.run([sys.executable, "-c", ADDS, theirs, oct(umask)], env=ENVIRONMENT, check=True)
    masked = ["sh", "-c", f'umask {umask:o}; exec "$0" "$@"']

    def run(*arguments):
        subprocess.run([*masked, *command(*arguments)], check=True, capture_output=True)

    (tmp_path / "a").write_bytes(b"a")
    (tmp_path / "b").write_bytes(b"b")
    (tmp_path / "c").write_bytes(b"c")
    run("init", ours)
    run("put", ours, tmp_path / "a", tmp_path / "b")
    run("rm", ours, key_of(b"b"))
    run("pack", ours, "--repack")
    run("put", ours, tmp_path / "c")
    run("pack", ours, "--loosen", key_of(b"a"))
    expected = modes(theirs)
    found = modes(ours)
    for kind, each in found.items():
        plain = oct(0o666 & ~umask)
        assert each == expected.get(kind, {plain}), kind
    # A copy is as open as what it is a copy of, also for others than who made it.
    run("backup", ours, tmp_path / "copies")
    copy = modes(tmp_path / "copies" / "last-backup")
    for kind in copy:
        assert copy[kind] == found[kind], kind
    run("export", ours, tmp_path / "all.aiida")
    run("get", ours, key_of(b"a"), "-o", tmp_path / "out")
    run("export", ours, tmp_path / "twin")
    for file in [tmp_path / "all.aiida", tmp_path / "out"]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o666 & ~umask, file
    twin = modes(tmp_path / "twin")
    assert twin[("config.json",)] == {oct(0o666 & ~umask)} and twin[("packs", "False")] == {oct(0o666 & ~umask)}


def without_privileges():
    """The superuser, too, is refused what permissions do not give."""
    if os.geteuid() == 0:
        drop_from_bounds, writing, reading = 24, 1, 2
        library = ctypes.CDLL(None, use_errno=True)
        for capability in (writing, reading):
            assert library.prctl(drop_from_bounds, capability, 0, 0, 0) == 0, os.strerror(ctypes.get_errno())


@pytest.fixture
def fixed(tmp_path):
    """Makes a container one that cannot be written to, for the time of the test."""
    changed = []

    def fix(path):
        changed.extend([path, *path.rglob("*")])
        for each in changed:
            each.chmod(0o555 if each.is_dir() else 0o444)

    yield fix
    for each in changed:
        each.chmod(0o755)


def test_a_container_that_cannot_be_written_is_read_and_refuses_to_be_changed(tmp_path, fixed):
    path = tmp_path / "container"
    expected = made(path, containers.varied())
    # The last who closes the index leaves no log of it.
    with containers.index(path) as opened:
        opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    fixed(path)
    before = containers.tree(path)
    how = {"preexec_fn": without_privileges}
    assert sorted(each["key"] for each in told("ls", path, **how)["objects"]) == sorted(expected)
    for key, content in expected.items():
        assert blob("get", path, key, **how) == content
    assert told("verify", path, **how)["findings"] == []
    assert told("stat", path, **how)["repository"]["read_only"] is True
    blob("export", path, tmp_path / "all.zip", **how)
    assert containers.archive_contents(tmp_path / "all.zip") == expected
    some = next(iter(expected))
    for words in [
        ("put", path, "-"), ("put", path, "-", "--compress", "auto"), ("rm", path, some), ("pack", path), ("maintain", path),
        ("maintain", path, "--offline"), ("pack", path, "--loosen", some), ("pack", path, "--repack"),
    ]:  # fmt: skip
        refused(10, *words, stdin=b"new content", **how)
    assert containers.tree(path) == before


def test_a_command_that_nobody_reads_ends_quietly(tmp_path):
    path = tmp_path / "container"
    told("init", path)
    put(path, containers.randomly(1, 3 << 20), *[str(number).encode() for number in range(5000)])
    for words in [("get", path, key_of(containers.randomly(1, 3 << 20))), ("ls", path), ("ls", path, "--long")]:
        with subprocess.Popen(command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            process.stdout.read(10)
            process.stdout.close()
            assert process.stderr.read() == b""
    assert attempt("verify", path).code == 0 and findings(path) == []


# A medium that is full.


def room_for(size):
    """No file may become larger: what is written beyond fails, as on a medium that is full."""

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return {"preexec_fn": limit, "restore_signals": False}


CHANGES = [
    ("put", "{one}"), ("put", "{one}", "{many}"), ("put", "{one}", "{many}", "--compress", "always"), ("pack",),
    ("pack", "--compress", "always"),
    ("pack", "--repack"), ("pack", "--repack", "--compress", "always"), ("maintain", "--offline"), ("import", "{other}"),
    ("pack", "--loosen", "{key}"), ("rm", "{key}"), ("backup", "{folder}/copies"), ("export", "{folder}/all.zip"),
    ("export", "{folder}/new"),
    ("get", "{key}", "-o", "{folder}/out"),
]  # fmt: skip


OLD = [containers.randomly(f"old {seed}", 9000) for seed in range(40)] + [containers.wordy("large", 200_000)]
NEW = [containers.randomly(f"new {seed}", 9000) for seed in range(40)] + [containers.randomly("new large", 300_000)]


@pytest.fixture(scope="module")
def half_full(tmp_path_factory):
    """A container of packed, loose and deleted objects, and one of other objects."""
    folder = tmp_path_factory.mktemp("half full") / "folder"
    folder.mkdir()
    made(folder / "container", [*OLD, b"goes"], "--pack-size", "300K")
    told("rm", folder / "container", key_of(b"goes"))
    made(folder / "other", NEW)
    return folder


SIZES = [0, 1000, 20_000, 45_000, 150_000, 250_000]
CASES = [pytest.param(words, size, id=f"{' '.join(words)}, {size}") for words in CHANGES for size in SIZES]


@pytest.mark.parametrize("words,size", CASES if LONG else CASES[2::4])
def test_on_a_full_medium_nothing_is_lost_and_nothing_is_left_half_done(half_full, tmp_path, words, size):
    shutil.copytree(half_full, tmp_path, dirs_exist_ok=True)
    path, old, new = tmp_path / "container", OLD, NEW
    expected = contents_by_key(old)
    key = key_of(old[-1])
    with files_of(new, path) as files:
        places = {"one": files[0], "key": key, "other": tmp_path / "other", "folder": tmp_path}
        verb, *options = words
        said = [file for word in options for file in (files[1:] if word == "{many}" else [word.format(**places)])]
        done = attempt(verb, path, *said, **room_for(size))
        assert done.code in (0, 11), done
        assert done.error.count("\n") == (1 if done.code else 0), done.error
    if words[0] == "rm" and done.code == 0:
        del expected[key]
    put_now = new[:1] if words == ("put", "{one}") else new if words[0] in ("put", "import") else []
    if done.code == 0:
        expected.update(contents_by_key(put_now))
    assert findings(path) == [] and package_faults(path) == {}
    assert set(expected) <= set(keys(path)) <= set(expected) | set(contents_by_key(put_now))
    assert list((path / "sandbox").iterdir()) == [] and list((path / "packs").glob("*.lock")) == []
    left = {each.name for each in tmp_path.iterdir()} - {"container", "other"}
    if done.code == 11:
        # Of what is one file there is none; of what is many there may be some, and each is whole.
        assert left <= {"copies", "new"}
        assert not (tmp_path / "new" / "config.json").exists() or findings(tmp_path / "new") == []
        assert not (tmp_path / "copies").exists() or list((tmp_path / "copies").iterdir()) == []
    # With room it goes on, and frees what was in vain.
    told("maintain", path, "--offline")
    found = containers.exported(path, tmp_path / "after.zip")
    assert expected.items() <= found.items()
    assert_holds(path, found)
    assert told("verify", path)["verified"]["unused_bytes"] == 0


# Objects that are larger than the memory.

MEMORY = 40 << 20
LARGE = (200 if LONG else 48) << 20


def little_memory():
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def test_a_large_object_takes_no_more_memory_than_a_small_one(tmp_path):
    path, how = tmp_path / "container", {"preexec_fn": little_memory}
    block = containers.wordy(1, 1 << 20)
    contents = {"a": block * (LARGE >> 20), "b": b"b" + block * (LARGE >> 20)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    expected = contents_by_key(contents.values())
    key = key_of(contents["a"])
    for words in [
        ("init", path), ("put", path, tmp_path / "a"), ("put", path, tmp_path / "b", "/dev/null"),
        ("pack", path, "--compress", "always"),
        ("get", path, key, "-o", tmp_path / "out"), ("verify", path), ("pack", path, "--loosen", key), ("maintain", path),
        ("export", path, tmp_path / "all.zip"), ("export", tmp_path / "all.zip", tmp_path / "new"),
        ("verify", tmp_path / "all.zip"),
        ("pack", path, "--repack", "--compress", "auto"), ("maintain", path, "--offline"),
        ("backup", path, tmp_path / "copies", "--verify"),
    ]:  # fmt: skip
        blob(*words, **how)
    assert (tmp_path / "out").read_bytes() == contents["a"]
    assert keys(path) == keys(tmp_path / "new") == sorted({**expected, key_of(b""): b""})
    assert findings(path) == findings(tmp_path / "new") == []
    assert loose_files(path) == []
