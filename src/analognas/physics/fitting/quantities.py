"""Fitted numbers with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from .resampling import Floats, bootstrap_interval

__all__ = ["Level", "Quantity", "coefficients", "over_targets", "with_bound"]

_OF_ANY_SIGN = ("nu_means", "programming_offset", "shifts")
"""Numbers at a target that are not standard deviations."""


@dataclass(frozen=True)
class Quantity:
    """One fitted number with its interval.

    Attributes:
        name: Entry of the device model, such as ``nu_means``, or ``programming_std``.
        value: The estimate.
        low: Lower end of its interval; NaN without bootstrap.
        high: Upper end.
        unit: Its unit; empty if it has none.
        index: Power of a coefficient; None for numbers at a target.
        target: Target conductance, µS; None for coefficients.
        time: Time, s; None if it does not depend on time.
    """

    name: str
    value: float
    low: float
    high: float
    unit: str = ""
    index: int | None = None
    target: float | None = None
    time: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the entries that are known."""
        entries = vars(self) | {
            end: None if np.isnan(getattr(self, end)) else getattr(self, end)
            for end in ("low", "high")
        }
        return {
            key: value
            for key, value in entries.items()
            if value is not None or key in ("low", "high")
        }


class Level(NamedTuple):
    """Confidence level of intervals, and the number of devices at a target behind them."""

    confidence: float
    n_devices: float


def coefficients(
    name: str, samples: Floats, level: Level, time: float | None = None
) -> list[Quantity]:
    """Return the coefficients of a polynomial, µS.

    Args:
        name: Entry of the device model.
        samples: The estimate, then bootstrap samples, shape ``(1 + B, degree + 1)``.
        level: Level of the intervals.
        time: Time of the polynomial, s.
    """
    low, high = bootstrap_interval(samples, level.confidence, level.n_devices)
    return [
        Quantity(
            name, float(samples[0, i]), float(low[i]), float(high[i]), "µS", index=i, time=time
        )
        for i in range(samples.shape[1])
    ]


def with_bound(quantities: Sequence[Quantity], bounds: Floats) -> list[Quantity]:
    """Return numbers whose interval ends at a bound instead of 0, as 0 in all samples is not that certain.

    Args:
        quantities: Standard deviations.
        bounds: The bound of each.
    """
    return [
        replace(quantity, high=float(bound)) if quantity.high == 0.0 else quantity
        for quantity, bound in zip(quantities, bounds, strict=True)
    ]


def over_targets(
    name: str,
    samples: Floats,
    targets: Sequence[float] | Floats,
    level: Level,
    unit: str = "",
    time: float | None = None,
) -> list[Quantity]:
    """Return one number for each target.

    Args:
        name: Entry of the device model, or what it is.
        samples: The estimate, then bootstrap samples, shape ``(1 + B, K)``.
        targets: Targets, shape ``(K,)``, µS.
        level: Level of the intervals.
        unit: Unit of the numbers.
        time: Time of the numbers, s.
    """
    low, high = bootstrap_interval(
        samples, level.confidence, level.n_devices, positive=name not in _OF_ANY_SIGN
    )
    return [
        Quantity(
            name,
            float(samples[0, k]),
            float(low[k]),
            float(high[k]),
            unit,
            target=float(g),
            time=time,
        )
        for k, g in enumerate(targets)
    ]
