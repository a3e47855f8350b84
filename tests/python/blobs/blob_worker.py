"""A process of the package at work on a container beside others: `blob_worker.py TASK PATH SECONDS NUMBER LOG`.

It ends with 0 when nothing went wrong, and has written each key that it was given into its log, with what its content is made of.
"""

import json
import pathlib
import random
import sys
import time

from disk_objectstore import CompressMode, Container

# One in so many objects is one byte long, so that all writers put the same ones.
TINY = 3


def content_of(number, count):
    """The content that a worker puts as its so many-th."""
    rng = random.Random(number * 1_000_003 + count)
    if count % TINY == 0:
        return bytes([rng.randrange(256)])
    size = rng.choice([10, 1000, 1000, 5000, 100_000 if count % 20 == 1 else 100])
    return rng.randbytes(size) if rng.random() < 0.5 else bytes([rng.randrange(256)]) * size


class Worker:
    def __init__(self, path, seconds, number, log):
        self.container = Container(path)
        self.until = time.monotonic() + seconds
        self.number = number
        self.log = log
        self.known = {}

    def is_time(self):
        return time.monotonic() < self.until

    def add_and_read(self):
        """Adds objects, and reads those that it has added, one by one and many at once."""
        rng = random.Random(self.number)
        count = 0
        while self.is_time() or count < 10:
            count += 1
            content = content_of(self.number, count)
            key = self.container.add_object(content)
            self.note(key, count)
            self.known[key] = content
            one = rng.choice(list(self.known))
            assert self.container.get_object_content(one) == self.known[one], one
            if count % 10 == 0:
                some = rng.sample(list(self.known), min(20, len(self.known)))
                assert all(self.container.has_objects(some)), "an object is gone"
                found = self.container.get_objects_content(some, skip_if_missing=False)
                assert found == {each: self.known[each] for each in some}

    def pack_and_clean(self):
        """Packs, with cleaning as AiiDA does it and afterwards."""
        count = 0
        while self.is_time() or count < 3:
            count += 1
            self.container.pack_all_loose(compress=CompressMode.AUTO, clean_loose_per_pack=count % 2 == 0)
            self.container.clean_storage()
            self.note(f"round {count}", count)

    def note(self, key, count):
        self.log.write(json.dumps([key, self.number, count]) + "\n")
        self.log.flush()


def acknowledged(log):
    """The objects that a worker was given keys for."""
    lines = [json.loads(line) for line in pathlib.Path(log).read_text().splitlines()]
    return {key: content_of(number, count) for key, number, count in lines}


if __name__ == "__main__":
    task, path, seconds, number, log = sys.argv[1:]
    with open(log, "w") as opened:
        getattr(Worker(path, float(seconds), int(number), opened), task)()
