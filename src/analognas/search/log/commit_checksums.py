"""Checksums of a trial log: each commit has one, which covers its rows and the previous checksum.

A log is a chain. The checksum of a commit covers the trials that it wrote with all their columns, why some of
them failed, the states of the runs, the settings and the trials set aside where they changed, and the checksum
of the commit before. A row that is changed, lost or added, by a flipped bit or by hand, is detected when the
log is opened.

A checksum is SHA-256 over these parts, separated by line breaks: the checksum before; which trials, as JSON
``[[run, first number, count], ...]``; which states, as JSON ``[[run, number, digest], ...]``; the digest of
the rest, or nothing; the failures ``[[run, number, reason], ...]`` as JSON; the architectures; then, without a
break, the cells of the trials: batch, time, whether new, genotype and values, row by row, eight bytes each,
little-endian. A digest is SHA-256 of JSON: of ``[seconds, state]``, and of ``[settings, set aside]``, both
lists of rows.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...core.limits import parse_json
from .schema import DamagedLogError

Extent = tuple[int, int, int]
"""Run, number of the first trial, and how many follow one another."""
State = tuple[int, int, float, str]
"""Run, number of trials told, seconds, state of the generator as JSON."""
Failure = tuple[int, int, str]
"""Run, number of the trial, reason."""

_LAST = "SELECT number, checksum FROM commits ORDER BY number DESC LIMIT 1"
_SETTINGS = "SELECT key, value FROM search ORDER BY key"
_SET_ASIDE = "SELECT * FROM set_aside ORDER BY rowid"
_ADD = "INSERT INTO commits VALUES (?, ?, ?, ?, ?)"
_SEPARATORS = (",", ":")


class Commit(NamedTuple):
    """A row of the table ``commits``.

    Attributes:
        number: Its number, from 0.
        trials: Which trials it wrote, JSON.
        states: Which states it wrote, and a digest of each, JSON.
        rest: Digest of the settings and of the trials set aside, where it wrote any.
        checksum: Its checksum.
    """

    number: int
    trials: str
    states: str
    rest: str | None
    checksum: str


@dataclass(frozen=True)
class Sealed:
    """Trials as a checksum sees them.

    Attributes:
        cells: Batch, time, whether new, genotype and values, shape ``(n, 3 + n_genes + n_values)``.
        architectures: Architectures as JSON, None where there is none.
    """

    cells: NDArray[np.int64]
    architectures: Sequence[str | None]

    @classmethod
    def of(
        cls,
        facts: tuple[Any, Any, Any],
        genotypes: NDArray[Any],
        values: NDArray[np.float64],
        architectures: Sequence[str | None],
    ) -> Sealed:
        """Lay out some trials.

        Args:
            facts: Numbers of their batches, Unix times (s), whether they are new, shape ``(n,)`` each.
            genotypes: Shape ``(n, n_genes)``.
            values: Metrics and standard errors, shape ``(n, n_values)``; changed in place to what SQLite keeps
                of them.
            architectures: Architectures as JSON.
        """
        n, n_genes = genotypes.shape
        cells = np.empty((n, 3 + n_genes + values.shape[1]), dtype="<i8")
        floats = cells.view("<f8")
        cells[:, 0], floats[:, 1], cells[:, 2] = facts
        cells[:, 3 : 3 + n_genes] = genotypes
        values[np.isnan(values)] = np.nan
        values += 0.0  # SQLite has no negative zero
        floats[:, 3 + n_genes :] = values
        return cls(cells, architectures)

    @classmethod
    def nothing(cls) -> Sealed:
        """No trials."""
        return cls(np.empty((0, 0), dtype="<i8"), ())

    def take(self, parts: Sequence[slice]) -> Sealed:
        """Some rows, in the order of the parts."""
        if len(parts) == 1:
            return Sealed(self.cells[parts[0]], self.architectures[parts[0]])
        return Sealed(
            np.concatenate([self.cells[:0], *(self.cells[part] for part in parts)]),
            [text for part in parts for text in self.architectures[part]],
        )

    def __len__(self) -> int:
        return len(self.cells)


def add_commit(
    cursor: sqlite3.Cursor,
    trials: Sealed,
    extents: Sequence[Extent] = (),
    states: Sequence[State] = (),
    failures: Sequence[Failure] = (),
    *,
    rest: bool = False,
) -> None:
    """Add the checksum of what a transaction has written; the caller holds the transaction.

    Args:
        cursor: A cursor of the log.
        trials: The trials that it wrote.
        extents: Which these are, in the same order.
        states: The states that it wrote.
        failures: The reasons that it wrote, in any order.
        rest: Whether it wrote settings or trials set aside.
    """
    last = cursor.execute(_LAST).fetchone()
    number, before = (0, "") if last is None else (last[0] + 1, last[1])
    keys = [(run, told, _digest(of_run)) for run, told, *of_run in states]
    written = _compact(extents), _compact(keys), _digest(_rest(cursor)) if rest else None
    checksum = _checksum(before, *written, failures, trials)
    cursor.execute(_ADD, (number, *written, checksum))


def joined(extents: Iterable[Extent]) -> list[Extent]:
    """Return extents with those joined that follow one another."""
    found: list[Extent] = []
    for run, first, count in extents:
        if found and found[-1][0] == run and found[-1][1] + found[-1][2] == first:
            found[-1] = (run, found[-1][1], found[-1][2] + count)
        else:
            found.append((run, first, count))
    return found


def verify(
    commits: Sequence[Commit],
    keys: tuple[NDArray[np.int64], NDArray[np.int64]],
    trials: Sealed,
    states: Sequence[State],
    failures: Sequence[Failure],
    rest: tuple[list[Any], list[Any]],
) -> None:
    """Check that a log holds exactly what its commits wrote.

    Args:
        commits: The commits, by number.
        keys: Runs and numbers of the trials, in their order, shape ``(n,)`` each.
        trials: The trials.
        states: All states.
        failures: All reasons, in the order of run and number.
        rest: Rows of the settings by key, and of the trials set aside as they were added.

    Raises:
        DamagedLogError: If it does not; names the commit.
    """
    place = _places(*keys)
    failed = [failure[:2] for failure in failures]
    told: dict[tuple[int, int], str] = {}
    before, of_rest = "", None
    n_trials = n_failures = 0
    for position, commit in enumerate(commits):
        extents = _rows_of(commit, commit.trials, (int, int, int))
        reasons = [
            reason
            for run, first, count in extents
            for reason in failures[
                bisect_left(failed, (run, first)) : bisect_left(failed, (run, first + count))
            ]
        ]
        own = trials.take([place(*extent) for extent in extents])
        written = commit.trials, commit.states, commit.rest
        checksum = _checksum(before, *written, reasons, own)
        if (commit.number, commit.checksum) != (position, checksum):
            raise DamagedLogError(
                f"its commit {position} does not match its checksum{_about(extents)}: something has changed it "
                "since it was written"
            )
        for run, number, digest in _rows_of(commit, commit.states, (int, int, str)):
            told[run, number] = digest
        before, of_rest = commit.checksum, commit.rest or of_rest
        n_trials, n_failures = n_trials + len(own), n_failures + len(reasons)
    if (n_trials, n_failures) != (len(trials), len(failures)):
        raise DamagedLogError("it holds trials that no commit of a search has written")
    if told != {(run, number): _digest(of_run) for run, number, *of_run in states}:
        raise DamagedLogError("its states do not match their checksums")
    if of_rest != _digest(rest):
        raise DamagedLogError("its settings do not match their checksum")


def _rest(cursor: sqlite3.Cursor) -> list[Any]:
    """What is not of one commit: settings, and trials set aside."""
    return [cursor.execute(query).fetchall() for query in (_SETTINGS, _SET_ASIDE)]


def _places(run: NDArray[np.int64], number: NDArray[np.int64]) -> Callable[[int, int, int], slice]:
    """Return what finds the rows of an extent."""
    runs, starts = np.unique(run, return_index=True)
    ends = np.append(starts, len(run))[1:].tolist()
    within = dict(zip(runs.tolist(), zip(starts.tolist(), ends, strict=True), strict=True))
    numbers = number.tolist()

    def place(of_run: int, first: int, count: int) -> slice:
        low, high = within.get(of_run, (0, 0))
        start = bisect_left(numbers, first, low, high)
        return slice(start, bisect_left(numbers, first + count, start, high))

    return place


def _rows_of(commit: Commit, text: str, kinds: Sequence[type]) -> list[Any]:
    """The lists that a commit names."""
    rows: Any = parse_json(text, where=f"its commit {commit.number}", error=DamagedLogError)
    sound = isinstance(rows, list) and all(
        isinstance(row, list) and [type(part) for part in row] == list(kinds) for row in rows
    )
    if not sound:
        raise DamagedLogError(f"its commit {commit.number} cannot be read")
    return list(rows)


def _about(extents: Sequence[Extent]) -> str:
    """Which trials a commit wrote, for errors."""
    if not extents:
        return ""
    run, first, count = extents[0]
    more = f" and {len(extents) - 1} more" if len(extents) > 1 else ""
    return f" (trials {first} to {first + count - 1} of run {run}{more})"


def _checksum(
    before: str,
    trials: str,
    states: str,
    rest: str | None,
    failures: Sequence[Failure],
    own: Sealed,
) -> str:
    parts = [before, trials, states, rest or "", _compact(sorted(failures))]
    parts += [text or "" for text in own.architectures]
    digest = hashlib.sha256("\n".join(parts).encode())
    digest.update(np.ascontiguousarray(own.cells).data)
    return digest.hexdigest()


def _digest(value: Any) -> str:
    return hashlib.sha256(_compact(value).encode()).hexdigest()


def _compact(value: Any) -> str:
    return json.dumps(value, separators=_SEPARATORS)
