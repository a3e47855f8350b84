"""A worker of `together.py` with Deker's hands: `work.py STORAGE NUMBER SECONDS LOG`. Runs under Deker's Python."""

import logging
import os
import pathlib
import random
import sys
import time

os.environ["TQDM_DISABLE"] = "1"

import numpy as np
import together
from deker import Client

logging.disable(logging.CRITICAL)


class Hands:
    """Deker gives up where somebody else is at work, so everything is tried again for a while."""

    def __init__(self, client: Client):
        self.client = client
        self.random = random.Random(os.getpid())

    def again(self, do):
        until = time.monotonic() + 15
        while time.monotonic() < until:
            try:
                return do()
            except Exception as error:
                if not is_lock(error):
                    raise
                time.sleep(self.random.random() * 0.05)
        return None

    def array(self, collection, number):
        found = self.client.get_collection(collection).filter({"number": number}).first()
        if found is None:
            raise LookupError(f"{collection} {number} is not there")
        return found

    def write(self, collection, number, box, stamp):
        def do():
            subset = self.array(collection, number)[together.slices(box)]
            subset.update(np.full(subset.shape, stamp, np.int64))
            return True

        return self.again(do)

    def read(self, collection, number, box):
        return self.again(lambda: np.unique(self.array(collection, number)[together.slices(box)].read()).tolist())

    def attribute(self, collection, number, stamp):
        def do():
            self.array(collection, number).update_custom_attributes({"rank": stamp})
            return True

        return self.again(do)

    def create(self, collection, number):
        def do():
            self.client.get_collection(collection).create({"number": number}, {"rank": number})
            return True

        return self.again(do)


def is_lock(error: BaseException) -> bool:
    """Whether somebody else was at work; of a tiled array Deker raises a group of what its tiles raised."""
    text = f"{type(error).__name__} {error}".lower()
    return "lock" in text


def main() -> None:
    storage, number, seconds, log = sys.argv[1:]
    options = {"write_lock_timeout": 2, "write_lock_check_interval": 1, "loglevel": "CRITICAL"}
    with Client(f"file://{storage}", **options) as client:
        together.Worker(int(number), Hands(client), pathlib.Path(log)).run(float(seconds))


if __name__ == "__main__":
    main()
