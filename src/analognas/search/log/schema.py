"""What a trial log looks like on disk: its tables, their versions, and how a connection to them is made.

Table ``search`` holds what identifies the search, what its metrics are and, where its name does not say it
all, the definition of the space (key, JSON value). Table ``trials`` has one row per evaluation: run, number
within the run, batch, Unix time, whether the architecture was new to the run, genotype as JSON, then each
metric and, where known, its standard error (``_sem``), and since version 3 the architecture by name as JSON.

Since version 2 there are two more tables, by run and number. ``failures`` says why a trial has no values.
``states`` holds, for the number of trials that the optimizer had been told of when a commit was made, the
seconds that the run had taken and the state of its random generator (JSON).

Since version 3 the table ``set_aside``, with the columns of ``trials``, keeps trials that an earlier course
of a run measured: where failed trials were tried again, the run may take another course, which takes values
from here.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core import ResumeError
from ...core.sqlite_files import begin, created_whole, read_only

FILE_NAME = "trials.sqlite"
SPACE_DEFINITION = "space_definition"
"""Key of the definition of the space in the table ``search``."""

SCHEMA_VERSION = 3
APPLICATION_ID = 0x616E6173  # "anas": what SQLite calls a file of this kind
SET = "INSERT OR REPLACE INTO search VALUES (?, ?)"

FIXED = ("run", "number", "batch", "time", "new", "genotype", "architecture")
"""Columns of ``trials`` beside the metrics."""

_VERSION_1 = (
    "CREATE TABLE search (key TEXT PRIMARY KEY, value TEXT)",
    "CREATE TABLE trials (run INTEGER, number INTEGER, batch INTEGER, time REAL, new INTEGER, "
    "genotype TEXT{metrics}, PRIMARY KEY (run, number)) WITHOUT ROWID",
)
_ADDED = {
    2: (
        "CREATE TABLE failures (run INTEGER, number INTEGER, error TEXT, "
        "PRIMARY KEY (run, number)) WITHOUT ROWID",
        "CREATE TABLE states (run INTEGER, number INTEGER, seconds REAL, generator TEXT, "
        "PRIMARY KEY (run, number)) WITHOUT ROWID",
    ),
    3: (
        "ALTER TABLE trials ADD COLUMN architecture TEXT",
        "CREATE TABLE set_aside AS SELECT * FROM trials WHERE 0",
    ),
}
"""What each version added; a new log is one of version 1 with all of that."""


def create(path: Path, settings: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Make a new log, whole at once.

    Raises:
        FileExistsError: If there is one already, also if another process was quicker.
        sqlite3.Error: If the file cannot be written.
    """
    values = "".join(f', "{name}" REAL' for name in columns)
    with created_whole(path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        for statement in _VERSION_1:
            connection.execute(statement.format(metrics=values))
        _raise_version(connection, 1)
        connection.executemany(SET, json_rows(settings))


def json_rows(entries: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table ``search``."""
    return [(key, json.dumps(value)) for key, value in entries.items()]


def read_header(path: Path) -> tuple[int, dict[str, Any], list[str]]:
    """Return version, settings and value columns of a log, opened for reading only.

    Raises:
        ResumeError: If it is no trial log, or one of a version that is not known here.
        sqlite3.Error: If it cannot be read.
    """
    connection = read_only(path)
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
    return version, settings, [row[1] for row in layout if row[1] not in FIXED]


def migrate(connection: sqlite3.Connection) -> None:
    """Bring a log of an older version to the present one, in one transaction; nothing in it is changed."""
    begin(connection)
    try:
        # Another process may have been quicker.
        _raise_version(connection, connection.execute("PRAGMA user_version").fetchone()[0])
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.rollback()


def _raise_version(connection: sqlite3.Connection, version: int) -> None:
    """Add what the versions after ``version`` added."""
    for later in range(version + 1, SCHEMA_VERSION + 1):
        for statement in _ADDED[later]:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {max(version, SCHEMA_VERSION)}")
