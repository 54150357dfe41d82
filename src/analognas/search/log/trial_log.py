"""The trial log: every evaluation of a search in one SQLite file, written so that nothing told is lost.

Its tables are described at the top of ``log_schema.py``. Any number of processes may write to one log, each to
runs of its own.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from itertools import chain, repeat
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core import OutputFolderError, ResumeError, sqlite_files
from ...evaluators import Evaluation
from ...spaces import Population, Space
from . import schema as log_schema
from .schema import FILE_NAME

__all__ = ["FILE_NAME", "LoggedRun", "TrialLog", "sem_column"]

_COMMIT_ROWS = 2000
_COMMIT_SECONDS = 0.5
_SEM = "_sem"
_FAILURE = "INSERT INTO failures VALUES (?, ?, ?)"
_STATE = "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?)"

Statement = tuple[str, Iterable[tuple[Any, ...]]]


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
        version: Version of its format.
        identity: What identifies the search.
        columns: Names of the value columns.

    Attributes:
        n_appended: Trials added since it was opened.
    """

    def __init__(
        self, path: Path, version: int, identity: dict[str, Any], columns: Sequence[str]
    ) -> None:
        self.path = path
        self.identity = identity
        self.columns = list(columns)
        self._version = version
        self._connection = sqlite_files.connect(path)
        self._pending: list[_Batch] = []
        self._n_pending = 0
        self.n_appended = 0
        # By run: number of trials told, seconds taken, state of the generator.
        self._states: dict[int, tuple[int, float, Any]] = {}
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
            # Rows are made one by one while SQLite takes them: no list of thousands for the garbage collector.
            rows = chain.from_iterable(batch.rows(self.columns) for batch in self._pending)
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
                [(self._insert, rows), (_FAILURE, failures), (_STATE, states)], self._forget
            )
        self._last_commit = time.monotonic()

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
        names = "".join(f', "{name}"' for name in self.columns)
        try:
            rows = self._select(f"SELECT number, genotype{names} FROM trials", run)
            errors, states, seconds = self._read_since_2(run)
            genotypes = [json.loads(row[1]) for row in rows]
            population = np.array(genotypes, dtype=space.dtype).reshape(len(rows), space.n_genes)
            values: NDArray[np.float64] = np.array(
                [[np.nan if value is None else value for value in row[2:]] for row in rows],
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
        numbers = np.array([row[0] for row in rows], dtype=np.int64)
        evaluation = Evaluation(means, sems)
        return LoggedRun(numbers, population, evaluation, errors, states, seconds)

    def _read_since_2(self, run: int) -> tuple[dict[int, str], dict[int, Any], float]:
        """Errors, states and seconds of a run; a log of version 1 knows none."""
        if self._version < log_schema.SCHEMA_VERSION:
            return {}, {}, 0.0
        errors = dict(self._select("SELECT number, error FROM failures", run))
        rows = self._select("SELECT number, generator, seconds FROM states", run)
        states = {number: json.loads(state) for number, state, _ in rows}
        return errors, states, float(rows[-1][2]) if rows else 0.0

    def _select(self, query: str, run: int) -> list[tuple[Any, ...]]:
        statement = f"{query} WHERE run = ? ORDER BY number"
        return sqlite_files.patiently(
            lambda: self._connection.execute(statement, (run,)).fetchall()
        )

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
