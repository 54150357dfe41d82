"""Metrics of architectures from a CSV file."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..core import AnalogNASError, DataNotFoundError, TableIntegrityError
from ..core.csv_rows import data_lines, rows_of, separator_of, stated_separator
from ..core.foreign_numbers import measured, parse_number
from ..core.limits import read_bytes, shown
from ..core.text_files import decoded
from ..spaces import Population, Space

__all__ = ["read_csv_table"]

_FIRST = "architecture"
_MOST_DIGITS = 18


def read_csv_table(
    path: str | os.PathLike[str], space: Space
) -> tuple[Population, dict[str, NDArray[np.float64]]]:
    """Read a CSV file whose first line names the columns, the first of which is ``architecture``.

    Columns are separated by commas, semicolons, tabs or ``|``, as in the first line. Lines that start with
    ``#``, ``%`` or ``//`` are skipped. An architecture has any text form of the space; a list of numbers with
    commas needs quotes. Other columns are numbers. An empty cell is a missing number, and so is a cost of -1.
    Impossible values of a metric raise an error: for example, a negative latency, or accuracies as fractions.

    Returns:
        The architectures, shape ``(n, n_genes)``, and the other columns by name, shape ``(n,)`` each, NaN where
        missing.

    Raises:
        DataNotFoundError: If there is no such file.
        TableIntegrityError: If it cannot be read as such a table; names the line.

    Example:
        >>> from pathlib import Path
        >>> from analognas.spaces import SPACES
        >>> _ = Path("mine.csv").write_text("architecture;latency" + chr(10) + "2 2 0 4 2 1;3.5")
        >>> rows, columns = read_csv_table("mine.csv", SPACES.get("nasbench201")())
        >>> rows.tolist(), columns["latency"]
        ([[2, 2, 0, 4, 2, 1]], array([3.5]))
    """
    where = repr(os.fspath(path))
    lines, rows = _rows(path, where)
    names = [name.strip() for name in rows[0]] if rows else []
    _check_names(names, where)
    population, values = [], []
    for line, row in zip(lines[1:], rows[1:], strict=True):
        try:
            population.append(space.encode(_form(row[0])))
            values.append(_numbers(row, len(names)))
        except AnalogNASError as error:
            raise TableIntegrityError(f"Line {line} of {where}: {error}") from None
    if not population:
        raise TableIntegrityError(f"{where} holds no architecture.")
    columns = np.array(values)
    return np.stack(population), {
        name: measured(name, columns[:, i], where=where, lines=lines[1:], error=TableIntegrityError)
        for i, name in enumerate(names[1:])
    }


def _rows(path: str | os.PathLike[str], where: str) -> tuple[list[int], list[list[str]]]:
    """Rows that are not empty, and the lines at which they end."""
    try:
        text, _ = decoded(read_bytes(path, error=DataNotFoundError))
    except ValueError as error:
        raise TableIntegrityError(f"{where} is not a CSV file: {error}.") from None
    lines = data_lines(text)
    header = next((line for line in lines if line.strip()), "")
    try:
        found = list(rows_of(lines, stated_separator(text) or separator_of(header)))
    except csv.Error as error:
        raise TableIntegrityError(f"{where} is not a CSV file: {error}.") from None
    return [line for line, _ in found], [row for _, row in found]


def _check_names(names: Sequence[str], where: str) -> None:
    if _FIRST in names[1:]:
        before = names[: names.index(_FIRST)]
        raise TableIntegrityError(
            f"The first column of {where} must be {_FIRST!r}, but {len(before)} come before it: "
            f"{shown(', '.join(name or '(no name)' for name in before))}. An index column, as pandas writes "
            "it, must be left out: to_csv(..., index=False)."
        )
    if len(names) < 2 or names[0] != _FIRST or len(set(names)) < len(names):
        raise TableIntegrityError(
            f"The first line of {where} must name different columns, the first of them {_FIRST!r}, but got "
            f"{shown(','.join(names))!r}."
        )


def _form(text: str) -> object:
    """Return an index or a list of numbers as numbers, other forms as text."""
    parts = [part.strip() for part in text.strip().strip("()[]").split(",")]
    if all(part.isdecimal() and len(part) <= _MOST_DIGITS for part in parts):
        return int(parts[0]) if len(parts) == 1 else tuple(int(part) for part in parts)
    return text.strip() if len(parts) == 1 else tuple(parts)


def _numbers(row: Sequence[str], width: int) -> list[float]:
    if len(row) != width:
        advice = " Write an architecture that has commas in quotes." if len(row) > width else ""
        raise TableIntegrityError(f"it has {len(row)} cells, but the first line {width}.{advice}")
    return [parse_number(cell.strip()) for cell in row[1:]]
