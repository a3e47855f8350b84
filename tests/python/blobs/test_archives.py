"""Archives as AiiDA exports them: read in place, never written, and not believed."""

import gzip
import io
import json
import random
import struct
import tarfile
import zipfile

import containers
import pytest
from containers import (
    archive_contents,
    assert_holds,
    attempt,
    blob,
    contents_by_key,
    create,
    findings,
    get,
    key_of,
    keys,
    package,
    refused,
    told,
)

from conftest import LONG

METHODS = {"deflated": zipfile.ZIP_DEFLATED, "stored": zipfile.ZIP_STORED}


def write(path, contents, method=zipfile.ZIP_DEFLATED, out=None, **more):
    """An archive as AiiDA 2 writes it: its metadata first and never compressed, then the objects, then the database."""
    with zipfile.ZipFile(out or path, "w", method, compresslevel=6) as archive:
        archive.writestr("metadata.json", json.dumps({"export_version": "main_0002"}), zipfile.ZIP_STORED)
        archive.writestr("repo/", b"")
        for content in contents:
            with archive.open(f"repo/{key_of(content)}", "w", **more) as entry:
                entry.write(content)
        archive.writestr("db.sqlite3", b"SQLite format 3\0" + bytes(4080))
    return path


@pytest.fixture(params=METHODS)
def method(request):
    return METHODS[request.param]


@pytest.fixture
def archive(method, tmp_path):
    return write(tmp_path / "export.aiida", containers.varied(), method)


def assert_reads(path, expected):
    assert keys(path) == sorted(expected)
    assert findings(path) == []
    containers.assert_gives(path, expected)


# Reading.


def test_every_object_of_an_archive_is_read_in_place(archive, tmp_path, method):
    expected = contents_by_key(containers.varied())
    before = containers.tree(tmp_path)
    assert_reads(archive, expected)
    for key, content in expected.items():
        assert get(archive, key) == content
    with zipfile.ZipFile(archive) as opened:
        stored = {info.filename[len("repo/") :]: info.compress_size for info in opened.infolist()}
    for each in told("ls", archive, "--long")["objects"]:
        placement = {"packed": {"pack": 0, "stored": stored[each["key"]], "compressed": method == zipfile.ZIP_DEFLATED}}
        assert (each["size"], each["placement"]) == (len(expected[each["key"]]), placement)
    assert told("stat", archive, *expected)["objects"][0]["key"] == next(iter(expected))
    whole = told("stat", archive)["repository"]
    assert (whole["objects"], whole["content_bytes"]) == (len(expected), sum(map(len, expected.values())))
    assert (whole["id"], whole["key_format"], whole["read_only"]) == (None, "sha256", True)
    verified = told("verify", archive)["verified"]
    assert (verified["read"], verified["content_bytes"]) == (len(expected), whole["content_bytes"])
    assert containers.tree(tmp_path) == before, "nothing was unpacked anywhere"


