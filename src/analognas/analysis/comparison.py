"""Networks of a table beside each other, by their true values instead of lucky readings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import OutOfSpaceError
from ..core.interval import Interval
from .readings import DIGITAL, Readings

__all__ = ["BEST_DIGITAL", "BEST_ON_CHIPS", "HAND_MADE", "ComparedNetwork", "compare_networks"]

BEST_ON_CHIPS, BEST_DIGITAL = "best on chips", "best digital"

HAND_MADE = {
    "ResNet block": "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|",
    **{
        f"all {side} x {side}": "|{0}~0|+|{0}~0|{0}~1|+|{0}~0|{0}~1|{0}~2|".format(
            f"nor_conv_{side}x{side}"
        )
        for side in (3, 1)
    },
}
"""Cells that people use: the ResNet block and the full cells of Dong & Yang, ICLR 2020, arXiv:2001.00326."""


@dataclass(frozen=True)
class ComparedNetwork:
    """One network of a comparison.

    Attributes:
        role: Why it is in the comparison.
        architecture: The network.
        limit: Name of the network whose parameters it may not exceed; None for no limit.
        params: Its trainable parameters.
        values: True value with interval, by metric.
        n_trainings: How many trainings its readings are from.

    Example:
        >>> from analognas.analysis import read_analysis
        >>> found = read_analysis("my-analysis")
        >>> one = found.networks[0]
        >>> one.role, one.params
        ('best on chips', 587386)
    """

    role: str
    architecture: Any
    limit: str | None
    params: int
    values: Mapping[str, Interval]
    n_trainings: int

    @classmethod
    def from_dict(cls, payload: Mapping[str, Any]) -> ComparedNetwork:
        """Return the network that :meth:`to_dict` described."""
        values = {name: Interval(**value) for name, value in payload["values"].items()}
        return cls(**{**payload, "values": values})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "role": self.role,
            "architecture": self.architecture,
            "limit": self.limit,
            "params": self.params,
            "values": {name: value.to_dict() for name, value in self.values.items()},
            "n_trainings": self.n_trainings,
        }


def compare_networks(
    readings: Readings, metrics: tuple[str, ...], target: str
) -> list[ComparedNetwork]:
    """Compare the best network after a time with the best digital one and hand-made ones.

    For each hand-made network, the best ones of at most as many parameters are added.

    Args:
        readings: All readings of a table with label noise that is known.
        metrics: Metrics of the comparison.
        target: The metric that the best network is the best in.

    Returns:
        The networks; empty where the label noise or the parameters are not known.
    """
    true = {name: readings.true_values(name) for name in metrics}
    known = {name: values.estimates for name, values in true.items() if values is not None}
    if len(known) < len(metrics) or "params" not in readings.values:
        return []
    bounds = {name: values.intervals for name, values in true.items() if values is not None}
    params = readings.values["params"]

    def interval(name: str, row: int) -> Interval:
        low, high = bounds[name]
        return Interval(float(known[name][row]), float(low[row]), float(high[row]))

    def describe(role: str, row: int, limit: str | None = None) -> ComparedNetwork:
        return ComparedNetwork(
            role,
            readings.space.decode(readings.population[row]),
            limit,
            int(params[row]),
            {name: interval(name, row) for name in metrics},
            int((readings.labels == readings.labels[row]).sum()),
        )

    def best(metric: str, allowed: NDArray[np.bool_]) -> int:
        return int(np.where(allowed, np.nan_to_num(known[metric], nan=-np.inf), -np.inf).argmax())

    every = np.ones(len(params), dtype=bool)
    found = [
        describe(BEST_ON_CHIPS, best(target, every)),
        describe(BEST_DIGITAL, best(DIGITAL, every)),
    ]
    for name, text in HAND_MADE.items():
        row = _row_of(readings, text)
        if row is None:
            continue
        smaller = params <= params[row]
        found += [
            describe(name, row),
            describe(BEST_ON_CHIPS, best(target, smaller), name),
            describe(BEST_DIGITAL, best(DIGITAL, smaller), name),
        ]
    return found


def _row_of(readings: Readings, text: str) -> int | None:
    """Row of an architecture; None where the space or the table does not have it."""
    try:
        genotype = readings.space.encode(text)
    except OutOfSpaceError:
        return None
    rows = np.flatnonzero((readings.population == genotype).all(axis=1))
    return int(rows[0]) if len(rows) else None
