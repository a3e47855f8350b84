"""What can have gone wrong in a container; of most of it the check of the package ends with a traceback.

Each kind is a function that damages a container of `make`, and gives back the names of the objects that it hurts.
"""

import os
import pathlib
import shutil
import zlib

import containers
import pytest
from containers import index, loose_file, package, rows

from conftest import LONG

# Small and large ones: what is longer than 64 KiB is read in pieces.
LARGE = 70_000
CONTENTS = {
    "loose": containers.randomly("loose", 1000),
    "loose large": containers.randomly("loose large", LARGE),
    "plain": containers.randomly("plain", 1000),
    "plain large": containers.randomly("plain large", LARGE),
    "zlib": containers.wordy("zlib", 5000),
    "zlib large": containers.wordy("zlib large", 2 * LARGE),
}
KEYS = {name: containers.key_of(content) for name, content in CONTENTS.items()}
ALL = set(KEYS)

# Of one or a few objects: it is found, and all others are served. Name -> what does it.
LOCAL = {}
# Objects that are gone without a trace.
GONE = {}
# Of all of the container: it is refused.
WHOLE = {}
# What is none, though it may look so.
NONE = {}
# What putting the objects again cannot mend, for other things are in the way or stay.
NOT_MENDED = set()


def of(group):
    def enter(function):
        group[function.__name__.replace("_", " ")] = function
        return function

    return enter


def make(path):
    """A container by the package: two loose objects, two plain ones in pack 0, two compressed ones in pack 1."""
    containers.create(path, pack_size_target=LARGE)
    with package(path) as container:
        for name in ("loose", "loose large"):
            container.add_object(CONTENTS[name])
        container.add_objects_to_pack([CONTENTS["plain"], CONTENTS["plain large"]])
        container.add_objects_to_pack([CONTENTS["zlib"], CONTENTS["zlib large"]], compress=True)
    places = {name: rows(path)[KEYS[name]]["pack"] for name in ("plain", "plain large", "zlib", "zlib large")}
    assert places == {"plain": 0, "plain large": 0, "zlib": 1, "zlib large": 1}
    return path


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    """A container of `make`, to be copied only."""
    return make(tmp_path_factory.mktemp("sound") / "container")


@pytest.fixture
def path(sound, tmp_path):
    """A container of `make`, to be damaged."""
    return pathlib.Path(shutil.copytree(sound, tmp_path / "container", symlinks=True))


def holds_all():
    return {KEYS[name]: CONTENTS[name] for name in ALL}


def set_column(path, name, column, value):
    with index(path) as opened:
        opened.execute(f'UPDATE db_object SET "{column}" = ? WHERE hashkey = ?', (value, KEYS[name]))


def without_rules(path):
    """The same table, in which any column may be NULL and any key be there twice."""
    with index(path) as opened:
        columns = 'id INTEGER PRIMARY KEY, hashkey VARCHAR, compressed BOOLEAN, size INTEGER, "offset" INTEGER'
        columns += ", length INTEGER, pack_id INTEGER"
        opened.execute("ALTER TABLE db_object RENAME TO before")
        opened.execute(f"CREATE TABLE db_object ({columns})")
        opened.execute("INSERT INTO db_object SELECT * FROM before")
        opened.execute("DROP TABLE before")


def pack(path, number):
    return pathlib.Path(path, "packs", str(number))


# Rows.

WRONG = {
    "offset": [200_000, 2**63 - 1, -1, 1, *([2**62, -(2**63)] if LONG else [])],
    "length": [200_000, 2**63 - 1, -1, 0, 999, *([1, 2**62, 1001] if LONG else [])],
    "size": [0, 1001, 2**40, -1, *([1, 999, 2**63 - 1] if LONG else [])],
    "compressed": [1],
    "pack_id": [99, -5, -1, 2**63 - 1, *([2**62, -(2**63)] if LONG else [])],
}
NO_NUMBERS = ["x", b"\xff", 1.5, *(["", "NULL", "1e", "0x1", b"", "ünï"] if LONG else [])]


def enter_rows():
    for column, values in WRONG.items():
        for value in values:
            enter_row("plain", column, value)
        for value in NO_NUMBERS:
            enter_row("plain", column, value)
    for value in [0, 4999, 5001, 2**63 - 1]:
        enter_row("zlib", "size", value)
    for value in [1, 10, 2**40]:
        enter_row("zlib", "length", value)
    for value in [139_999, 140_001, 65_000, 2**62]:
        enter_row("zlib large", "size", value)
    enter_row("zlib", "compressed", 0)
    enter_row("zlib large", "compressed", 0)
    for value in [-1, 69_999, 70_001]:
        enter_row("plain large", "length", value)


