"""Writes the fixtures tests/data/foreign_types.h5 and foreign_user_block.h5: what the HDF5 library of the tests cannot write.

Run with the packages h5py and numpy in tests/data:  python ../python/make_foreign_types.py
"""

import h5py
import numpy as np

CELLS = np.arange(6.0).reshape(2, 3)

with h5py.File("foreign_types.h5", "w", libver="latest") as file:
    for name, dtype in [("big_f4", ">f4"), ("big_i2", ">i2"), ("half", "f2"), ("single", "c8"), ("double", "c16")]:
        file[name] = CELLS.astype(dtype)
    file["bool"] = CELLS > 2
    file["enum"] = np.array([1, 2], dtype=h5py.enum_dtype({"A": 1, "B": 2}))
    file["record"] = np.zeros(2, dtype=[("a", "i4"), ("b", "f4")])
    file["text"] = "a text"
    file["fixed_text"] = np.array([b"a", b"b"])
    file["ragged"] = h5py.Empty("f4")
    file.create_dataset("list", shape=2, dtype=h5py.vlen_dtype("i4"))
    file["gzip"] = h5py.SoftLink("/inner/gzip")
    file["nowhere"] = h5py.SoftLink("/nowhere")
    inner = file.create_group("inner")
    inner.create_dataset("gzip", data=CELLS, chunks=(1, 2), compression="gzip", shuffle=True, fletcher32=True)
    inner.create_dataset("partly", shape=(4, 3), dtype="f4", chunks=(2, 2), fillvalue=9)[:2] = CELLS
    inner.create_dataset("lzf", data=np.zeros((64, 8)), chunks=(64, 8), compression="lzf")
    inner["up"] = file["/"]
    attributes = file["half"].attrs
    attributes["latin"] = np.bytes_("50\xb0".encode("latin-1"))
    attributes["texts"] = ["a", "ü"]
    attributes["flag"] = np.bool_(True)
    attributes["empty"] = h5py.Empty("S1")
    attributes["reference"] = file["bool"].ref
    attributes["big"] = np.array([1, 2], dtype=">i4")
    attributes["largest"] = np.uint64(2**64 - 1)

with h5py.File("foreign_user_block.h5", "w", userblock_size=512) as file:
    file.create_dataset("chunked", data=CELLS, chunks=(1, 3))
    file.create_dataset("gzip", data=CELLS, chunks=(1, 3), compression="gzip")
