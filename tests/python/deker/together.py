"""What several workers do to one storage at once, and what must hold of it afterwards. Knows neither Deker nor hyperslab.

Each worker writes stamps, each of which is used once, and says when it began and when it was told that it is done. Then
 - a cell holds the stamp of a write, and no write to it began after that one had ended: else an update was lost;
 - a read of a region that only one worker writes, and always as a whole, sees one stamp, and none that was replaced before.
"""

import dataclasses
import json
import pathlib
import random
import time

import numpy as np

WORKERS = 4
SIDE = 64
SHARE = SIDE // WORKERS
TILE = 16
# Collection, key of the array, whether each worker keeps to its own rows.
PLACES = [("plain", 0, True), ("plain", 1, False), ("tiled", 0, True), ("tiled", 1, False), ("tiled", 2, True)]
KINDS = ("write", "read", "attribute", "create")


@dataclasses.dataclass
class Event:
    """One thing done. `end` is None when it is not known whether it was done."""

    worker: int
    what: str
    collection: str
    number: int
    box: tuple
    stamp: int
    start: float
    end: float | None = None
    seen: list | None = None


class Worker:
    """Does random things until its time is up. What it is to be done with is `write`, `read`, `attribute`, `create`."""

    def __init__(self, number: int, hands, log: pathlib.Path):
        self.number, self.hands, self.log = number, hands, log
        self.random = random.Random(number)
        self.count = 0

    def run(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        with self.log.open("w") as log:
            while time.monotonic() < until:
                self.count += 1
                event = self.next()
                self.do(event)
                log.write(json.dumps(dataclasses.asdict(event)) + "\n")
                log.flush()

    def next(self) -> Event:
        what = self.random.choices(KINDS, [8, 4, 2, 1])[0]
        if self.count <= len(KINDS):
            # Each at least once.
            what = KINDS[self.count - 1]
        collection, number, own = self.random.choice(PLACES)
        worker = self.number
        if what == "read":
            worker = self.random.randrange(WORKERS)
        box = rows(worker) if own else any_box(self.random)
        stamp = self.number * 1_000_000 + self.count
        if what == "attribute":
            # Deker writes all attributes as it has read them before, so no two may change those of one array.
            collection, number = "marked", self.number
        elif what == "create":
            collection, number = "marked", 1000 + stamp
        return Event(self.number, what, collection, number, box, stamp, time.monotonic())

    def do(self, event: Event) -> None:
        arguments = {
            "write": (event.collection, event.number, event.box, event.stamp),
            "read": (event.collection, event.number, event.box),
            "attribute": (event.collection, event.number, event.stamp),
            "create": (event.collection, event.number),
        }[event.what]
        answer = getattr(self.hands, event.what)(*arguments)
        if answer is not None:
            event.end = time.monotonic()
            event.seen = answer if event.what == "read" else None


def rows(worker: int) -> tuple:
    return ((worker * SHARE, (worker + 1) * SHARE), (0, SIDE))


def any_box(rng: random.Random) -> tuple:
    return tuple(tuple(sorted(rng.sample(range(SIDE + 1), 2))) for _ in range(2))


def slices(box) -> tuple:
    return tuple(slice(*each) for each in box)


def events(logs: list[pathlib.Path]) -> list[Event]:
    return [Event(**json.loads(line)) for log in logs for line in log.read_text().splitlines()]


def lost_updates(done: list[Event], finals: dict) -> list[str]:
    """Where a cell does not hold what was written into it last; `finals` has the cells by collection and number."""
    found = []
    for (collection, number), cells in finals.items():
        writes = [each for each in done if each.what == "write" and (each.collection, each.number) == (collection, number)]
        by_stamp = {each.stamp: each for each in writes}
        ended = np.full(cells.shape, -np.inf)
        for stamp in np.unique(cells).tolist():
            at = cells == stamp
            if stamp in by_stamp:
                write = by_stamp[stamp]
                ended[at] = np.inf if write.end is None else write.end
                inside = np.zeros(cells.shape, bool)
                inside[slices(write.box)] = True
                if (at & ~inside).any():
                    found.append(f"{collection} {number}: stamp {stamp} lies outside of {write.box}")
            elif stamp > 0:
                found.append(f"{collection} {number}: nobody wrote {stamp}")
        for write in writes:
            if write.end is not None and (ended[slices(write.box)] < write.start).any():
                found.append(f"{collection} {number}: lost {write}")
    return found


def wrong_reads(done: list[Event], careless) -> list[str]:
    """Reads of what one worker writes as a whole that saw half of it, or what was gone already; not those of the workers that
    are `careless`."""
    found = []
    for read in [each for each in done if each.what == "read" and each.end is not None]:
        own = dict(((collection, number), own) for collection, number, own in PLACES)[(read.collection, read.number)]
        # Deker puts one tile after the other into place, and when it reads, it looks for a writer before it leaves its mark: one
        # may come in between.
        if not own or read.collection != "plain" or read.worker in careless:
            continue
        writes = [
            each
            for each in done
            if each.what == "write"
            and (each.collection, each.number, tuple(map(tuple, each.box)))
            == (read.collection, read.number, tuple(map(tuple, read.box)))
        ]
        if len(read.seen) != 1:
            found.append(f"saw {read.seen}: {read}")
            continue
        source = next((each for each in writes if each.stamp == read.seen[0]), None)
        if source is None and read.seen[0] != 0:
            found.append(f"nobody wrote that: {read}")
            continue
        ended = -np.inf if source is None else np.inf if source.end is None else source.end
        if source is not None and source.start > read.end:
            found.append(f"not written yet: {read}")
        newer = [each for each in writes if each.end is not None and each.end < read.start and each.start > ended]
        if newer:
            found.append(f"replaced by {newer[0]}: {read}")
    return found
