"""The sample stores of the example `zarr_samples`, and what was put into them."""

import json
import pathlib
import subprocess

import numpy as np

from conftest import program


class Sample:
    """One array: its Zarr group, and what the program that made it says of it."""

    def __init__(self, group: pathlib.Path, record: pathlib.Path):
        self.group = group
        self.known = json.loads(record.read_text())
        self.cells = read_cells(record)
        self.collection = self.known["collection"]
        self.key = self.known["key"]
        self.dtype = np.dtype(self.known["dtype"])
        (self.variable,) = (
            node.parent.name
            for node in group.glob("*/zarr.json")
            if node.parent.name not in self.known["dimensions"]
        )

    @property
    def data(self) -> pathlib.Path:
        """The Zarr array of the cells."""
        return self.group / self.variable

    def __repr__(self) -> str:
        return f"{self.collection}:{self.known['shape']}:{self.known['storage']}"


def read_cells(record: pathlib.Path) -> np.ndarray:
    known = json.loads(record.read_text())
    stored = np.frombuffer(record.with_suffix(".bin").read_bytes(), dtype=known["dtype"])
    return stored.reshape(known["shape"])


def run(*arguments: object) -> str:
    words = [str(program("HYPERSLAB_ZARR_SAMPLES", "examples", "zarr_samples")), *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{words[1:]} ended with {done.returncode}: {done.stderr}"
    return done.stdout


def make(folder: pathlib.Path, *options: str) -> list[Sample]:
    run(folder, *options)
    groups = {}
    for node in folder.glob("store/*/*/zarr.json"):
        groups[json.loads(node.read_text())["attributes"]["id"]] = node.parent
    records = sorted((folder / "cells").glob("*.json"))
    assert len(groups) == len(records) > 5
    return [Sample(groups[record.stem], record) for record in records]


def assert_same_bits(ours: np.ndarray, theirs: np.ndarray, what: object) -> None:
    """Equal to the bit, NaN or not."""
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, what
    same = np.ascontiguousarray(ours).tobytes() == np.ascontiguousarray(theirs).tobytes()
    if not same:
        np.testing.assert_array_equal(ours, theirs, err_msg=str(what), strict=True)
        raise AssertionError(f"bits differ: {what}")
