"""Reading measured conductances from CSV files of programs, spreadsheets and instruments."""

from __future__ import annotations

import collections
import csv
import math
import os
from collections.abc import Mapping, Sequence

from ...core import AnalogNASError, InvalidArgumentError
from ...core.checks import check_choice
from ...core.csv_rows import (
    COMMENT_MARKS,
    data_lines,
    rows_of,
    separator_of,
    stated_separator,
)
from ...core.decimal_marks import decimal_mark, with_point
from ...core.foreign_numbers import parse_number
from ...core.limits import read_bytes, shown
from ...core.text_files import decoded
from .column_names import COLUMNS, Column, find_columns, has_all_columns, unit_factor, unit_row
from .measurements import Measurements

__all__ = ["read_measurements"]

_MISSING = frozenset((
    "", "-", "--", "---", "–", "—", "?", ".", "nan", "na", "n/a", "#n/a", "#na", "null", "none", "nil",
    "missing", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity", "overflow", "overload", "overrange",
    "ovf", "ovfl", "ovl", "ovld", "ol", "over", "error", "err", "fail", "failed", "invalid", "open", "timeout",
    "#value!", "#div/0!", "#num!", "#ref!", "#name?", "#null!", "1.#inf", "-1.#inf", "1.#qnan",
))  # fmt: skip
_OVERFLOW = 9.8e37
"""Instruments send 9.9e37 for overflow and 9.91e37 for no number (SCPI-99, section 7.2.1)."""
_HEAD_LINES = 50
_SHOWN_MARKS = 4


