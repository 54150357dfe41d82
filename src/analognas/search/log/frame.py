"""Trials as a table of pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...core import InvalidArgumentError

if TYPE_CHECKING:
    from pandas import DataFrame

PREFIX = "arch_"
"""What comes before the name of a hyperparameter in the name of its column."""


def trials_frame(columns: Mapping[str, Any], architectures: Sequence[Any]) -> DataFrame:
    """Return a table with one row a trial; see :meth:`.Trials.to_pandas`.

    Args:
        columns: All columns but ``architecture``, whose place is after ``new``; ``time`` is Unix time, s.
        architectures: Architectures as JSON types.

    Raises:
        InvalidArgumentError: If pandas is not installed.
    """
    pandas = _import_pandas()
    names = dict.fromkeys(name for one in architectures if isinstance(one, dict) for name in one)
    table: dict[str, Any] = {}
    for name, column in columns.items():
        table[name] = pandas.to_datetime(column, unit="s", utc=True) if name == "time" else column
        if name == "new":
            table["architecture"] = architectures
            for entry in names:
                table[f"{PREFIX}{entry}"] = [_hashable(one.get(entry)) for one in architectures]
    frame: DataFrame = pandas.DataFrame(table)
    return frame


def _hashable(value: Any) -> Any:
    """A value as it can be grouped by: JSON has lists for tuples."""
    return tuple(value) if isinstance(value, list) else value


def _import_pandas() -> Any:
    try:
        import pandas
    except ImportError:
        raise InvalidArgumentError(
            "pandas is not installed: pip install pandas. Without it, export_trials writes CSV and Parquet."
        ) from None
    return pandas
