"""What can have gone wrong in a storage of Deker's; of most of it Deker's own check sees nothing, or ends with it."""

import json
import pathlib
import shutil

import h5py
import numpy as np

# Name -> what is done to a collection of plain arrays; gives back a text that the finding must name.
OF_ARRAYS = {}
# The same for a collection of tiled arrays.
OF_TILED = {}


def of(group):
    def enter(function):
        group[function.__name__.replace("_", " ")] = function
        return function

    return enter


def files(collection: pathlib.Path, folder: str = "array_data") -> list[pathlib.Path]:
    """The files that hold arrays, largest first: those that are written."""
    found = [path for path in (collection / folder).rglob("*.*") if path.is_file()]
    return sorted(found, key=lambda path: (-path.stat().st_size, path.name))


def names(collection: pathlib.Path) -> dict:
    """What a person may call the array of each id: the id, or the key of it, or of the array whose tile it is."""
    found = {}
    for path in files(collection, "varray_data") if (collection / "varray_data").exists() else []:
        found[path.stem] = [path.stem, *key_words(json.loads(path.read_text()))]
    for path in files(collection):
        with h5py.File(path) as file:
            meta = json.loads(file["meta"][()])
        owner = meta["primary_attributes"].get("vid")
        found[path.stem] = [path.stem, *(found[owner] if owner else key_words(meta))]
    return found


def key_words(meta: dict) -> list[str]:
    return [f"{name}={value}" for name, value in meta["primary_attributes"].items()]


def document(collection: pathlib.Path) -> pathlib.Path:
    return collection / f"{collection.name}.json"


@of(OF_ARRAYS)
def a_data_file_is_gone_and_its_link_is_left(collection):
    path = files(collection)[0]
    path.unlink()
    return path.stem


@of(OF_ARRAYS)
def a_count_of_empty_cells_is_too_high(collection):
    path = files(collection)[0]
    with h5py.File(path, "r+") as file:
        file["empty_cells"][()] = file["data"].size - 1
    return path.stem


@of(OF_ARRAYS)
def a_folder_belongs_to_nothing(collection):
    (collection / "array_data" / "notes").mkdir()
    (collection / "array_data" / "notes" / "readme.txt").write_text("x")
    return "notes"


@of(OF_ARRAYS)
def a_link_leads_nowhere(collection):
    (collection / "array_symlinks" / "stray").mkdir(parents=True)
    name = "11111111-2222-4333-8444-555555555555.hdf5"
    (collection / "array_symlinks" / "stray" / name).symlink_to(collection / "array_data" / name)
    return "stray"


@of(OF_ARRAYS)
def a_link_is_missing(collection):
    link = sorted(path for path in (collection / "array_symlinks").rglob("*") if path.is_symlink())[0]
    link.unlink()
    return link.stem


@of(OF_ARRAYS)
def a_link_leads_to_another_array(collection):
    first, second = sorted(path for path in (collection / "array_symlinks").rglob("*") if path.is_symlink())[:2]
    target = second.readlink()
    first.unlink()
    first.symlink_to(target)
    return first.stem


@of(OF_ARRAYS)
def a_shape_is_larger_than_the_schema_says(collection):
    path = files(collection)[0]
    with h5py.File(path, "r+") as file:
        cells = file["data"][()]
        del file["data"]
        file["data"] = np.pad(cells, [(0, 1)] * cells.ndim)
    return path.stem


@of(OF_ARRAYS)
def a_type_is_not_that_of_the_schema(collection):
    path = files(collection)[0]
    with h5py.File(path, "r+") as file:
        cells = file["data"][()]
        del file["data"]
        file["data"] = np.zeros(cells.shape, "f8" if cells.dtype != "f8" else "f4")
    return path.stem


@of(OF_ARRAYS)
def an_attribute_is_not_in_the_schema(collection):
    path = files(collection)[0]
    change_meta(path, lambda meta: meta["custom_attributes"].update({"surprise": 1}))
    return path.stem


@of(OF_ARRAYS)
def a_key_attribute_is_missing(collection):
    path = files(collection)[0]
    change_meta(path, lambda meta: meta["primary_attributes"].clear())
    return path.stem


