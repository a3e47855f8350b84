"""Every filter that h5py and hdf5plugin write, read in place and compared with h5py, cell by cell."""

import json
import os
import subprocess

import h5py
import numpy as np
import pytest

from conftest import hyperslab, program

hdf5plugin = pytest.importorskip("hdf5plugin", reason="hdf5plugin has no wheel for this Python")

SHAPE = (37, 53)

# Whether this build of h5py has szip, and not only its decoder.
SZIP = h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP) and bool(
    h5py.h5z.get_filter_info(h5py.h5z.FILTER_SZIP) & h5py.h5z.FILTER_CONFIG_ENCODE_ENABLED
)
needs_szip = pytest.mark.skipif(not SZIP, reason="this h5py cannot write szip")
CHUNKS = {"edges": (8, 16), "one": (37, 53), "odd": (7, 5)}
DTYPES = ["?", "i1", "u1", "<i2", ">i2", "<u4", ">i8", "<u8", "<f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c16"]


def filters() -> dict[str, dict]:
    plugin = hdf5plugin
    made = {
        "none": {},
        "gzip": {"compression": "gzip", "compression_opts": 4},
        "lzf": {"compression": "lzf"},
        "bzip2": plugin.BZip2(blocksize=9),
        "bzip2-1": plugin.BZip2(blocksize=1),
        "lz4": plugin.LZ4(),
        "lz4-blocks": plugin.LZ4(nbytes=512),
        "zstd": plugin.Zstd(clevel=3),
        "bitshuffle": plugin.Bitshuffle(cname="none"),
        "bitshuffle-lz4": plugin.Bitshuffle(cname="lz4"),
        "bitshuffle-zstd": plugin.Bitshuffle(cname="zstd", clevel=2),
        "bitshuffle-blocks": plugin.Bitshuffle(nelems=64, cname="lz4"),
    }
    for method, block in [("nn", 8), ("ec", 16)]:
        made[f"szip-{method}"] = {"compression": "szip", "compression_opts": (method, block)}
    for name in ["blosclz", "lz4", "lz4hc", "zlib", "zstd"]:
        for shuffle in [plugin.Blosc.NOSHUFFLE, plugin.Blosc.SHUFFLE, plugin.Blosc.BITSHUFFLE]:
            made[f"blosc-{name}-{shuffle}"] = plugin.Blosc(cname=name, clevel=5, shuffle=shuffle)
    return made


FILTERS = filters()


def cells(dtype: str, random: bool) -> np.ndarray:
    count = int(np.prod(SHAPE))
    if random:
        numbers = np.random.default_rng(7).integers(-120, 120, count)
    else:
        numbers = np.arange(count) // 11 % 97 - 40
    kind = dtype.lstrip("<>")[0]
    if kind == "?":
        return (numbers % 3 == 0).reshape(SHAPE)
    if kind == "u":
        numbers = numbers + 120
    return (numbers * (1 - 2j) if kind == "c" else numbers).astype(dtype).reshape(SHAPE)


