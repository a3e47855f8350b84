"""Containers as the package `disk-objectstore` has them, and `hyperslab blob` as a command that may fail."""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import random
import sqlite3
import subprocess
import sys
import time
import zipfile

from disk_objectstore import Container

from conftest import program

HERE = pathlib.Path(__file__).resolve().parent
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
# No command takes longer; one that does hangs.
PATIENCE = 60
# The fields of `config.json`, in their order.
FIELDS = [
    "container_version", "loose_prefix_len", "pack_size_target", "hash_type", "container_id", "compression_algorithm",
]  # fmt: skip


# The command.


@dataclasses.dataclass
class Done:
    """How a command ended."""

    code: int
    out: bytes
    error: str


def command(*arguments) -> list:
    return [str(program("HYPERSLAB_BIN", "hyperslab")), "blob", *map(str, arguments)]


def attempt(*arguments, stdin=b"", patience=PATIENCE, **how) -> Done:
    """Runs `hyperslab blob`, whatever comes of it; it must not hang and must not break down."""
    done = subprocess.run(command(*arguments), input=stdin, capture_output=True, timeout=patience, **how)
    error = done.stderr.decode()
    broken = done.returncode in (70, 101) or done.returncode < 0 or "panicked" in error
    assert not broken, f"{arguments} ended with {done.returncode}: {error}"
    return Done(done.returncode, done.stdout, error)


def blob(*arguments, **how) -> bytes:
    """Runs a command that must succeed; what it printed."""
    done = attempt(*arguments, **how)
    assert done.code == 0, f"{arguments} ended with {done.code}: {done.error}"
    return done.out


def told(*arguments, **how) -> dict:
    """The JSON document of a command that must succeed."""
    return json.loads(blob(*arguments, "--json", **how))


def refused(codes, *arguments, **how) -> str:
    """Runs a command that must fail with one of these codes; its one line of error."""
    done = attempt(*arguments, **how)
    wanted = (codes,) if isinstance(codes, int) else codes
    assert done.code in wanted, f"{arguments} ended with {done.code}: {done.error}"
    assert done.error.count("\n") == 1 and done.error.endswith("\n"), done.error
    return done.error


def put(path, *contents, options=()) -> list:
    """Puts contents from files of their own beside the container; their keys, in order."""
    with files_of(contents, path) as files:
        return [each["key"] for each in told("put", path, *files, *options)["objects"]]


@contextlib.contextmanager
def files_of(contents, beside):
    """A file for each content."""
    folder = pathlib.Path(f"{beside}.put.{os.getpid()}")
    folder.mkdir()
    files = [folder / str(number) for number in range(len(contents))]
    try:
        for file, content in zip(files, contents):
            file.write_bytes(content)
        yield files
    finally:
        for file in files:
            file.unlink()
        folder.rmdir()


def get(path, key, *options, **how) -> bytes:
    return blob("get", path, key, *options, **how)


def keys(path) -> list:
    """What is listed, sorted."""
    return sorted(each["key"] for each in told("ls", path)["objects"])


def findings(path) -> list:
    """What `verify` finds; the exit code must say whether it found anything."""
    done = attempt("verify", path, "--json")
    assert done.code in (0, 1), done
    document = json.loads(done.out)
    assert done.code == (1 if document["findings"] else 0), document
    assert document["verified"]["faults"] == len(document["findings"])
    return document["findings"]


# The package.


@contextlib.contextmanager
def package(path):
    """The package's own access to a container, which is new and closed again each time, so that it sees what is there."""
    container = Container(str(path))
    try:
        yield container
    finally:
        container.close()


def create(path, **options) -> pathlib.Path:
    """A container made by the package."""
    with package(path) as container:
        container.init_container(**options)
    return pathlib.Path(path)


def package_keys(path) -> list:
    with package(path) as container:
        return sorted(container.list_all_objects())


def package_contents(path, wanted) -> dict:
    with package(path) as container:
        return container.get_objects_content(list(wanted), skip_if_missing=False)


def package_faults(path) -> dict:
    """What the package's own check finds."""
    with package(path) as container:
        found = dataclasses.asdict(container.validate())
    return {kind: objects for kind, objects in found.items() if objects}


def counts(path) -> tuple:
    """How many objects the package counts: packed, loose."""
    with package(path) as container:
        found = container.count_objects()
    return found.packed, found.loose


# Both.


def key_of(content, hash_type="sha256") -> str:
    return hashlib.new(hash_type, content).hexdigest()


def contents_by_key(contents, hash_type="sha256") -> dict:
    return {key_of(content, hash_type): content for content in contents}


def assert_holds(path, expected) -> None:
    """Both programs list exactly these keys, read these contents, and find nothing wrong."""
    found = findings(path)
    assert found == [], found
    assert keys(path) == sorted(expected), "our keys"
    assert_gives(path, expected)
    assert package_keys(path) == sorted(expected), "the package's keys"
    assert package_contents(path, expected) == expected, "the package's contents"
    found = package_faults(path)
    assert found == {}, found


def assert_gives(path, expected) -> None:
    """We read these objects: a few one by one, and all at once."""
    for key in sorted(expected)[:2]:
        assert get(path, key) == expected[key], key
    if expected and len(next(iter(expected))) == len(key_of(b"")):
        archive = pathlib.Path(f"{path}.{os.getpid()}.zip")
        assert exported(path, archive, *expected) == expected, "our contents"
        archive.unlink()


def exported(path, archive, *wanted) -> dict:
    """The contents of an archive of ours, by their keys, as Python reads it."""
    blob("export", path, archive, *wanted)
    return archive_contents(archive)


def archive_contents(archive) -> dict:
    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
        assert len(set(names)) == len(names)
        return {name[len("repo/") :]: opened.read(name) for name in names if name.startswith("repo/")}


# What is in a container, and where.


def rows(path) -> dict:
    """The rows of the index, by their keys."""
    with index(path) as opened:
        found = opened.execute('SELECT hashkey, compressed, size, "offset", length, pack_id FROM db_object').fetchall()
    return {row[0]: dict(zip(("compressed", "size", "offset", "length", "pack"), row[1:])) for row in found}


@contextlib.contextmanager
def index(path):
    """The index, opened by nobody's rules but those of SQLite; changes count when it is closed."""
    opened = sqlite3.connect(pathlib.Path(path, "packs.idx"))
    try:
        yield opened
        opened.commit()
    finally:
        opened.close()


def config(path) -> dict:
    return json.loads(pathlib.Path(path, "config.json").read_text())


def loose_file(path, key) -> pathlib.Path:
    prefix = config(path)["loose_prefix_len"]
    return pathlib.Path(path, "loose", key[:prefix], key[prefix:])


def loose_files(path) -> list:
    return sorted(file for file in pathlib.Path(path, "loose").rglob("*") if not file.is_dir())


def flip(file, place, bit=1) -> None:
    """Changes one bit of a file."""
    with open(file, "r+b") as opened:
        opened.seek(place)
        byte = opened.read(1)[0]
        opened.seek(place)
        opened.write(bytes([byte ^ bit]))


def flip_packed(path, key, share=0.5) -> None:
    """Changes one bit of the bytes that an object has in its pack, so far behind the first."""
    row = rows(path)[key]
    assert row["length"] > 0
    flip(pathlib.Path(path, "packs", str(row["pack"])), row["offset"] + int((row["length"] - 1) * share))


def tree(folder) -> dict:
    """Every file by its bytes, every link by where it leads, every folder; without the log of SQLite, and locks."""
    found = {}
    for path in sorted(pathlib.Path(folder).rglob("*")):
        name = str(path.relative_to(folder))
        if name.endswith(("packs.idx-wal", "packs.idx-shm", "hyperslab.lock", "hyperslab.gate")):
            continue
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
    return found


# Contents.


def randomly(seed, size) -> bytes:
    """Bytes that do not get smaller."""
    return random.Random(seed).randbytes(size)


def wordy(seed, size) -> bytes:
    """Bytes that get much smaller."""
    words = [b"pressure", b"wind", b"sea", b"level", b"0", b"1", b" ", b"\n", b"temperature", b"of"]
    rng = random.Random(seed)
    out = b"".join(rng.choice(words) for _ in range(1000))
    return (out * (size // len(out) + 1))[:size]


def varied(seed=0) -> list:
    """Contents of the sizes at which something changes, small enough to have them everywhere."""
    rng = random.Random(seed)
    sizes = [1, 2, 100, 1000, 1024, 4096, 65_535, 65_536, 65_537, 131_073]
    out = [b"", b"\0", b"\n", b"\xff\xfe", b"\0" * 5000, "ünï".encode()]
    out += [randomly(rng.random(), size) for size in sizes]
    return out + [wordy(rng.random(), size) for size in sizes if size > 2]


def running(*arguments) -> subprocess.Popen:
    """Our command as a process that goes on by itself."""
    pipe = subprocess.PIPE
    return subprocess.Popen(command(*arguments), stdin=pipe, stdout=pipe, stderr=pipe)


def python(*arguments, **how) -> subprocess.Popen:
    """A Python of ours as a process of its own, with the package."""
    words = [sys.executable, *map(str, arguments)]
    return subprocess.Popen(words, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, **how)


def wait_for(happens):
    """Looks until something has happened that will."""
    until = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < until, "it does not happen"
        time.sleep(0.002)
