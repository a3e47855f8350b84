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

    def again(self, do, hopeless=lambda error: not is_lock(error)):
        until = time.monotonic() + 15
        while time.monotonic() < until:
            try:
                return do()
            except Exception as error:
                if hopeless(error):
                    raise
                time.sleep(self.random.random() * 0.05)
        return None

    def array(self, collection, number):
        """Looks it up, which reads its file. A writer may come in between Deker's look for one and its own mark: then what it
        reads is in the making, and it has to look again."""

        def look():
            found = self.client.get_collection(collection).filter({"number": number}).first()
            if found is None:
                raise LookupError(f"{collection} {number} is not there")
            return found

        found = self.again(look, lambda _: False)
        if found is None:
            raise LookupError(f"{collection} {number} cannot be read")
        return found

    def write(self, collection, number, box, stamp):
        subset = self.array(collection, number)[together.slices(box)]
        cells = np.full(subset.shape, stamp, np.int64)
        return self.again(lambda: subset.update(cells) is None)

    def read(self, collection, number, box):
        subset = self.array(collection, number)[together.slices(box)]
        return self.again(lambda: np.unique(subset.read()).tolist(), lambda _: False)

    def attribute(self, collection, number, stamp):
        array = self.array(collection, number)
        return self.again(lambda: array.update_custom_attributes({"rank": stamp}) is None)

    def create(self, collection, number):
        arrays = self.client.get_collection(collection)
        return self.again(lambda: arrays.create({"number": number}, {"rank": number}) is not None)


def is_lock(error: BaseException) -> bool:
    """Whether somebody else was at work; of a tiled array Deker raises a group of what its tiles raised."""
    return "lock" in f"{type(error).__name__} {error}".lower()


def main() -> None:
    storage, number, seconds, log = sys.argv[1:]
    options = {"write_lock_timeout": 2, "write_lock_check_interval": 1, "loglevel": "CRITICAL"}
    with Client(f"file://{storage}", **options) as client:
        together.Worker(int(number), Hands(client), pathlib.Path(log)).run(float(seconds))


if __name__ == "__main__":
    main()
