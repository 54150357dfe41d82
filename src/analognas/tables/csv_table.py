"""Numbers of architectures from a CSV file: one row each, the architecture first."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..core import AnalogNASError, DataNotFoundError, TableIntegrityError
from ..spaces import Population, Space

__all__ = ["read_csv_table"]


def read_csv_table(
    path: str | os.PathLike[str], space: Space
) -> tuple[Population, dict[str, NDArray[np.float64]]]:
    """Read a CSV file whose first line names the columns, the first of which is ``architecture``.

    An architecture stands there in any form of the space that is text; numbers with commas between them, as
    of a list, in quotes. The other columns are numbers; an empty cell is a number that is missing.

    Returns:
        The architectures, shape ``(n, n_genes)``, and the other columns by name, shape ``(n,)`` each, NaN where
        missing.

    Raises:
        DataNotFoundError: If there is no such file.
        TableIntegrityError: If it cannot be read as such a table; names the line.
    """
    where = repr(os.fspath(path))
    try:
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataNotFoundError(f"Cannot read {where}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise TableIntegrityError(f"{where} is no CSV file: it is not UTF-8 text.") from None
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), skipinitialspace=True, strict=True))
    except csv.Error as error:
        raise TableIntegrityError(f"{where} is no CSV file: {error}.") from None
    names = [name.strip() for name in rows[0]] if rows else []
    if len(names) < 2 or names[0] != "architecture" or len(set(names)) < len(names):
        raise TableIntegrityError(
            f"The first line of {where} must name different columns, the first of them 'architecture', but got "
            f"{','.join(names)[:80]!r}."
        )
    population, values = [], []
    for line, row in enumerate(rows[1:], start=2):
        if row:
            try:
                population.append(space.encode(_form(row[0])))
                values.append(_numbers(row, len(names)))
            except AnalogNASError as error:
                raise TableIntegrityError(f"Line {line} of {where}: {error}") from None
    if not population:
        raise TableIntegrityError(f"{where} holds no architecture.")
    columns = np.array(values)
    return np.stack(population), {name: columns[:, i].copy() for i, name in enumerate(names[1:])}


def _form(text: str) -> object:
    """An index or numbers with commas as what they are, all else as text."""
    parts = [part.strip() for part in text.strip().strip("()[]").split(",")]
    if all(part.isdecimal() for part in parts):
        return int(parts[0]) if len(parts) == 1 else tuple(int(part) for part in parts)
    return text.strip() if len(parts) == 1 else tuple(parts)


def _numbers(row: Sequence[str], width: int) -> list[float]:
    if len(row) != width:
        raise TableIntegrityError(f"it has {len(row)} cells, but the first line {width}.")
    numbers = []
    for cell in row[1:]:
        try:
            number = float(cell) if cell.strip() else math.nan
        except ValueError:
            raise TableIntegrityError(f"{cell!r} is no number.") from None
        if cell.strip() and not math.isfinite(number):
            raise TableIntegrityError(f"{cell!r} is no finite number; leave a missing one empty.")
        numbers.append(number)
    return numbers
