"""SQLite files that several processes write to: atomic creation, and waiting for locks."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from .errors import OutputFolderError
from .files import new_file
from .limits import shown

__all__ = [
    "BUSY_SECONDS",
    "begin",
    "connect",
    "created_whole",
    "foreign_entry",
    "is_disk_full",
    "patiently",
    "read_consistently",
    "reason",
]

BUSY_SECONDS = 60.0
"""Longest wait for a file that another process writes to, s; a commit takes milliseconds."""

_BUSY_PAUSE = 0.005
_READ_SECONDS = 5.0
# Messages of SQLite for a full disk; some have other causes as well.
_NO_ROOM = ("disk I/O error", "unable to open database file", "database or disk is full")
_LEAST_ROOM = 1 << 20
_JOURNALS = ("-wal", "-journal")

T = TypeVar("T")
State: TypeAlias = dict[str, tuple[int, int]]
"""Size and time of change of a file, and of the journals beside it, by ending."""

_OPEN_LOCK = threading.RLock()


class _Connection(sqlite3.Connection):
    """A connection of :func:`connect`, which is registered for :func:`read_consistently` until it is closed."""

    file: tuple[int, int] = (-1, -1)

    def close(self) -> None:
        super().close()
        with _OPEN_LOCK:
            _OPEN.discard(self)


_OPEN: weakref.WeakSet[_Connection] = weakref.WeakSet()
"""Open connections of this process, see :func:`_is_open`."""


@contextmanager
def created_whole(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a new database that appears at ``path`` with the complete content of the block.

    It is built in a temporary file in one transaction, and then linked to ``path``.

    Raises:
        FileExistsError: If the file exists, even if another process created it meanwhile.
        OutputFolderError: If the folder cannot be written to.
        sqlite3.Error: If the file cannot be written.
    """
    try:
        with new_file(path) as temporary:
            connection = sqlite3.connect(temporary, isolation_level=None)
            try:
                # Done here, because a process killed at the first opening would leave a journal.
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()
    except OutputFolderError:
        if os.path.lexists(path):
            raise FileExistsError(path) from None
        raise


def connect(path: Path) -> sqlite3.Connection:
    """Open a file for writing, possibly by several processes.

    Callers open transactions by :func:`begin`.
    """
    with _OPEN_LOCK:
        connection = sqlite3.connect(
            path, isolation_level=None, timeout=BUSY_SECONDS, factory=_Connection
        )
        connection.file = _identity(path)
        _OPEN.add(connection)
    try:
        patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone())
        # With a write-ahead log, NORMAL survives a killed process; only a power cut can cost the last commits.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def read_consistently(path: Path, action: Callable[[sqlite3.Connection, int], T]) -> T:
    """Return what ``action`` reads from one state of a file, without changes in its folder.

    The folder may be read-only, other processes may write to the file, and a killed process may have left
    journals; then a copy is read.

    Args:
        path: The file; it must exist.
        action: Called with a connection in a transaction and the size of the file, bytes; called again if the
            file has changed meanwhile.

    Raises:
        sqlite3.Error: If it cannot be read.
        OSError: If it cannot be read.
    """
    with _OPEN_LOCK:  # no other thread connects to it meanwhile, see _is_open
        if _is_open(path):
            return _read(f"{path.resolve().as_uri()}?mode=ro", _state(path), action)
        return _read_from_outside(path, action)


def _read_from_outside(path: Path, action: Callable[[sqlite3.Connection, int], T]) -> T:
    end = time.monotonic() + _READ_SECONDS
    while True:
        before = _state(path)
        try:
            if len(before) > 1:
                with tempfile.TemporaryDirectory() as folder:
                    copied = _copy(path, before, Path(folder))
                    if copied is not None:
                        return _read(f"{copied.as_uri()}?mode=rw", before, action)
            else:
                result = _read(f"{path.resolve().as_uri()}?mode=ro&immutable=1", before, action)
                if _state(path).get("") == before[""]:
                    return result
        except (sqlite3.Error, ValueError):
            if _state(path).get("") == before[""]:
                raise
        if time.monotonic() >= end:
            # Another process writes to it constantly, so its journals exist already.
            return _read(f"{path.resolve().as_uri()}?mode=ro", before, action)
        time.sleep(_BUSY_PAUSE)


