"""Evaluating failed trials again: which trials a run keeps, and which are set aside to be reused."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import sqlite_files
from ...core.limits import parse_json
from ...spaces import Space
from .logged_run import in_space
from .schema import FIXED, DamagedLogError


@dataclass(frozen=True)
class SetAside:
    """Measured trials of a run from before its failed trials were evaluated again.

    Attributes:
        rows: Position among ``values``, by code of the architecture and the number of its earlier readings.
        values: Values in the order of the log's value columns, shape ``(n, n_columns)``.
    """

    rows: dict[tuple[Any, int], int]
    values: NDArray[np.float64]

    @classmethod
    def nothing(cls) -> SetAside:
        """Where nothing was set aside."""
        return cls({}, np.empty((0, 0)))

    @classmethod
    def read(
        cls, connection: sqlite3.Connection, run: int, space: Space, columns: Sequence[str]
    ) -> SetAside:
        """Read what was set aside of one run from a log whose checksums were verified.

        Raises:
            DamagedLogError: If a genotype is not one of the space.
            sqlite3.Error: If the file cannot be read.
        """
        names = "".join(f', "{name}"' for name in columns)
        found = _rows(connection, f"SELECT genotype, batch{names} FROM set_aside", run)
        if not found:
            return cls.nothing()
        where = "a genotype that was set aside"
        genotypes = [parse_json(row[0], where=where, error=DamagedLogError) for row in found]
        codes = space.codes(in_space(np.array(genotypes, dtype=np.int64), space)).tolist()
        keys = zip(codes, (row[1] for row in found), strict=True)
        values = [[np.nan if value is None else value for value in row[2:]] for row in found]
        return cls(
            {key: position for position, key in enumerate(keys)},
            np.array(values, dtype=np.float64).reshape(len(found), len(columns)),
        )


def set_failures_aside(cursor: sqlite3.Cursor, run: int, columns: Sequence[str]) -> bool:
    """Prepare a log so that the failed trials of a run are evaluated again; return whether there are any.

    The failed trials are deleted, and all trials after the batch of the first failure. The measured ones among
    these are copied to ``set_aside``, where the column ``batch`` holds the number of earlier readings of the
    architecture. The caller holds the transaction, and computes the checksums again.

    Args:
        cursor: Cursor of the open log, of the present version.
        run: Number of the run.
        columns: Names of the value columns.
    """
    failed = {number for (number,) in _rows(cursor, "SELECT number FROM failures", run)}
    if not failed:
        return False
    trials = _rows(cursor, "SELECT number, batch, genotype FROM trials", run)
    batch = next(batch for number, batch, _ in trials if number in failed)
    start = min(number for number, its_batch, _ in trials if its_batch == batch)
    void = {genotype for number, _, genotype in trials if number in failed}
    # What repeats a failed architecture has no values either.
    again = [n for n, its_batch, genotype in trials if its_batch == batch and genotype in void]
    readings: Counter[str] = Counter()
    kept = []
    for expected, (number, its_batch, genotype) in enumerate(trials):
        if number != expected:
            break  # how often its architecture was read before is not known
        if its_batch > batch and number not in failed:
            kept.append((readings[genotype], run, number))
        readings[genotype] += 1
    named = [f'"{name}"' for name in (*FIXED, *columns)]
    values = ", ".join("?" if name == '"batch"' else name for name in named)
    cursor.executemany(
        f"INSERT INTO set_aside ({', '.join(named)}) SELECT {values} FROM trials "
        "WHERE run = ? AND number = ?",
        kept,
    )
    cursor.execute("DELETE FROM trials WHERE run = ? AND batch > ?", (run, batch))
    cursor.executemany(
        "DELETE FROM trials WHERE run = ? AND number = ?", [(run, number) for number in again]
    )
    cursor.execute("DELETE FROM failures WHERE run = ?", (run,))
    cursor.execute("DELETE FROM states WHERE run = ? AND number > ?", (run, start))
    return True


def _rows(
    source: sqlite3.Connection | sqlite3.Cursor, query: str, run: int
) -> list[tuple[Any, ...]]:
    statement = f"{query} WHERE run = ? ORDER BY number"
    return sqlite_files.patiently(lambda: source.execute(statement, (run,)).fetchall())
