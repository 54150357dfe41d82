"""The work queue of a build: every unit of work and its result, in one SQLite file.

A unit is one condition of one architecture with one seed. Table ``architectures`` holds genotypes (JSON) by
position; ``units`` position, seed, condition and state of each unit, its result (JSON) or error, and its
seconds; ``needs`` which units must be done before another; ``facts`` what identifies the build (JSON).

A worker claims a unit by a lease with its name and an expiry time, which a heartbeat renews. A unit whose lease
expires, or whose owner is a dead process of this machine, returns to the queue. The first result of a unit
counts; later results are ignored.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..core import InvalidArgumentError, OutputFolderError, ResumeError
from ..core.sqlite_files import begin, connect, patiently, reason
from . import queue_schema
from .lease_owners import Owner
from .queue_rows import SELECT, genotype_of, result_of, sealed, unit_of
from .units import STATES, Claim, Counts, Unit

__all__ = ["FILE_NAME", "LEASE_SECONDS", "MOST_LOSSES", "WorkQueue"]

FILE_NAME = "queue.sqlite"

LEASE_SECONDS = 60.0
"""How long a claim holds without a heartbeat, s."""

MOST_LOSSES = 10
"""A unit that lost this many owners is recorded as failed, as it probably crashes them."""

T = TypeVar("T")

_WAITING, _LEASED, _DONE, _FAILED = range(4)


class WorkQueue:
    """An open queue; use it as a context manager. One object belongs to one thread.

    Args:
        path: File of :meth:`create`.
        snapshot: Whether to open a read-only copy of its present state. Nothing in the folder is changed, and
            the folder may be read-only.

    Raises:
        ResumeError: If it does not exist or is not a work queue of a known version.
        OutputFolderError: If it cannot be written to.
    """

    def __init__(self, path: str | os.PathLike[str], *, snapshot: bool = False) -> None:
        self.path = Path(path)
        if snapshot:
            self.facts, self._connection = queue_schema.read_copy(self.path)
            return
        self.facts = queue_schema.read_facts(self.path)
        try:
            self._connection = connect(self.path)
        except sqlite3.Error as error:
            raise OutputFolderError(
                f"Cannot write the work queue {str(self.path)!r}: {reason(error, self.path)}."
            ) from None

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        facts: Mapping[str, Any],
        genotypes: Sequence[Sequence[int]],
        units: Iterable[Unit],
    ) -> WorkQueue:
        """Create a queue atomically and open it; if another process created it first, open that one.

        Args:
            path: The file.
            facts: What identifies the build, JSON types.
            genotypes: Architectures by position.
            units: All units, in the order in which they are to be claimed.

        Raises:
            OutputFolderError: If the file cannot be written.
        """
        file = Path(path)
        try:
            queue_schema.create(file, facts, genotypes, units)
        except FileExistsError:
            pass
        except (sqlite3.Error, OSError) as error:
            raise OutputFolderError(
                f"Cannot create the work queue {str(file)!r}: {reason(error, file)}."
            ) from None
        return cls(file)

    def add(self, genotypes: Sequence[Sequence[int]], units: Iterable[Unit]) -> int:
        """Add architectures and units; existing ones are unchanged.

        Args:
            genotypes: All architectures by position, the known ones first.
            units: Units to add.

        Returns:
            Number of units that are new.
        """
        with self._transaction() as connection:
            count = "SELECT COUNT(*) FROM units"
            before = int(connection.execute(count).fetchone()[0])
            queue_schema.insert(connection, genotypes, units)
            return int(connection.execute(count).fetchone()[0]) - before

    def add_done(
        self,
        genotypes: Sequence[Sequence[int]],
        results: Sequence[tuple[Unit, Mapping[str, Any]]],
        source: str,
    ) -> None:
        """Add architectures and units with their results; open units of the queue become done.

        Args:
            genotypes: All architectures by position, the known ones first.
            results: Units and their results, JSON types.
            source: Where the results are from, for messages.

        Raises:
            InvalidArgumentError: If a unit is done already with another result; then nothing is added.
        """
        find = (
            "SELECT id, state, result FROM units WHERE position = ? AND seed = ? AND condition = ?"
        )
        with self._transaction() as connection:
            queue_schema.insert(connection, genotypes, [unit for unit, _ in results])
            for unit, result in results:
                key = (unit.position, unit.seed, unit.condition)
                unit_id, state, known = connection.execute(find, key).fetchone()
                about = _about(connection, unit_id)
                if state != _DONE:
                    _done(connection, unit_id, sealed(result, about), None, None)
                elif not _same(self._sound(result_of, known, about), result):
                    raise InvalidArgumentError(
                        f"{source!r} contradicts the build: {unit.condition} of architecture {unit.position}, "
                        f"seed {unit.seed}, is {known} here and {json.dumps(result)} there."
                    )

    def claim(self, owner: Owner, n: int = 1) -> list[Claim]:
        """Take up to ``n`` units that can run now, the first of the queue first."""
        now = time.time()
        with self._transaction() as connection:
            self._return_leases(connection, "expires < ?", [now])
            ids = [
                row[0]
                for row in connection.execute(
                    "SELECT id FROM units WHERE state = ? AND open_needs = 0 ORDER BY id LIMIT ?",
                    (_WAITING, n),
                )
            ]
            connection.executemany(
                "UPDATE units SET state = ?, owner = ?, expires = ? WHERE id = ?",
                [(_LEASED, owner.text, now + LEASE_SECONDS, unit) for unit in ids],
            )
            return [self._claim(connection, unit) for unit in ids]

    def renew(self, owner: Owner, unit_ids: Sequence[int]) -> None:
        """Extend the leases that an owner still holds; a heartbeat."""
        expires = time.time() + LEASE_SECONDS
        with self._transaction() as connection:
            connection.executemany(
                "UPDATE units SET expires = ? WHERE id = ? AND state = ? AND owner = ?",
                [(expires, unit, _LEASED, owner.text) for unit in unit_ids],
            )

    def finish(
        self, unit_id: int, result: Mapping[str, Any], seconds: float, cpu_seconds: float
    ) -> bool:
        """Record the result of a unit; return whether it is the first.

        Args:
            unit_id: The unit.
            result: JSON types.
            seconds: Time that it took, s.
            cpu_seconds: Processor time that it took, s.
        """
        with self._transaction() as connection:
            text = sealed(result, _about(connection, unit_id))
            return _done(connection, unit_id, text, seconds, cpu_seconds)

    def fail(self, owner: Owner, unit_id: int, error: str, *, retries: int) -> bool:
        """Record a failed attempt; return whether it was the last.

        After ``retries`` further attempts the unit is failed with its error, and so are those that need it.
        Nothing happens if the owner no longer holds the unit.
        """
        with self._transaction() as connection:
            held = connection.execute(
                "UPDATE units SET attempts = attempts + 1, state = ?, error = ?, owner = NULL, "
                "expires = NULL WHERE id = ? AND state = ? AND owner = ? RETURNING attempts",
                (_WAITING, error, unit_id, _LEASED, owner.text),
            ).fetchone()
            last = held is not None and held[0] > retries
            if last:
                _give_up(connection, unit_id, error)
            return last

    def release(self, owner: Owner, unit_id: int | None = None) -> None:
        """Return one unit of an owner, or all of them, to the queue without counting an attempt."""
        which, values = ("", []) if unit_id is None else (" AND id = ?", [unit_id])
        with self._transaction() as connection:
            connection.execute(
                "UPDATE units SET state = ?, owner = NULL, expires = NULL WHERE state = ? AND owner = ?"
                + which,
                (_WAITING, _LEASED, owner.text, *values),
            )

    def is_finished(self, position: int, seed: int) -> bool:
        """Whether all units of an architecture with a seed are done."""
        select = "SELECT COUNT(*) FROM units WHERE position = ? AND seed = ? AND state != ?"
        return bool(self._rows(select, (position, seed, _DONE))[0][0] == 0)

    def release_dead(self) -> int:
        """Return the units of dead processes of this machine to the queue; return their number."""
        select = "SELECT DISTINCT owner FROM units WHERE state = ?"
        owners = self._rows(select, (_LEASED,))
        dead = [text for (text,) in owners if self._sound(Owner.read, text).is_dead_here()]
        n = 0
        if dead:
            with self._transaction() as connection:
                for text in dead:
                    n += self._return_leases(connection, "owner = ?", [text])
        return n

    def retry_failed(self) -> int:
        """Return failed units to the queue with all their attempts; return their number."""
        with self._transaction() as connection:
            found = connection.execute(
                "UPDATE units SET state = ?, attempts = 0, losses = 0, error = NULL WHERE state = ?",
                (_WAITING, _FAILED),
            )
            return found.rowcount

    def counts(self) -> Counts:
        """Return how far the build is."""
        by_condition: dict[str, dict[str, int]] = {}
        seconds: dict[str, float] = {}
        cpu_seconds: dict[str, float] = {}
        select = (
            "SELECT condition, state, COUNT(*), AVG(seconds), AVG(cpu_seconds) FROM units "
            "GROUP BY condition, state ORDER BY MIN(id)"
        )
        for condition, state, n, mean, cpu in self._rows(select):
            by_condition.setdefault(condition, dict.fromkeys(STATES, 0))[STATES[state]] = n
            if state == _DONE and mean is not None:  # rows of another table have no times
                seconds[condition], cpu_seconds[condition] = mean, cpu
        return Counts(by_condition, seconds, cpu_seconds)

    def genotypes(self) -> list[tuple[int, ...]]:
        """Return the architectures by position."""
        rows = self._rows("SELECT genotype FROM architectures ORDER BY position")
        return [self._sound(genotype_of, text) for (text,) in rows]

    def state(self) -> str:
        """Return the problems that SQLite finds in the file; "ok" if there are none."""
        return str(self._rows("PRAGMA integrity_check(1)")[0][0])

    def units(self) -> Iterator[dict[str, Any]]:
        """Yield every unit in the order of the queue.

        Keys: ``position``, ``seed``, ``condition``, ``state`` (a text), ``attempts``, ``owner``, ``result``
        (mapping or None), ``error``, ``seconds``, ``cpu_seconds``, ``finished`` (Unix time).
        """
        for row in self._rows(SELECT):
            yield self._sound(unit_of, row)

    def close(self) -> None:
        """Close the file; leases stay."""
        self._connection.close()

    def __enter__(self) -> WorkQueue:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            begin(self._connection)
            yield self._connection
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise OutputFolderError(
                f"Cannot write the work queue {str(self.path)!r}: {reason(error, self.path)}. What was "
                "recorded before is kept; make room, and continue with `analognas bench resume`."
            ) from None
        finally:
            if self._connection.in_transaction:
                self._connection.rollback()

    def _rows(self, statement: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return patiently(lambda: self._connection.execute(statement, values).fetchall())
        except sqlite3.Error as error:
            raise queue_schema.unreadable(self.path, error) from None

    def _sound(self, read: Callable[..., T], *values: Any) -> T:
        """Return what is read from fields of the queue; an error of it names the queue."""
        try:
            return read(*values)
        except ResumeError as error:
            raise queue_schema.unreadable(self.path, error) from None

    def _return_leases(
        self, connection: sqlite3.Connection, condition: str, values: Sequence[Any]
    ) -> int:
        """Return leases whose owners have vanished; units that lost too many of them fail."""
        lost = connection.execute(
            "UPDATE units SET state = ?, losses = losses + 1, owner = NULL, expires = NULL "
            f"WHERE state = ? AND {condition} RETURNING id, losses",
            (_WAITING, _LEASED, *values),
        ).fetchall()
        for unit_id, losses in lost:
            if losses >= MOST_LOSSES:
                text = f"the process that worked on it ended {losses} times without a word"
                _give_up(connection, unit_id, text)
        return len(lost)

    def _claim(self, connection: sqlite3.Connection, unit_id: int) -> Claim:
        position, seed, condition, genotype = _about(connection, unit_id)
        return Claim(unit_id, position, self._sound(genotype_of, genotype), seed, condition)


def _about(connection: sqlite3.Connection, unit_id: int) -> tuple[Any, ...]:
    """Position, seed, condition and genotype (JSON) of a unit."""
    return tuple(
        connection.execute(
            "SELECT units.position, seed, condition, genotype FROM units LEFT JOIN architectures "
            "USING (position) WHERE id = ?",
            (unit_id,),
        ).fetchone()
    )


def _done(
    connection: sqlite3.Connection,
    unit_id: int,
    result: str,
    seconds: float | None,
    cpu_seconds: float | None,
) -> bool:
    """Record a result unless there is one, and open the way for units that needed it."""
    found = connection.execute(
        "UPDATE units SET state = ?, result = ?, seconds = ?, cpu_seconds = ?, finished = ?, "
        "error = NULL, owner = NULL, expires = NULL WHERE id = ? AND state != ?",
        (_DONE, result, seconds, cpu_seconds, time.time(), unit_id, _DONE),
    )
    first = found.rowcount == 1
    if first:
        connection.execute(
            "UPDATE units SET open_needs = open_needs - 1 WHERE id IN "
            "(SELECT unit FROM needs WHERE required = ?)",
            (unit_id,),
        )
    return first


def _same(one: Any, other: Any) -> bool:
    """Whether two results are equal; values that are missing in both count as equal."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return bool(one == other or (one != one and other != other))


def _give_up(connection: sqlite3.Connection, unit_id: int, error: str) -> None:
    """Fail a unit, and those that need it."""
    connection.execute(
        "UPDATE units SET state = ?, error = ?, finished = ? WHERE id = ?",
        (_FAILED, error, time.time(), unit_id),
    )
    (condition,) = connection.execute(
        "SELECT condition FROM units WHERE id = ?", (unit_id,)
    ).fetchone()
    dependents = connection.execute(
        "SELECT unit FROM needs JOIN units ON unit = id WHERE required = ? AND state != ?",
        (unit_id, _DONE),
    ).fetchall()
    for (dependent,) in dependents:
        _give_up(connection, dependent, f"needs {condition!r}, which failed: {error}")
