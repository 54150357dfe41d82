"""What a trial log holds of one run, as arrays."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import sqlite_files
from ...evaluators import Evaluation
from ...spaces import Population, Space

SEM = "_sem"
"""Ending of the column that holds the standard error of a metric."""


@dataclass(frozen=True)
class LoggedRun:
    """The trials of one run, in the order of their numbers.

    Attributes:
        numbers: Their numbers within the run, shape ``(n,)``, rising. Some may be absent: of a batch that was
            measured in parallel, those that had not ended.
        population: Genotypes, shape ``(n, n_genes)``.
        evaluation: Their metrics.
        errors: Why an evaluation has no values, by number.
        states: State of the run's random generator, by the number of trials that had been told.
        seconds: Time that the run had taken when it was last written.
    """

    numbers: NDArray[np.int64]
    population: Population
    evaluation: Evaluation
    errors: dict[int, str] = field(default_factory=dict)
    states: dict[int, Any] = field(default_factory=dict)
    seconds: float = 0.0

    def __len__(self) -> int:
        return len(self.numbers)


def read_run(
    connection: sqlite3.Connection, run: int, space: Space, columns: Sequence[str], version: int
) -> LoggedRun:
    """Return the committed trials of one run, in order.

    Args:
        connection: The open log.
        run: Number of the run.
        space: The space of its architectures.
        columns: Names of the value columns.
        version: Version of the log's format.

    Raises:
        sqlite3.Error: If the file cannot be read.
        ValueError: If it holds something else than a log does; so do TypeError and OverflowError.
    """
    names = "".join(f', "{name}"' for name in columns)
    rows = _select(connection, f"SELECT number, genotype{names} FROM trials", run)
    genotypes = [json.loads(row[1]) for row in rows]
    values: NDArray[np.float64] = np.array(
        [[np.nan if value is None else value for value in row[2:]] for row in rows],
        dtype=np.float64,
    ).reshape(len(rows), len(columns))
    means, sems = {}, {}
    for position, name in enumerate(columns):
        if name.endswith(SEM):
            sems[name.removesuffix(SEM)] = values[:, position]
        else:
            means[name] = values[:, position]
    numbers = np.array([row[0] for row in rows], dtype=np.int64)
    population = np.array(genotypes, dtype=space.dtype).reshape(len(rows), space.n_genes)
    # A log of version 1 knows neither errors nor states.
    known = _errors_and_states(connection, run) if version > 1 else ({}, {}, 0.0)
    return LoggedRun(numbers, population, Evaluation(means, sems), *known)


def _errors_and_states(
    connection: sqlite3.Connection, run: int
) -> tuple[dict[int, str], dict[int, Any], float]:
    errors = dict(_select(connection, "SELECT number, error FROM failures", run))
    rows = _select(connection, "SELECT number, generator, seconds FROM states", run)
    states = {number: json.loads(state) for number, state, _ in rows}
    return errors, states, float(rows[-1][2]) if rows else 0.0


def _select(connection: sqlite3.Connection, query: str, run: int) -> list[tuple[Any, ...]]:
    statement = f"{query} WHERE run = ? ORDER BY number"
    return sqlite_files.patiently(lambda: connection.execute(statement, (run,)).fetchall())


def sem_column(metric: str) -> str:
    """Name of the column that holds the standard error of a metric."""
    return metric + SEM