def _identity(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_dev, facts.st_ino


def _is_open(path: Path) -> bool:
    """Return whether this process has a connection to a file.

    If so, only ordinary connections of SQLite may open it: when a process closes a file, it loses all its POSIX
    locks on that file. Another process could then take itself for the last user of the database, and remove the
    write-ahead log that this connection uses.
    Source: "How To Corrupt An SQLite Database File", section 2.2, sqlite.org.
    """
    identity = _identity(path)
    return any(connection.file == identity for connection in _OPEN)


def _read(uri: str, state: State, action: Callable[[sqlite3.Connection, int], T]) -> T:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None)
    try:
        # Code in a foreign file must not run.
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        connection.execute("BEGIN")
        return action(connection, sum(size for size, _ in state.values()))
    except (UnicodeDecodeError, OverflowError, MemoryError):
        raise sqlite3.DatabaseError("a text in it is damaged") from None
    finally:
        connection.close()


def _state(path: Path) -> State:
    """Return sizes and times of a file and its non-empty journals, by ending."""
    found = {"": (path.stat().st_size, path.stat().st_mtime_ns)}
    for ending in _JOURNALS:
        with suppress(FileNotFoundError):
            facts = path.with_name(path.name + ending).stat()
            if facts.st_size:
                found[ending] = (facts.st_size, facts.st_mtime_ns)
    return found


def _copy(path: Path, state: State, folder: Path) -> Path | None:
    """Copy a file with its journals; None if it has changed meanwhile."""
    try:
        for ending in state:
            shutil.copyfile(path.with_name(path.name + ending), folder / f"copy{ending}")
    except FileNotFoundError:  # a journal was removed meanwhile
        return None
    return folder / "copy" if _state(path) == state else None


def reason(error: Exception, path: Path) -> str:
    """Return the reason of a failed read or write, as a sentence without full stop.

    SQLite reports a full disk as "I/O error" if there is no room for the shared memory.
    """
    text = " ".join(str(getattr(error, "strerror", None) or error).split()).rstrip(".")
    no_room = isinstance(error, sqlite3.Error) and any(one in text for one in _NO_ROOM)
    return "the disk is full; make room, and go on" if no_room and is_disk_full(path) else text


def is_disk_full(path: Path) -> bool:
    """Return whether the disk of a file has so little room that SQLite may fail on it."""
    with suppress(OSError):
        return shutil.disk_usage(path.parent).free < _LEAST_ROOM
    return False


def foreign_entry(connection: sqlite3.Connection, statements: Collection[str]) -> str | None:
    """Return an entry of a file other than the tables and indexes of some statements, or None.

    A foreign trigger or view would run when the file is written or read.
    """
    entries = connection.execute("SELECT type, name, sql FROM sqlite_master LIMIT 1000").fetchall()
    for kind, name, sql in entries:
        # Indexes that SQLite creates for keys have no statement.
        if sql not in statements and not (kind == "index" and sql is None):
            return f"the {shown(kind, 20)} {shown(name, 60)!r}"
    return None


def begin(connection: sqlite3.Connection | sqlite3.Cursor) -> None:
    """Open a transaction as the only writer, after waiting for other writers."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"))


def patiently(action: Callable[[], T]) -> T:
    """Repeat ``action`` while the file is locked, for :data:`BUSY_SECONDS` at most.

    SQLite waits by itself, except where it suspects a deadlock: when a file is switched to write-ahead logging,
    or recovered after another process was killed.
    """
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= end:
                raise
        time.sleep(_BUSY_PAUSE)
