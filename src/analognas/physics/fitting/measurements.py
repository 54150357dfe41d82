"""Conductances of devices over time: from arrays or from a CSV file."""

from __future__ import annotations

import csv
import io
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core import AnalogNASError, InvalidArgumentError
from ...core.checks import check_choice
from ...core.foreign_numbers import parse_number
from ...core.text_files import read_text

__all__ = ["Measurements", "read_measurements"]

Floats = NDArray[np.float64]

COLUMNS = ("target", "device", "time", "conductance")
CONDUCTANCE_UNITS = {"S": 1e6, "mS": 1e3, "uS": 1.0, "µS": 1.0, "μS": 1.0, "nS": 1e-3, "pS": 1e-6}
"""Conductance units in µS."""
TIME_UNITS = {
    "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0,
}  # fmt: skip
"""Time units in s."""
_UNITS = {"target": CONDUCTANCE_UNITS, "conductance": CONDUCTANCE_UNITS, "time": TIME_UNITS}
_HEADER = re.compile(
    r"\s*(?P<name>[A-Za-z]+)\s*(?:[_ ]\s*(?P<a>[^\W_]+)|[(\[]\s*(?P<b>[^)\]]+?)\s*[)\]])?\s*"
)
_MISSING = ("", "nan", "na", "n/a", "null", "none")
LEAST_TIMES = 2


@dataclass(frozen=True, eq=False)
class Measurements:
    """Conductances of N devices, each programmed once and read at up to J times.

    Attributes:
        target: Target conductance of each device, shape ``(N,)``, µS.
        device: Name of each device, shape ``(N,)``.
        time: Time of each reading since the end of programming, ascending, shape ``(N, J)``, s; NaN where a
            device has fewer readings.
        conductance: Readings, shape ``(N, J)``, µS; NaN where one is missing.
        n_missing: Readings that the file or the arrays name without a value.
    """

    target: Floats
    device: tuple[str, ...]
    time: Floats
    conductance: Floats
    n_missing: int = 0

    @property
    def targets(self) -> Floats:
        """The different targets, ascending, shape ``(K,)``, µS."""
        return np.unique(self.target)

    @property
    def common_times(self) -> Floats | None:
        """The times of all devices, shape ``(J,)``, s; None if devices were read at different times."""
        filled = self.time[~np.isnan(self.time).any(axis=1)]
        if len(filled) == 0 or not (filled == filled[0]).all() or np.isnan(self.time).any():
            return None
        found: Floats = filled[0]
        return found

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
    ) -> Measurements:
        """Return measurements from four columns, one row for each reading.

        Args:
            target: Target conductances, positive, µS.
            device: Names or numbers of devices. One name at two targets counts as two devices.
            time: Times since the end of programming, s.
            conductance: Readings, µS; NaN where one is missing.
            where: Where they are from, for errors.
            lines: Number of the line of each row, for errors.

        Raises:
            InvalidArgumentError: If the columns differ in length or are empty, a target is not positive, a time
                is negative, a reading is duplicated, or no device has two times.
        """
        columns = {"target": target, "time": time, "conductance": conductance}
        numbers = {name: _numbers(name, values, where) for name, values in columns.items()}
        names = np.asarray([str(value) for value in np.asarray(device).tolist()], dtype=object)
        sizes = {"device": len(names), **{name: len(values) for name, values in numbers.items()}}
        if len(set(sizes.values())) > 1 or not len(names):
            raise InvalidArgumentError(
                f"{where} must have at least one row, and columns of equal length, but got {sizes}."
            )
        place = _Places(where, lines)
        _check(numbers, place)
        order = np.lexsort((numbers["time"], names.astype(str), numbers["target"]))
        g, t, y = (numbers[name][order] for name in ("target", "time", "conductance"))
        names = names[order]
        same = (g[1:] == g[:-1]) & (names[1:] == names[:-1])
        twice = same & (t[1:] == t[:-1])
        if twice.any():
            row = int(np.flatnonzero(twice)[0]) + 1
            raise InvalidArgumentError(
                f"{place(int(order[row]))} repeats device {names[row]!r} at target {g[row]:g} µS and time "
                f"{t[row]:g} s; keep one reading of each device and time."
            )
        first = np.flatnonzero(np.r_[True, ~same])
        index = np.cumsum(np.r_[True, ~same]) - 1
        column = np.arange(len(g)) - first[index]
        shape = len(first), int(column.max()) + 1
        times, readings = np.full(shape, np.nan), np.full(shape, np.nan)
        times[index, column], readings[index, column] = t, y
        if (np.isfinite(readings).sum(axis=1) >= LEAST_TIMES).sum() < LEAST_TIMES:
            raise InvalidArgumentError(
                f"{where} must have at least two devices with readings at two times or more, but got "
                f"{len(np.unique(t))} time(s) in all; drift is a change over time."
            )
        return cls(g[first], tuple(names[first]), times, readings, int(np.isnan(y).sum()))


