"""Trials as a table of pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...core import InvalidArgumentError

if TYPE_CHECKING:
    from pandas import DataFrame

    from .reader import Trials

PREFIX = "arch_"
"""What comes before the name of a hyperparameter in the name of its column."""


def trials_frame(trials: Trials) -> DataFrame:
    """Return a table with one row a trial; see :meth:`.Trials.to_pandas`.

    Raises:
        InvalidArgumentError: If pandas is not installed.
    """
    pandas = _import_pandas()
    architectures = [trials.architecture(row) for row in range(len(trials))]
    names = dict.fromkeys(name for one in architectures if isinstance(one, dict) for name in one)
    columns: dict[str, Any] = {
        "run": trials.run,
        "number": trials.number,
        "time": pandas.to_datetime(trials.time, unit="s", utc=True),
        "new": trials.new,
        "architecture": architectures,
        **{
            f"{PREFIX}{name}": [_hashable(one.get(name)) for one in architectures] for name in names
        },
        "feasible": trials.violation == 0,
        **trials.values,
        "error": [str(error) or None for error in trials.errors],
    }
    frame: DataFrame = pandas.DataFrame(columns)
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
