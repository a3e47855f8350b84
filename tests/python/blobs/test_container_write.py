"""Containers that `hyperslab blob` made, in which the package reads, adds, packs, repacks, deletes and cleans as in its own."""

import os
import pathlib
import random
import subprocess
import time
import uuid

import containers
import pytest
from containers import (
    assert_holds,
    blob,
    command,
    config,
    contents_by_key,
    counts,
    create,
    exported,
    files_of,
    key_of,
    keys,
    loose_files,
    package,
    package_faults,
    put,
    refused,
    rows,
    told,
)
from disk_objectstore import CompressMode

OPTIONS = [
    [],
    ["--hash", "sha1"],
    ["--prefix", "0", "--compression", "zlib:9"],
    ["--prefix", "1", "--pack-size", "100K", "--compression", "zlib:6"],
    ["--prefix", "3", "--pack-size", "1000", "--hash", "sha1"],
    ["--prefix", "63"],
]


def made(path, *options):
    """An empty container."""
    told("init", path, *options)
    return path


@pytest.fixture(params=OPTIONS, ids=" ".join)
def empty(request, tmp_path):
    return made(tmp_path / "container", *request.param)


def hash_of(path):
    return config(path)["hash_type"]


# A new container.


def test_a_new_container_is_one_of_the_package(empty):
    assert list(config(empty)) == containers.FIELDS
    with package(empty) as container:
        assert container.is_initialised
        assert uuid.UUID(container.container_id).version == 4
        assert len(container.container_id) == 32
    assert_holds(empty, {})
    said = told("stat", empty)["repository"]
    assert uuid.UUID(said["id"]).hex == config(empty)["container_id"]
    assert said["key_format"] == hash_of(empty)


def test_a_new_container_is_what_was_asked_for(tmp_path):
    path = made(tmp_path / "a", "--hash", "sha1", "--pack-size", "12345", "--prefix", "3", "--compression", "zlib:7")
    said = config(path)
    said.pop("container_id")
    assert said == {
        "container_version": 1, "loose_prefix_len": 3, "pack_size_target": 12345, "hash_type": "sha1",
        "compression_algorithm": "zlib+7",
    }  # fmt: skip
    said = config(made(tmp_path / "b"))
    usual = config(create(tmp_path / "theirs"))
    assert said.pop("container_id") != usual.pop("container_id")
    assert said == usual


def test_a_new_container_is_laid_out_to_the_letter(tmp_path):
    """But for its id it is the very text of the package's, the same folders, the same table."""
    ours, theirs = made(tmp_path / "ours"), create(tmp_path / "theirs")
    text, other = ((path / "config.json").read_bytes() for path in (ours, theirs))
    assert text.replace(config(ours)["container_id"].encode(), b"") == other.replace(config(theirs)["container_id"].encode(), b"")
    assert sorted(each.name for each in ours.iterdir()) == sorted(each.name for each in theirs.iterdir())
    schemas = []
    for path in (ours, theirs):
        with containers.index(path) as opened:
            schema = opened.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()
            settings = ["journal_mode", "page_size", "user_version", "application_id", "auto_vacuum", "encoding"]
            schemas.append((schema, [opened.execute(f"PRAGMA {name}").fetchone() for name in settings]))
    assert schemas[0] == schemas[1]


@pytest.mark.parametrize(
    "options",
    [
        ["--hash", "md5"], ["--hash", "SHA256"], ["--prefix", "-1"], ["--prefix", "64"], ["--prefix", "x"],
        ["--prefix", str(2**64)],
        *(["--compression", each] for each in ["zlib:0", "zlib:10", "zlib:-1", "zlib", "zlib+1", "zstd:0", "lz4:1", ""]),
        ["--pack-size", "0"], ["--pack-size", "-5"], ["--pack-size", "much"],
        ["--hash", "sha1", "--prefix", "40"],
    ],
    ids=" ".join,
)  # fmt: skip
def test_options_that_the_format_does_not_have_are_refused_and_make_nothing(tmp_path, options):
    refused(2, "init", tmp_path / "container", *options)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_made_over_what_is_there(tmp_path):
    path = create(tmp_path / "container")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").write_text("x")
    (tmp_path / "file").write_text("x")
    before = containers.tree(tmp_path)
    for there in [path, tmp_path / "full", tmp_path / "file"]:
        refused((2, 4), "init", there)
    refused((2, 3, 4), "init", path / "config.json")
    assert containers.tree(tmp_path) == before
    (tmp_path / "empty").mkdir()
    assert_holds(made(tmp_path / "empty"), {})
    assert_holds(made(tmp_path / "new" / "folders" / "too"), {})


