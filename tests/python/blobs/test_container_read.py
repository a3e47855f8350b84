"""Containers that the package made, as `hyperslab blob` reads them: every object equal, and nothing changed by reading."""

import itertools
import random

import containers
import pytest
from containers import assert_holds, attempt, blob, contents_by_key, create, findings, get, keys, package, refused, rows, told
from disk_objectstore import CompressMode

from conftest import LONG

LARGE = 5 << 20


# How objects come into a container.


def loose(container, contents):
    for content in contents:
        container.add_object(content)


def packed(container, contents):
    container.add_objects_to_pack(contents, compress=False)


def compressed(container, contents):
    container.add_objects_to_pack(contents, compress=True)


def mixed(container, contents):
    """Each in another way, and a few in two."""
    compressed(container, contents[0::3])
    packed(container, contents[1::3])
    loose(container, contents[2::3] + contents[::4])


def loose_and_packed(container, contents):
    """Each twice, as they are between packing and cleaning."""
    loose(container, contents)
    container.pack_all_loose(compress=CompressMode.AUTO)


def packed_and_cleaned(container, contents):
    loose(container, contents)
    container.pack_all_loose(compress=CompressMode.YES, clean_loose_per_pack=True)
    container.clean_storage(vacuum=True)


STATES = [loose, packed, compressed, mixed, loose_and_packed, packed_and_cleaned]


def made(path, state, contents, **options):
    """A container of these contents; they by their keys."""
    create(path, **options)
    with package(path) as container:
        state(container, contents)
        return contents_by_key(contents, container.hash_type)


def placement(path, key):
    """Where an object lies, as `stat` must say it."""
    row = rows(path).get(key)
    if row is None:
        return "loose"
    return {"packed": {"pack": row["pack"], "stored": row["length"], "compressed": bool(row["compressed"])}}


KINDS = list(itertools.product(["sha256", "sha1"], [0, 1, 2, 3]))


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("hash_type,prefix", KINDS if LONG else KINDS[::2] + KINDS[1::4])
def test_every_object_is_read_as_the_package_wrote_it(tmp_path, hash_type, prefix, state):
    path = tmp_path / "container"
    expected = made(
        path, state, containers.varied(), hash_type=hash_type, loose_prefix_len=prefix, pack_size_target=100_000
    )
    before = containers.tree(path)
    assert findings(path) == []
    assert keys(path) == sorted(expected)
    out = tmp_path / "out"
    for number, (key, content) in enumerate(expected.items()):
        if number % 2:
            told("get", path, key, "-o", out)
            assert out.read_bytes() == content
        else:
            assert get(path, key) == content
    # As the very same bytes, in the very same files.
    assert containers.tree(path) == before
    assert containers.package_faults(path) == {}


@pytest.mark.parametrize("state", STATES)
def test_sizes_and_places_are_those_of_the_container(tmp_path, state):
    path = tmp_path / "container"
    expected = made(path, state, containers.varied(), pack_size_target=100_000)
    told_each = {each["key"]: each for each in told("ls", path, "--long")["objects"]}
    assert sorted(told_each) == sorted(expected)
    for key, content in expected.items():
        assert told_each[key] == {"key": key, "size": len(content), "placement": placement(path, key)}
    assert told("stat", path, *expected)["objects"] == [told_each[key] for key in expected]
    assert told("ls", path, "--count") == {"count": len(expected)}
    whole = told("stat", path)["repository"]
    loose_bytes = sum(file.stat().st_size for file in containers.loose_files(path))
    pack_bytes = sum(file.stat().st_size for file in (path / "packs").iterdir())
    assert whole["objects"] == len(expected)
    assert whole["content_bytes"] == sum(map(len, expected.values()))
    assert whole["stored_bytes"] == loose_bytes + pack_bytes
    assert (whole["key_format"], whole["read_only"]) == ("sha256", False)
    assert whole["id"].replace("-", "") == containers.config(path)["container_id"]
    with package(path) as container:
        assert {key: container.get_object_meta(key)["size"] for key in expected} == {
            key: each["size"] for key, each in told_each.items()
        }


