import os
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections import namedtuple
from contextlib import closing

import pytest

from analognas.core import sqlite_files
from analognas.core.sqlite_files import connect, created_whole, read_consistently


@pytest.fixture
def file(tmp_path):
    with created_whole(tmp_path / "a.sqlite") as connection:
        connection.execute("CREATE TABLE t (x INTEGER)")
        connection.execute("INSERT INTO t VALUES (1)")
    return tmp_path / "a.sqlite"


def total(connection, n_bytes):
    assert n_bytes > 0
    return connection.execute("SELECT sum(x) FROM t").fetchone()[0]


def add(connection, value):
    connection.execute("INSERT INTO t VALUES (?)", (value,))


def test_a_new_file_is_in_write_ahead_mode_before_it_appears(file):
    # Bytes 18 and 19 say so; the switch writes a journal that a kill would leave.
    assert file.read_bytes()[18:20] == b"\x02\x02"
    assert os.listdir(file.parent) == ["a.sqlite"]


def create(path, meanwhile):
    with created_whole(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
        meanwhile()


def test_a_new_file_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ZeroDivisionError):
        create(tmp_path / "a", lambda: 1 / 0)
    assert os.listdir(tmp_path) == []


def test_whoever_is_first_has_the_file(file):
    with pytest.raises(FileExistsError):
        create(file, lambda: None)
    other = file.with_name("b.sqlite")
    with pytest.raises(FileExistsError):
        create(other, lambda: shutil.copy(file, other))
    assert read_consistently(other, total) == 1
    assert sorted(os.listdir(file.parent)) == ["a.sqlite", "b.sqlite"]


def test_reading_changes_nothing_beside_the_file(file):
    before = file.read_bytes()
    assert read_consistently(file, total) == 1
    assert (file.read_bytes(), os.listdir(file.parent)) == (before, ["a.sqlite"])


OTHER_PROCESS = """
import sys
from pathlib import Path
from analognas.core.sqlite_files import connect
connection = connect(Path(sys.argv[1]))
connection.execute("INSERT INTO t VALUES (10)")
connection.close()
"""


@pytest.mark.parametrize("with_journal", [False, True])
def test_reading_keeps_the_locks_of_a_writer_in_the_same_process(file, with_journal):
    # A process that closes a file loses its locks on it. Another one then took itself for the last user of the
    # database and removed the journal under the first one's connection: "database disk image is malformed".
    with closing(connect(file)) as writer:
        assert writer.execute("SELECT sum(x) FROM t").fetchone() == (1,)
        if with_journal:
            add(writer, 100)
        start = 1 + 100 * with_journal
        assert read_consistently(file, total) == start
        subprocess.run([sys.executable, "-c", OTHER_PROCESS, str(file)], check=True)
        assert os.path.exists(f"{file}-wal")
        add(writer, 1000)
        assert read_consistently(file, total) == start + 1010
    with closing(sqlite3.connect(file)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert total(reader, 1) == start + 1010


def test_what_a_writer_has_committed_is_read(file):
    with closing(connect(file)) as writer:
        add(writer, 10)
        assert read_consistently(file, total) == 11
        writer.execute("BEGIN IMMEDIATE")
        add(writer, 100)
        assert read_consistently(file, total) == 11
        writer.execute("COMMIT")
        assert read_consistently(file, total) == 111
    assert os.listdir(file.parent) == [
        "a.sqlite"
    ]  # the reader has not kept the writer from folding


def left_by_a_kill(file, folder, endings):
    """What a process leaves that is killed in the middle of a transaction."""
    folder.mkdir()
    for ending in endings:
        shutil.copy(f"{file}{ending}", folder / f"a.sqlite{ending}")
    return folder / "a.sqlite"


@pytest.mark.parametrize("endings", [("", "-wal"), ("", "-wal", "-shm")])
def test_a_write_ahead_file_that_was_left_is_read(file, tmp_path, endings):
    with closing(connect(file)) as writer:
        add(writer, 10)
        left = left_by_a_kill(file, tmp_path / "left", endings)
    before = {name: (left.parent / name).read_bytes() for name in os.listdir(left.parent)}
    assert read_consistently(left, total) == 11
    assert before == {name: (left.parent / name).read_bytes() for name in os.listdir(left.parent)}
    with closing(connect(left)) as again:
        assert total(again, 1) == 11
    assert os.listdir(left.parent) == ["a.sqlite"]


def hot_journal(file, tmp_path):
    """A file whose last transaction was cut off by a kill while it was not in write-ahead mode."""
    with closing(sqlite3.connect(file, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = DELETE")
        writer.execute(
            "PRAGMA cache_size = 1"
        )  # pages are written before the transaction has ended
        writer.execute("BEGIN IMMEDIATE")
        for value in range(5000):
            add(writer, value)
        left = left_by_a_kill(file, tmp_path / "left", ("", "-journal"))
        writer.execute("ROLLBACK")
    assert (left.parent / "a.sqlite-journal").stat().st_size
    return left


def test_a_journal_that_was_left_is_rolled_back(file, tmp_path):
    left = hot_journal(file, tmp_path)
    blind_uri = f"{left.as_uri()}?mode=ro"
    with (
        closing(sqlite3.connect(blind_uri, uri=True)) as blind,
        pytest.raises(sqlite3.OperationalError),
    ):
        total(blind, 1)
    assert read_consistently(left, total) == 1
    with closing(connect(left)) as again:
        assert total(again, 1) == 1
    assert os.listdir(left.parent) == ["a.sqlite"]


def test_a_folder_that_cannot_be_written_to(file, monkeypatch):
    """A superuser may write anywhere, so every way to make a file there is closed."""
    opened = []
    real = sqlite3.connect

    def watched(database, **options):
        opened.append(database)
        return real(database, **options)

    monkeypatch.setattr(sqlite3, "connect", watched)
    assert read_consistently(file, total) == 1
    assert opened[0].endswith("?mode=ro&immutable=1")


def test_a_file_that_changes_while_it_is_read_is_read_again(file):
    seen = []

    def slow(connection, n_bytes):
        seen.append(total(connection, n_bytes))
        if len(seen) == 1:
            with closing(connect(file)) as writer:
                add(writer, 10)
        return seen[-1]

    assert read_consistently(file, slow) == 11
    assert seen == [1, 11]


def test_readers_beside_a_writer_see_whole_transactions(file):
    end = threading.Event()

    def write():
        with closing(connect(file)) as writer:
            writer.execute("PRAGMA wal_autocheckpoint = 5")
            while not end.is_set():
                writer.execute("BEGIN IMMEDIATE")
                add(writer, 1)
                add(writer, -1)
                writer.execute("COMMIT")

    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert [read_consistently(file, total) for _ in range(30)] == [1] * 30
    finally:
        end.set()
        thread.join()
    assert os.listdir(file.parent) == ["a.sqlite"]


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_consistently(tmp_path / "a", total)
    (tmp_path / "b").write_text("no database, but long enough to be looked at" * 10)
    with pytest.raises(sqlite3.DatabaseError):
        read_consistently(tmp_path / "b", total)


@pytest.mark.parametrize("text", ["disk I/O error", "database or disk is full"])
def test_a_full_disk_is_called_full(tmp_path, monkeypatch, text):
    usage = namedtuple("usage", "free")
    error = sqlite3.OperationalError(text)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(4096))
    assert sqlite_files.reason(error, tmp_path / "a") == "the disk is full; make room, and go on"
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(1 << 40))
    assert sqlite_files.reason(error, tmp_path / "a") == text
