"""The trial log: every evaluation of a search in one SQLite file, written so that nothing told is lost.

Table ``search`` holds what identifies the search (key, JSON value); table ``trials`` one row per evaluation:
run, number within the run, batch, Unix time, whether the architecture was new to the run, genotype as JSON,
then each metric and, where known, its standard error (``_sem``).
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core import OutputFolderError, ResumeError
from ..evaluators import Evaluation
from ..spaces import Population, Space

FILE_NAME = "trials.sqlite"
SCHEMA_VERSION = 1
APPLICATION_ID = 0x616E6173  # "anas": what SQLite calls a file of this kind

_SET = "INSERT OR REPLACE INTO search VALUES (?, ?)"

_COMMIT_ROWS = 2000
_COMMIT_SECONDS = 0.5
_SEM = "_sem"


@dataclass(frozen=True)
class LoggedRun:
    """The trials of one run, in order.

    Attributes:
        population: Genotypes, shape ``(n, n_genes)``.
        evaluation: Their metrics.
    """

    population: Population
    evaluation: Evaluation

    def __len__(self) -> int:
        return len(self.population)


class _Batch(NamedTuple):
    """A batch that waits to be written."""

    run: int
    first: int
    batch: int
    time: float
    population: Population
    new: Sequence[bool]
    evaluation: Evaluation

    def rows(self, columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Its rows of the table ``trials``."""
        means, sems = self.evaluation.means, self.evaluation.sems
        values = [
            (means[name] if name in means else sems[name.removesuffix(_SEM)]).tolist()
            for name in columns
        ]
        n = len(self.population)
        return zip(
            repeat(self.run),
            range(self.first, self.first + n),
            repeat(self.batch),
            repeat(self.time),
            self.new,
            map(str, self.population.tolist()),
            *values,
        )