def enter_row(name, column, value):
    def damage(path):
        set_column(path, name, column, value)
        return {name}

    LOCAL[f"{column} of {name} is {value!r}"] = damage


enter_rows()


def enter_nulls():
    for column in ("compressed", "size", "offset", "length", "pack_id", "hashkey"):

        def damage(path, column=column):
            without_rules(path)
            set_column(path, "plain", column, None)
            return {"plain"}

        LOCAL[f"{column} is NULL"] = damage


enter_nulls()

HOSTILE_KEYS = [
    "", "x", "../../../../../../etc/passwd", "/etc/passwd", KEYS["plain"].upper(), KEYS["plain"][:-1], KEYS["plain"] + "0",
    "ü" * 32,
    "a" * 63 + "\n", "line\nbreak", "\x1b[31mred", b"\xff" * 64, 17, KEYS["plain"].encode(), "a" * 100_000,
]  # fmt: skip


def enter_keys():
    for value in HOSTILE_KEYS:

        def damage(path, value=value):
            set_column(path, "plain", "hashkey", value)
            return {"plain"}

        LOCAL[f"a key is {value!r:.60}"] = damage
        NOT_MENDED.add(f"a key is {value!r:.60}")


enter_keys()


@of(LOCAL)
def two_objects_share_bytes(path):
    set_column(path, "plain", "offset", rows(path)[KEYS["plain large"]]["offset"] + 7)
    return {"plain"}


@of(LOCAL)
def two_objects_are_said_to_be_the_same_bytes(path):
    row = rows(path)[KEYS["zlib large"]]
    for column, value in (("offset", row["offset"]), ("length", row["length"])):
        set_column(path, "zlib", column, value)
    return {"zlib"}


NOT_MENDED.add("hashkey is NULL")


@of(LOCAL)
def an_object_has_two_rows_of_which_the_first_is_wrong(path):
    without_rules(path)
    with index(path) as opened:
        opened.execute("INSERT INTO db_object SELECT NULL, hashkey, compressed, size, 5, length, pack_id FROM db_object")
        opened.execute('UPDATE db_object SET "offset" = 5 WHERE hashkey = ? AND id < 3', (KEYS["plain large"],))
    return ALL - {"loose", "loose large"}


NOT_MENDED.add("an object has two rows of which the first is wrong")

# Packs.


@of(LOCAL)
def a_pack_is_cut_off_within_an_object(path):
    os.truncate(pack(path, 0), 30_000)
    return {"plain large"}


@of(LOCAL)
def a_pack_is_cut_off_within_a_compressed_object(path):
    os.truncate(pack(path, 1), pack(path, 1).stat().st_size - 100)
    return {"zlib large"}


@of(LOCAL)
def a_pack_lacks_its_last_byte(path):
    os.truncate(pack(path, 1), pack(path, 1).stat().st_size - 1)
    return {"zlib large"}


@of(LOCAL)
def a_pack_is_empty(path):
    os.truncate(pack(path, 0), 0)
    return {"plain", "plain large"}


@of(LOCAL)
def a_pack_is_gone(path):
    pack(path, 0).unlink()
    return {"plain", "plain large"}


@of(LOCAL)
def all_packs_are_gone(path):
    pack(path, 0).unlink()
    pack(path, 1).unlink()
    return ALL - {"loose", "loose large"}


@of(LOCAL)
def a_pack_is_a_folder(path):
    pack(path, 1).unlink()
    pack(path, 1).mkdir()
    return {"zlib", "zlib large"}


NOT_MENDED.add("a pack is a folder")


@of(LOCAL)
def a_pack_is_a_link_that_leads_nowhere(path):
    pack(path, 0).unlink()
    pack(path, 0).symlink_to("nowhere")
    return {"plain", "plain large"}


@of(LOCAL)
def a_pack_is_a_link_to_itself(path):
    pack(path, 0).unlink()
    pack(path, 0).symlink_to("0")
    return {"plain", "plain large"}


@of(LOCAL)
def a_pack_is_garbage(path):
    pack(path, 1).write_bytes(containers.randomly("garbage", pack(path, 1).stat().st_size))
    return {"zlib", "zlib large"}