# Objects.


def one_by_one(path, contents):
    for content in contents:
        put(path, content)


def from_standard_input(path, contents):
    for content in contents:
        said = blob("put", path, "-", stdin=content).decode()
        assert said.split() == [key_of(content, hash_of(path)), "-"]


def at_once(path, contents):
    put(path, *contents)


def compressed(path, contents):
    put(path, *contents, options=["--compress", "always"])


def where_worth_it(path, contents):
    put(path, *contents, options=["--compress", "auto"])


def packed_afterwards(path, contents):
    one_by_one(path, contents)
    told("pack", path)


def packed_compressed(path, contents):
    one_by_one(path, contents)
    told("pack", path, "--compress", "always")


def packed_and_kept_loose(path, contents):
    one_by_one(path, contents)
    told("pack", path, "--compress", "auto", "--keep-loose")


def repacked(path, contents):
    at_once(path, contents + [b"goes", b"goes, too" * 1000])
    told("rm", path, key_of(b"goes", hash_of(path)), key_of(b"goes, too" * 1000, hash_of(path)))
    told("pack", path, "--repack")


def repacked_compressed(path, contents):
    at_once(path, contents)
    told("pack", path, "--repack", "--compress", "always")


def maintained(path, contents):
    at_once(path, contents[::2])
    one_by_one(path, contents[1::2])
    told("maintain", path, "--compress", "auto")


def maintained_offline(path, contents):
    repacked(path, contents[::2])
    one_by_one(path, contents[1::2])
    told("maintain", path, "--offline", "--compress", "always")


def loosened(path, contents):
    compressed(path, contents)
    told("pack", path, "--loosen", *keys(path)[::2])


def imported(path, contents):
    other = create(f"{path}.{uuid.uuid4().hex}", hash_type=hash_of(path))
    with package(other) as container:
        container.add_objects_to_pack(contents[::2], compress=True)
        for content in contents[1::2]:
            container.add_object(content)
    told("import", path, other)