def test_pieces_of_objects_are_read(archive, tmp_path):
    rng = random.Random(1)
    for key, content in contents_by_key(containers.varied()).items():
        first, end = sorted(rng.randint(0, len(content)) for _ in range(2))
        assert get(archive, key, f"--range={first}..{end}") == content[first:end]
        assert get(archive, key, f"--range=..{end}") == content[:end]
        refused(2, "get", archive, key, f"--range={len(content) + 1}..")
    blob("get", archive, key, f"--range={first}..{end}", "-o", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content[first:end]


def test_a_large_object_of_an_archive_is_read(tmp_path, method):
    content = containers.wordy(1, 5 << 20) + containers.randomly(2, 1 << 20)
    path = write(tmp_path / "export.aiida", [content, b"small"], method)
    assert_reads(path, contents_by_key([content, b"small"]))
    assert get(path, key_of(content), "--range=6000000..6000010") == content[6_000_000:6_000_010]


def test_an_archive_is_copied_into_a_container(archive, tmp_path):
    expected = contents_by_key(containers.varied())
    path = create(tmp_path / "container", pack_size_target=100_000)
    some = sorted(expected)[:5]
    assert told("import", path, archive, *some)["copied"]["copied"] == 5
    assert_holds(path, {key: expected[key] for key in some})
    said = told("import", path, archive)["copied"]
    assert (said["copied"], said["existed"]) == (len(expected) - 5, 5)
    assert_holds(path, expected)
    # Into a new one, and from archive to archive.
    told("export", archive, tmp_path / "new")
    assert_holds(tmp_path / "new", expected)
    blob("export", archive, tmp_path / "again.zip", *some)
    assert archive_contents(tmp_path / "again.zip") == {key: expected[key] for key in some}


def test_an_archive_is_copied_into_a_container_of_other_keys(archive, tmp_path):
    path = create(tmp_path / "container", hash_type="sha1")
    renamed = {each["from"]: each["to"] for each in told("import", path, archive)["renamed"]}
    assert renamed == {key_of(content): key_of(content, "sha1") for content in containers.varied()}
    assert_holds(path, contents_by_key(containers.varied(), "sha1"))


class Unseekable(io.RawIOBase):
    """What an archive is written into as a stream: sizes then stand behind the content."""

    def __init__(self, path):
        self.file = open(path, "wb")

    def writable(self):
        return True

    def write(self, content):
        return self.file.write(content)

    def close(self):
        self.file.close()
        super().close()


def test_archives_of_all_shapes_are_read(tmp_path, method):
    contents = containers.varied()
    expected = contents_by_key(contents)
    with Unseekable(tmp_path / "streamed.zip") as out:
        write(None, contents, method, out=out)
    write(tmp_path / "large.zip", contents, method, force_zip64=True)
    plain = write(tmp_path / "plain.zip", contents, method).read_bytes()
    (tmp_path / "behind.zip").write_bytes(b"#!/bin/sh\nexit\n" + plain)
    with zipfile.ZipFile(write(tmp_path / "remark.zip", contents, method), "a") as archive:
        archive.comment = b"PK\x05\x06 a remark of its own" * 20
    write(tmp_path / "no ending", contents, method)
    write(tmp_path / "ünï cöde.aiida", contents, method)
    (tmp_path / "link.aiida").symlink_to("plain.zip")
    for path in sorted(tmp_path.iterdir()):
        assert_reads(path, expected)


def test_what_is_in_an_archive_beside_objects_is_passed_over(tmp_path):
    path = tmp_path / "export.aiida"
    key = key_of(b"object")
    others = [
        "../evil", "/etc/passwd", "repo/../evil", f"repo/../{key}", f"/repo/{key}", f"repo/sub/{key}", f"repo//{key}",
        f"./repo/{key}",
        f"repo\\{key}", f"repo/{key.upper()}", f"repo/{key[:-1]}", f"repo/{key}0", f"repo/{key}/", "repo/", "repo/readme.txt",
        f"repo/{'ü' * 32}",
        f"REPO/{key}", f"xrepo/{key}", "repo", f"repo/{key}\n",
    ]  # fmt: skip
    with zipfile.ZipFile(path, "w") as archive:
        for name in others:
            archive.writestr(zipfile.ZipInfo(name), b"not to be read")
        archive.writestr(f"repo/{key}", b"object")
    before = containers.tree(tmp_path)
    assert_reads(path, {key: b"object"})
    assert containers.tree(tmp_path) == before
    told("export", path, tmp_path / "new")
    assert_holds(tmp_path / "new", {key: b"object"})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["export.aiida", "new"]


def test_an_archive_without_objects_is_read(tmp_path):
    assert_reads(write(tmp_path / "empty.aiida", []), {})
    with zipfile.ZipFile(tmp_path / "nothing.zip", "w"):
        pass
    assert_reads(tmp_path / "nothing.zip", {})
    refused(3, "get", tmp_path / "nothing.zip", key_of(b""))


# It can only be read.


def test_an_archive_is_not_written_to(archive, tmp_path):
    (tmp_path / "file").write_bytes(b"new")
    some = key_of(containers.varied()[5])
    other = create(tmp_path / "container")
    containers.put(other, b"of the container", b"another")
    before = containers.tree(tmp_path)
    for words in [
        ("put", archive, tmp_path / "file"), ("put", archive, tmp_path / "file", tmp_path / "file"), ("put", archive, "-"),
        ("rm", archive, some), ("rm", archive, some, "--ignore-missing"), ("import", archive, other),
    ]:  # fmt: skip
        assert str(archive) in refused(10, *words)
    for words in [("pack", archive), ("pack", archive, "--loosen", some), ("backup", archive, tmp_path / "copies")]:
        refused((8, 10), *words)
    refused((8, 10), "put", archive, tmp_path / "file", "--compress", "auto")
    refused((4, 10), "init", archive)
    refused(4, "export", other, archive)
    assert attempt("maintain", archive).code in (0, 8, 10)
    assert containers.tree(tmp_path) == before


def test_what_is_no_key_is_refused(archive, tmp_path):
    good = key_of(b"")
    for hostile in ["", "../evil", f"repo/{good}", good.upper(), key_of(b"", "sha1"), "metadata.json", "db.sqlite3"]:
        refused(2, "get", archive, hostile, "-o", tmp_path / "out")
        refused(2, "stat", archive, hostile)
        refused(2, "export", archive, tmp_path / "new.zip", hostile)
    assert sorted(each.name for each in tmp_path.iterdir()) == [archive.name]


# What is none.


def test_what_is_no_archive_is_told_so(tmp_path):
    good = write(tmp_path / "good.zip", [b"object"]).read_bytes()
    (tmp_path / key_of(b"object")).write_bytes(b"object")
    with tarfile.open(tmp_path / "tar.aiida", "w") as tar:
        tar.add(tmp_path / key_of(b"object"), f"repo/{key_of(b'object')}")
    no_archives = {
        "empty": b"", "text": b"hello, world\n" * 100, "zeros": bytes(10_000), "gzip": gzip.compress(good),
        "tar": (tmp_path / "tar.aiida").read_bytes(),
        "random": containers.randomly(1, 100_000), "only the beginning": b"PK\x03\x04", "only the end": b"PK\x05\x06" + bytes(10),
        "half of an end": good[:-10], "database": b"SQLite format 3\0" + bytes(4080),
    }  # fmt: skip
    container = create(tmp_path / "container")
    for name, content in no_archives.items():
        path = tmp_path / f"{name}.aiida"
        path.write_bytes(content)
        for words in [("ls", path), ("verify", path), ("get", path, key_of(b"object")), ("import", container, path)]:
            assert str(path) in refused(7, *words), name
    refused(3, "ls", tmp_path / "none.aiida")
    (tmp_path / "folder.aiida").mkdir()
    refused(3, "ls", tmp_path / "folder.aiida")
    assert_holds(container, {})


@pytest.mark.parametrize("seed", range(100 if LONG else 12))
def test_an_archive_that_is_cut_off_is_refused(tmp_path, method, seed):
    path = write(tmp_path / "export.aiida", containers.varied(), method)
    content = path.read_bytes()
    path.write_bytes(content[: random.Random(seed).randrange(len(content))])
    refused(7, "verify", path)
    refused(7, "get", path, key_of(b""), "-o", tmp_path / "out")
    assert not (tmp_path / "out").exists()


# Damage, and lies.

CONTENTS = [containers.wordy("small", 2000), containers.wordy("large", 200_000), b"sound"]


def central(content):
    """Where each entry of the table at the end begins, by its name."""
    found = {}
    at = content.find(b"PK\x01\x02")
    while at >= 0:
        length = struct.unpack_from("<H", content, at + 28)[0]
        found[content[at + 46 : at + 46 + length].decode()] = at
        at = content.find(b"PK\x01\x02", at + 46)
    return found


class Entry:
    """An object of an archive whose table is changed."""

    def __init__(self, path, content):
        self.path, self.name = path, f"repo/{key_of(content)}"
        self.bytes = bytearray(path.read_bytes())
        self.central = central(bytes(self.bytes))[self.name]
        self.local = struct.unpack_from("<I", self.bytes, self.central + 42)[0]
        name, extra = struct.unpack_from("<HH", self.bytes, self.local + 26)
        self.data = self.local + 30 + name + extra

    def set(self, form, at_central, value, at_local=None):
        struct.pack_into(form, self.bytes, self.central + at_central, value)
        if at_local is not None:
            struct.pack_into(form, self.bytes, self.local + at_local, value)
        self.path.write_bytes(self.bytes)

    def set_local(self, form, at, value):
        struct.pack_into(form, self.bytes, self.local + at, value)
        self.path.write_bytes(self.bytes)

    def flip(self, place):
        self.bytes[self.data + place] ^= 16
        self.path.write_bytes(self.bytes)


LIES = {
    "its bits are flipped at the start": lambda entry: entry.flip(0),
    "its bits are flipped": lambda entry: entry.flip(300),
    "its content is said to be shorter": lambda entry: entry.set("<I", 24, 100, 22),
    "its content is said to be empty": lambda entry: entry.set("<I", 24, 0, 22),
    "its content is said to be longer": lambda entry: entry.set("<I", 24, 10_000_000, 22),
    "its content is said to be 4 GiB": lambda entry: entry.set("<I", 24, 0xFFFF_FFFE, 22),
    "it is said to be stored in fewer bytes": lambda entry: entry.set("<I", 20, 50, 18),
    "it is said to be stored in no bytes": lambda entry: entry.set("<I", 20, 0, 18),
    "it is said to be stored in more bytes than there are": lambda entry: entry.set("<I", 20, 100_000_000, 18),
    "it is said to begin elsewhere": lambda entry: entry.set("<I", 42, 0),
    "it is said to begin beyond the end": lambda entry: entry.set("<I", 42, 0x7FFF_FFFF),
    "it is said to begin in the middle of another": lambda entry: entry.set("<I", 42, entry.local + 40),
    "it is said not to be compressed": lambda entry: entry.set("<H", 10, 0, 8),
    "it is said to be compressed": lambda entry: entry.set("<H", 10, 8, 8),
    "its name is said to be long where it lies": lambda entry: entry.set_local("<H", 26, 40_000),
    "its name is another where it lies": lambda entry: entry.set_local("<B", 40, ord("x")),
    "its beginning is none": lambda entry: entry.set_local("<B", 0, 0),
    "it is said to be encrypted where it lies": lambda entry: entry.set_local("<H", 6, 1),
    "it says that it is large and does not say how": lambda entry: entry.set("<I", 24, 0xFFFF_FFFF, 22),
}


@pytest.mark.parametrize("lie", LIES)
@pytest.mark.parametrize("content", CONTENTS[:2], ids=["small", "large"])
def test_of_a_damaged_archive_no_wrong_byte_is_given(tmp_path, method, content, lie):
    path = write(tmp_path / "export.aiida", CONTENTS, method)
    LIES[lie](Entry(path, content))
    done = attempt("verify", path)
    assert done.code in (0, 1, 7), done
    out = tmp_path / "out"
    failed = []
    for wanted in CONTENTS:
        got = attempt("get", path, key_of(wanted), "-o", out)
        assert got.code in (0, 7), got
        assert got.error.count("\n") == (1 if got.code else 0)
        if got.code == 0:
            assert out.read_bytes() == wanted
            out.unlink()
        else:
            failed.append(wanted)
        assert not out.exists()
    # If it opens at all, that one is told, and the others are served.
    if done.code == 7:
        assert failed == CONTENTS
    else:
        assert failed == ([content] if done.code == 1 else [])
    container = create(tmp_path / "container")
    assert attempt("import", container, path).code == (7 if failed else 0)
    assert findings(container) == []
    assert set(keys(container)) <= set(contents_by_key(CONTENTS))


@pytest.mark.parametrize("flag", [1, 0x41, 0x2001], ids=["old", "strong", "masked"])
def test_an_encrypted_archive_is_not_supported(tmp_path, method, flag):
    path = write(tmp_path / "export.aiida", CONTENTS, method)
    Entry(path, CONTENTS[0]).set("<H", 8, flag, 6)
    for words in [("ls", path), ("verify", path), ("get", path, key_of(CONTENTS[0]), "-o", tmp_path / "out")]:
        assert str(path) in refused((7, 8), *words)


@pytest.mark.parametrize("name", ["ZIP_BZIP2", "ZIP_LZMA", "of nobody"])
def test_an_archive_compressed_in_another_way_is_not_supported(tmp_path, name):
    path = write(tmp_path / "export.aiida", CONTENTS, getattr(zipfile, name, zipfile.ZIP_DEFLATED))
    if name == "of nobody":
        Entry(path, CONTENTS[0]).set("<H", 10, 77, 8)
    for words in [("ls", path), ("verify", path), ("get", path, key_of(CONTENTS[0]))]:
        assert str(path) in refused(8, *words)


def test_an_object_that_is_there_twice_is_read(tmp_path):
    path = tmp_path / "export.aiida"
    with zipfile.ZipFile(path, "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for _ in range(2):
            archive.writestr(f"repo/{key_of(b'object')}", b"object")
    assert_reads(path, {key_of(b"object"): b"object"})


def test_a_wrong_object_is_not_given_for_a_right_key(tmp_path, method):
    """The file is whole, its checksums are right, and yet it lies."""
    path = tmp_path / "export.aiida"
    with zipfile.ZipFile(path, "w", method) as archive:
        for content in CONTENTS[:2]:
            archive.writestr(f"repo/{key_of(content)}", content[:-1] + b"!")
        archive.writestr(f"repo/{key_of(b'sound')}", b"sound")
    assert zipfile.ZipFile(path).testzip() is None
    assert sorted(each["key"] for each in findings(path)) == sorted(key_of(content) for content in CONTENTS[:2])
    for content in CONTENTS[:2]:
        assert key_of(content) in refused(7, "get", path, key_of(content), "-o", tmp_path / "out")
    assert get(path, key_of(b"sound")) == b"sound"
    refused(7, "export", path, tmp_path / "copy.zip")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["export.aiida"]


def test_a_bomb_does_not_go_off(tmp_path):
    """A little file that becomes a very large one: so far as is asked for, and no further."""
    size = (2 if LONG else 1) << 28
    path = tmp_path / "bomb.aiida"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        with archive.open(f"repo/{key_of(b'bomb')}", "w") as entry:
            block = bytes(1 << 20)
            for _ in range(size >> 20):
                entry.write(block)
        archive.writestr(f"repo/{key_of(b'sound')}", b"sound")
    limited = {"preexec_fn": little_memory}
    assert blob("get", path, key_of(b"bomb"), "--range", "0..10", **limited) == bytes(10)
    assert [each["key"] for each in json.loads(attempt("verify", path, "--json", **limited).out)["findings"]] == [key_of(b"bomb")]
    refused(7, "get", path, key_of(b"bomb"), "-o", tmp_path / "out", **limited)
    # One that says that it is small is not unpacked beyond what it says.
    Entry(path, b"bomb").set("<I", 24, 1000, 22)
    refused(7, "get", path, key_of(b"bomb"), "-o", tmp_path / "out", **limited)
    assert get(path, key_of(b"sound")) == b"sound"
    container = create(tmp_path / "container")
    assert attempt("import", container, path, **limited).code == 7
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bomb.aiida", "container"]


def little_memory():
    import resource

    resource.setrlimit(resource.RLIMIT_DATA, (200 << 20, 200 << 20))


@pytest.mark.parametrize("seed", range(400 if LONG else 20))
def test_whatever_bits_of_an_archive_are_flipped_nothing_breaks_down(tmp_path, seed):
    rng = random.Random(seed)
    path = write(tmp_path / "export.aiida", CONTENTS, rng.choice(list(METHODS.values())))
    content = bytearray(path.read_bytes())
    table = content.find(b"PK\x01\x02")
    for _ in range(rng.choice([1, 2, 30])):
        place = rng.choice([rng.randrange(len(content)), rng.randrange(table, len(content)), rng.randrange(200)])
        content[place] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    copies = [("export", path, tmp_path / "new"), ("export", path, tmp_path / "new.zip")]
    for words in [("verify", path), ("ls", path, "--long"), ("stat", path), *copies]:
        assert attempt(*words, patience=20).code in (0, 1, 7, 8), words
    for wanted in CONTENTS:
        done = attempt("get", path, key_of(wanted), patience=20)
        assert done.code in (0, 3, 7, 8), done
        assert done.code != 0 or done.out == wanted


# Writing.


@pytest.fixture
def container(tmp_path):
    path = create(tmp_path / "container")
    with package(path) as opened:
        opened.add_objects_to_pack(containers.varied()[::2], compress=True)
        for content in containers.varied()[1::2]:
            opened.add_object(content)
    return path


def test_an_archive_of_ours_is_one_that_python_reads(container, tmp_path):
    archive = tmp_path / "all.aiida"
    blob("export", container, archive)
    assert archive_contents(archive) == contents_by_key(containers.varied())
    with zipfile.ZipFile(archive) as opened:
        assert sorted(opened.namelist()) == sorted(f"repo/{key}" for key in contents_by_key(containers.varied()))
        assert {info.compress_type for info in opened.infolist()} <= set(METHODS.values())
        assert not any(info.flag_bits & 1 for info in opened.infolist())
        assert archive.stat().st_size < 0.9 * sum(info.file_size for info in opened.infolist())
    assert_reads(archive, contents_by_key(containers.varied()))


def test_an_archive_of_nothing_and_of_a_few_objects(container, tmp_path):
    some = sorted(contents_by_key(containers.varied()))[:3]
    assert set(containers.exported(container, tmp_path / "some.zip", *some, some[0])) == set(some)
    assert containers.exported(create(tmp_path / "empty"), tmp_path / "none.zip") == {}
    assert_reads(tmp_path / "none.zip", {})


@pytest.mark.parametrize("name", ["x.zip", "x.aiida", "x.ZIP", "x.AiiDA", "with space.zip", "ünï.aiida"])
def test_the_ending_says_that_it_is_to_be_an_archive(container, tmp_path, name):
    assert containers.exported(container, tmp_path / name) == contents_by_key(containers.varied())


def test_an_archive_is_written_whole_or_not_at_all(container, tmp_path):
    archive = tmp_path / "all.aiida"
    archive.write_text("precious")
    refused(4, "export", container, archive)
    assert archive.read_text() == "precious"
    archive.unlink()
    archive.symlink_to("nowhere")
    refused(4, "export", container, archive)
    assert archive.is_symlink() and not (tmp_path / "nowhere").exists()
    archive.unlink()
    refused(3, "export", container, archive, key_of(b"never put"))
    refused(2, "export", container, archive, "no key")
    refused((2, 3, 11), "export", container, tmp_path / "none" / "all.zip")
    refused(3, "export", tmp_path / "none", archive)
    refused(2, "export", container, "https://example.com/all.zip")
    containers.flip_packed(container, key_of(containers.varied()[14]))
    refused(7, "export", container, archive)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["container"]


def test_an_archive_of_other_keys_is_not_supported(tmp_path):
    path = create(tmp_path / "container", hash_type="sha1")
    containers.put(path, b"object")
    refused(8, "export", path, tmp_path / "all.zip")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["container"]


def test_an_archive_of_many_objects(tmp_path):
    """Of more than 65535 entries the table has another form."""
    count = 66_000 if LONG else 3000
    contents = [str(number).encode() for number in range(count)]
    path = write(tmp_path / "many.aiida", contents)
    expected = contents_by_key(contents)
    assert keys(path) == sorted(expected)
    told("export", path, tmp_path / "container")
    with package(tmp_path / "container") as opened:
        assert sorted(opened.list_all_objects()) == sorted(expected)
    assert containers.exported(tmp_path / "container", tmp_path / "again.aiida") == expected
    assert keys(tmp_path / "again.aiida") == sorted(expected)
    assert findings(tmp_path / "again.aiida") == []
