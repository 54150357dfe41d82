"""The content of a trial log as arrays: read in one transaction, with types, ranges and checksums checked."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from ...core import UnknownNameError
from ...core.foreign_numbers import metric_range
from ...core.limits import parse_json, shown
from . import schema
from .commit_checksums import Commit, Failure, Sealed, State, add_commit, joined, verify
from .definitions import logged_metric, logged_metrics
from .schema import APPLICATION_ID, FIXED, SCHEMA_VERSION, DamagedLogError

SEM = "_sem"
"""Ending of the column that holds the standard error of a metric."""

_CHUNK = 10_000
_SEALED = 3  # the first version with checksums
_ANY_SIZE = 2**62
_LATEST = 1e12  # s, as Unix time
_MOST = 2**53
Kind: TypeAlias = frozenset[type]
_TEXT: Kind = frozenset((str,))
_TEXT_OR_NONE: Kind = frozenset((str, type(None)))
_WHOLE: Kind = frozenset((int,))
_NUMBER: Kind = frozenset((int, float))
_VALUE: Kind = frozenset((int, float, type(None)))
_GENOTYPE = re.compile(r"\[(?:\d{1,18}(?:, ?\d{1,18})*)?\]", re.ASCII)


@dataclass(frozen=True)
class Content:
    """The content of a log, with trials in the order of run and number.

    Attributes:
        version: Version of its format.
        settings: The table ``search``.
        columns: Names of the metrics and of their standard errors.
        run: Number of the run, shape ``(n,)``.
        number: Number within the run, shape ``(n,)``.
        time: Unix time of the batch, s, shape ``(n,)``.
        new: Whether the architecture was new to the run, shape ``(n,)``.
        genotypes: Genotypes, shape ``(n, n_genes)``.
        values: Values of the columns, NaN where there is none, shape ``(n, n_columns)``.
        sealed: Trials as their checksums see them, architectures among them.
        failures: Why trials have no values, in the order of run and number.
        states: States of the runs, in the order of run and number.
    """

    version: int
    settings: dict[str, Any]
    columns: list[str]
    run: NDArray[np.int64]
    number: NDArray[np.int64]
    time: NDArray[np.float64]
    new: NDArray[np.bool_]
    genotypes: NDArray[np.int64]
    values: NDArray[np.float64]
    sealed: Sealed
    failures: list[Failure]
    states: list[State]

    def __len__(self) -> int:
        return len(self.run)


def read_content(connection: sqlite3.Connection, n_bytes: int, *, sealed: bool = True) -> Content:
    """Return the content of a log; the caller holds a transaction.

    Args:
        connection: The log.
        n_bytes: Bytes of its files: what it holds is not more.
        sealed: Whether its checksums are to match.

    Raises:
        DamagedLogError: If it is another kind of file, has other tables than a log, holds invalid values, or
            does not match its checksums.
        sqlite3.Error: If it cannot be read.
    """
    version = _version(connection)
    columns = schema.check_schema(connection, version)
    table = _CheckedTables(connection, n_bytes)
    search = table.rows("search", ("key", "value"), (_TEXT, _TEXT), order="key")
    settings = {
        key: parse_json(value, where=f"its setting {shown(key)!r}", error=DamagedLogError)
        for key, value in search
    }
    content = _with_trials(table, version, settings, columns)
    if sealed and version >= _SEALED:
        kinds = (_WHOLE, _TEXT, _TEXT, _TEXT_OR_NONE, _TEXT)
        commits = list(
            map(Commit._make, table.rows("commits", Commit._fields, kinds, order="number"))
        )
        fields = (*FIXED[:-1], *columns, FIXED[-1])
        aside = table.rows("set_aside", fields, _kinds(columns), order="rowid")
        keys = content.run, content.number
        verify(commits, keys, content.sealed, content.states, content.failures, (search, aside))
    return content


def bring_up_to_date(cursor: sqlite3.Cursor) -> None:
    """Migrate a log of an older version to the present one in the caller's transaction; its rows stay."""
    version = _version(cursor.connection)
    if version < SCHEMA_VERSION:  # another process may have migrated it
        schema.upgrade(cursor, version, schema.check_schema(cursor.connection, version))
        seal_again(cursor)


def seal_again(cursor: sqlite3.Cursor) -> None:
    """Replace all commits by one, after rows were rewritten on purpose in the caller's transaction."""
    content = read_content(cursor.connection, _ANY_SIZE, sealed=False)
    cursor.execute("DELETE FROM commits")
    runs, numbers = content.run.tolist(), content.number.tolist()
    extents = joined((run, number, 1) for run, number in zip(runs, numbers, strict=True))
    add_commit(cursor, content.sealed, extents, content.states, content.failures, rest=True)


def check_ranges(content: Content) -> None:
    """Check that the values of a log without checksums are in the ranges of their metrics.

    In a log with checksums, every value is the one that the evaluator returned.

    Raises:
        DamagedLogError: If one cannot, such as an accuracy above 100 %.
        AnalogNASError: If what the log says of its metrics cannot be read.
    """
    known = logged_metrics(content.settings)
    if content.version >= _SEALED:
        return
    for position, name in enumerate(content.columns):
        column = content.values[:, position]
        try:
            metric = None if name.endswith(SEM) else logged_metric(known, name)
        except UnknownNameError:
            continue
        if metric is None:
            wrong, wanted = column < 0, "numbers of at least 0"
        else:
            values = metric_range(metric, zero=True)
            wrong, wanted = values.outside(column), values.text
        if wrong.any():
            at = int(wrong.argmax())
            raise DamagedLogError(
                f"the {name} of trial {content.number[at]} of run {content.run[at]} is {column[at]:g}, but it "
                f"must be {wanted.replace('numbers', 'a number').replace('percentages', 'a percentage')}"
            )


