"""Training data of surrogates: checked values of measured architectures, from mappings or tables."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    InvalidArgumentError,
    Metric,
    UnknownNameError,
    check_choice,
    current_metric_name,
)
from ..core.foreign_numbers import measured
from ..spaces import Population
from ..tables import MeasuredTable

__all__ = [
    "LEAST_ROWS",
    "Features",
    "Floats",
    "QueriedTable",
    "bounded",
    "check_varying",
    "checked_columns",
    "distinct_rows",
    "measured_rows",
    "training_digest",
]

Floats = NDArray[np.float64]
Features = NDArray[np.float32]

LEAST_ROWS = 4
"""Least number of architectures of a fit."""


@runtime_checkable
class QueriedTable(Protocol):
    """Anything with metrics of a population, such as :class:`AnalogNASBench`."""

    def query(self, population: Any, metrics: Sequence[str]) -> Mapping[str, NDArray[Any]]:
        """Return metrics of architectures by name, shape ``(n,)`` each."""


def distinct_rows(features: Features) -> tuple[Features, NDArray[np.int64]]:
    """Return the distinct rows of a matrix, and the position of each row among them.

    Args:
        features: Shape ``(n, d)``.

    Returns:
        Distinct rows, shape ``(m, d)``, and the position of each row among them, shape ``(n,)``.

    Example:
        >>> rows, where = distinct_rows(np.array([[1, 2], [3, 4], [1, 2]], dtype=np.float32))
        >>> len(rows), bool(where[0] == where[2])
        (2, True)
    """
    # A random projection finds distinct rows much faster than sorting; the result is verified.
    direction = np.random.default_rng(0).standard_normal(features.shape[1])
    _, first, inverse = np.unique(features @ direction, return_index=True, return_inverse=True)
    distinct = features[first]
    if not np.array_equal(distinct[inverse], features):
        return features, np.arange(len(features))
    return distinct, inverse


def training_digest(features: Features, columns: Mapping[str, Floats]) -> str:
    """Return the SHA-256 (hexadecimal) of features and values that a surrogate is fitted to."""
    digest = hashlib.sha256(np.ascontiguousarray(features).tobytes())
    for name, values in columns.items():
        digest.update(name.encode() + np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def measured_rows(
    table: MeasuredTable,
    metrics: Sequence[str] | str | None,
    usual: Sequence[str],
    may_be_missing: bool,
) -> tuple[Population, dict[str, Floats]]:
    """Return the architectures of a measured table that have all metrics, and their values."""
    if metrics is None:
        names = list(usual) if {*usual} <= {*table.rows.metrics} else table.rows.metrics
    else:
        names = [metrics] if isinstance(metrics, str) else list(metrics)
    values = table.query(table.population, names)
    if may_be_missing:
        return table.population, values
    known = np.isfinite(np.stack(list(values.values()))).all(axis=0)
    return table.population[known], {name: column[known] for name, column in values.items()}


def checked_columns(
    population: Population,
    values: Mapping[str, Any] | QueriedTable,
    metrics: Sequence[str] | str | None,
    of_table: Sequence[str],
    may_be_missing: bool,
    declared: Mapping[str, Metric],
) -> dict[str, Floats]:
    """Return checked training values by metric, under the current names of the metrics.

    Raises:
        UnknownNameError: If a metric is neither declared nor known.
        InvalidArgumentError: If values are missing, of the wrong number, or impossible.
    """
    names = [metrics] if isinstance(metrics, str) else metrics
    if isinstance(values, Mapping):
        names = list(values) if names is None else list(names)
        found: Mapping[str, Any] = values
    elif isinstance(values, QueriedTable):
        names = list(of_table) if names is None else list(names)
        found = values.query(population, names)
    else:
        raise InvalidArgumentError(
            "`values` must map metric names to arrays, or be a table with a `query` method, but got "
            f"{values!r}."
        )
    if not names:
        raise InvalidArgumentError("A fit needs the values of at least one metric, but got none.")
    return {
        _known_name(check_choice("metric", name, found), declared): _column(
            declared.get(name, name), found[name], len(population), may_be_missing
        )
        for name in names
    }


def check_varying(columns: Mapping[str, Floats]) -> None:
    """Check that no column is constant.

    Raises:
        InvalidArgumentError: If all values of a metric are equal.
    """
    for name, values in columns.items():
        if np.ptp(values) == 0:
            raise InvalidArgumentError(
                f"All {len(values)} values of {name!r} are {values[0]:g}, so there is nothing to learn; omit "
                "this metric."
            )


def _known_name(name: str, declared: Mapping[str, Metric]) -> str:
    """Return the current name of a metric."""
    if name in declared:
        return name
    current = current_metric_name(name)
    if current not in METRICS:
        raise UnknownNameError(
            f"Unknown metric {name!r}; declare it: fit(..., definitions=[Metric({name!r}, unit, "
            "higher_is_better)])."
        )
    return current


def _column(metric: str | Metric, values: Any, n: int, may_be_missing: bool) -> Floats:
    column = measured(metric, values, missing=may_be_missing)
    if column.shape != (n,):
        name = metric.name if isinstance(metric, Metric) else metric
        raise InvalidArgumentError(
            f"The values of {name!r} must be one for each of the {n} architectures, but got the shape "
            f"{column.shape}."
        )
    return column


def bounded(metric: Metric, values: Floats) -> Floats:
    """Clip percentages to 0 to 100, and spreads at 0."""
    if metric.unit == "%":
        return np.clip(values, 0.0, 100.0)
    return np.maximum(values, 0.0) if metric.name.endswith("_std") else values
