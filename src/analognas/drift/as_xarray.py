"""Drift results as data sets of xarray."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core.optional_packages import import_optional

__all__ = ["drift_dataset"]


def drift_dataset(result: Any) -> Any:
    """Return a :class:`.DriftResult` as ``xarray.Dataset``; see :meth:`.DriftResult.to_xarray`."""
    xarray = import_optional("xarray", "to_xarray()")
    name, unit = result.task.metric_name, result.task.unit
    chips = np.array(
        [[result.task.metric(score) for score in row] for row in result.chip_scores.tolist()]
    )
    summary = {entry["time"]: entry for entry in result.summary()}
    columns = {
        "mean": "mean over chips",
        "low": "lower end of the interval of the mean",
        "high": "upper end of the interval of the mean",
        "chip_std": "standard deviation from chip to chip",
    }
    variables: dict[str, Any] = {
        name: (("chip", "time"), chips, {"units": unit, "long_name": name})
    }
    for column, text in columns.items():
        values = np.array([summary[t][column] for t in result.times], dtype=float)
        variables[column] = (("time",), values, {"units": unit, "long_name": f"{name}, {text}"})
    time = ("time", list(result.times), {"units": "s", "long_name": "time since programming"})
    return xarray.Dataset(
        variables,
        {"time": time, "chip": np.arange(len(chips))},
        {"digital": result.reference, "confidence": result.confidence, "metric": name},
    )