WAYS = [
    one_by_one, from_standard_input, at_once, compressed, where_worth_it, packed_afterwards, packed_compressed,
    packed_and_kept_loose,
    repacked, repacked_compressed, maintained, maintained_offline, loosened, imported,
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_the_package_reads_what_was_put_in_every_way(tmp_path, way):
    path = made(tmp_path / "container", "--pack-size", "200K")
    contents = containers.varied()
    way(path, contents)
    assert_holds(path, contents_by_key(contents))
    # Once more: nothing is there twice.
    way(path, contents)
    assert_holds(path, contents_by_key(contents))
    assert list(config(path)) == containers.FIELDS


@pytest.mark.parametrize("way", [one_by_one, at_once, compressed, maintained_offline, imported])
def test_the_package_reads_containers_of_all_options(empty, way):
    contents = containers.varied()
    way(empty, contents)
    assert_holds(empty, contents_by_key(contents, hash_of(empty)))


@pytest.mark.parametrize("way", WAYS)
def test_the_package_works_on_where_we_left_off(tmp_path, way):
    path = made(tmp_path / "container", "--pack-size", "50K")
    contents = containers.varied()
    way(path, contents)
    expected = contents_by_key(contents)
    more = [containers.wordy(seed, 3000 + seed) for seed in range(20)]
    with package(path) as container:
        for content in more[:10]:
            container.add_object(content)
        container.add_objects_to_pack(more[10:], compress=True, no_holes=True)
        expected.update(contents_by_key(more))
        container.pack_all_loose(compress=CompressMode.AUTO)
    assert_holds(path, expected)
    gone = random.Random(1).sample(sorted(expected), 15)
    with package(path) as container:
        assert sorted(container.delete_objects(gone)) == sorted(gone)
        container.repack(CompressMode.YES)
        container.clean_storage(vacuum=True)
    expected = {key: content for key, content in expected.items() if key not in gone}
    assert_holds(path, expected)
    put(path, *contents)
    told("maintain", path, "--offline")
    assert_holds(path, {**expected, **contents_by_key(contents)})
    assert counts(path) == (len({**expected, **contents_by_key(contents)}), 0)
    assert told("verify", path)["verified"]["unused_bytes"] == 0


def test_put_says_what_it_did(tmp_path):
    path = made(tmp_path / "container", "--hash", "sha1")
    contents = [b"one", b"", b"two", b"one", containers.randomly(1, 300_000), containers.randomly(1, 300_000)]
    with files_of(contents, path) as files:
        said = told("put", path, *files)["objects"]
        again = told("put", path, *files)["objects"]
        lines = blob("put", path, *files).decode().splitlines()
    for each, file, content in zip(said, files, contents):
        assert (each["file"], each["size"]) == (str(file), len(content))
        assert (each["key"], each["sha256"]) == (key_of(content, "sha1"), key_of(content))
    assert [each["existed"] for each in said] == [False, False, False, True, False, True]
    assert all(each["existed"] for each in again)
    assert lines == [f"{key_of(content, 'sha1')}  {file}" for file, content in zip(files, contents)]
    assert_holds(path, contents_by_key(contents, "sha1"))


def test_an_object_that_is_there_in_one_way_is_not_put_in_another(tmp_path):
    path = made(tmp_path / "container")
    content = containers.wordy(1, 5000)
    put(path, content)
    with files_of([content, b"x"], path) as files:
        assert [each["existed"] for each in told("put", path, *files)["objects"]] == [True, False]
        assert [each["existed"] for each in told("put", path, *files, "--compress", "always")["objects"]] == [True, True]
        told("maintain", path)
        assert [each["existed"] for each in told("put", path, files[0])["objects"]] == [True]
    assert_holds(path, contents_by_key([content, b"x"]))
    assert counts(path) == (2, 0)


def test_what_cannot_be_read_is_not_put(tmp_path):
    path = made(tmp_path / "container")
    (tmp_path / "file").write_bytes(b"sound")
    for wrong, codes in [(tmp_path / "none", 3), (tmp_path, 2), (tmp_path / "file" / "in", 3)]:
        for options in [(), ("--compress", "auto")]:
            assert str(wrong) in refused(codes, "put", path, wrong, *options)
            refused(codes, "put", path, tmp_path / "file", wrong, *options)
    assert set(keys(path)) <= {key_of(b"sound")}
    assert package_faults(path) == {}
    assert list((path / "sandbox").iterdir()) == [] and not list((path / "packs").glob("*.lock"))


@pytest.mark.parametrize("name", [b"new\nline", b"\xff\xfe not UTF-8", b" ", "ünï".encode(), b"-dash"])
def test_a_file_is_put_whatever_it_is_called(tmp_path, name):
    path = made(tmp_path / "container")
    pathlib.Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(b"content " + name)
    done = subprocess.run([*command("put", path, "--"), os.fsdecode(name)], cwd=tmp_path, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(key_of(b"content " + name).encode())
    assert_holds(path, contents_by_key([b"content " + name]))


def test_a_large_object_is_put_from_a_pipe(tmp_path):
    path = made(tmp_path / "container", "--pack-size", "1M")
    contents = [containers.randomly(1, 5 << 20), containers.wordy(2, 5 << 20)]
    for content in contents:
        blob("put", path, "-", stdin=content)
        blob("put", path, "-", "--compress", "auto", stdin=content + b"+")
    expected = contents_by_key(contents + [content + b"+" for content in contents])
    assert_holds(path, expected)
    compressed = {key for key, row in rows(path).items() if row["compressed"]}
    assert compressed == {key_of(contents[1] + b"+")}
    told("maintain", path, "--offline", "--compress", "always")
    assert_holds(path, expected)


# Packs.


def test_what_does_not_get_smaller_is_not_compressed(tmp_path):
    path = made(tmp_path / "container")
    large = [containers.randomly(1, 70_000), containers.wordy(2, 70_000)]
    contents = [b"", b"x", containers.randomly(3, 1000), containers.wordy(4, 1000), *large]
    put(path, *contents, options=["--compress", "always"])
    found = {key: bool(row["compressed"]) for key, row in rows(path).items()}
    sized = {key: row["length"] for key, row in rows(path).items()}
    for content in contents:
        key = key_of(content)
        # An empty one has the bytes of an empty stream, so that it begins where no other does.
        most = len(content) or 8
        assert sized[key] <= most, "a pack is not to grow by compressing"
        assert found[key] == (content in (b"", contents[3], large[1]))


def test_packs_are_no_larger_than_asked_for_but_for_their_last_object(tmp_path):
    path = made(tmp_path / "container", "--pack-size", "10K")
    contents = [containers.randomly(seed, 1000) for seed in range(50)]
    put(path, *contents[:25])
    one_by_one(path, contents[25:])
    told("pack", path)
    sizes = [(path / "packs" / str(number)).stat().st_size for number in range(len(list((path / "packs").iterdir())))]
    assert len(sizes) == 5
    assert all(10_240 <= size < 11_240 for size in sizes[:-1])
    assert_holds(path, contents_by_key(contents))


def test_packing_is_told_before_it_is_done(tmp_path):
    path = made(tmp_path / "container")
    contents = containers.varied()
    one_by_one(path, contents)
    before = containers.tree(path)
    said = told("pack", path, "--dry-run", "--repack")
    assert (said["dry_run"], said["packed"]["packed"]) == (True, len(contents))
    assert said["packed"]["content_bytes"] == sum(map(len, contents))
    assert told("maintain", path, "--dry-run", "--offline")["maintained"]["packed"]["packed"] == len(contents)
    assert containers.tree(path) == before
    said = told("pack", path)["packed"]
    assert (said["packed"], said["cleaned"], said["damaged"]) == (len(contents), len(contents), [])
    assert said["stored_bytes"] == (path / "packs" / "0").stat().st_size
    assert_holds(path, contents_by_key(contents))
    assert loose_files(path) == []


def test_repacking_frees_what_was_deleted(tmp_path):
    path = made(tmp_path / "container", "--pack-size", "20K")
    contents = [containers.randomly(seed, 1000) for seed in range(60)]
    put(path, *contents)
    told("rm", path, *(key_of(content) for content in contents[::2]))
    assert told("verify", path)["verified"]["unused_bytes"] == 30_000
    said = told("pack", path, "--repack")["repacked"]
    assert (said["copied"], said["damaged"]) == (30, [])
    assert (said["before_bytes"] - said["after_bytes"]) == 30_000
    left = contents_by_key(contents[1::2])
    # The old packs stay for those who still read them, and go when nobody does.
    assert_holds(path, left)
    told("maintain", path, "--age", "1h")
    assert told("verify", path)["verified"]["unused_bytes"] == 60_000
    told("maintain", path, "--age", "0")
    assert told("verify", path)["verified"]["unused_bytes"] == 0
    assert_holds(path, left)
    assert sum(file.stat().st_size for file in (path / "packs").iterdir()) == 30_000
    # There is nothing left to do.
    assert told("pack", path, "--repack")["repacked"]["replaced"] == []


def test_an_object_that_was_loosened_is_cleaned_away_again(tmp_path):
    path = made(tmp_path / "container")
    contents = [containers.wordy(seed, 9000) for seed in range(6)]
    expected = contents_by_key(contents)
    compressed(path, contents)
    wanted = sorted(expected)[:3]
    assert told("pack", path, "--loosen", *wanted) == {"loosened": 3}
    assert counts(path) == (6, 3)
    assert told("pack", path, "--loosen", *wanted) == {"loosened": 0}
    assert_holds(path, expected)
    assert told("maintain", path)["maintained"]["cleaned"]["loose"] == 3
    assert counts(path) == (6, 0)
    absent = key_of(b"never put")
    assert absent in refused(3, "pack", path, "--loosen", wanted[0], absent)
    assert loose_files(path) == []
    assert_holds(path, expected)


def test_what_a_killed_writer_left_goes_when_it_is_old(tmp_path):
    path = made(tmp_path / "container")
    put(path, b"content")
    old, young = path / "sandbox" / uuid.uuid4().hex, path / "sandbox" / uuid.uuid4().hex
    old.write_bytes(b"half of somethi")
    young.write_bytes(b"just begu")
    day = 24 * 60 * 60
    os.utime(old, (time.time() - day - 60, time.time() - day - 60))
    assert told("maintain", path)["maintained"]["cleaned"]["abandoned"] == 1
    assert not old.exists() and young.exists()
    assert told("maintain", path, "--offline")["maintained"]["cleaned"]["abandoned"] == 1
    assert_holds(path, contents_by_key([b"content"]))


# Deleting.


def test_what_was_deleted_is_gone_for_both(tmp_path):
    path = made(tmp_path / "container")
    contents = containers.varied()
    packed_and_kept_loose(path, contents[:12])
    one_by_one(path, contents[12:18])
    at_once(path, contents[18:])
    expected = contents_by_key(contents)
    gone = random.Random(1).sample(sorted(expected), 10)
    assert told("rm", path, *gone, gone[0]) == {"deleted": 10}
    left = {key: content for key, content in expected.items() if key not in gone}
    assert_holds(path, left)
    # None, if one is missing, unless that does not matter.
    assert gone[0] in refused(3, "rm", path, next(iter(left)), gone[0])
    assert_holds(path, left)
    first = next(iter(left))
    assert told("rm", path, first, gone[0], "--ignore-missing") == {"deleted": 1}
    del left[first]
    # And back.
    put(path, expected[gone[0]])
    assert_holds(path, {**left, gone[0]: expected[gone[0]]})


# Copies.


def test_a_copy_is_a_container_of_the_package(tmp_path):
    path, folder = made(tmp_path / "container", "--pack-size", "100K"), tmp_path / "copies"
    contents = containers.varied()
    maintained(path, contents[:20])
    one_by_one(path, contents[20:])
    first = told("backup", path, folder, "--verify")
    assert first["findings"] == []
    assert_holds(first["backup"]["path"], contents_by_key(contents))
    put(path, b"new", b"newer", containers.randomly(9, 200_000))
    told("maintain", path)
    second = told("backup", path, folder, "--verify")["backup"]
    expected = contents_by_key([*contents, b"new", b"newer", containers.randomly(9, 200_000)])
    assert_holds(second["path"], expected)
    assert_holds(first["backup"]["path"], contents_by_key(contents))
    assert_holds(folder / "last-backup", expected)
    assert second["shared"] > 0
    # Whatever becomes of the container, the copies stay what they are.
    told("rm", path, *expected)
    told("maintain", path, "--offline")
    assert_holds(path, {})
    assert_holds(second["path"], expected)
    third = told("backup", path, folder, "--keep", "1")["backup"]
    assert third["removed"] == 2
    assert sorted(each.name for each in folder.iterdir()) == sorted([pathlib.Path(third["path"]).name, "last-backup"])
    assert_holds(folder / "last-backup", {})


def test_copies_do_not_change_with_one_another(tmp_path):
    """They share files; who works in one must not reach the other."""
    path, folder = made(tmp_path / "container"), tmp_path / "copies"
    contents = containers.varied()
    maintained(path, contents)
    expected = contents_by_key(contents)
    first, second = (told("backup", path, folder)["backup"]["path"] for _ in range(2))
    put(second, b"more", b"and more")
    told("rm", second, sorted(expected)[0])
    told("maintain", second, "--offline")
    with package(second) as container:
        container.add_objects_to_pack([b"of the package"])
        container.repack(CompressMode.YES)
    assert_holds(first, expected)
    assert_holds(path, expected)


def test_objects_of_another_hash_get_new_keys(tmp_path):
    path, other = made(tmp_path / "container"), create(tmp_path / "other", hash_type="sha1")
    contents = containers.varied()
    with package(other) as container:
        container.add_objects_to_pack(contents)
    said = told("import", path, other)
    assert {each["from"]: each["to"] for each in said["renamed"]} == {key_of(each, "sha1"): key_of(each) for each in contents}
    assert_holds(path, contents_by_key(contents))
    # There and back, and again.
    assert told("import", path, other)["copied"]["existed"] == len(contents)
    told("import", other, path)
    assert_holds(other, contents_by_key(contents, "sha1"))


def test_a_container_is_copied_into_itself_in_vain(tmp_path):
    path = made(tmp_path / "container")
    contents = containers.varied()
    mixed_ways = [one_by_one, compressed]
    for way, some in zip(mixed_ways, (contents[::2], contents[1::2])):
        way(path, some)
    assert told("import", path, path)["copied"]["copied"] == 0
    assert told("export", path, path)["copied"]["copied"] == 0
    assert_holds(path, contents_by_key(contents))


def test_the_package_imports_from_ours(tmp_path):
    path, other = made(tmp_path / "container"), create(tmp_path / "other")
    contents = containers.varied()
    maintained(path, contents)
    with package(path) as source, package(other) as target:
        target.import_objects(list(source.list_all_objects()), source, compress=True)
    assert_holds(other, contents_by_key(contents))


def test_an_archive_of_it_comes_back(tmp_path):
    path, twin = made(tmp_path / "container"), made(tmp_path / "twin")
    contents = containers.varied()
    loosened(path, contents)
    assert exported(path, tmp_path / "all.aiida") == contents_by_key(contents)
    told("import", twin, tmp_path / "all.aiida")
    assert_holds(twin, contents_by_key(contents))