class TrialLog:
    """An open log; use it as a context manager.

    Args:
        path: The SQLite file.
        connection: Its connection.
        identity: What identifies the search.
        columns: Names of the value columns.
    """

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        identity: dict[str, Any],
        columns: Sequence[str],
    ) -> None:
        self.path = path
        self.identity = identity
        self.columns = list(columns)
        self._connection = connection
        self._pending: list[_Batch] = []
        self._n_pending = 0
        self._last_commit = time.monotonic()
        places = ", ".join("?" * (6 + len(self.columns)))
        self._insert = f"INSERT INTO trials VALUES ({places})"

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        identity: Mapping[str, Any],
        columns: Sequence[str],
        notes: Mapping[str, Any] | None = None,
    ) -> TrialLog:
        """Start a new log; if that fails, no file is left.

        Args:
            path: The file; must not exist.
            identity: What identifies the search, JSON types.
            columns: Names of the metrics and ``_sem`` columns that trials will have.
            notes: Facts beside the identity that may change, see :meth:`note`.

        Raises:
            OutputFolderError: If the file exists or cannot be created.
        """
        file = Path(path)
        if file.exists():
            raise OutputFolderError(
                f"{str(file)!r} exists already; give another folder, or continue it with --resume."
            )
        settings = {**identity, **(notes or {})}
        values = "".join(f', "{name}" REAL' for name in columns)
        try:
            connection = _connect(file)
            try:
                with connection:
                    connection.execute("BEGIN IMMEDIATE")
                    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
                    connection.execute("CREATE TABLE search (key TEXT PRIMARY KEY, value TEXT)")
                    connection.execute(
                        "CREATE TABLE trials (run INTEGER, number INTEGER, batch INTEGER, "
                        f"time REAL, new INTEGER, genotype TEXT{values}, "
                        "PRIMARY KEY (run, number)) WITHOUT ROWID"
                    )
                    connection.executemany(_SET, _json_rows(settings))
            except BaseException:
                connection.close()
                raise
        except BaseException as error:
            for ending in ("", "-wal", "-shm", "-journal"):
                file.with_name(file.name + ending).unlink(missing_ok=True)
            if not isinstance(error, sqlite3.Error):
                raise
            raise OutputFolderError(
                f"Cannot create the trial log {str(file)!r}: {error}."
            ) from None
        return cls(file, connection, settings, columns)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> TrialLog:
        """Open the log of an interrupted or finished search to continue it.

        A file that is no trial log is not touched.

        Raises:
            ResumeError: If there is no such file, or it is no trial log of this version.
        """
        file = Path(path)
        if not file.is_file():
            raise ResumeError(f"There is no trial log at {str(file)!r} to resume.")
        try:
            settings, columns = _read_header(file)
            return cls(file, _connect(file), settings, columns)
        except (sqlite3.Error, ValueError, TypeError) as error:
            if isinstance(error, ResumeError):
                raise
            raise ResumeError(
                f"{str(file)!r} cannot be resumed as a trial log of analognas: {error}."
            ) from None

    def check_identity(self, identity: Mapping[str, Any]) -> None:
        """Refuse to continue another search.

        Raises:
            ResumeError: If any entry differs; names the first that does.
        """
        for key in identity:
            logged, wanted = self.identity.get(key), json.loads(json.dumps(identity.get(key)))
            if logged != wanted:
                raise ResumeError(
                    f"The log {str(self.path)!r} belongs to another search: its {key} is "
                    f"{json.dumps(logged)}, but this search has {json.dumps(wanted)}."
                )

    def note(self, entries: Mapping[str, Any]) -> None:
        """Keep facts beside the identity that may change from one start to the next, such as the budget.

        Raises:
            OutputFolderError: If the file cannot be written.
        """
        self._write(_SET, _json_rows(entries))
        self.identity.update(entries)

    def append(
        self,
        run: int,
        first: int,
        batch: int,
        population: Population,
        new: Sequence[bool],
        evaluation: Evaluation,
    ) -> None:
        """Add one batch; it reaches the disk after at most half a second or 2,000 rows.

        Args:
            run: Number of the run.
            first: Number of the batch's first trial within the run.
            batch: Number of the batch within the run.
            population: Genotypes, shape ``(n, n_genes)``.
            new: Whether each was new to the run.
            evaluation: Their metrics.
        """
        self._pending.append(_Batch(run, first, batch, time.time(), population, new, evaluation))
        self._n_pending += len(population)
        overdue = time.monotonic() - self._last_commit >= _COMMIT_SECONDS
        if overdue or self._n_pending >= _COMMIT_ROWS:
            self.commit()

    def commit(self) -> None:
        """Write all pending trials in one transaction: all of them or none.

        Raises:
            OutputFolderError: If the disk is full or the file has become unwritable.
        """
        if self._pending:
            rows = [row for batch in self._pending for row in batch.rows(self.columns)]
            self._write(self._insert, rows, after=self._forget_pending)
        self._last_commit = time.monotonic()

    def _forget_pending(self) -> None:
        self._pending.clear()
        self._n_pending = 0

    def _write(
        self,
        statement: str,
        rows: Sequence[tuple[Any, ...]],
        after: Callable[[], None] = lambda: None,
    ) -> None:
        """Run one transaction, then ``after``: also where Ctrl-C comes between the two."""
        done = False
        try:
            # An open cursor would keep the file from being folded when the log is closed.
            with closing(self._connection.cursor()) as cursor:
                cursor.execute("BEGIN IMMEDIATE")
                done = True  # unless the transaction is still open, or SQLite has failed
                cursor.executemany(statement, rows)
                cursor.execute("COMMIT")
        except sqlite3.IntegrityError:
            done = False
            raise OutputFolderError(
                f"Another process has written trials of the same runs to {str(self.path)!r}; let one "
                "search write to a log."
            ) from None
        except sqlite3.Error as error:
            done = False
            raise OutputFolderError(f"Cannot write {str(self.path)!r}: {error}.") from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()
            elif done:
                after()

    def read_run(self, run: int, space: Space) -> LoggedRun:
        """Return the committed trials of one run over ``space``, in order.

        Raises:
            ResumeError: If the file is damaged.
        """
        names = "".join(f', "{name}"' for name in self.columns)
        try:
            rows = self._connection.execute(
                f"SELECT genotype{names} FROM trials WHERE run = ? ORDER BY number", (run,)
            ).fetchall()
            genotypes = [json.loads(row[0]) for row in rows]
            population = np.array(genotypes, dtype=space.dtype).reshape(len(rows), space.n_genes)
            values: NDArray[np.float64] = np.array(
                [[np.nan if value is None else value for value in row[1:]] for row in rows],
                dtype=np.float64,
            ).reshape(len(rows), len(self.columns))
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            raise ResumeError(f"The trial log {str(self.path)!r} is damaged: {error}.") from None
        means, sems = {}, {}
        for position, name in enumerate(self.columns):
            if name.endswith(_SEM):
                sems[name.removesuffix(_SEM)] = values[:, position]
            else:
                means[name] = values[:, position]
        return LoggedRun(population, Evaluation(means, sems))

    def close(self) -> None:
        """Commit and close; the write-ahead file is folded into the log."""
        try:
            self.commit()
        finally:
            self._connection.close()

    def __enter__(self) -> TrialLog:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def sem_column(metric: str) -> str:
    """Name of the column that holds the standard error of a metric."""
    return metric + _SEM


def _json_rows(entries: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(key, json.dumps(value)) for key, value in entries.items()]


def _read_header(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return the settings and value columns of a log, opened for reading only."""
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if application != APPLICATION_ID:
            raise ResumeError(f"{str(path)!r} is an SQLite file but no trial log of analognas.")
        if version != SCHEMA_VERSION:
            raise ResumeError(
                f"The trial log {str(path)!r} has format version {version}, but this analognas writes "
                f"{SCHEMA_VERSION}; continue it with the version that began it."
            )
        rows = connection.execute("SELECT key, value FROM search").fetchall()
        layout = connection.execute("PRAGMA table_info(trials)").fetchall()
    finally:
        connection.close()
    return {key: json.loads(value) for key, value in rows}, [row[1] for row in layout[6:]]


def _connect(path: Path) -> sqlite3.Connection:
    # Transactions are opened by hand, so that one of them holds a whole batch.
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # With a write-ahead log, NORMAL survives a killed process; only a power cut can cost the last commits.
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection
