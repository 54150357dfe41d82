"""What a trial log looks like on disk: its tables and their versions.

Table ``search`` has entries (key, JSON value): what identifies the search, what its metrics are, and the
settings as a tree (:class:`.SearchSettings`), which is all that resuming needs. Logs that former versions of
this package wrote have no tree, but the definitions of space and evaluator as separate entries.

Table ``trials`` has one row per evaluation: run, number within the run, batch, Unix time, whether the
architecture was new to the run, genotype as JSON, then each metric and, where known, its standard error
(``_sem``), and since version 3 the architecture by name as JSON.

Since version 2 there are two more tables, by run and number. ``failures`` says why a trial has no values.
``states`` holds, for the number of trials that the optimizer had been told of when a commit was made, the
seconds that the run had taken and the state of its random generator (JSON).

Since version 3 the table ``set_aside``, with the columns of ``trials``, keeps trials that an earlier course
of a run measured: where failed trials were tried again, the run may take another course, which takes values
from here. Table ``commits`` has a row for each commit, with a checksum of what it wrote and of the commit
before it (``commit_checksums.py``).

A log has these tables and nothing else: a trigger or a view of somebody else's would run when the log is
written or read.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from ...core import InvalidArgumentError
from ...core.sqlite_files import foreign_entry

FILE_NAME = "trials.sqlite"
SCHEMA_VERSION = 3
APPLICATION_ID = 0x616E6173  # "anas": what SQLite calls a file of this kind
SET = "INSERT OR REPLACE INTO search VALUES (?, ?)"

SETTINGS = "settings"
"""Key of the settings of the search in the table ``search``: a tree, as :class:`.SearchSettings` has it."""

SPACE_DEFINITION = "space_definition"
"""Key of the definition of a space that settings cannot store, so that architectures can be read."""

EVALUATOR_DEFINITION, EVALUATOR_CLASS = "evaluator_definition", "evaluator_class"
"""Keys of what former versions stored of the evaluator."""

FIXED = ("run", "number", "batch", "time", "new", "genotype", "architecture")
"""Columns of ``trials`` beside the metrics; the last since version 3."""

_TRIALS = (
    "CREATE TABLE trials (run INTEGER, number INTEGER, batch INTEGER, time REAL, new INTEGER, "
    "genotype TEXT{metrics}{architecture}, PRIMARY KEY (run, number)) WITHOUT ROWID"
)
_METRIC = ', "{name}" REAL'
_ARCHITECTURE = "architecture TEXT"
_SET_ASIDE = (
    "CREATE TABLE set_aside (run INTEGER, number INTEGER, batch INTEGER, time REAL, new INTEGER, "
    f"genotype TEXT{{metrics}}, {_ARCHITECTURE})"
)
_ADDED = {
    1: ("CREATE TABLE search (key TEXT PRIMARY KEY, value TEXT)",),
    2: (
        "CREATE TABLE failures (run INTEGER, number INTEGER, error TEXT, "
        "PRIMARY KEY (run, number)) WITHOUT ROWID",
        "CREATE TABLE states (run INTEGER, number INTEGER, seconds REAL, generator TEXT, "
        "PRIMARY KEY (run, number)) WITHOUT ROWID",
    ),
    3: (
        _SET_ASIDE,
        "CREATE TABLE commits (number INTEGER PRIMARY KEY, trials TEXT, states TEXT, rest TEXT, "
        "checksum TEXT)",
    ),
}
"""Tables beside ``trials`` by the version that added them."""

_LAYOUT = re.compile(
    re.escape(_TRIALS)
    .replace(re.escape("{metrics}"), r'((?:, "[^"\x00]+" REAL)*)')
    .replace(re.escape("{architecture}"), f"((?:, {re.escape(_ARCHITECTURE)})?)")
)


class DamagedLogError(InvalidArgumentError):
    """A trial log holds what none can hold, or does not match its checksums."""


def create(cursor: sqlite3.Cursor, settings: Mapping[str, Any], columns: Sequence[str]) -> None:
    """Make the tables of a new log; the caller holds the transaction."""
    cursor.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    for statement in _statements(SCHEMA_VERSION, columns):
        cursor.execute(statement)
    cursor.executemany(SET, json_rows(settings))


def upgrade(cursor: sqlite3.Cursor, version: int, columns: Sequence[str]) -> None:
    """Add what came after ``version``; the caller holds the transaction."""
    if version < 3:
        cursor.execute(f"ALTER TABLE trials ADD COLUMN {_ARCHITECTURE}")
    before = _statements(version, columns)
    for statement in _statements(SCHEMA_VERSION, columns)[1:]:
        if statement not in before:
            cursor.execute(statement)
    cursor.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def json_rows(entries: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rows of the table ``search``."""
    return [(key, json.dumps(value)) for key, value in entries.items()]


def check_schema(connection: sqlite3.Connection, version: int) -> list[str]:
    """Return the value columns of a log, if it has the tables of its version and nothing else.

    Raises:
        DamagedLogError: If it has not.
        sqlite3.Error: If it cannot be read.
    """
    row = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'trials'"
    ).fetchone()
    found = None if row is None else _LAYOUT.fullmatch(str(row[0]))
    columns: list[str] = [] if found is None else re.findall(r'"([^"]+)"', found[1])
    statements = _statements(version, columns)
    if foreign := foreign_entry(connection, statements):
        raise DamagedLogError(f"it has {foreign}, which is not that of a trial log")
    (n,) = connection.execute("SELECT count(*) FROM sqlite_master WHERE type = 'table'").fetchone()
    if n < len(statements):
        raise DamagedLogError("it lacks a table")
    return columns


def _statements(version: int, columns: Sequence[str]) -> list[str]:
    """The statements that make the tables of a version."""
    metrics = "".join(_METRIC.format(name=name) for name in columns)
    architecture = f", {_ARCHITECTURE}" if version >= 3 else ""
    more = [statement for n in range(1, version + 1) for statement in _ADDED[n]]
    return [
        statement.format(metrics=metrics, architecture=architecture)
        for statement in (_TRIALS, *more)
    ]
