"""The trial log: every evaluation of a search in one SQLite file, written so that nothing told is lost.

Its tables are described at the top of ``schema.py``. Any number of processes may write to one log, each to
runs of its own.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core import OutputFolderError, ResumeError, sqlite_files
from ...evaluators import Evaluation
from ...spaces import Population, Space
from ...spaces.row_texts import row_texts
from . import schema as log_schema
from .logged_run import SEM, LoggedRun, read_run, sem_column
from .schema import FILE_NAME

__all__ = ["FILE_NAME", "LoggedRun", "TrialLog", "sem_column"]

_COMMIT_ROWS = 2000
_COMMIT_SECONDS = 0.5
_FAILURE = "INSERT INTO failures VALUES (?, ?, ?)"
_STATE = "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?)"

Statement = tuple[str, Iterable[tuple[Any, ...]]]


class _Batch(NamedTuple):
    """A batch that waits to be written."""

    run: int
    first: int
    batch: int
    time: float
    population: Population
    new: Sequence[bool]
    evaluation: Evaluation
    errors: Mapping[int, str]

    def column(self, name: str) -> NDArray[np.float64]:
        """Values of a metric, or its standard errors."""
        means, sems = self.evaluation.means, self.evaluation.sems
        return means[name] if name in means else sems[name.removesuffix(SEM)]


class TrialLog:
    """An open log; use it as a context manager.

    Args:
        path: The SQLite file.
        version: Version of its format.
        identity: What identifies the search.
        columns: Names of the value columns.

    Attributes:
        space: The space, if trials are to be written with their architectures by name.
        n_appended: Trials added since it was opened.
    """

    def __init__(
        self, path: Path, version: int, identity: dict[str, Any], columns: Sequence[str]
    ) -> None:
        self.path = path
        self.identity = identity
        self.columns = list(columns)
        self.space: Space | None = None
        self._version = version
        self._connection = sqlite_files.connect(path)
        self._pending: list[_Batch] = []
        self._n_pending = 0
        self.n_appended = 0
        # By run: number of trials told, seconds taken, state of the generator.
        self._states: dict[int, tuple[int, float, Any]] = {}
        self._last_commit = time.monotonic()
        fields = [*log_schema.FIXED[:-1], *self.columns, log_schema.FIXED[-1]]
        named = ", ".join(f'"{name}"' for name in fields)
        self._insert = f"INSERT INTO trials ({named}) VALUES ({', '.join('?' * len(fields))})"

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
        try:
            if file.exists():
                raise FileExistsError(file)
            log_schema.create(file, {**identity, **(notes or {})}, columns)
        except FileExistsError:
            raise OutputFolderError(
                f"{str(file)!r} exists already; give another folder, or continue it with --resume."
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise OutputFolderError(
                f"Cannot create the trial log {str(file)!r}: {error}."
            ) from None
        return cls.open(file)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> TrialLog:
        """Open the log of an interrupted or finished search to continue it.

        A file that is no trial log is not touched; one of an older version is brought to this one when it is
        first written to.

        Raises:
            ResumeError: If there is no such file, or it is no trial log of a known version.
        """
        file = Path(path)
        if not file.is_file():
            raise ResumeError(f"There is no trial log at {str(file)!r} to resume.")
        try:
            return cls(file, *log_schema.read_header(file))
        except (sqlite3.Error, ValueError, TypeError) as error:
            if isinstance(error, ResumeError):
                raise
            raise ResumeError(
                f"{str(file)!r} cannot be resumed as a trial log of analognas: {error}."
            ) from None

    @classmethod
    def join(
        cls,
        path: str | os.PathLike[str],
        identity: Mapping[str, Any],
        columns: Sequence[str],
        notes: Mapping[str, Any] | None = None,
    ) -> TrialLog:
        """Open a log that several processes share; whoever comes first starts it.

        Args and errors as of :meth:`create` and :meth:`open`.
        """
        file = Path(path)
        if not file.exists():
            try:
                return cls.create(file, identity, columns, notes)
            except OutputFolderError:
                if not file.exists():
                    raise
        return cls.open(file)

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
        self._write([(log_schema.SET, log_schema.json_rows(entries))])
        self.identity.update(entries)

    def append(
        self,
        run: int,
        first: int,
        batch: int,
        population: Population,
        new: Sequence[bool],
        evaluation: Evaluation,
        errors: Mapping[int, str] | None = None,
    ) -> None:
        """Add trials of one batch; they reach the disk after at most half a second or 2,000 rows.

        Args:
            run: Number of the run.
            first: Number of the first of them within the run.
            batch: Number of the batch within the run.
            population: Genotypes, shape ``(n, n_genes)``.
            new: Whether each was new to the run.
            evaluation: Their metrics.
            errors: Why an evaluation has no values, by number within the run.
        """
        self._pending.append(
            _Batch(run, first, batch, time.time(), population, new, evaluation, errors or {})
        )
        self._n_pending += len(population)
        self.n_appended += len(population)
        overdue = time.monotonic() - self._last_commit >= _COMMIT_SECONDS
        if overdue or self._n_pending >= _COMMIT_ROWS:
            self.commit()

    def note_state(self, run: int, n_told: int, seconds: float, generator: Any) -> None:
        """Keep where a run stands; it is written with the trials that it follows.

        Args:
            run: Number of the run.
            n_told: Trials told to the optimizer.
            seconds: Time that the run has taken.
            generator: State of its random generator, JSON types.
        """
        self._states[run] = (n_told, seconds, generator)
        if not self._pending:
            self.commit()

    def commit(self) -> None:
        """Write all that is pending in one transaction: all of it or none.

        Raises:
            OutputFolderError: If the disk is full or the file has become unwritable.
        """
        if self._pending or self._states:
            failures = [
                (batch.run, number, error)
                for batch in self._pending
                for number, error in batch.errors.items()
            ]
            states = [
                (run, number, seconds, json.dumps(state))
                for run, (number, seconds, state) in self._states.items()
            ]
            self._write(
                [(self._insert, self._rows()), (_FAILURE, failures), (_STATE, states)], self._forget
            )
        self._last_commit = time.monotonic()

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        """Rows of the table ``trials`` for all pending batches, made one by one while SQLite takes them."""
        batches = self._pending
        if not batches:
            return iter(())
        population = np.concatenate([batch.population for batch in batches])
        sizes = [len(batch.population) for batch in batches]
        architectures: Iterable[str | None] = repeat(None, len(population))
        if self.space is not None:
            architectures = self.space.json_texts(population)

        def each(values: Iterable[Any]) -> Iterator[Any]:
            return chain.from_iterable(map(repeat, values, sizes))

        return zip(
            each(batch.run for batch in batches),
            chain.from_iterable(
                range(batch.first, batch.first + size)
                for batch, size in zip(batches, sizes, strict=True)
            ),
            each(batch.batch for batch in batches),
            each(batch.time for batch in batches),
            chain.from_iterable(batch.new for batch in batches),
            row_texts(population),
            *(
                np.concatenate([batch.column(name) for batch in batches]).tolist()
                for name in self.columns
            ),
            architectures,
            strict=True,
        )

    def _forget(self) -> None:
        self._pending.clear()
        self._states.clear()
        self._n_pending = 0

    def _write(
        self, statements: Iterable[Statement], after: Callable[[], None] = lambda: None
    ) -> None:
        """Run one transaction, then ``after``: also where Ctrl-C comes between the two."""
        done = False
        try:
            if self._version < log_schema.SCHEMA_VERSION:
                log_schema.migrate(self._connection)
                self._version = log_schema.SCHEMA_VERSION
            # An open cursor would keep the file from being folded when the log is closed.
            with closing(self._connection.cursor()) as cursor:
                sqlite_files.begin(cursor)
                done = True  # unless the transaction is still open, or SQLite has failed
                for statement, rows in statements:
                    cursor.executemany(statement, rows)
                cursor.execute("COMMIT")
        except sqlite3.IntegrityError:
            done = False
            raise OutputFolderError(
                f"Another process has written trials of the same runs to {str(self.path)!r}; give each "
                "process runs of its own."
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
        try:
            return read_run(self._connection, run, space, self.columns, self._version)
        except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
            raise ResumeError(f"The trial log {str(self.path)!r} is damaged: {error}.") from None

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
