"""Deker at the other end of a pipe, a storage made by it, and hyperslab as a command that may fail."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import threading

import h5py
import numpy as np
import pytest

from conftest import ROOT, hyperslab, program

HERE = pathlib.Path(__file__).resolve().parent
PYTHON = os.environ.get("HYPERSLAB_DEKER_PYTHON", str(ROOT / "target" / "deker" / "bin" / "python"))
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TQDM_DISABLE": "1", "PYTHONWARNINGS": "ignore"}
# No request takes longer, but for one that waits for a lock that nobody gives back.
PATIENCE = 120

needs_deker = pytest.mark.skipif(PYTHON == "", reason="Deker cannot be installed for the Python here")
# Deker lists all links of a collection where it looks for those of one array, and so finds fault with these.
FALSE_ALARMS = ("tiled without a key", "key tuple changed")


class DekerError(Exception):
    """What Deker raised: the class, and its text."""

    def __init__(self, kind: str, text: str):
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class Deker:
    """A process of Deker's; every request opens a client of its own, so that nothing is remembered."""

    def __init__(self):
        words = [interpreter(), HERE / "drive.py"]
        self.process = subprocess.Popen(
            words, env=ENVIRONMENT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def ask(self, do: str, **request):
        """The answer to one request of `drive.py`."""
        self.send(do, **request)
        return self.answer()

    def send(self, do: str, **request) -> None:
        plain = {name: str(each) if isinstance(each, pathlib.Path) else each for name, each in request.items()}
        self.process.stdin.write(json.dumps({"do": do, **plain}) + "\n")
        self.process.stdin.flush()

    def answer(self):
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        try:
            line = self.process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise DekerError("Killed", f"Deker ended with {self.process.wait()}")
        reply = json.loads(line)
        if "error" in reply:
            raise DekerError(*reply["error"])
        return reply["ok"]

    def release(self):
        """Lets one that holds a lock go on; its last answer."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.answer()

    def close(self) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # What nearly every test asks.

    def cells(self, storage, collection, key, folder, at=None) -> np.ndarray:
        """What Deker reads."""
        file = folder / "deker-read.npy"
        self.ask("read", storage=storage, collection=collection, key=key, file=file, at=at)
        return np.load(file)

    def assert_clean(self, storage) -> None:
        """Deker's own check of level 4 finds nothing, but for its false alarms."""
        found = self.ask("integrity", storage=storage)
        known = tuple(f"Collection {name} arrays" for name in FALSE_ALARMS)
        assert {heading: lines for heading, lines in found.items() if not heading.startswith(known)} == {}


def interpreter() -> str:
    if not pathlib.Path(PYTHON).exists():
        pytest.exit(f"{PYTHON} is not there; run these checks with: cargo xtask test --only build,python", 2)
    return PYTHON


@dataclasses.dataclass
class Sample:
    """A storage of Deker's, and what must be read from it."""

    # Where the cells lie that it must hold.
    folder: pathlib.Path
    storage: pathlib.Path
    collections: dict

    def differences(self, deker) -> list[str]:
        """What Deker reads otherwise than it must."""
        expected = self.folder / "expected.json"
        return deker.ask("verify", storage=self.storage, expected=expected, only=list(self.collections))

    def cells(self, array: dict) -> np.ndarray:
        return np.load(self.folder / array["cells"])

    def served(self) -> dict:
        """The collections whose cells hyperslab has a type for."""
        return {name: each for name, each in self.collections.items() if not each["refused"]}


@pytest.fixture(scope="session")
def deker():
    with Deker() as process:
        yield process


@pytest.fixture(scope="session")
def sample(tmp_path_factory):
    """Every collection, to be read only."""
    folder = tmp_path_factory.mktemp("deker") / "sample"
    words = [interpreter(), HERE / "make_storage.py", folder]
    done = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Sample(folder, folder / "storage", json.loads((folder / "expected.json").read_text())["collections"])


@pytest.fixture
def copied(sample, tmp_path):
    """Makes a storage of a few of the collections, to be changed."""

    def copy(*names: str) -> Sample:
        storage = tmp_path / "copied"
        (storage / "collections").mkdir(parents=True)
        for name in names:
            copy_collection(sample.storage / "collections" / name, storage / "collections" / name)
        return Sample(sample.folder, storage, {name: sample.collections[name] for name in names})

    return copy


def copy_collection(source: pathlib.Path, twin: pathlib.Path) -> None:
    """Another collection of the same contents under another path or name: what holds the name or the path is changed."""
    shutil.copytree(source, twin, symlinks=True)
    document = twin / f"{twin.name}.json"
    (twin / f"{source.name}.json").rename(document)
    document.write_text(json.dumps({**json.loads(document.read_text()), "name": twin.name}))
    (twin.parent / f"{twin.name}.lock").touch()
    for link in [path for path in twin.rglob("*") if path.is_symlink()]:
        target = twin / link.readlink().relative_to(source)
        link.unlink()
        link.symlink_to(target)


@dataclasses.dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    error: str


def command(*arguments) -> list[str]:
    return [str(program("HYPERSLAB_BIN", "hyperslab")), *map(str, arguments)]


def attempt(*arguments) -> Done:
    """Runs the command, whatever comes of it; it must not hang and must not break down."""
    done = subprocess.run(
        command(*arguments), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=PATIENCE
    )
    assert done.returncode not in (70, 101) and done.returncode >= 0, f"{arguments} ended with {done}"
    return Done(done.returncode, done.stdout, done.stderr)


def refused(codes, *arguments) -> str:
    """Runs a command that must fail with one of these codes; its one line of error."""
    done = attempt(*arguments)
    wanted = (codes,) if isinstance(codes, int) else codes
    assert done.code in wanted, f"{arguments} ended with {done}"
    assert done.error.count("\n") == 1, done.error
    return done.error


def told(*arguments) -> dict:
    """The JSON document of a verb."""
    return json.loads(hyperslab(*arguments, "--json"))


def read(folder: pathlib.Path, *arguments) -> np.ndarray:
    """What hyperslab reads."""
    file = folder / "hyperslab-read.npy"
    hyperslab("read", *arguments, "-o", file)
    return np.load(file)


def check(storage, *arguments) -> list[dict]:
    """What `hyperslab check` finds; the exit code must say whether it found anything."""
    done = attempt("check", storage, *arguments, "--json")
    assert done.code in (0, 1), done
    found = json.loads(done.out)["findings"]
    assert done.code == (1 if found else 0)
    return found


def data_file(storage, collection: str, array: str) -> pathlib.Path:
    """The file of an array, or of a tile."""
    folders = [*array[:8], array[9:]]
    return pathlib.Path(storage, "collections", collection, "array_data", *folders, f"{array}.hdf5")


def empty_cells(path: pathlib.Path) -> int:
    with h5py.File(path) as file:
        return int(file["empty_cells"][()])


def lock_files(storage) -> list[str]:
    """Locks that somebody left where Deker looks for them; that of a collection stays for good."""
    left = pathlib.Path(storage, "collections").rglob("*lock")
    return sorted(path.name for path in left if path.parent.name != "collections")


def tree(folder: pathlib.Path) -> dict:
    """Every file by its bytes, every link by where it leads, every folder, but for those of our own locks."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = str(path.relative_to(folder))
        if ".hyperslab" in path.parts:
            continue
        found[name] = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else "folder"
    return found
