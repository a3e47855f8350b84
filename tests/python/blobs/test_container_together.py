"""Both programs at work on one container at once: nothing fails, and every object that was acknowledged is there and sound.

One of them packs at a time, as the package demands.
"""

import fcntl
import json
import random
import subprocess
import threading
import time

import blob_worker
import containers
import pytest
from containers import (
    HERE,
    PATIENCE,
    assert_holds,
    attempt,
    blob,
    command,
    contents_by_key,
    create,
    exported,
    files_of,
    findings,
    get,
    key_of,
    keys,
    package,
    package_faults,
    python,
    refused,
    running,
    told,
    wait_for,
)

from conftest import LONG

SECONDS = 30 if LONG else 1


class Started:
    """Processes and threads that are at work."""

    def __init__(self, path, folder):
        self.path, self.folder = path, folder
        self.logs, self.processes, self.threads, self.failures = [], [], [], []

    def package(self, task, number):
        """A process of the package."""
        log = self.folder / f"log{number}"
        self.logs.append(log)
        self.processes.append(python(HERE / "blob_worker.py", task, self.path, SECONDS, number, log))

    def ours(self, do, *arguments):
        """A thread that runs our command; each run is a process of its own."""

        def caught():
            try:
                do(*arguments)
            except BaseException as error:
                self.failures.append(error)

        self.threads.append(threading.Thread(target=caught))
        self.threads[-1].start()

    def is_any_at_work(self):
        return any(process.poll() is None for process in self.processes)

    def wait(self):
        for thread in self.threads:
            thread.join()
        for process in self.processes:
            error = process.communicate(timeout=SECONDS + PATIENCE)[1]
            if process.returncode != 0:
                self.failures.append(error)
        assert self.failures == []

    def acknowledged(self):
        found = {}
        for log in self.logs:
            found.update(blob_worker.acknowledged(log))
        return found


@pytest.fixture
def started(tmp_path):
    return Started(create(tmp_path / "container", pack_size_target=500_000), tmp_path)


# We pack.