@of(LOCAL)
def a_pack_is_zeros(path):
    pack(path, 1).write_bytes(bytes(pack(path, 1).stat().st_size))
    return {"zlib", "zlib large"}


@of(LOCAL)
def two_packs_have_changed_places(path):
    pack(path, 0).rename(pack(path, 2))
    pack(path, 1).rename(pack(path, 0))
    pack(path, 2).rename(pack(path, 1))
    return ALL - {"loose", "loose large"}


# Streams of zlib.


def enter_streams():
    for name in ("zlib", "zlib large"):
        for where, place in {"header": 0, "flags": 1, "first block": 2, "middle": 0.5, "checksum": -1}.items():

            def damage(path, name=name, place=place):
                row = rows(path)[KEYS[name]]
                at = row["offset"] + (int(row["length"] * place) if isinstance(place, float) else place % row["length"])
                containers.flip(pack(path, row["pack"]), at, 16)
                return {name}

            LOCAL[f"{where} of {name} is flipped"] = damage


enter_streams()


def replace_stream(path, name, stored):
    """Other bytes for an object, at the end of its pack."""
    number = rows(path)[KEYS[name]]["pack"]
    set_column(path, name, "offset", pack(path, number).stat().st_size)
    set_column(path, name, "length", len(stored))
    with pack(path, number).open("ab") as opened:
        opened.write(stored)
    return {name}


@of(LOCAL)
def a_stream_is_of_another_content(path):
    return replace_stream(path, "zlib", zlib.compress(b"another"))


@of(LOCAL)
def a_stream_grows_to_more_than_its_size(path):
    return replace_stream(path, "zlib", zlib.compress(bytes(200_000_000), 9))


@of(LOCAL)
def a_stream_wants_a_dictionary(path):
    made = zlib.compressobj(zdict=b"pressure wind sea level")
    return replace_stream(path, "zlib", made.compress(CONTENTS["zlib"]) + made.flush())


@of(LOCAL)
def a_stream_has_no_frame(path):
    made = zlib.compressobj(wbits=-15)
    return replace_stream(path, "zlib large", made.compress(CONTENTS["zlib large"]) + made.flush())


@of(LOCAL)
def a_stream_has_no_checksum(path):
    return replace_stream(path, "zlib large", zlib.compress(CONTENTS["zlib large"])[:-4])


# Loose files.


@of(LOCAL)
def a_loose_file_is_cut_off(path):
    os.truncate(loose_file(path, KEYS["loose large"]), 66_000)
    return {"loose large"}


@of(LOCAL)
def a_loose_file_is_empty(path):
    os.truncate(loose_file(path, KEYS["loose"]), 0)
    return {"loose"}


@of(LOCAL)
def loose_files_are_flipped(path):
    for name in ("loose", "loose large"):
        containers.flip(loose_file(path, KEYS[name]), 500)
    return {"loose", "loose large"}


@of(LOCAL)
def a_loose_file_is_longer(path):
    with loose_file(path, KEYS["loose"]).open("ab") as opened:
        opened.write(b"more")
    return {"loose"}


def instead_of_loose(path, put):
    file = loose_file(path, KEYS["loose"])
    file.unlink()
    put(file)
    return {"loose"}


@of(LOCAL)
def a_loose_file_is_a_folder(path):
    return instead_of_loose(path, os.mkdir)


NOT_MENDED.add("a loose file is a folder")


@of(LOCAL)
def a_loose_file_is_a_link_that_leads_nowhere(path):
    return instead_of_loose(path, lambda file: file.symlink_to("nowhere"))


@of(LOCAL)
def a_loose_file_is_a_link_to_itself(path):
    return instead_of_loose(path, lambda file: file.symlink_to(file.name))


@of(LOCAL)
def a_loose_file_is_a_link_to_a_folder(path):
    return instead_of_loose(path, lambda file: file.symlink_to("/"))


@of(LOCAL)
def a_loose_file_is_a_link_to_another_file(path):
    return instead_of_loose(path, lambda file: file.symlink_to("/etc/passwd"))


@of(LOCAL)
def a_loose_file_is_a_pipe(path):
    return instead_of_loose(path, os.mkfifo)


@of(LOCAL)
def a_loose_file_is_a_device(path):
    return instead_of_loose(path, lambda file: file.symlink_to("/dev/zero"))


@of(GONE)
def a_folder_of_loose_files_is_a_file(path):
    folder = loose_file(path, KEYS["loose"]).parent
    shutil.rmtree(folder)
    folder.write_text("x")
    return {"loose"}