def read_measurements(
    path: str | os.PathLike[str],
    *,
    conductance_unit: str | None = None,
    time_unit: str | None = None,
) -> Measurements:
    """Read measurements from a CSV file with the columns target, device, time and conductance.

    A column may name its unit: ``target_uS``, ``time_s``, ``conductance (nS)``. Other columns are ignored.
    Empty cells and NaN in the column of conductances are missing readings.

    Args:
        path: The file.
        conductance_unit: Unit of targets and conductances without a unit in their names: S, mS, uS, nS, pS.
        time_unit: Unit of times without a unit in their name: s, ms, us, min, h, d.

    Raises:
        InvalidArgumentError: If the file cannot be read, or a value cannot be; names the line.
        UnknownNameError: If a column is missing, or a unit is unknown; names the nearest.
    """
    where = repr(os.fspath(path))
    try:
        text = read_text(path)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InvalidArgumentError(f"Cannot read measurements from {where}: {why}.") from None
    dialect = ";" if text.partition("\n")[0].count(";") >= len(COLUMNS) - 1 else ","
    reader = csv.reader(io.StringIO(text), delimiter=dialect)
    header = next(reader, [])
    given = {"target": conductance_unit, "conductance": conductance_unit, "time": time_unit}
    places, factors = _columns(header, given, where)
    rows = {name: [] for name in COLUMNS}  # type: dict[str, list[Any]]
    lines = []
    for row in reader:
        if not any(cell.strip() for cell in row):
            continue
        line = reader.line_num
        if len(row) < len(header):
            raise InvalidArgumentError(
                f"Line {line} of {where} must have {len(header)} cells, but got {len(row)}."
            )
        lines.append(line)
        rows["device"].append(row[places["device"]].strip())
        for name, factor in factors.items():
            rows[name].append(_number(name, row[places[name]], factor, f"Line {line} of {where}"))
    return Measurements.from_arrays(**rows, where=where, lines=lines)


class _Places:
    """Says where a row is."""

    def __init__(self, where: str, lines: Any) -> None:
        self._where, self._lines = where, lines

    def __call__(self, row: int) -> str:
        if self._lines is None:
            return f"Row {row} of {self._where}"
        return f"Line {self._lines[row]} of {self._where}"


def _columns(
    header: list[str], given: Mapping[str, str | None], where: str
) -> tuple[dict[str, int], dict[str, float]]:
    """Return the place of each column, and the factor of its unit."""
    places: dict[str, int] = {}
    units: dict[str, str | None] = {}
    for index, cell in enumerate(header):
        match = _HEADER.fullmatch(cell)
        name = match["name"].lower() if match else cell
        if match and name in COLUMNS and name not in places:
            places[name], units[name] = index, match["a"] or match["b"]
    known = [cell.strip() for cell in header]
    for name in COLUMNS:
        if name not in places:
            import difflib

            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"Did you mean {near[0]!r}? " if near else ""
            raise InvalidArgumentError(
                f"{where} has no column {name!r}. {hint}It has: {', '.join(known) or 'none'}; needed are "
                f"{', '.join(COLUMNS)}."
            )
    factors = {}
    for name, table in _UNITS.items():
        unit = units[name] or given[name]
        if unit is None:
            option, example = (
                ("--time-unit", "s") if name == "time" else ("--conductance-unit", "uS")
            )
            raise InvalidArgumentError(
                f"The unit of column {name!r} of {where} is not known: call it {name}_{example}, or give "
                f"{option} {example}."
            )
        factors[name] = table[check_choice(f"unit of {name!r}", unit, table)]
    return places, factors


def _number(name: str, cell: str, factor: float, place: str) -> float:
    text = cell.strip()
    if text.lower() in _MISSING:
        if name == "conductance":
            return math.nan
        raise InvalidArgumentError(f"{place} has no {name}, but got {text!r}.")
    try:
        return parse_number(text) * factor
    except AnalogNASError:
        raise InvalidArgumentError(
            f"{place} must have a finite number as {name}, but got {text!r}."
        ) from None


def _numbers(name: str, values: Any, where: str) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise InvalidArgumentError(f"`{name}` of {where} must be numbers: {error}.") from None


def _check(numbers: dict[str, Floats], place: _Places) -> None:
    """Check the range of each column."""
    g, t, y = numbers["target"], numbers["time"], numbers["conductance"]
    rules = (
        (~(g > 0.0) | np.isinf(g), "a positive target (µS)", g),
        (~(t >= 0.0) | np.isinf(t), "a time of at least 0 (s since programming ended)", t),
        (np.isinf(y), "a finite conductance (µS)", y),
    )
    for wrong, expected, values in rules:
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise InvalidArgumentError(
                f"{place(row)} must have {expected}, but got {values[row]:g}."
            )