ROUNDS = {
    "pack and clean": [
        ("pack",), ("maintain",), ("pack", "--compress", "auto"), ("pack", "--keep-loose"), ("maintain", "--no-pack"),
        ("pack", "--compress", "always"), ("maintain", "--compress", "auto"),
    ],
    # The old packs stay, so that who reads an old state of the index finds them.
    "repack": [
        ("pack", "--repack"), ("maintain", "--repack"), ("pack", "--repack", "--compress", "always"), ("maintain", "--vacuum"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", ROUNDS)
def test_the_package_adds_and_reads_while_we_pack(started, name):
    for number in range(2):
        started.package("add_and_read", number)
    rounds = 0
    while started.is_any_at_work() or rounds < 3:
        verb, *options = ROUNDS[name][rounds % len(ROUNDS[name])]
        blob(verb, started.path, *options)
        rounds += 1
    started.wait()
    expected = started.acknowledged()
    assert_holds(started.path, expected)
    told("maintain", started.path, "--offline")
    assert_holds(started.path, expected)
    assert list((started.path / "packs").glob("*.lock")) == []


def test_copies_made_meanwhile_are_whole(started):
    for number in range(2):
        started.package("add_and_read", number)
    copies = []
    while started.is_any_at_work() or len(copies) < 2:
        listed = keys(started.path)
        blob("pack", started.path)
        copies.append((listed, told("backup", started.path, started.folder / "copies", "--verify")))
    started.wait()
    for listed, said in copies:
        assert said["findings"] == []
        assert set(listed) <= set(keys(said["backup"]["path"]))
    expected = started.acknowledged()
    found = exported(copies[-1][1]["backup"]["path"], started.folder / "copy.zip")
    assert all(expected[key] == content for key, content in found.items())
    assert package_faults(copies[-1][1]["backup"]["path"]) == {}


# The package packs.


class Putter:
    """Puts objects one by one, so that they are loose, and reads them again."""

    def __init__(self, started, number):
        self.started, self.number, self.known = started, number, {}
        self.file = started.folder / f"put{number}"
        self.random = random.Random(number)

    def run(self):
        count = 0
        while self.started.is_any_at_work() or count < 10:
            count += 1
            self.put(blob_worker.content_of(self.number, count))
            self.read()

    def put(self, content):
        self.file.write_bytes(content)
        key = told("put", self.started.path, self.file)["objects"][0]["key"]
        assert key == key_of(content)
        self.known[key] = content

    def read(self):
        path = self.started.path
        some = self.random.sample(sorted(self.known), min(3, len(self.known)))
        for key in some:
            content = self.known[key]
            first = self.random.randint(0, len(content))
            assert get(path, key) == content
            assert get(path, key, f"--range={first}..") == content[first:]
        stats = told("stat", path, *some)["objects"]
        assert [each["size"] for each in stats] == [len(self.known[key]) for key in some]
        assert set(self.known) <= set(keys(path))


def test_we_put_and_read_while_the_package_packs(started):
    started.package("pack_and_clean", 0)
    putters = [Putter(started, number) for number in (1, 2)]
    for putter in putters:
        started.ours(putter.run)
    started.wait()
    expected = {key: content for putter in putters for key, content in putter.known.items()}
    assert_holds(started.path, expected)


def test_verify_and_export_find_nothing_wrong_while_the_package_adds_and_we_pack(started):
    for number in range(2):
        started.package("add_and_read", number)
    archives = []

    def look():
        while started.is_any_at_work() or len(archives) < 2:
            assert findings(started.path) == []
            archives.append(started.folder / f"{len(archives)}.zip")
            blob("export", started.path, archives[-1])

    started.ours(look)
    while started.is_any_at_work():
        blob("pack", started.path)
    started.wait()
    expected = started.acknowledged()
    for archive in archives:
        found = containers.archive_contents(archive)
        assert all(expected[key] == content for key, content in found.items())
    assert_holds(started.path, expected)


# Several of us pack.


def all_at_once(*commands):
    """Runs commands at the same time; what each printed. None may fail."""
    processes = [
        subprocess.Popen(command(*each, "--json"), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for each in commands
    ]
    ended = [(*process.communicate(timeout=2 * PATIENCE), process.returncode) for process in processes]
    assert [code for *_, code in ended] == [0] * len(commands), ended
    return [json.loads(out) for out, *_ in ended]


@pytest.mark.parametrize("target", ["4G", "20K"])
def test_many_who_put_into_packs_at_once_wait_for_one_another(tmp_path, target):
    path = tmp_path / "container"
    told("init", path, "--pack-size", target)
    rng = random.Random(1)
    # Some of them all put, at different times.
    common = [containers.wordy(seed, 700) for seed in range(100)] + [b"", containers.randomly(5, 200_000)]
    for turn in range(8 if LONG else 2):
        shares = [[containers.randomly(f"{turn} {number} {seed}", 500) for seed in range(200)] + common for number in range(4)]
        for share in shares:
            rng.shuffle(share)
        options = [[], ["--compress", "auto"], [], ["--compress", "always"]]
        with files_of([content for share in shares for content in share], path) as files:
            each = len(shares[0])
            said = all_at_once(*(
                ("put", path, *files[number * each : (number + 1) * each], *options[number]) for number in range(4)
            ))  # fmt: skip
        for share, document in zip(shares, said):
            assert [one["key"] for one in document["objects"]] == [key_of(content) for content in share]
        expected = {**(expected if turn else {}), **contents_by_key([content for share in shares for content in share])}
        existed = sum(one["existed"] for document in said for one in document["objects"])
        assert existed == 3 * len(common) + (len(common) if turn else 0)
    assert_holds(path, expected)
    assert list((path / "packs").glob("*.lock")) == []
    assert told("verify", path)["verified"]["unused_bytes"] == 0


def test_all_verbs_that_change_packs_wait_for_one_another(tmp_path):
    path = tmp_path / "container"
    told("init", path, "--pack-size", "50K")
    expected = {}
    for turn in range(20 if LONG else 4):
        contents = [containers.randomly(f"{turn} {seed}", 900) for seed in range(120)]
        expected.update(contents_by_key(contents))
        with files_of(contents, path) as files:
            loose = [("put", path, file) for file in files[:4]]
            all_at_once(
                ("put", path, *files[4:60]), ("put", path, *files[60:], "--compress", "auto"), ("pack", path), ("maintain", path),
                ("pack", path, "--repack", "--compress", "always"), ("maintain", path, "--repack", "--vacuum"), *loose,
                ("backup", path, tmp_path / "copies", "--keep", "1"),
            )  # fmt: skip
    assert_holds(path, expected)
    assert findings(tmp_path / "copies" / "last-backup") == []
    told("maintain", path, "--offline")
    assert_holds(path, expected)


def test_the_same_object_is_put_by_many_at_once(tmp_path):
    path = tmp_path / "container"
    told("init", path)
    contents = [b"one for all", b"", containers.wordy(1, 100_000)]
    for content in contents:
        with files_of([content] * 12, path) as files:
            said = all_at_once(*(("put", path, file) for file in files))
        assert {each["objects"][0]["key"] for each in said} == {key_of(content)}
    assert_holds(path, contents_by_key(contents))
    assert list((path / "sandbox").iterdir()) == []


def test_while_objects_are_deleted_the_others_are_read(tmp_path):
    path = tmp_path / "container"
    told("init", path, "--pack-size", "50K")
    keep = [containers.randomly(f"keep {seed}", 900) for seed in range(60)]
    goes = [containers.randomly(f"goes {seed}", 900) for seed in range(60)]
    containers.put(path, *keep[:30], *goes[:30])
    for content in keep[30:] + goes[30:]:
        blob("put", path, "-", stdin=content)
    wanted = contents_by_key(keep)
    gone = [key_of(content) for content in goes]
    removals = [("rm", path, *gone[number::4]) for number in range(4)]
    reads = [("export", path, tmp_path / f"{number}.zip", *wanted) for number in range(4)]
    all_at_once(*removals, *reads, ("pack", path), ("maintain", path, "--repack"), ("verify", path), ("ls", path, "--long"))
    assert_holds(path, wanted)
    for number in range(4):
        assert containers.archive_contents(tmp_path / f"{number}.zip") == wanted


# Locks.


def test_a_packer_waits_as_long_as_it_is_told_to_and_then_says_what_for(tmp_path):
    path = tmp_path / "container"
    told("init", path)
    containers.put(path, b"loose")
    with (path / "hyperslab.lock").open("a") as held, files_of([b"a", b"b"], path) as files:
        fcntl.flock(held, fcntl.LOCK_EX)
        for words in [("pack", path), ("maintain", path), ("put", path, *files), ("backup", path, tmp_path / "copies")]:
            begun = time.monotonic()
            error = refused(5, *words, "--lock-timeout", "0.3", patience=5)
            assert time.monotonic() - begun > 0.2, words
            assert str(path) in error
        # Whoever does not pack needs not to wait.
        assert get(path, key_of(b"loose")) == b"loose"
        blob("put", path, files[0], "--lock-timeout", "0")
        assert findings(path) == []
        process = subprocess.Popen(command("pack", path), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        fcntl.flock(held, fcntl.LOCK_UN)
    assert process.communicate(timeout=PATIENCE)[1] == b"" and process.returncode == 0
    assert_holds(path, contents_by_key([b"loose", b"a"]))
    assert containers.counts(path) == (2, 0)


def test_the_lock_of_a_packer_of_the_package_is_heeded_and_left_alone(tmp_path):
    path = create(tmp_path / "container")
    with package(path) as container:
        container.add_object(b"loose")
        container.add_objects_to_pack([b"packed"])
    lock = path / "packs" / "0.lock"
    with package(path) as container, files_of([b"a", b"b"], path) as files, container.lock_pack("0"):
        assert lock.exists()
        for words in [("pack", path), ("put", path, *files), ("put", path, files[0], "--compress", "auto")]:
            error = refused(5, *words, "--lock-timeout", "0.2")
            assert str(lock) in error
            assert lock.read_bytes() == b""
        assert get(path, key_of(b"packed")) == b"packed"
    assert not lock.exists()
    expected = contents_by_key([b"loose", b"packed"])
    assert_holds(path, expected)
    told("pack", path)
    assert_holds(path, expected)
    # One that was killed leaves its lock for good. We say which file it is.
    blob("put", path, "-", stdin=b"more")
    lock.touch()
    assert str(lock) in refused(5, "maintain", path, "--offline", "--lock-timeout", "0.2")
    lock.unlink()
    told("maintain", path, "--offline")
    assert_holds(path, {**expected, **contents_by_key([b"more"])})


def test_our_lock_is_heeded_by_the_package_and_is_gone_with_us(tmp_path):
    path = tmp_path / "container"
    told("init", path)
    with package(path) as container:
        container.add_object(b"of the package")
        process = running("put", path, "-", "/dev/null")
        process.stdin.write(containers.randomly(1, 1 << 20))
        process.stdin.flush()
        mark = path / "packs" / "0.lock"
        wait_for(mark.exists)
        with pytest.raises(FileExistsError):
            container.pack_all_loose()
    # Killed while it appends: what it has left stops nobody, and is nobody's.
    process.kill()
    process.communicate()
    expected = contents_by_key([b"of the package"])
    assert_holds(path, expected)
    blob("put", path, "-", "/dev/null", stdin=b"after it")
    told("pack", path)
    expected.update(contents_by_key([b"after it", b""]))
    assert_holds(path, expected)
    assert not mark.exists()
    told("maintain", path, "--offline")
    assert told("verify", path)["verified"]["unused_bytes"] == 0
    assert_holds(path, expected)


@pytest.mark.parametrize("after", [0.0, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16] if LONG else [0.005, 0.03])
@pytest.mark.parametrize("words", ["put", "pack --compress always", "pack --repack", "maintain --offline"])
def test_whoever_is_killed_leaves_a_container_in_which_both_go_on(tmp_path, words, after):
    path = tmp_path / "container"
    told("init", path, "--pack-size", "100K")
    packed = [containers.wordy(seed, 5000) for seed in range(60)]
    loose = [containers.wordy(seed, 5000) for seed in range(60, 70)]
    new = [containers.wordy(seed, 3000) for seed in range(100, 400)]
    containers.put(path, *packed, b"goes")
    for content in loose:
        blob("put", path, "-", stdin=content)
    told("rm", path, key_of(b"goes"))
    expected = contents_by_key(packed + loose)
    with files_of(new, path) as files:
        verb, *options = words.split()
        process = running(verb, path, *(files if verb == "put" else []), *options)
        try:
            out, _ = process.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
        if verb == "put" and process.returncode == 0:
            expected.update(contents_by_key(new))
    assert findings(path) == [] and package_faults(path) == {}
    found = exported(path, tmp_path / "all.zip")
    assert expected.items() <= found.items()
    assert found.items() <= {**expected, **contents_by_key(new)}.items()
    with package(path) as container:
        container.add_object(b"more")
        # A lock of one who was killed stops the package once, whoever that was.
        try:
            container.pack_all_loose()
        except FileExistsError:
            container.pack_all_loose()
    found.update(contents_by_key([b"more"]))
    assert_holds(path, found)
    told("maintain", path, "--offline")
    assert_holds(path, found)
    assert attempt("verify", path).code == 0