@of(OF_ARRAYS)
def an_id_is_not_that_of_the_file(collection):
    path = files(collection)[0]
    change_meta(path, lambda meta: meta.update({"id": "11111111-2222-4333-8444-555555555555"}))
    return path.stem


@of(OF_ARRAYS)
def a_file_is_cut_off(collection):
    path = files(collection)[0]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path.stem


@of(OF_ARRAYS)
def a_file_is_empty(collection):
    path = files(collection)[0]
    path.write_bytes(b"")
    return path.stem


@of(OF_ARRAYS)
def a_file_is_something_else(collection):
    path = files(collection)[0]
    path.write_bytes(b"hello, world\n" * 300)
    return path.stem


@of(OF_ARRAYS)
def the_metadata_is_missing(collection):
    path = files(collection)[0]
    with h5py.File(path, "r+") as file:
        del file["meta"]
    return path.stem


@of(OF_ARRAYS)
def the_metadata_is_no_json(collection):
    path = files(collection)[0]
    set_meta(path, "{")
    return path.stem


@of(OF_ARRAYS)
def the_count_is_missing(collection):
    path = files(collection)[0]
    with h5py.File(path, "r+") as file:
        del file["empty_cells"]
    return path.stem


@of(OF_ARRAYS)
def a_compressed_chunk_does_not_decode(collection):
    """Deker keeps no checksum; a changed byte is only seen where a filter stumbles over it."""
    path = next(path for path in files(collection) if compressed(path))
    with h5py.File(path) as file:
        chunk = file["data"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + chunk.size] = bytes(chunk.size)
    path.write_bytes(content)
    return path.stem


@of(OF_ARRAYS)
def the_collections_json_is_bad(collection):
    document(collection).write_text("{")
    return collection.name


@of(OF_ARRAYS)
def the_collections_json_lacks_a_field(collection):
    content = json.loads(document(collection).read_text())
    del content["schema"]["dimensions"]
    document(collection).write_text(json.dumps(content))
    return collection.name


@of(OF_ARRAYS)
def the_collections_json_is_gone(collection):
    document(collection).unlink()
    return collection.name


@of(OF_ARRAYS)
def the_lock_file_is_gone(collection):
    (collection.parent / f"{collection.name}.lock").unlink()
    return collection.name


@of(OF_TILED)
def a_tile_is_gone_and_its_link_is_left(collection):
    path = files(collection)[0]
    path.unlink()
    return path.stem


@of(OF_TILED)
def the_array_of_tiles_is_gone(collection):
    """Tiles are left whose VArray is not there."""
    with h5py.File(files(collection)[0]) as file:
        owner = json.loads(file["meta"][()])["primary_attributes"]["vid"]
    next(path for path in files(collection, "varray_data") if path.stem == owner).unlink()
    return owner


@of(OF_TILED)
def all_arrays_of_tiles_are_gone(collection):
    owner = files(collection, "varray_data")[0].stem
    shutil.rmtree(collection / "varray_data")
    return owner


@of(OF_TILED)
def an_array_of_tiles_is_no_json(collection):
    path = files(collection, "varray_data")[0]
    path.write_text("{")
    return path.stem


@of(OF_TILED)
def a_tile_is_cut_off(collection):
    return a_file_is_cut_off(collection)


@of(OF_TILED)
def a_tile_has_the_shape_of_the_whole(collection):
    return a_shape_is_larger_than_the_schema_says(collection)


@of(OF_TILED)
def a_tile_lies_outside_of_the_grid(collection):
    path = files(collection)[0]
    change_meta(path, lambda meta: meta["primary_attributes"].update({"v_position": [99, 99]}))
    return path.stem


def compressed(path: pathlib.Path) -> bool:
    with h5py.File(path) as file:
        return "data" in file and file["data"].compression is not None


def set_meta(path: pathlib.Path, text: str) -> None:
    with h5py.File(path, "r+") as file:
        del file["meta"]
        content = text.encode()
        file.create_dataset("meta", data=np.bytes_(content), dtype=f"S{len(content) + 33}")


def change_meta(path: pathlib.Path, change) -> None:
    with h5py.File(path) as file:
        meta = json.loads(file["meta"][()])
    change(meta)
    set_meta(path, json.dumps(meta))
