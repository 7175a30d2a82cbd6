"""LMDB and LevelDB behind one protocol, written by their own libraries."""

from random import Random

import lmdb
import pytest

from gradus.core.errors import GradusError, InputError, NotFoundError
from gradus.data.readers.database import open_records

RECORDS = {b"%03d" % i: b"record %d" % i * (1 + 300 * i) for i in range(20)}


@pytest.fixture(params=["lmdb", "leveldb"])
def folder(request, tmp_path):
    path = tmp_path / "db"
    if request.param == "lmdb":
        with lmdb.open(str(path)) as environment, environment.begin(write=True) as transaction:
            for key in reversed(RECORDS):
                transaction.put(key, RECORDS[key])
    else:
        with pytest.importorskip("plyvel").DB(str(path), create_if_missing=True) as database:
            for key in reversed(RECORDS):
                database.put(key, RECORDS[key])
    return path


def test_records_come_in_the_order_of_keys_from_any_place(folder):
    database = open_records(folder)
    assert database.keys() == sorted(RECORDS)
    for start in (None, b"", b"007", b"0075", b"018", b"019", b"999"):
        expected = [(key, RECORDS[key]) for key in sorted(RECORDS) if start is None or key > start]
        with database.after(start) as found:
            assert [(key, bytes(value)) for key, value in found] == expected
    with database.after(None) as found:
        next(found)  # need not be read to the end
    with database.records([b"004", b"001", b"004"]) as found:
        assert [bytes(value) for value in found] == [RECORDS[b"004"], RECORDS[b"001"], RECORDS[b"004"]]
    with pytest.raises(NotFoundError, match="no record 9"), database.records([b"9"]) as found:
        list(found)
    database.close()


def test_a_database_is_open_once_for_all_its_users(folder):
    first, second = open_records(folder), open_records(folder / ".." / "db")
    assert first is second
    first.close()
    assert len(second.keys()) == 20
    second.close()
    again = open_records(folder)
    assert again is not first
    again.close()


@pytest.mark.parametrize("name", ["nowhere", "empty", "file"])
def test_what_is_no_database(tmp_path, name):
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("data.mdb")
    with pytest.raises(NotFoundError, match=name) as caught:
        open_records(tmp_path / name)
    assert "data.mdb" in caught.value.problem.hint


def test_damaged_databases(tmp_path):
    for name, file in (("lmdb", "data.mdb"), ("leveldb", "CURRENT")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_bytes(b"x" * 10000)
        with pytest.raises(GradusError, match=name):
            open_records(tmp_path / name)


def test_records_that_rotted_on_the_disk_are_told(tmp_path):
    plyvel = pytest.importorskip("plyvel")
    path = tmp_path / "rotten"
    with plyvel.DB(str(path), create_if_missing=True) as database:
        for key, value in RECORDS.items():
            database.put(key, value)
        database.compact_range()
    (table,) = [*path.glob("*.ldb"), *path.glob("*.sst")]
    data = bytearray(table.read_bytes())
    data[20:24] = bytes(byte ^ 1 for byte in data[20:24])
    table.write_bytes(bytes(data))
    database = open_records(path)
    with pytest.raises(InputError, match="damaged"), database.after(None) as found:
        list(found)
    with pytest.raises(InputError, match="damaged"), database.records([b"000"]) as found:
        list(found)
    database.close()


def test_an_lmdb_that_was_cut_off_is_refused(tmp_path):
    """Its pages beyond the end would not be an error when read: the process would die."""
    path = tmp_path / "short"
    with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for i in range(200):
            transaction.put(b"%03d" % i, bytes(10000))
    file = path / "data.mdb"
    whole = file.read_bytes()
    for size in (len(whole) // 2, len(whole) - 4096, 8192, 4096, 100, 0):
        file.write_bytes(whole[:size])
        with pytest.raises(InputError, match="short"):
            open_records(path)
    file.write_bytes(whole)
    open_records(path).close()


def test_an_lmdb_whose_last_pages_were_never_written_is_whole(tmp_path):
    puts = [[(b"b%d" % i, bytes(20000)) for i in range(50)]] * 2
    puts += [[(b"z", bytes(100000))], [(b"c%d" % i, bytes(1000)) for i in range(1000)]]
    with lmdb.open(str(tmp_path / "db"), map_size=1 << 26) as environment:
        for turn, records in enumerate(puts):
            with environment.begin(write=True) as transaction:
                transaction.put(b"a", bytes(100))
                for key, value in records:
                    transaction.put(key, value)
                for key, _ in reversed(records) if turn != 1 else ():
                    transaction.delete(key)
        pages = environment.info()["last_pgno"] + 1
        assert pages * environment.stat()["psize"] > (tmp_path / "db" / "data.mdb").stat().st_size
    database = open_records(tmp_path / "db")
    with database.after(None) as found:
        assert sum(len(value) for _, value in found) == 50 * 20000 + 100
    database.close()


@pytest.mark.parametrize("seed", range(10))
def test_an_lmdb_with_bytes_changed_anywhere_behind_its_head_is_told_or_read(tmp_path, seed):
    path, random = tmp_path / "db", Random(seed)
    with lmdb.open(str(path)) as environment, environment.begin(write=True) as transaction:
        for number in range(500):
            transaction.put(b"%08d_0" % number, random.randbytes(300))
    content = bytearray((path / "data.mdb").read_bytes())
    for place in random.choices(range(2 * 4096, len(content)), k=2000):
        content[place] = random.randrange(256)
    (path / "data.mdb").write_bytes(content)
    database = open_records(path)
    try:
        with pytest.raises(InputError, match=r"The database db is damaged: .*MDB_"):
            keys = database.keys()
            with database.after(None) as found:
                sum(len(value) for _, value in found)
            with database.records(keys) as records:
                sum(map(len, records))
    finally:
        database.close()
