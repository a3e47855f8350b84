"""Both programs in turns on one container: whatever one has done, the other goes on from there, and no object is ever lost."""

import random

import containers
import pytest
from containers import assert_holds, attempt, exported, get, key_of, keys, package, package_contents, package_keys, put, told
from disk_objectstore import CompressMode

from conftest import LONG

SEEDS = range(24) if LONG else range(2)
STEPS = 600 if LONG else 200
# After so many steps the two are compared with what must be there.
OFTEN = 8
MODES = [CompressMode.NO, CompressMode.YES, CompressMode.AUTO, CompressMode.KEEP]
COMPRESS = ["never", "always", "auto"]


class Both:
    """A container, and what must be in it."""

    def __init__(self, folder, seed):
        self.random = random.Random(seed)
        self.folder, self.path = folder, folder / "container"
        self.hash_type = self.random.choice(["sha256", "sha256", "sha1"])
        self.expected = {}
        # Contents that are put again and again, deleted, and put again.
        self.pool = [self.content() for _ in range(60)] + [b""]
        self.done = []
        prefix, size = self.random.choice([0, 1, 2, 3]), self.random.choice([5000, 20_000, 1 << 30])
        if self.random.random() < 0.5:
            containers.create(self.path, hash_type=self.hash_type, loose_prefix_len=prefix, pack_size_target=size)
        else:
            told("init", self.path, "--hash", self.hash_type, "--prefix", prefix, "--pack-size", size)

    def content(self):
        size = self.random.choice([1, 10, 300, 1000, 3000, 3000, 70_000])
        make = self.random.choice([containers.randomly, containers.wordy])
        return make(self.random.random(), self.random.randint(1, size))

    def some(self, most=8):
        return [self.random.choice(self.pool) for _ in range(self.random.randint(1, most))]

    def some_keys(self, most=5):
        listed = sorted(self.expected)
        return self.random.sample(listed, min(len(listed), self.random.randint(1, most)))

    def added(self, contents, said):
        assert list(said) == [key_of(content, self.hash_type) for content in contents]
        self.expected.update(zip(said, contents))

    def deleted(self, gone):
        for key in gone:
            del self.expected[key]

    def chance(self):
        return self.random.random() < 0.5

    # What the package does.

    def package_adds(self):
        contents = self.some()
        with package(self.path) as container:
            self.added(contents, [container.add_object(content) for content in contents])

    def package_adds_to_packs(self):
        contents = self.some()
        with package(self.path) as container:
            no_holes = self.chance()
            self.added(contents, container.add_objects_to_pack(contents, compress=self.chance(), no_holes=no_holes))

    def package_packs(self):
        with package(self.path) as container:
            container.pack_all_loose(compress=self.random.choice(MODES), clean_loose_per_pack=self.chance())

    def package_cleans(self):
        with package(self.path) as container:
            container.clean_storage(vacuum=self.chance())

    def package_repacks(self):
        with package(self.path) as container:
            container.repack(compress_mode=self.random.choice(MODES))

    def package_deletes(self):
        gone = self.some_keys()
        with package(self.path) as container:
            assert sorted(container.delete_objects(gone)) == sorted(gone)
        self.deleted(gone)

    def package_loosens(self):
        with package(self.path) as container:
            for key in self.some_keys():
                assert container.loosen_object(key).read_bytes() == self.expected[key]

    def package_imports(self):
        contents = list(dict.fromkeys(self.some()))
        other = containers.create(self.folder / f"other{len(self.done)}", hash_type=self.hash_type)
        with package(self.path) as container, package(other) as source:
            given = source.add_objects_to_pack(contents)
            container.import_objects(given, source, compress=self.chance())
        self.added(contents, given)

    # What we do.

    def we_put_one(self):
        content = self.random.choice(self.pool)
        self.added([content], put(self.path, content))

    def we_put_many(self):
        contents = self.some(12)
        self.added(contents, put(self.path, *contents))

    def we_put_compressed(self):
        contents = self.some()
        self.added(contents, put(self.path, *contents, options=["--compress", self.random.choice(COMPRESS)]))

    def we_pack(self):
        options = ["--compress", self.random.choice(COMPRESS)] if self.chance() else []
        options += ["--keep-loose"] if self.chance() else []
        told("pack", self.path, *options)

    def we_repack(self):
        options = ["--compress", self.random.choice(COMPRESS)] if self.chance() else []
        told("pack", self.path, "--repack", *options)

    def we_maintain(self):
        told("maintain", self.path, "--compress", self.random.choice(COMPRESS))

    def we_maintain_offline(self):
        told("maintain", self.path, "--offline", "--compress", self.random.choice(COMPRESS))

    def we_delete(self):
        gone = self.some_keys()
        assert told("rm", self.path, *gone) == {"deleted": len(gone)}
        self.deleted(gone)

    def we_loosen(self):
        told("pack", self.path, "--loosen", *self.some_keys())

    def we_import(self):
        contents = list(dict.fromkeys(self.some()))
        other = self.folder / f"other{len(self.done)}"
        told("init", other, "--hash", self.hash_type)
        given = put(other, *contents)
        told("import", self.path, other)
        self.added(contents, given)

    STEPS = [
        (package_adds, 4), (package_adds_to_packs, 3), (package_packs, 3), (package_cleans, 2), (package_repacks, 2),
        (package_deletes, 3), (package_loosens, 1), (package_imports, 1), (we_put_one, 4), (we_put_many, 3),
        (we_put_compressed, 2),
        (we_pack, 3), (we_repack, 2), (we_maintain, 2), (we_maintain_offline, 1), (we_delete, 3), (we_loosen, 1), (we_import, 1),
    ]  # fmt: skip

    def step(self):
        """Does the next thing."""
        steps, weights = zip(*self.STEPS)
        (step,) = self.random.choices(steps, weights)
        needs_objects = step.__name__.endswith(("deletes", "delete", "loosens", "loosen"))
        if needs_objects and not self.expected:
            step = Both.package_adds
        self.done.append(step.__name__)
        step(self)

    def compare(self):
        """What both list and read is what must be there."""
        assert package_keys(self.path) == sorted(self.expected)
        assert keys(self.path) == sorted(self.expected)
        assert package_contents(self.path, self.expected) == self.expected
        if self.hash_type == "sha256":
            archive = self.folder / "all.zip"
            assert exported(self.path, archive) == self.expected
            archive.unlink()
        else:
            # There is no archive of these; so some, and all by their hashes.
            assert attempt("verify", self.path).code == 0
        for key in self.some_keys():
            assert get(self.path, key) == self.expected[key]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_object_is_lost_between_the_two(tmp_path, seed):
    both = Both(tmp_path, seed)
    try:
        for number in range(STEPS):
            both.step()
            if number % OFTEN == 0:
                both.compare()
        assert_holds(both.path, both.expected)
        both.we_maintain_offline()
        assert_holds(both.path, both.expected)
        assert containers.loose_files(both.path) == []
        assert list(containers.config(both.path)) == containers.FIELDS
    except BaseException:
        print("the last steps:", both.done[-12:])
        raise
