"""What a work queue looks like on disk: its tables and its version."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from ..core import ResumeError
from ..core.limits import parse_json, shown
from ..core.sqlite_files import created_whole, foreign_entry, is_disk_full, read_consistently
from .units import STATES, Unit

__all__ = ["create", "insert", "read_copy", "read_facts", "unreadable"]

T = TypeVar("T")

SCHEMA_VERSION = 1
APPLICATION_ID = 0x616E6171  # "anaq": what SQLite calls a file of this kind

_TABLES = (
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
    "CREATE TABLE architectures (position INTEGER PRIMARY KEY, genotype TEXT UNIQUE)",
    "CREATE TABLE units (id INTEGER PRIMARY KEY, position INTEGER, seed INTEGER, condition TEXT, "
    "state INTEGER DEFAULT 0, open_needs INTEGER DEFAULT 0, attempts INTEGER DEFAULT 0, "
    "losses INTEGER DEFAULT 0, owner TEXT, expires REAL, result TEXT, error TEXT, seconds REAL, "
    "cpu_seconds REAL, finished REAL, UNIQUE (position, seed, condition))",
    "CREATE INDEX claimable ON units (state, open_needs, id)",
    "CREATE TABLE needs (required INTEGER, unit INTEGER, PRIMARY KEY (required, unit)) WITHOUT ROWID",
)


def create(
    path: Path,
    facts: Mapping[str, Any],
    genotypes: Sequence[Sequence[int]],
    units: Iterable[Unit],
) -> None:
    """Make a queue, whole at once.

    Raises:
        FileExistsError: If it exists, even if another process created it meanwhile.
        sqlite3.Error: If the file cannot be written.
    """
    with created_whole(path) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        for statement in _TABLES:
            connection.execute(statement)
        rows = [(key, json.dumps(value)) for key, value in facts.items()]
        connection.executemany("INSERT INTO facts VALUES (?, ?)", rows)
        insert(connection, genotypes, units)


def insert(
    connection: sqlite3.Connection, genotypes: Sequence[Sequence[int]], units: Iterable[Unit]
) -> None:
    """Add what is not there yet; the caller holds the transaction."""
    connection.executemany(
        "INSERT OR IGNORE INTO architectures VALUES (?, ?)",
        [(position, json.dumps(list(row))) for position, row in enumerate(genotypes)],
    )
    find = "SELECT id, state FROM units WHERE position = ? AND seed = ? AND condition = ?"
    for unit in units:
        made = connection.execute(
            "INSERT OR IGNORE INTO units (position, seed, condition) VALUES (?, ?, ?)",
            (unit.position, unit.seed, unit.condition),
        )
        if not made.rowcount:
            continue
        required = [
            connection.execute(find, (unit.position, unit.seed, need)).fetchone()
            for need in unit.needs
        ]
        connection.executemany(
            "INSERT INTO needs VALUES (?, ?)", [(need, made.lastrowid) for need, _ in required]
        )
        connection.execute(
            "UPDATE units SET open_needs = ? WHERE id = ?",
            (sum(state != STATES.index("done") for _, state in required), made.lastrowid),
        )


def read_facts(path: Path) -> dict[str, Any]:
    """Return what identifies the build of a queue.

    Raises:
        ResumeError: If the file does not exist or is not a work queue of this version.
    """
    return _read(path, lambda connection: _facts(connection, path))


def read_copy(path: Path) -> tuple[dict[str, Any], sqlite3.Connection]:
    """Return what identifies the build of a queue, and a copy of it in memory.

    Raises:
        ResumeError: If the file does not exist or is not a work queue of this version.
    """

    def copied(connection: sqlite3.Connection) -> tuple[dict[str, Any], sqlite3.Connection]:
        facts = _facts(connection, path)
        copy = sqlite3.connect(":memory:", isolation_level=None)
        connection.backup(copy)
        return facts, copy

    return _read(path, copied)


def _read(path: Path, action: Callable[[sqlite3.Connection], T]) -> T:
    if not path.is_file():
        raise ResumeError(f"There is no work queue at {str(path)!r}; start the build again.")
    try:
        return read_consistently(path, lambda connection, _: action(connection))
    except (sqlite3.Error, OSError, ValueError) as error:
        if isinstance(error, ResumeError):
            raise
        raise unreadable(path, error) from None


def _facts(connection: sqlite3.Connection, path: Path) -> dict[str, Any]:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise ResumeError(f"{str(path)!r} is an SQLite file but not a work queue of analognas.")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version != SCHEMA_VERSION:
        raise ResumeError(
            f"The work queue {str(path)!r} has format version {version}, but this analognas reads "
            f"{SCHEMA_VERSION}; continue it with the version that started it."
        )
    if foreign := foreign_entry(connection, _TABLES):
        raise ResumeError(
            f"The work queue {str(path)!r} has {foreign}, which is not that of a work queue: another program "
            "has changed it. Restore a copy, or delete it and start the build again."
        )
    rows = connection.execute("SELECT key, value FROM facts LIMIT 1000").fetchall()
    return {
        key: parse_json(value, where=f"The fact {shown(key)!r} of {str(path)!r}", error=ResumeError)
        for key, value in rows
    }


def unreadable(path: Path, error: Exception) -> ResumeError:
    """Return the error for a queue that is damaged, or that cannot be read because the disk is full."""
    advice = "Restore a copy, or delete it and start the build again"
    if is_disk_full(path):
        advice = f"The disk is full, which may be the cause: make room first. Otherwise: {advice.lower()}"
    return ResumeError(f"The work queue {str(path)!r} cannot be read: {shown(error)}. {advice}.")