def test_text_says_the_same_as_json(tmp_path):
    path = tmp_path / "container"
    expected = made(path, mixed, containers.varied())
    assert sorted(blob("ls", path).decode().split()) == sorted(expected)
    lines = [line.split() for line in blob("ls", path, "--long").decode().splitlines()]
    assert {line[0]: int(line[1]) for line in lines} == {key: len(content) for key, content in expected.items()}
    assert blob("ls", path, "--count").decode() == f"{len(expected)}\n"
    stats = [line.split() for line in blob("stat", path, *expected).decode().splitlines()]
    assert [(line[0], int(line[1])) for line in stats] == [(key, len(content)) for key, content in expected.items()]
    assert "nothing found" in blob("verify", path).decode()


@pytest.mark.parametrize("state", STATES)
def test_verify_reads_every_object_wherever_it_lies(tmp_path, state):
    path = tmp_path / "container"
    made(path, state, containers.varied(), pack_size_target=100_000)
    verified = told("verify", path)["verified"]
    packed_count, loose_count = containers.counts(path)
    assert verified["read"] == packed_count + loose_count
    sizes = [row["size"] for row in rows(path).values()] + [file.stat().st_size for file in containers.loose_files(path)]
    assert verified["content_bytes"] == sum(sizes)
    assert verified["unused_bytes"] == 0


# Pieces.


def pieces(rng, size):
    """Pieces of an object at its ends and somewhere, as they are asked for, and as they are cut."""
    yield "..", 0, size
    yield "0..", 0, size
    yield f"..{size}", 0, size
    yield f"{size}..", size, size
    yield "0..0", 0, 0
    yield f"{size}..{size}", size, size
    for _ in range(3):
        first, end = sorted(rng.randint(0, size) for _ in range(2))
        yield f"{first}..{end}", first, end
    if size > 0:
        yield f"{size - 1}..{size}", size - 1, size
        yield "0..1", 0, 1


@pytest.mark.parametrize("state", [loose, packed, compressed])
def test_pieces_are_those_of_the_content(tmp_path, state):
    path = tmp_path / "container"
    contents = [b"", b"x", containers.randomly(1, 1000), containers.wordy(2, 65_537), containers.wordy(3, 400_000)]
    expected = made(path, state, contents)
    rng = random.Random(1)
    out = tmp_path / "piece"
    for key, content in expected.items():
        for asked, first, end in pieces(rng, len(content)):
            assert get(path, key, "--range", asked) == content[first:end], asked
        assert told("get", path, key, "--range", asked, "-o", out)["bytes"] == end - first
        assert out.read_bytes() == content[first:end]


@pytest.mark.parametrize("state", [loose, packed, compressed])
def test_pieces_that_are_none_are_refused(tmp_path, state):
    path = tmp_path / "container"
    (key, content), *_ = made(path, state, [containers.wordy(1, 1000)]).items()
    out = tmp_path / "out"
    for asked in [
        "1001..", "0..1001", "1001..1001", "5..4", "-1..", "..-1", "5", "", "a..b", "1..2..3", "0x1..2", "1 ..2", "+",
        f"0..{2**64}", f"{2**64 - 1}..{2**64 - 1}", "0..=4",
    ]:  # fmt: skip
        refused(2, "get", path, key, f"--range={asked}", "-o", out)
        assert not out.exists(), asked


@pytest.mark.parametrize("state", [loose, packed, compressed])
@pytest.mark.parametrize("content", [containers.randomly(1, LARGE), containers.wordy(2, LARGE + 1)], ids=["random", "wordy"])
def test_large_objects_and_pieces_of_them_are_read(tmp_path, state, content):
    path = tmp_path / "container"
    (key,) = made(path, state, [content, b"small"]).keys() - {containers.key_of(b"small")}
    assert get(path, key) == content
    rng = random.Random(3)
    for _ in range(200 if LONG else 10):
        first = rng.randrange(len(content))
        end = rng.randint(first, min(len(content), first + rng.choice([1, 100, 70_000, 2 << 20])))
        assert get(path, key, f"--range={first}..{end}") == content[first:end]
    assert get(path, key, "--range", f"{len(content) - 7}..") == content[-7:]


