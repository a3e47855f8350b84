"""A change of several tiles, or the deletion of an array of tiles, whose writer was killed in the midst of it, beside Deker."""

import json
import os
import pathlib
import shutil

import numpy as np
import pytest
import words
from peer import attempt, check, copied, deker, needs_deker, read, sample  # noqa: F401

from conftest import hyperslab

pytestmark = needs_deker

NAME = "tiled vgrid"
KEY = {"scene": "full"}
# Tiles are of 4 x 3 cells: six of them, in two rows.
ROWS = slice(2, 6)


class Killed:
    """An array in which all cells were 1, when the writer of 5 into four of its rows was killed after so many renames."""

    def __init__(self, made, tmp_path, done: int):
        self.storage = made.storage
        self.collection = made.storage / "collections" / NAME
        array = next(each for each in made.collections[NAME]["arrays"] if each["primary"] == KEY)
        self.id = array["id"]
        self.place = (self.storage, NAME, *words.key(made.collections[NAME], array))
        self.folder = tmp_path
        hyperslab("write", *self.place, "--value", "1")
        before = self.tiles()
        kept = tmp_path / "before"
        kept.mkdir()
        for path in before:
            shutil.copy2(path, kept)
        hyperslab("write", *self.place, "--isel", f"d0={ROWS.start}:{ROWS.stop}", "--value", "5")
        changed = [path for path in self.tiles() if before[path] != path.stat().st_ino]
        assert len(changed) == 6
        machinery = self.storage / ".hyperslab"
        moves = []
        for number, path in enumerate(changed):
            staged = machinery / "tmp" / f"4000000000-{number}.tmp"
            last = (kept / path.name).stat()
            over = f"{last.st_size} bytes at {last.st_mtime_ns // 10**9}.{last.st_mtime_ns % 10**9:09}"
            moves.append([str(each.relative_to(self.storage)) for each in (staged, path)] + [over])
            if number >= done:
                path.rename(staged)
                shutil.copy2(kept / path.name, path)
        self.changed, self.staged = changed, [self.storage / move[0] for move in moves[done:]]
        record = next(machinery.glob(f"moves/{self.id}/moves.json"))
        record.write_text(json.dumps({**json.loads(record.read_text()), "moves": moves}))
        self.record = record

    def tiles(self) -> dict[pathlib.Path, int]:
        links = (self.collection / "array_symlinks" / self.id).rglob("*.hdf5")
        files = [pathlib.Path(os.path.realpath(link)) for link in links]
        return {path: path.stat().st_ino for path in sorted(files)}

    def expected(self) -> np.ndarray:
        cells = np.ones((8, 9), np.float32)
        cells[ROWS] = 5
        return cells

    def assert_holds(self, expected, deker=None):
        np.testing.assert_array_equal(read(self.folder, *self.place), expected)
        if deker:
            np.testing.assert_array_equal(deker.cells(self.storage, NAME, KEY, self.folder), expected)


def finish(killed: Killed, how: str) -> None:
    if how == "repair":
        check(killed.storage, "--level", "4", "--repair")
    else:
        hyperslab("write", *killed.place, "--isel", "d0=0", "--isel", "d1=0", "--value", "1")
    assert not any(path.exists() for path in killed.staged)


@pytest.mark.parametrize("how", ["repair", "write"])
@pytest.mark.parametrize("done", [0, 2, 6])
def test_what_was_decided_is_seen_and_finished(copied, tmp_path, deker, done, how):
    killed = Killed(copied(NAME), tmp_path, done)
    killed.assert_holds(killed.expected())
    finish(killed, how)
    killed.assert_holds(killed.expected(), deker)
    assert not [each for each in check(killed.storage, "--level", "4") if each["kind"] == "leftover"]
    deker.assert_clean(killed.storage)


@pytest.mark.parametrize("how", ["repair", "write"])
@pytest.mark.parametrize("done", [0, 2])
def test_what_deker_has_written_since_is_not_lost(copied, tmp_path, deker, done, how):
    killed = Killed(copied(NAME), tmp_path, done)
    # Into the last row of tiles, none of which has been moved.
    at = [[4, 8], [0, 9]]
    deker.ask("update", storage=killed.storage, collection=NAME, key=KEY, at=at, number=77)
    expected = killed.expected()
    expected[4:8] = 77
    for _ in range(2):
        killed.assert_holds(expected)
        finish(killed, how)
    killed.assert_holds(expected, deker)


def test_what_deker_has_cleared_since_stays_so(copied, tmp_path, deker):
    killed = Killed(copied(NAME), tmp_path, 0)
    deker.ask("clear", storage=killed.storage, collection=NAME, key=KEY)
    empty = np.full((8, 9), np.nan, np.float32)
    killed.assert_holds(empty)
    hyperslab("write", *killed.place, "--isel", "d0=0", "--isel", "d1=0", "--value", "1")
    check(killed.storage, "--level", "4", "--repair")
    empty[0, 0] = 1
    killed.assert_holds(empty, deker)


def test_a_damaged_record_ends_no_check(copied, tmp_path, deker):
    killed = Killed(copied(NAME), tmp_path, 2)
    killed.record.write_text("{")
    done = attempt("read", *killed.place)
    assert done.code == 7 and "moves.json" in done.error
    found = check(killed.storage, "--level", "4")
    assert [each for each in found if each["subject"] == killed.id and "moves.json" in each["message"]]
    # As the message says: nobody needs it to go on.
    killed.record.unlink()
    read(tmp_path, *killed.place)


def test_an_interrupted_deletion_is_finished(copied, tmp_path, deker):
    made = copied(NAME)
    killed = Killed(made, tmp_path, 6)
    tiles = list(killed.tiles())
    (killed.record.parent / "deleted").touch()
    document = next((killed.collection / "varray_data").rglob(f"{killed.id}.json"))
    document.unlink()
    tiles[0].unlink()
    found = check(killed.storage, "--level", "4", "--repair")
    assert [each for each in found if each["subject"] == killed.id and each["repaired"]]
    assert not any(path.exists() for path in tiles)
    left = check(killed.storage, "--level", "4")
    assert not [each for each in left if killed.id in f"{each['subject']} {each['message']}"], left
    assert not killed.record.parent.exists()


def test_a_deletion_leaves_nothing_behind(copied, tmp_path, deker):
    killed = Killed(copied(NAME), tmp_path, 6)
    tiles = list(killed.tiles())
    hyperslab("rm", *killed.place)
    assert not any(path.exists() for path in tiles)
    assert not killed.record.parent.exists()
    deker.assert_clean(killed.storage)
