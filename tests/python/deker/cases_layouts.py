"""Chunks and filters: what Deker passes on to HDF5."""

import cases
import h5py
import hdf5plugin
import numpy as np
from cases import ArrayCase, Case, Write
from deker import ArraySchema, AttributeSchema, DimensionSchema
from deker_local_adapters import HDF5CompressionOpts, HDF5Options

SHAPE = (24, 18)


def case(name, chunks=None, compression=None, level=None, dtype=np.float32):
    """Arrays of smooth cells, so that a filter has work: whole, in part, rewritten, never written."""
    filters = None if compression is None else HDF5CompressionOpts(compression, level)
    dimensions = [DimensionSchema(name=n, size=s) for n, s in zip("yx", SHAPE)]
    state = AttributeSchema(name="state", dtype=str, primary=True)
    schema = ArraySchema(dimensions=dimensions, dtype=dtype, attributes=[state])
    cells = np.add.outer(np.arange(SHAPE[0]), np.arange(SHAPE[1]) / 8).astype(dtype)
    noise = cases.plain(cases.ramp(SHAPE, dtype))
    arrays = [
        ArrayCase({"state": "whole"}, writes=[Write(slice(None), cells)]),
        ArrayCase({"state": "part"}, writes=[Write((slice(3, 20), slice(5, 6)), noise[3:20, 5:6])]),
        ArrayCase({"state": "twice"}, writes=[Write(slice(None), noise), Write((slice(0, 7),), cells[:7])]),
        ArrayCase({"state": "never"}),
    ]
    return Case(name, schema, arrays, HDF5Options(chunks=chunks, compression_opts=filters))


def chunked():
    yield case("chunks none")
    yield case("chunks true", True)
    yield case("chunks dividing", (8, 6))
    yield case("chunks not dividing", (7, 5))
    yield case("chunks of one row", (1, 18), dtype=np.int16)


def built_in():
    for level in range(10):
        yield case(f"gzip {level}", (8, 6), "gzip", level, dtype=np.int32)
    yield case("gzip in chunks of its own", None, "gzip", 4)
    yield case("gzip complex", (8, 6), "gzip", 4, dtype=np.complex128)
    yield case("gzip float16", (7, 5), "gzip", 4, dtype=np.float16)
    yield case("lzf", (8, 6), "lzf")
    if h5py.h5z.filter_avail(h5py.h5z.FILTER_SZIP):
        yield case("szip nn", (8, 6), "szip", ("nn", 8), dtype=np.int32)
        yield case("szip ec", (7, 5), "szip", ("ec", 16))


def plugins():
    """Deker takes another filter by the number that HDF5 knows it under."""
    known = {
        "zstd": hdf5plugin.Zstd(clevel=6),
        "lz4": hdf5plugin.LZ4(nbytes=0),
        "blosc lz4": hdf5plugin.Blosc(cname="lz4", clevel=5, shuffle=hdf5plugin.Blosc.SHUFFLE),
        "blosc zstd bits": hdf5plugin.Blosc(cname="zstd", clevel=3, shuffle=hdf5plugin.Blosc.BITSHUFFLE),
        "bitshuffle": hdf5plugin.Bitshuffle(nelems=0, cname="none"),
        "bitshuffle lz4": hdf5plugin.Bitshuffle(nelems=0, cname="lz4"),
        "bzip2": hdf5plugin.BZip2(blocksize=9),
    }
    for name, plugin in known.items():
        yield case(name, (8, 6), plugin["compression"], plugin["compression_opts"])


def all_cases():
    yield from chunked()
    yield from built_in()
    yield from plugins()