def read_measurements(
    path: str | os.PathLike[str],
    *,
    conductance_unit: str | None = None,
    time_unit: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> Measurements:
    """Read measurements from a CSV file with columns for target, device, time and conductance.

    The file may be in UTF-8, UTF-16 or Windows-1252, with commas, semicolons, tabs, ``|`` or blanks between
    columns, and with decimal commas. Comments, and lines above the names of the columns, are skipped. A name
    may contain its unit (``target_uS``, ``time (h)``, ``G in nS``), or a row of units follows. Other columns
    are ignored. Cells such as ``NaN``, ``-``, ``#N/A``, ``overflow`` or an empty one are missing readings.

    Args:
        path: The file.
        conductance_unit: Unit of targets and conductances without a unit in the file: S, mS, uS, nS, pS.
        time_unit: Unit of times without a unit in the file: s, ms, us, min, h, d.
        columns: Names of columns in the file, by ``"target"``, ``"device"``, ``"time"`` and ``"conductance"``;
            those that are not given are recognised.

    Raises:
        InvalidArgumentError: If the file or a value cannot be read, or a column is missing; names the line.
        UnknownNameError: If a unit or a given column is unknown.
    """
    where = repr(os.fspath(path))
    given = {
        check_choice("column", name, COLUMNS): str(head).strip()
        for name, head in (columns or {}).items()
    }
    try:
        text, encoding = decoded(read_bytes(path, error=InvalidArgumentError))
    except ValueError as error:
        if isinstance(error, AnalogNASError):
            raise
        raise InvalidArgumentError(f"Cannot read measurements from {where}: {error}.") from None
    try:
        separator, heads, rows = _table(text, given, where)
    except csv.Error as error:
        raise InvalidArgumentError(f"{where} is not a CSV file: {error}.") from None
    found = find_columns(heads, given, where)
    units = (unit_row(rows[0][1], found) if rows else None) or {}
    if units:
        rows = rows[1:]
    if not rows:
        raise InvalidArgumentError(f"{where} has no rows below its line of column names.")
    for line, row in rows:
        _check_width(row, len(heads), f"Line {line} of {where}", separator)
    options = {"target": conductance_unit, "conductance": conductance_unit, "time": time_unit}
    factors = _factors(found, units, options, where)
    mark = decimal_mark(
        (row[found[name].index] for _, row in rows for name in factors),
        where=where,
        error=InvalidArgumentError,
    )
    marks: collections.Counter[str] = collections.Counter()
    values: dict[str, list[float]] = {name: [] for name in factors}
    for line, row in rows:
        for name, factor in factors.items():
            cell = row[found[name].index].strip()
            value = _number(name, cell, mark, f"Line {line} of {where}")
            if name == "conductance" and math.isnan(value):
                marks[cell] += 1
            values[name].append(value * factor)
    return Measurements.from_arrays(
        **values,
        device=[row[found["device"].index].strip() for _, row in rows],
        where=where,
        lines=[line for line, _ in rows],
        notes=_notes(found, encoding, mark, marks),
    )


def _table(
    text: str, columns: Mapping[str, str], where: str
) -> tuple[str, list[str], list[tuple[int, list[str]]]]:
    """Return the separator, the names of the columns, and the rows below them with their lines."""
    lines = data_lines(text)
    filled = [i for i, line in enumerate(lines) if line.strip()]
    if not filled:
        raise InvalidArgumentError(f"{where} is empty.")
    stated = stated_separator(text)
    for i in filled[:_HEAD_LINES]:
        separator, heads = _split(lines[i], stated)
        if has_all_columns(heads, columns):
            return separator, heads, list(rows_of(lines, separator, i + 1))
    # numpy writes the names as a comment.
    comment = _comment_above(text, filled[0])
    separator, heads = _split(comment, stated)
    if has_all_columns(heads, columns):
        return separator, heads, list(rows_of(lines, separator, filled[0]))
    separator, heads = _split(lines[filled[0]], stated)
    return separator, heads, list(rows_of(lines, separator, filled[0] + 1))


def _split(line: str, stated: str | None) -> tuple[str, list[str]]:
    separator = stated or separator_of(line)
    if separator not in line and len(line.split()) >= len(COLUMNS):
        separator = " "
    return separator, next(iter(rows_of([line], separator)), (0, [""]))[1]


def _comment_above(text: str, index: int) -> str:
    """Return the last comment above a line, without its mark."""
    above = [line.strip() for line in text.splitlines()[:index] if line.strip()]
    last = above[-1] if above else ""
    mark = next((mark for mark in COMMENT_MARKS if last.startswith(mark)), "")
    return last[len(mark) :].strip() if mark else ""


def _check_width(row: Sequence[str], width: int, place: str, separator: str) -> None:
    if len(row) >= width and not any(cell.strip() for cell in row[width:]):
        return
    advice = ""
    if len(row) > width and separator == ",":
        advice = " If it has decimal commas, separate the columns by semicolons."
    raise InvalidArgumentError(f"{place} must have {width} cells, but got {len(row)}.{advice}")


def _factors(
    found: Mapping[str, Column],
    units: Mapping[str, str],
    options: Mapping[str, str | None],
    where: str,
) -> dict[str, float]:
    """Return the factor of each column's unit: of its name, of the row of units, or of an option."""
    known = {name: found[name].unit or units.get(name) or options[name] for name in options}
    lost = [name for name, unit in known.items() if unit is None]
    if lost:
        heads = " and ".join(repr(found[name].head) for name in lost)
        example = "s" if lost[0] == "time" else "uS"
        flags = ["--conductance-unit uS"] if set(lost) - {"time"} else []
        flags += ["--time-unit s"] if "time" in lost else []
        raise InvalidArgumentError(
            f"The unit of column {heads} of {where} is not known: name it, as in "
            f"{found[lost[0]].head}_{example}, or give {' '.join(flags)}."
        )
    return {name: unit_factor(name, unit or "", where) for name, unit in known.items()}


def _number(name: str, cell: str, mark: str, place: str) -> float:
    if cell.lower() in _MISSING:
        if name == "conductance":
            return math.nan
        raise InvalidArgumentError(f"{place} has no {name}, but got {cell!r}.")
    try:
        value = parse_number(with_point(cell, mark))
    except AnalogNASError:
        advice = "; write nothing or NaN for a missing reading" if name == "conductance" else ""
        raise InvalidArgumentError(
            f"{place} must have a finite number as {name}, but got {shown(cell)!r}{advice}."
        ) from None
    if name == "conductance" and abs(value) >= _OVERFLOW:
        return math.nan
    return value


def _notes(
    found: Mapping[str, Column], encoding: str, mark: str, marks: Mapping[str, int]
) -> tuple[str, ...]:
    """Return how the file was read, where it could have been read otherwise."""
    said = []
    renamed = [
        f"{column.head!r} as {name}"
        for name, column in found.items()
        if not _is_plain(name, column)
    ]
    if renamed:
        said.append(f"The file was read with {', '.join(renamed)}.")
    if encoding == "Windows-1252":
        said.append("The file is not UTF-8 and was read as Windows-1252.")
    if mark == ",":
        said.append("Commas were read as decimal commas.")
    named = {cell: n for cell, n in marks.items() if cell.lower() not in ("", "nan")}
    if named:
        most = sorted(named.items(), key=lambda item: -item[1])[:_SHOWN_MARKS]
        text = ", ".join(f"{shown(cell)!r} ({n:,})" for cell, n in most)
        said.append(f"Cells that count as missing: {text}.")
    return tuple(said)


def _is_plain(name: str, column: Column) -> bool:
    return column.head.lower().startswith(name)