# What has happened to a container.


def test_many_packs_are_read(tmp_path):
    path = tmp_path / "container"
    contents = [containers.randomly(seed, 300) for seed in range(150)]
    expected = made(path, packed, contents, pack_size_target=1000)
    assert len(list((path / "packs").iterdir())) > 30
    assert_holds(path, expected)


@pytest.mark.parametrize("repacked", [False, True])
def test_deleted_objects_are_gone_and_the_others_are_there(tmp_path, repacked):
    path = tmp_path / "container"
    expected = made(path, mixed, containers.varied(), pack_size_target=50_000)
    gone = random.Random(1).sample(sorted(expected), 12)
    with package(path) as container:
        container.delete_objects(gone)
        if repacked:
            container.repack(CompressMode.AUTO)
    left = {key: content for key, content in expected.items() if key not in gone}
    assert_holds(path, left)
    for key in gone:
        error = refused(3, "get", path, key, "-o", tmp_path / "out")
        assert key in error
        refused(3, "stat", path, key)
    # All that are not there are named, up to ten of them.
    assert all(key in refused(3, "stat", path, *gone[:10]) for key in gone[:10])
    unused = told("verify", path)["verified"]["unused_bytes"]
    assert (unused == 0) == repacked


def test_equal_contents_are_one_object(tmp_path):
    path = tmp_path / "container"
    contents = containers.varied()
    expected = made(path, mixed, contents)
    with package(path) as container:
        for state in (loose, packed, compressed, mixed):
            state(container, contents)
    assert_holds(path, expected)
    # What was put again into packs is there, and belongs to nothing.
    assert told("verify", path)["verified"]["unused_bytes"] > 0


def test_objects_are_read_while_the_package_has_the_container_open(tmp_path):
    """What it has written may still be in the log of the index only."""
    path = create(tmp_path / "container")
    contents = containers.varied()
    with package(path) as container:
        packed(container, contents[::2])
        loose(container, contents[1::2])
        assert (path / "packs.idx-wal").stat().st_size > 0
        expected = contents_by_key(contents)
        assert keys(path) == sorted(expected)
        for key, content in expected.items():
            assert get(path, key) == content
        # And we have not taken the log away from it.
        container.add_objects_to_pack([b"one more"])
        assert sorted(container.list_all_objects()) == sorted({*expected, containers.key_of(b"one more")})
    assert get(path, containers.key_of(b"one more")) == b"one more"


def test_thousands_of_objects_are_listed_once_each(tmp_path):
    path = tmp_path / "container"
    contents = [str(number).encode() for number in range(3500)]
    expected = made(path, packed, contents)
    with package(path) as container:
        loose(container, contents[::25] + [b"only loose"])
        gone = [containers.key_of(content) for content in contents[500:1800]]
        container.delete_objects(gone)
    expected = {**contents_by_key([b"only loose"]), **{key: expected[key] for key in expected if key not in set(gone)}}
    assert keys(path) == sorted(expected)
    assert containers.exported(path, tmp_path / "all.zip") == expected


def test_a_container_without_objects_is_read(tmp_path):
    path = create(tmp_path / "container")
    assert_holds(path, {})
    assert blob("ls", path) == b""
    assert told("stat", path)["repository"]["objects"] == 0
    refused(3, "get", path, containers.key_of(b""))


@pytest.mark.parametrize(
    "name",
    ["with ünïcode", "what?mode=ro&x=1", "a#b", "100%41", "it's \"quoted\"", "-dash", "a:b;c", "new\nline"],
)
def test_a_container_is_read_whatever_its_folder_is_called(tmp_path, name):
    """The package cannot open some of them itself, for it takes the path for a part of a URL."""
    path = tmp_path / "container"
    expected = made(path, mixed, containers.varied())
    named = path.rename(tmp_path / name)
    assert keys(named) == sorted(expected)
    containers.assert_gives(named, expected)
    assert findings(named) == []
    more = [b"put while it is called so", b"another"]
    containers.put(named, *more)
    told("maintain", named, "--offline")
    named.rename(path)
    assert_holds(path, {**expected, **contents_by_key(more)})
    assert sorted(each.name for each in tmp_path.iterdir()) == ["container"]


