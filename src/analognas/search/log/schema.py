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
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...core import ResumeError
from ...core.sqlite_files import begin, created_whole, read_only

FILE_NAME = "trials.sqlite"
SCHEMA_VERSION = 2
APPLICATION_ID = 0x616E6173  # "anas": what SQLite calls a file of this kind
SET = "INSERT OR REPLACE INTO search VALUES (?, ?)"

_N_FIXED = 6  # columns of ``trials`` before the metrics
_SINCE_2 = (
    "CREATE TABLE failures (run INTEGER, number INTEGER, error TEXT, "
    "PRIMARY KEY (run, number)) WITHOUT ROWID",
    "CREATE TABLE states (run INTEGER, number INTEGER, seconds REAL, generator TEXT, "
    "PRIMARY KEY (run, number)) WITHOUT ROWID",
)


def create(path: Path, settings: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Make a new log, whole at once.

    Raises:
        FileExistsError: If there is one already, also if another process was quicker.
        sqlite3.Error: If the file cannot be written.
    """
    values = "".join(f', "{name}" REAL' for name in columns)
    with created_whole(path) as connection:
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