def _version(connection: sqlite3.Connection) -> int:
    if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise DamagedLogError("it is an SQLite file but not a trial log of analognas")
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if not 1 <= version <= SCHEMA_VERSION:
        raise DamagedLogError(
            f"it has format version {version}, but this analognas reads 1 to {SCHEMA_VERSION}; upgrade "
            "analognas"
        )
    return version


class _CheckedTables:
    """Reads tables by columns, with the types of all values checked, up to the size of the file."""

    def __init__(self, connection: sqlite3.Connection, n_bytes: int) -> None:
        self._connection = connection
        self._left = n_bytes

    def rows(
        self,
        name: str,
        columns: Sequence[str],
        kinds: Sequence[Kind],
        *,
        order: str = "run, number",
    ) -> list[tuple[Any, ...]]:
        """Return some columns of a table, row by row."""
        named = ", ".join(f'"{column}"' for column in columns)
        cursor = self._connection.execute(f"SELECT {named} FROM {name} ORDER BY {order}")
        found: list[tuple[Any, ...]] = []
        while chunk := cursor.fetchmany(_CHUNK):
            for column, kind, values in zip(columns, kinds, zip(*chunk, strict=True), strict=True):
                types = set(map(type, values))
                if not types <= kind:
                    wrong = next(value for value in values if type(value) not in kind)
                    raise DamagedLogError(
                        f"its table {name!r} has {shown(repr(wrong), 60)} as {shown(column, 60)!r}"
                    )
                if str in types:
                    self._left -= sum(len(value) for value in values if value is not None)
            self._left -= 8 * len(chunk)
            if self._left < 0:
                raise DamagedLogError("it holds more than its size allows")
            found += chunk
        return found

    def integers(self, name: str, values: list[int]) -> NDArray[np.int64]:
        """Return whole numbers that are not negative as an array."""
        found = np.array(values, dtype=np.int64)
        if len(found) and not (found.min() >= 0 and found.max() <= _MOST):
            raise DamagedLogError(f"its {name} must be between 0 and {_MOST:,}")
        return found


def _kinds(columns: Sequence[str]) -> list[Kind]:
    """Types of the fields of a trial, the architecture last."""
    return [_WHOLE, _WHOLE, _WHOLE, _NUMBER, _WHOLE, _TEXT, *[_VALUE] * len(columns), _TEXT_OR_NONE]


def _with_trials(
    table: _CheckedTables, version: int, settings: dict[str, Any], columns: list[str]
) -> Content:
    """Read trials, failures and states."""
    fields, kinds = [*FIXED[:-1], *columns, FIXED[-1]], _kinds(columns)
    if version < 3:
        fields, kinds = fields[:-1], kinds[:-1]
    rows = table.rows("trials", fields, kinds)
    run, number, batch = (
        table.integers(name, [row[at] for row in rows]) for at, name in enumerate(FIXED[:3])
    )
    if (np.diff(run) < 0).any() or ((np.diff(run) == 0) & (np.diff(number) <= 0)).any():
        raise DamagedLogError("its trials are not in order")
    time = np.array([row[3] for row in rows], dtype=np.float64)
    if not ((time >= 0) & (time < _LATEST)).all():
        raise DamagedLogError(f"it has the time {time.max():g} s")
    new = table.integers("new", [row[4] for row in rows])
    if new.max(initial=0) > 1:
        raise DamagedLogError("it says of a trial neither that it is new nor that it is not")
    genotypes = _genotypes([row[5] for row in rows])
    last = 6 + len(columns)
    matrix = np.array([row[6:last] for row in rows], dtype=np.float64)
    matrix = matrix.reshape(len(rows), len(columns))
    if np.isinf(matrix).any():
        raise DamagedLogError("it has an infinite value")
    architectures = [row[last] if version >= 3 else None for row in rows]
    keys = (_WHOLE, _WHOLE)
    failures, states = [], []
    if version >= 2:
        failures = table.rows("failures", ("run", "number", "error"), (*keys, _TEXT))
        told = ("run", "number", "seconds", "generator")
        states = table.rows("states", told, (*keys, _NUMBER, _TEXT))
    return Content(
        version,
        settings,
        columns,
        run,
        number,
        time,
        new.astype(bool),
        genotypes,
        matrix,
        Sealed.of((batch, time, new), genotypes, matrix, architectures),
        cast("list[Failure]", failures),
        cast("list[State]", states),
    )


def _genotypes(texts: list[str]) -> NDArray[np.int64]:
    """Genotypes from JSON, shape ``(n, n_genes)``."""
    for text in texts:
        if _GENOTYPE.fullmatch(text) is None:
            raise DamagedLogError(f"it has the genotype {shown(text, 60)!r}")
    rows = json.loads(f"[{','.join(texts)}]")
    if len(set(map(len, rows))) > 1:
        raise DamagedLogError("its genotypes are not of one length")
    return np.array(rows, dtype=np.int64).reshape(len(rows), -1 if rows else 0)