class Reader:
    """Reads parts of one variable in a process that keeps it open."""

    def __init__(self, path, variable):
        command = program("HYPERSLAB_SELECT_BATCH", "examples", "select_batch")
        self.process = subprocess.Popen(
            [command, os.fspath(path), variable], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def read(self, *index: str) -> np.ndarray:
        request = {"isel": {f"dim_{axis}": text for axis, text in enumerate(index) if text != ":"}}
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        header = json.loads(self.process.stdout.readline())
        assert "error" not in header, header
        raw = self.process.stdout.read(header["bytes"])
        return np.frombuffer(raw, header["dtype"]).reshape(header["shape"])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait() == 0


PARTS = [(":", ":"), ("3:9", "14:50:5"), ("-1", ":"), (":", "16"), ("7:9", "15:17")]


def compare(path, parts=PARTS) -> int:
    """Reads all variables of a file whole and in parts; gives how many there were."""
    with h5py.File(path) as file:
        expected = {name: dataset[...] for name, dataset in file.items()}
    for name, theirs in expected.items():
        with Reader(path, name) as reader:
            for index in parts:
                part = tuple(
                    int(text) if ":" not in text else slice(*[int(part) if part else None for part in text.split(":")])
                    for text in index
                )
                ours = reader.read(*index)
                np.testing.assert_array_equal(ours, theirs[part], err_msg=f"{name} {index}")
                assert ours.dtype == theirs.dtype.newbyteorder("="), name
    return len(expected)


@pytest.mark.parametrize("name", [pytest.param(n, marks=needs_szip) if n.startswith("szip") else n for n in FILTERS])
def test_every_filter_of_every_type(name, tmp_path):
    path = tmp_path / "foreign.h5"
    # HDF5 refuses szip for cells that are made of two numbers.
    dtypes = [dtype for dtype in DTYPES if not (name.startswith("szip") and np.dtype(dtype).kind == "c")]
    with h5py.File(path, "w", libver="latest" if len(name) % 2 else "earliest") as file:
        for number, dtype in enumerate(dtypes):
            layout, chunks = list(CHUNKS.items())[number % len(CHUNKS)]
            for shuffle in [False, True]:
                what = f"{dtype.strip('<>?') or 'bool'}{'b' * (dtype[0] == '>')}-{layout}-{shuffle}"
                options = dict(FILTERS[name])
                if shuffle:
                    options["shuffle"] = True
                if number % 4 == 1:
                    options["fletcher32"] = True
                random = shuffle == (number % 2 == 0)
                file.create_dataset(what, data=cells(dtype, random), chunks=chunks, **options)
    assert compare(path) == 2 * len(dtypes)


def contents(dtype: str, shape: tuple[int, int]) -> np.ndarray:
    """Cells that an entropy coder codes in each way it has, one below the other."""
    random = np.random.default_rng(11)
    count = int(np.prod(shape))
    ramp = np.arange(count) // 5 % 120
    info = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else np.finfo(dtype)
    ends = np.where(random.random(count) < 0.5, info.min, info.max)
    made = [
        np.zeros(count),
        np.arange(count) == count // 3,
        random.random(count) < 0.05,
        ramp,
        ramp + random.integers(0, 4, count),
        60 + 60 * np.sin(np.arange(count) / 9),
        ends,
    ]
    noise = np.frombuffer(random.bytes(count * np.dtype(dtype).itemsize), dtype)
    if np.dtype(dtype).kind == "f":
        noise = np.nan_to_num(noise, nan=1.0)
    return np.concatenate([*(numbers.astype(dtype) for numbers in made), noise]).reshape(-1, shape[1])


@needs_szip
@pytest.mark.parametrize("method", ["nn", "ec"])
@pytest.mark.parametrize("block", [2, 4, 8, 10, 16, 30, 32])
def test_szip_in_lines_and_blocks_of_every_size(method, block, tmp_path):
    path = tmp_path / "foreign.h5"
    # Lines of whole blocks or not, shorter than a block, of many blocks, and cut off at what szip has room for.
    shapes = {(24, 64): (8, 32), (37, 53): (7, 53), (300, 3): (150, 3), (20, 1000): (20, 999), (2, 9000): (2, 9000)}
    count = coded = 0
    with h5py.File(path, "w") as file:
        for dtype in ["u1", "i1", "<i2", ">u2", "<f2", ">i4", "<f4", "<i8", ">f8"]:
            for shape, chunks in shapes.items():
                dataset = file.create_dataset(
                    f"{dtype.strip('<>')}-{shape[1]}",
                    data=contents(dtype, shape),
                    chunks=chunks,
                    compression="szip",
                    compression_opts=(method, block),
                )
                chunks_of = [dataset.id.get_chunk_info(n) for n in range(dataset.id.get_num_chunks())]
                coded += sum(chunk.filter_mask == 0 for chunk in chunks_of)
                count += len(chunks_of)
    # What szip could not make smaller is stored as it is, and that is not most.
    assert coded > count / 2
    assert compare(path, [(":", ":"), ("5:31:3", "1:3")]) == 9 * len(shapes)


def test_chunks_that_skip_a_filter(tmp_path):
    """The mask of a chunk says which filters it did not go through."""
    path = tmp_path / "foreign.h5"
    chunk = np.arange(20, dtype="<f4").reshape(4, 5)
    with h5py.File(path, "w") as file:
        for name, options in {
            "gzip": {"compression": "gzip", "shuffle": True},
            "big": {"compression": "gzip", "shuffle": True, "dtype": ">f4"},
            "lzf": {"compression": "lzf", "shuffle": True},
            "lz4": {**hdf5plugin.LZ4(), "shuffle": True},
            "bits": {**hdf5plugin.Bitshuffle(), "shuffle": True},
            "bzip2": {**hdf5plugin.BZip2(), "shuffle": True},
        }.items():
            dtype = options.pop("dtype", "<f4")
            dataset = file.create_dataset(name, shape=(37, 53), dtype=dtype, chunks=(4, 5), fillvalue=-3.5, **options)
            dataset[4:8] = 7.25
            raw = chunk.astype(dtype).tobytes()
            dataset.id.write_direct_chunk((0, 0), raw, filter_mask=3)
            shuffled = np.frombuffer(raw, "u1").reshape(-1, 4).T.tobytes()
            dataset.id.write_direct_chunk((0, 5), shuffled, filter_mask=2)
    assert compare(path) == 6


def test_cells_that_were_never_written(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        for name, options in {
            "gzip": {"chunks": (8, 16), "compression": "gzip"},
            "raw": {"chunks": (8, 16)},
            "lz4": {"chunks": (8, 16), **hdf5plugin.LZ4()},
            "whole": {},
        }.items():
            for dtype in ["<i4", ">i4", "<f8", ">f8", "<f2", ">f2"]:
                for fill in [None, 7]:
                    what = f"{name}-{dtype[1:]}{'b' * (dtype[0] == '>')}-{fill}"
                    dataset = file.create_dataset(what, shape=SHAPE, dtype=dtype, fillvalue=fill, **options)
                    if name != "whole":
                        dataset[3:12, 20:30] = 5
    assert compare(path) == 48


@pytest.mark.parametrize("mode", ["w", "r+"])
def test_a_file_that_is_rewritten_between_two_reads(mode, tmp_path):
    path = tmp_path / "foreign.h5"
    layouts = [{"chunks": (8, 16), "compression": "gzip"}, {}, {"chunks": (7, 5)}, {"chunks": (8, 16), **hdf5plugin.LZ4()}]
    with h5py.File(path, "w") as file:
        file.create_dataset("v", data=cells("<f4", True), **layouts[-1])
    with Reader(path, "v") as reader:
        np.testing.assert_array_equal(reader.read(), cells("<f4", True))
        for number, layout in enumerate(layouts):
            with h5py.File(path, mode) as file:
                if "v" in file:
                    del file["v"]
                file.create_dataset("v", data=cells("<f4", True) + number, **layout)
            np.testing.assert_array_equal(reader.read(), cells("<f4", True) + number)


def test_a_filter_that_nobody_knows_is_named(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("v", data=cells("<f4", True), chunks=(8, 16), **hdf5plugin.Blosc2())
    words = [str(program("HYPERSLAB_BIN", "hyperslab")), "read", str(path), "v", "-o", str(tmp_path / "out.npy")]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert "blosc2" in done.stderr


@pytest.mark.parametrize("options", [{"compression": "gzip"}, {**hdf5plugin.BZip2()}], ids=["gzip", "bzip2"])
def test_a_damaged_stream_is_reported_with_its_place(options, tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        dataset = file.create_dataset("v", data=cells("<f4", True), chunks=(8, 16), **options)
        chunk = dataset.id.get_chunk_info(5)
    raw = bytearray(path.read_bytes())
    middle = chunk.byte_offset + chunk.size // 2
    raw[middle : middle + 20] = bytes(20)
    path.write_bytes(raw)
    words = [str(program("HYPERSLAB_BIN", "hyperslab")), "read", str(path), "v", "-o", str(tmp_path / "out.npy")]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode != 0
    assert f"chunk at byte {chunk.byte_offset}" in done.stderr, done.stderr


def refused(path, variable, tmp_path) -> subprocess.CompletedProcess:
    words = [str(program("HYPERSLAB_BIN", "hyperslab")), "read", str(path), variable, "-o", str(tmp_path / "out.npy")]
    return subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def test_a_damaged_blosc_header_is_not_believed(tmp_path):
    """Neither a length that reaches beyond the chunk, which crashes who believes it, nor a single flipped bit."""
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        data = (np.random.default_rng(3).standard_normal((20, 20)) * 20).astype("<i4")
        dataset = file.create_dataset("v", data=data, chunks=(20, 20), **hdf5plugin.Blosc(cname="zstd", shuffle=2))
        first = dataset.id.get_chunk_info(0).byte_offset
    sound = path.read_bytes()
    for flips in [{15: 2, 18: 16}, {15: 2}]:
        raw = bytearray(sound)
        for place, bits in flips.items():
            raw[first + place] ^= bits
        path.write_bytes(raw)
        done = refused(path, "v", tmp_path)
        assert done.returncode == 7, (flips, done.returncode, done.stderr)
        assert f"chunk at byte {first}" in done.stderr


def test_a_bool_that_is_neither_is_damage(tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        kind = h5py.h5t.enum_create(h5py.h5t.STD_I8LE)
        kind.enum_insert(b"FALSE", 0)
        kind.enum_insert(b"TRUE", 1)
        dataset = h5py.h5d.create(file.id, b"v", kind, h5py.h5s.create_simple((3,)))
        dataset.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([0, 1, -1], "i1"), mtype=kind)
    done = refused(path, "v", tmp_path)
    assert done.returncode == 7, done.stderr
    assert "neither false nor true" in done.stderr


@pytest.mark.parametrize("layout", [{"chunks": (8, 16)}, {"chunks": (8, 16), "fletcher32": True}, {}])
def test_a_file_that_is_changed_in_place_and_given_its_old_time(layout, tmp_path):
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("v", data=np.ones(SHAPE, "<f4"), **layout)
    with Reader(path, "v") as reader:
        assert (reader.read("3:9", "14:50:5") == 1).all()
        before = path.stat()
        with h5py.File(path, "r+") as file:
            file["v"][...] = 2
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert path.stat().st_size == before.st_size
        assert (reader.read("3:9", "14:50:5") == 2).all()


def test_floats_that_would_become_infinite_are_refused(tmp_path):
    """Such as bfloat16, which has the size of a half float and the range of a float32."""
    path = tmp_path / "foreign.h5"
    with h5py.File(path, "w") as file:
        wide = h5py.h5t.IEEE_F16LE.copy()
        wide.set_fields(15, 7, 8, 0, 7)
        wide.set_ebias(127)
        h5py.h5d.create(file.id, b"wide", wide, h5py.h5s.create_simple((3,)))
        narrow = h5py.h5t.IEEE_F32LE.copy()
        narrow.set_fields(31, 26, 5, 0, 26)
        narrow.set_ebias(15)
        narrow.set_fields(31, 25, 5, 4, 21)
        h5py.h5d.create(file.id, b"narrow", narrow, h5py.h5s.create_simple((3,)))
    done = refused(path, "wide", tmp_path)
    assert done.returncode == 8, done.stderr
    assert "no type here has room" in done.stderr
    hyperslab("read", path, "narrow", "-o", tmp_path / "narrow.npy")


def test_the_command_reads_in_place(tmp_path):
    path, out = tmp_path / "foreign.h5", tmp_path / "out.npy"
    with h5py.File(path, "w") as file:
        file.create_dataset("v", data=cells("<f4", True), chunks=(8, 16), **hdf5plugin.Bitshuffle())
    hyperslab("read", path, "v", "-o", out)
    np.testing.assert_array_equal(np.load(out), cells("<f4", True))
