"""SQLite files that several processes write to: made whole at once, locks waited for."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

__all__ = ["BUSY_SECONDS", "begin", "connect", "created_whole", "patiently", "read_only"]

BUSY_SECONDS = 60.0
"""How long a file that another process writes to is waited for; a commit takes milliseconds."""

_BUSY_PAUSE = 0.005
_ENDINGS = ("", "-wal", "-shm", "-journal")

T = TypeVar("T")


@contextmanager
def created_whole(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a new database that appears at ``path`` with everything the block has put into it.

    It is built beside ``path`` in one transaction, and then linked there.

    Raises:
        FileExistsError: If there is a file already, also if another process was quicker.
        sqlite3.Error: If it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.execute("COMMIT")
        finally:
            connection.close()
        _move(temporary, path)
    finally:
        for ending in _ENDINGS:
            temporary.with_name(temporary.name + ending).unlink(missing_ok=True)


def _move(source: Path, target: Path) -> None:
    """Give a file its name unless that is taken."""
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(target) from None
        source.replace(target)


def connect(path: Path) -> sqlite3.Connection:
    """Open a file for writing, beside others that may do the same.

    Transactions are opened by hand (:func:`begin`), so that one of them holds what belongs together.
    """
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone())
        # With a write-ahead log, NORMAL survives a killed process; only a power cut can cost the last commits.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def read_only(path: Path) -> sqlite3.Connection:
    """Open a file for reading; it must exist."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def begin(connection: sqlite3.Connection | sqlite3.Cursor) -> None:
    """Open a transaction as the only writer, waiting for others to finish theirs."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"))


def patiently(action: Callable[[], T]) -> T:
    """Repeat ``action`` while the file is locked, for :data:`BUSY_SECONDS` at most.

    SQLite waits by itself in most places, but not where a lock could be a deadlock: when a file is switched
    to write-ahead logging, or recovered after another process was killed.
    """
    end = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            return action()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= end:
                raise
        time.sleep(_BUSY_PAUSE)