def test_a_container_is_found_by_every_way_that_leads_to_it(tmp_path):
    path = tmp_path / "container"
    expected = sorted(made(path, mixed, containers.varied()))
    (tmp_path / "link").symlink_to(path)
    for way in [path, f"{path}/", f"{path}/.", f"{path}/packs/..", tmp_path / "link", f"file://{path}"]:
        assert keys(way) == expected, way
    for way in ["container", "./container", "container/", "../" + tmp_path.name + "/container"]:
        found = told("ls", way, cwd=tmp_path)["objects"]
        assert sorted(each["key"] for each in found) == expected, way
    for nothing in [tmp_path, tmp_path / "none", path / "packs", path / "loose", path / "sandbox"]:
        refused(3, "ls", nothing)


# Copies.


@pytest.mark.parametrize("state", STATES)
def test_an_archive_of_a_container_holds_all_of_it(tmp_path, state):
    path = tmp_path / "container"
    expected = made(path, state, containers.varied(), pack_size_target=100_000)
    archive = tmp_path / "all.aiida"
    copied = told("export", path, archive)["copied"]
    assert (copied["copied"], copied["copied_bytes"]) == (len(expected), sum(map(len, expected.values())))
    assert containers.archive_contents(archive) == expected
    assert sorted(each["key"] for each in told("ls", archive)["objects"]) == sorted(expected)


@pytest.mark.parametrize("hash_type,state", [*(("sha256", state) for state in STATES), ("sha1", mixed)])
def test_a_new_container_of_a_container_holds_all_of_it(tmp_path, hash_type, state):
    path, twin = tmp_path / "container", tmp_path / "twin"
    expected = made(path, state, containers.varied(), hash_type=hash_type, pack_size_target=100_000)
    told("export", path, twin)
    assert_holds(twin, expected)
    assert containers.config(twin)["hash_type"] == hash_type
    assert containers.config(twin)["container_id"] != containers.config(path)["container_id"]
    # Again: there is nothing left to be copied.
    assert told("export", path, twin)["copied"] == {"copied": 0, "copied_bytes": 0, "existed": len(expected)}


def test_some_objects_are_copied(tmp_path):
    path, twin = tmp_path / "container", tmp_path / "twin"
    expected = made(path, mixed, containers.varied())
    wanted = {key: expected[key] for key in list(expected)[::3]}
    assert containers.exported(path, tmp_path / "some.zip", *wanted) == wanted
    told("export", path, twin, *wanted, *wanted)
    assert_holds(twin, wanted)
    absent = containers.key_of(b"never put")
    for to in [tmp_path / "none.zip", tmp_path / "none"]:
        assert absent in refused(3, "export", path, to, *wanted, absent)
        assert not (to.is_file() or (to.exists() and keys(to)))


def test_output_that_cannot_be_written_is_an_error_and_leaves_nothing(tmp_path):
    path = tmp_path / "container"
    (key, _), *_ = made(path, packed, [b"content"]).items()
    for out in [tmp_path / "none" / "out", path / "config.json" / "out"]:
        refused((3, 11), "get", path, key, "-o", out)
    refused((2, 4, 11), "get", path, key, "-o", tmp_path)
    refused(2, "get", path, key, "-o", "https://example.com/out")
    refused(2, "get", path, key, "--json")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["container"]
    full = attempt("get", path, key, "-o", "/dev/full")
    assert full.code == 11, full


def test_an_output_that_is_there_is_replaced(tmp_path):
    path, out = tmp_path / "container", tmp_path / "out"
    (key, content), *_ = made(path, packed, [containers.randomly(1, 1000)]).items()
    out.write_bytes(b"x" * 5000)
    blob("get", path, key, "-o", out)
    assert out.read_bytes() == content
    # One that fails leaves what was there.
    refused(3, "get", path, containers.key_of(b"never put"), "-o", out)
    refused(2, "get", path, key, "--range", "0..1001", "-o", out)
    assert out.read_bytes() == content
