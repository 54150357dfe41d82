"""Conductances of devices over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import InvalidArgumentError

__all__ = ["Measurements"]

Floats = NDArray[np.float64]

LEAST_TIMES = 2


@dataclass(frozen=True, eq=False)
class Measurements:
    """Conductances of N devices, each programmed once and read at up to J times.

    Attributes:
        target: Target conductance of each device, shape ``(N,)``, µS.
        device: Name of each device, shape ``(N,)``.
        time: Time of each reading since the end of programming, in order, shape ``(N, J)``, s; NaN where a
            device has fewer readings. A device may be read several times at one time.
        conductance: Readings, shape ``(N, J)``, µS; NaN where one is missing.
        n_missing: Readings that the file or the arrays name without a value.
        notes: How a file was read, one sentence each.
        n_reads: How many readings each value is the mean of, shape ``(N, J)``; None: one.
    """

    target: Floats
    device: tuple[str, ...]
    time: Floats
    conductance: Floats
    n_missing: int = 0
    notes: tuple[str, ...] = ()
    n_reads: Floats | None = None

    @property
    def targets(self) -> Floats:
        """The different targets, ascending, shape ``(K,)``, µS."""
        return np.unique(self.target)

    @property
    def common_times(self) -> Floats | None:
        """The times of all devices, shape ``(J,)``, s; None if devices were read at different times.

        Repeated times are there several times; :meth:`averaged` has each once.
        """
        filled = self.time[~np.isnan(self.time).any(axis=1)]
        if len(filled) == 0 or not (filled == filled[0]).all() or np.isnan(self.time).any():
            return None
        found: Floats = filled[0]
        return found

    @property
    def typical_times(self) -> Floats:
        """Times at which a device is read, with repeated ones, to simulate such devices, shape ``(J,)``, s."""
        row = np.isfinite(self.time).sum(axis=1).argmax()
        full: Floats = self.time[row][np.isfinite(self.time[row])]
        if (full[1:] == full[:-1]).any():
            return full
        times = np.unique(self.time[np.isfinite(self.time)])
        places = np.linspace(0, len(times) - 1, min(len(times), self.time.shape[1])).astype(int)
        found: Floats = times[places]
        return found

    @property
    def mean_reads(self) -> Floats:
        """Mean number of readings behind the values of each column, shape ``(J,)``."""
        if self.n_reads is None:
            return np.ones(self.time.shape[1])
        found: Floats = self.n_reads.mean(axis=0)
        return found

    def of(self, devices: NDArray[np.bool_]) -> Measurements:
        """Return the measurements of some devices.

        Args:
            devices: Which devices, shape ``(N,)``.
        """
        return replace(
            self,
            target=self.target[devices],
            device=tuple(np.asarray(self.device, dtype=object)[devices]),
            time=self.time[devices],
            conductance=self.conductance[devices],
            n_reads=None if self.n_reads is None else self.n_reads[devices],
        )

    def averaged(self) -> Measurements:
        """Return the mean of repeated readings of a device at one time; the same without repeated ones."""
        again = np.zeros(self.time.shape, dtype=bool)
        again[:, 1:] = self.time[:, 1:] == self.time[:, :-1]
        if not again.any():
            return self
        column = np.cumsum(~again, axis=1) - 1
        rows = np.broadcast_to(np.arange(len(again))[:, None], again.shape)
        place = rows, column
        seen = np.isfinite(self.conductance)
        total, count = (np.zeros(again.shape) for _ in range(2))
        np.add.at(total, place, np.where(seen, self.conductance, 0.0))
        np.add.at(count, place, seen)
        times = np.full(again.shape, np.nan)
        times[place] = self.time
        width = int((~np.isnan(times)).sum(axis=1).max())
        total, count, times = total[:, :width], count[:, :width], times[:, :width]
        means = np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
        return replace(self, time=times, conductance=means, n_reads=np.maximum(count, 1.0))

    @classmethod
    def from_arrays(
        cls,
        target: Any,
        device: Any,
        time: Any,
        conductance: Any,
        *,
        where: str = "measurements",
        lines: Any = None,
        notes: Sequence[str] = (),
    ) -> Measurements:
        """Return measurements from four columns, one row for each reading.

        Args:
            target: Target conductances of at least 0, µS.
            device: Names or numbers of devices. One name at two targets counts as two devices.
            time: Times since the end of programming, s.
            conductance: Readings, µS; NaN or infinite where one is missing.
            where: Where they are from, for errors.
            lines: Number of the line of each row, for errors.
            notes: How the columns were read, one sentence each.

        Raises:
            InvalidArgumentError: If the columns differ in length or are empty, a target or a time is negative,
                or no two devices have two times.
        """
        columns = {"target": target, "time": time, "conductance": conductance}
        numbers = {name: _numbers(name, values, where) for name, values in columns.items()}
        names = np.asarray([str(value) for value in np.asarray(device).tolist()], dtype=object)
        sizes = {"device": len(names), **{name: len(values) for name, values in numbers.items()}}
        if len(set(sizes.values())) > 1:
            text = ", ".join(f"{n} of {name}" for name, n in sizes.items())
            raise InvalidArgumentError(
                f"{where} must have columns of equal length, but got {text}."
            )
        if not len(names):
            raise InvalidArgumentError(f"{where} has no readings.")
        numbers["conductance"] = np.where(
            np.isinf(numbers["conductance"]), np.nan, numbers["conductance"]
        )
        place = _Places(where, lines)
        _check(numbers, place)
        order = np.lexsort((numbers["time"], names.astype(str), numbers["target"]))
        g, t, y = (numbers[name][order] for name in ("target", "time", "conductance"))
        names = names[order]
        same = (g[1:] == g[:-1]) & (names[1:] == names[:-1])
        copies, said = _copies(same & (t[1:] == t[:-1]), y)
        if copies.any():
            g, t, y, names = (column[~copies] for column in (g, t, y, names))
            same = (g[1:] == g[:-1]) & (names[1:] == names[:-1])
        first = np.flatnonzero(np.r_[True, ~same])
        index = np.cumsum(np.r_[True, ~same]) - 1
        column = np.arange(len(g)) - first[index]
        shape = len(first), int(column.max()) + 1
        times, readings = np.full(shape, np.nan), np.full(shape, np.nan)
        times[index, column], readings[index, column] = t, y
        if (_times_read(times, readings) >= LEAST_TIMES).sum() < LEAST_TIMES:
            raise InvalidArgumentError(
                f"{where} must have at least two devices with readings at two times or more, but got "
                f"{len(np.unique(t))} time(s) in all; drift is a change over time."
            )
        return cls(
            g[first],
            tuple(names[first]),
            times,
            readings,
            int(np.isnan(y).sum()),
            (*notes, *said),
        )

    @property
    def times_read(self) -> NDArray[np.int64]:
        """Number of different times at which a device has a reading above 0, shape ``(N,)``."""
        return _times_read(self.time, np.where(self.conductance > 0.0, self.conductance, np.nan))


def _times_read(times: Floats, readings: Floats) -> NDArray[np.int64]:
    """Return the number of different times with a reading, shape ``(N,)``."""
    ordered = np.sort(np.where(np.isfinite(readings), times, np.nan), axis=1)
    found: NDArray[np.int64] = np.isfinite(ordered[:, 0]) + (ordered[:, 1:] > ordered[:, :-1]).sum(
        axis=1
    )
    return found


def _copies(repeated: NDArray[np.bool_], y: Floats) -> tuple[NDArray[np.bool_], list[str]]:
    """Return which rows are copies of the one before, shape ``(M,)``, and a sentence about them.

    Readings that are repeated differ. If none does, rows were copied.

    Args:
        repeated: Whether each row but the first has the device and time of the row before, shape ``(M - 1,)``.
        y: Readings, shape ``(M,)``.
    """
    n = int(repeated.sum())
    both = repeated & np.isfinite(y[1:]) & np.isfinite(y[:-1])
    if n and not (y[1:] != y[:-1])[both].any():
        return np.r_[False, repeated], [
            f"{n:,} row(s) repeat others with the same reading; each was used once."
        ]
    said = [f"{n:,} reading(s) repeat others at the same time; all are used."] if n else []
    return np.zeros(len(y), dtype=bool), said


class _Places:
    """Says where a row is."""

    def __init__(self, where: str, lines: Any) -> None:
        self._where, self._lines = where, lines

    def __call__(self, row: int) -> str:
        if self._lines is None:
            return f"Row {row} of {self._where}"
        return f"Line {self._lines[row]} of {self._where}"


def _numbers(name: str, values: Any, where: str) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"`{name}` of {where} must be numbers: {error}.") from None


def _check(numbers: dict[str, Floats], place: _Places) -> None:
    """Check the range of each column."""
    g, t = numbers["target"], numbers["time"]
    rules = (
        (~(g >= 0.0) | np.isinf(g), "a target of at least 0 (µS)", g),
        (~(t >= 0.0) | np.isinf(t), "a time of at least 0 (s since programming ended)", t),
    )
    for wrong, expected, values in rules:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InvalidArgumentError(
                f"{place(row)} must have {expected}, but got {values[row]:g}."
            )
