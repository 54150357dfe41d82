"""The trial log: every evaluation of a search in one SQLite file.

Its tables are described at the top of ``schema.py``, its checksums in ``commit_checksums.py``. Any number of
processes may write to one log, each with its own runs.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from ...core import AnalogNASError, OutputFolderError, ResumeError, sqlite_files
from ...evaluators import Evaluation
from ...spaces import Population, Space
from . import schema as log_schema
from .commit_checksums import Sealed, State, add_commit
from .content import Content, bring_up_to_date, check_ranges, read_content, seal_again
from .logged_run import LoggedRun, sem_column
from .pending import Pending, PendingBatch
from .retrying import SetAside, set_failures_aside
from .schema import FILE_NAME

__all__ = ["FILE_NAME", "LoggedRun", "TrialLog", "sem_column"]

_COMMIT_ROWS = 2000
_COMMIT_SECONDS = 0.5
_FAILURE = "INSERT INTO failures VALUES (?, ?, ?)"
_STATE = "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?)"


class TrialLog:
    """An open log; use it as a context manager.

    Args:
        path: The SQLite file.
        content: What it holds.

    Attributes:
        identity: What identifies the search.
        columns: Names of the value columns.
        space: The space, if trials are to be written with their architectures by name.
        n_appended: Trials added since it was opened.

    Example:
        >>> with TrialLog.open(Path("my-search/trials.sqlite")) as log:
        ...     log.columns
        ['analog_drift_2592000', 'analog_drift_2592000_sem']
    """

    def __init__(self, path: Path, content: Content) -> None:
        self.path = path
        self.identity = content.settings
        self.columns = content.columns
        self.space: Space | None = None
        self._content = content
        self._is_stale = False  # whether it has been written to since
        self._version = content.version
        self._connection = sqlite_files.connect(path)
        self._batches: list[PendingBatch] = []
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
            with (
                sqlite_files.created_whole(file) as connection,
                closing(connection.cursor()) as cursor,
            ):
                log_schema.create(cursor, {**identity, **(notes or {})}, columns)
                add_commit(cursor, Sealed.nothing(), rest=True)
        except FileExistsError:
            raise OutputFolderError(
                f"{str(file)!r} exists already; give another folder, or continue it with --resume."
            ) from None
        except (sqlite3.Error, OSError) as error:
            raise OutputFolderError(
                f"Cannot create the trial log {str(file)!r}: {sqlite_files.reason(error, file)}."
            ) from None
        return cls.open(file)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> TrialLog:
        """Open the log of an interrupted or finished search to continue it.

        The whole log is checked first: a file that is not a trial log, or is damaged, stays as it is. A log of
        an older version is migrated when it is first written to.

        Raises:
            ResumeError: If there is no such file, it is not a trial log of a known version, or it is damaged.
        """
        file = Path(path)
        if not file.is_file():
            raise ResumeError(f"There is no trial log at {str(file)!r} to resume.")
        try:
            content = sqlite_files.read_consistently(file, read_content)
            check_ranges(content)
            return cls(file, content)
        except (sqlite3.Error, AnalogNASError, OSError) as error:
            raise ResumeError(
                f"{str(file)!r} cannot be resumed as a trial log of analognas: "
                f"{sqlite_files.reason(error, file)}."
            ) from None

    @classmethod
    def join(
        cls,
        path: str | os.PathLike[str],
        identity: Mapping[str, Any],
        columns: Sequence[str],
        notes: Mapping[str, Any] | None = None,
    ) -> TrialLog:
        """Open a log that several processes share; the first process creates it.

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

    def note(self, entries: Mapping[str, Any]) -> None:
        """Store facts that may change when a search is resumed, such as the budget.

        Raises:
            OutputFolderError: If the file cannot be written.
        """
        rows = log_schema.json_rows(entries)
        with self._transaction() as cursor:
            cursor.executemany(log_schema.SET, rows)
            add_commit(cursor, Sealed.nothing(), rest=True)
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
        self._batches.append(
            PendingBatch(run, first, batch, time.time(), population, new, evaluation, errors or {})
        )
        self._n_pending += len(population)
        self.n_appended += len(population)
        overdue = time.monotonic() - self._last_commit >= _COMMIT_SECONDS
        if overdue or self._n_pending >= _COMMIT_ROWS:
            self.commit()

    def note_state(self, run: int, n_told: int, seconds: float, generator: Any) -> None:
        """Store the state of a run; it is written together with its trials.

        Args:
            run: Number of the run.
            n_told: Trials told to the optimizer.
            seconds: Time that the run has taken.
            generator: State of its random generator, JSON types.
        """
        self._states[run] = (n_told, seconds, generator)
        if not self._batches:
            self.commit()

    def commit(self) -> None:
        """Write all pending trials and states in one transaction.

        Raises:
            OutputFolderError: If the disk is full or the file has become unwritable.
        """
        if self._batches or self._states:
            pending = Pending(self._batches, self.columns, self.space) if self._batches else None
            states: list[State] = [
                (run, number, seconds, json.dumps(state))
                for run, (number, seconds, state) in self._states.items()
            ]
            with self._transaction(self._forget) as cursor:
                cursor.executemany(_STATE, states)
                if pending is None:
                    add_commit(cursor, Sealed.nothing(), states=states)
                else:
                    cursor.executemany(self._insert, pending.rows())
                    cursor.executemany(_FAILURE, pending.failures)
                    extents, failures = pending.extents, pending.failures
                    add_commit(cursor, pending.sealed, extents, states, failures)
        self._last_commit = time.monotonic()

    def _forget(self) -> None:
        self._batches.clear()
        self._states.clear()
        self._n_pending = 0

    @contextmanager
    def _transaction(self, after: Callable[[], None] = lambda: None) -> Iterator[sqlite3.Cursor]:
        """Have the block write all or nothing, then do ``after``: also where Ctrl-C comes between the two."""
        done = False
        try:
            # An open cursor would keep the file from being folded when the log is closed.
            with closing(self._connection.cursor()) as cursor:
                sqlite_files.begin(cursor)
                if self._version < log_schema.SCHEMA_VERSION:
                    bring_up_to_date(cursor)
                # Unless the transaction is still open in the end, or SQLite has failed.
                done = self._is_stale = True
                yield cursor
                cursor.execute("COMMIT")
                self._version = log_schema.SCHEMA_VERSION
        except sqlite3.IntegrityError:
            done = False
            raise OutputFolderError(
                f"Another process has written trials of the same runs to {str(self.path)!r}; give each "
                "process its own runs."
            ) from None
        except sqlite3.Error as error:
            done = False
            raise OutputFolderError(
                f"Cannot write {str(self.path)!r}: {sqlite_files.reason(error, self.path)}."
            ) from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()
            elif done:
                after()

    def retry_failed(self, runs: Iterable[int]) -> None:
        """Delete the failures of some runs, and set aside the trials after the first failure of each run.

        Until its first failure, a run proposes the same architectures again. Later proposals may differ; their
        values are taken from the trials set aside where possible.

        Raises:
            OutputFolderError: If the file cannot be written.
        """
        with self._transaction() as cursor:
            changed = [set_failures_aside(cursor, run, self.columns) for run in runs]
            if any(changed):
                seal_again(cursor)

    def read_set_aside(self, run: int, space: Space) -> SetAside:
        """Return what was set aside of one run over ``space``.

        Raises:
            ResumeError: If the file is damaged, or its trials are not of that space.
        """
        if self._version < log_schema.SCHEMA_VERSION:
            return SetAside.nothing()
        try:
            return SetAside.read(self._connection, run, space, self.columns)
        except (sqlite3.Error, AnalogNASError) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> ResumeError:
        reason = sqlite_files.reason(error, self.path)
        return ResumeError(f"The trial log {str(self.path)!r} is damaged: {reason}.")

    def read_run(self, run: int, space: Space) -> LoggedRun:
        """Return the committed trials of one run over ``space``, in order.

        Raises:
            ResumeError: If the file is damaged, or its trials are not of that space.
        """
        try:
            return LoggedRun.of(self._up_to_date(run), run, space)
        except (sqlite3.Error, AnalogNASError) as error:
            raise self._damaged(error) from None

    def _up_to_date(self, run: int) -> Content:
        """The content of the log, read again if it has new trials of a run."""
        count = "SELECT count(*) FROM trials WHERE run = ?"
        (n,) = sqlite_files.patiently(lambda: self._connection.execute(count, (run,)).fetchone())
        if n != np.count_nonzero(self._content.run == run) or (n and self._is_stale):
            self._is_stale = False
            self._content = sqlite_files.read_consistently(self.path, read_content)
        return self._content

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