@of(GONE)
def a_folder_of_loose_files_is_a_link_that_leads_nowhere(path):
    folder = loose_file(path, KEYS["loose"]).parent
    shutil.rmtree(folder)
    folder.symlink_to("nowhere")
    return {"loose"}


@of(GONE)
def a_loose_file_is_gone(path):
    return instead_of_loose(path, lambda file: None)


# All of the index.


def index_file(path):
    return pathlib.Path(path, "packs.idx")


def enter_cut_off_indices():
    for bytes_left in (0, 1, 50, 99, 100, 2000, 4096):

        def damage(path, bytes_left=bytes_left):
            os.truncate(index_file(path), bytes_left)

        WHOLE[f"the index is cut off after {bytes_left}"] = damage


enter_cut_off_indices()


@of(WHOLE)
def the_index_is_gone(path):
    index_file(path).unlink()


@of(WHOLE)
def the_index_is_garbage(path):
    index_file(path).write_bytes(containers.randomly("garbage", 12_288))


@of(WHOLE)
def the_index_is_text(path):
    index_file(path).write_text("hello, world\n" * 1000)


@of(WHOLE)
def the_index_is_garbage_behind_its_header(path):
    content = index_file(path).read_bytes()
    index_file(path).write_bytes(content[:100] + containers.randomly("garbage", len(content) - 100))


@of(WHOLE)
def the_index_is_a_folder(path):
    index_file(path).unlink()
    index_file(path).mkdir()


@of(WHOLE)
def the_index_is_a_link_that_leads_nowhere(path):
    index_file(path).unlink()
    index_file(path).symlink_to("nowhere")


@of(WHOLE)
def the_index_has_no_table(path):
    with index(path) as opened:
        opened.execute("DROP TABLE db_object")


@of(WHOLE)
def the_table_lacks_a_column(path):
    with index(path) as opened:
        opened.execute("ALTER TABLE db_object DROP COLUMN length")


@of(WHOLE)
def the_table_is_of_something_else(path):
    with index(path) as opened:
        opened.execute("DROP TABLE db_object")
        opened.execute("CREATE TABLE db_object (name TEXT, value TEXT)")


# Harmless.


@of(NONE)
def bytes_of_nothing_lie_in_packs(path):
    with pack(path, 0).open("ab") as opened:
        opened.write(b"left by one who was killed")
    pack(path, 2).write_bytes(b"left, too")
    return set()


@of(NONE)
def strange_files_lie_about(path):
    loose = pathlib.Path(path, "loose")
    for name in ("README", "zz", ".DS_Store", "a"):
        (loose / name).write_text("x")
    for name in ("AB", "abc", "xy"):
        (loose / name).mkdir()
        (loose / name / ("0" * 62)).write_text("x")
    folder = loose_file(path, KEYS["loose"]).parent
    for name in ("note.txt", "0" * 61, "0" * 63, "A" * 62, ".hidden"):
        (folder / name).write_text("x")
    pathlib.Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_text("x")
    for name in ("README", "00", "01", "+1", "x.lock", "1.5", "-2"):
        pathlib.Path(path, "packs", name).write_text("x")
    pathlib.Path(path, "notes.txt").write_text("x")
    pathlib.Path(path, "sandbox", "folder").mkdir()
    return set()


@of(NONE)
def a_row_is_said_to_be_compressed_with_another_number_than_1(path):
    set_column(path, "zlib", "compressed", 2)
    return set()


@of(NONE)
def the_table_has_one_more_column(path):
    with index(path) as opened:
        opened.execute("ALTER TABLE db_object ADD COLUMN note TEXT")
    return set()


@of(NONE)
def the_order_of_keys_is_gone(path):
    with index(path) as opened:
        opened.execute("DROP INDEX ix_db_object_hashkey")
    return set()


@of(NONE)
def the_log_of_the_index_is_garbage(path):
    pathlib.Path(path, "packs.idx-wal").write_bytes(containers.randomly("garbage", 50_000))
    pathlib.Path(path, "packs.idx-shm").write_bytes(containers.randomly("garbage", 32_768))
    return set()


@of(NONE)
def numbers_of_rows_are_strange(path):
    with index(path) as opened:
        ids = [row[0] for row in opened.execute("SELECT id FROM db_object ORDER BY id")]
        for old, new in zip(ids, (0, 2**40, 2**62, 2**63 - 1)):
            opened.execute("UPDATE db_object SET id = ? WHERE id = ?", (new, old))
    return set()
