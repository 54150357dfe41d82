"""Rows of plain values as files."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core import InvalidArgumentError, atomic_write, write_text


def write_rows(path: str | os.PathLike[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows with the same keys as ``.csv`` or ``.parquet``, atomically; unknown numbers stay empty.

    Raises:
        InvalidArgumentError: If the name ends otherwise.
        OutputFolderError: If it cannot be written.
    """
    suffix = Path(path).suffix
    rows = [finite_or_none(row) for row in rows]
    if suffix == ".csv":
        text = io.StringIO()
        writer = csv.DictWriter(text, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(path, text.getvalue())
    elif suffix == ".parquet":
        import pyarrow as pa
        from pyarrow import parquet

        with atomic_write(path) as file:
            parquet.write_table(pa.Table.from_pylist(rows), file)
    else:
        raise InvalidArgumentError(
            f"A table is written as .csv or .parquet, a result as .json too, but got {str(path)!r}."
        )


def finite_or_none(values: Any) -> Any:
    """Return a mapping or list with None where a number is NaN or infinite, which JSON has not."""
    if isinstance(values, Mapping):
        return {key: finite_or_none(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return [finite_or_none(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values
