"""What a trial log looks like on disk: its tables, their versions, and how a connection to them is made.

Table ``search`` holds what identifies the search (key, JSON value); table ``trials`` one row per evaluation:
run, number within the run, batch, Unix time, whether the architecture was new to the run, genotype as JSON,
then each metric and, where known, its standard error (``_sem``).

Since version 2 there are two more, by run and number. ``failures`` says why a trial has no values. ``states``
holds, for the number of trials that the optimizer had been told of when a commit was made, the seconds that the
run had taken and the state of its random generator (JSON).
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..core import ResumeError

FILE_NAME = "trials.sqlite"
SCHEMA_VERSION = 2
APPLICATION_ID = 0x616E6173  # "anas": what SQLite calls a file of this kind
SET = "INSERT OR REPLACE INTO search VALUES (?, ?)"

BUSY_SECONDS = 60.0
"""How long a log that another process writes to is waited for; a commit takes milliseconds."""

_BUSY_PAUSE = 0.005
_N_FIXED = 6  # columns of ``trials`` before the metrics
_SINCE_2 = (
    "CREATE TABLE failures (run INTEGER, number INTEGER, error TEXT, "
    "PRIMARY KEY (run, number)) WITHOUT ROWID",
    "CREATE TABLE states (run INTEGER, number INTEGER, seconds REAL, generator TEXT, "
    "PRIMARY KEY (run, number)) WITHOUT ROWID",
)
_ENDINGS = ("", "-wal", "-shm", "-journal")

T = TypeVar("T")


def create(path: Path, settings: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Make a new log, whole at once: it is built beside ``path`` and then linked there.

    Raises:
        FileExistsError: If there is one already, also if another process was quicker.
        sqlite3.Error: If the file cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    values = "".join(f', "{name}" REAL' for name in columns)
    try:
        connection = sqlite3.connect(temporary, isolation_level=None)
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            connection.execute("CREATE TABLE search (key TEXT PRIMARY KEY, value TEXT)")
            connection.execute(
                "CREATE TABLE trials (run INTEGER, number INTEGER, batch INTEGER, "
                f"time REAL, new INTEGER, genotype TEXT{values}, "
                "PRIMARY KEY (run, number)) WITHOUT ROWID"
            )
            for statement in _SINCE_2:
                connection.execute(statement)
            connection.executemany(SET, json_rows(settings))
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


def json_rows(entries: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table ``search``."""
    return [(key, json.dumps(value)) for key, value in entries.items()]


def read_header(path: Path) -> tuple[int, dict[str, Any], list[str]]:
    """Return version, settings and value columns of a log, opened for reading only.

    Raises:
        ResumeError: If it is no trial log, or one of a version that is not known here.
        sqlite3.Error: If it cannot be read.
    """
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise ResumeError(f"{str(path)!r} is an SQLite file but no trial log of analognas.")
        if not 1 <= version <= SCHEMA_VERSION:
            raise ResumeError(
                f"The trial log {str(path)!r} has format version {version}, but this analognas knows 1 to "
                f"{SCHEMA_VERSION}; continue it with the version that began it."
            )
        rows = connection.execute("SELECT key, value FROM search").fetchall()
        layout = connection.execute("PRAGMA table_info(trials)").fetchall()
    finally:
        connection.close()
    settings = {key: json.loads(value) for key, value in rows}
    return version, settings, [row[1] for row in layout[_N_FIXED:]]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a log of an older version to the present one, in one transaction; nothing in it is changed."""
    begin(connection)
    try:
        # Another process may have been quicker.
        if connection.execute("PRAGMA user_version").fetchone()[0] < SCHEMA_VERSION:
            for statement in _SINCE_2:
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def connect(path: Path) -> sqlite3.Connection:
    """Open a log for writing, beside others that may do the same."""
    # Transactions are opened by hand, so that one of them holds a whole batch.
    connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    try:
        patiently(lambda: connection.execute("PRAGMA journal_mode = WAL").fetchone())
        # With a write-ahead log, NORMAL survives a killed process; only a power cut can cost the last commits.
        connection.execute("PRAGMA synchronous = NORMAL")
    except BaseException:
        connection.close()
        raise
    return connection


def begin(connection: sqlite3.Connection | sqlite3.Cursor) -> None:
    """Open a transaction as the only writer, waiting for others to finish theirs."""
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"))


def patiently(action: Callable[[], T]) -> T:
    """Repeat ``action`` while the log is locked, for :data:`BUSY_SECONDS` at most.

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
