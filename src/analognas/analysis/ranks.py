r"""Agreement of rankings, with intervals and beside the ceiling that label noise sets.

A reading of a network is compared with the mean reading of *other trainings* of the same network, so what both
share is the network and not the luck of one training. The ceiling is the agreement of the target with itself
under the same comparison.

Source: tau-b, Kendall, Biometrika 33:239, 1945; its standard error is that of a function of U-statistics,
Hoeffding, Ann. Math. Stat. 19:293, 1948, with networks as independent units.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..core.interval import Interval
from .effects import Floats, Networks, quantile_of_t

__all__ = ["Agreement", "rank_agreement", "tau_b"]

LEAST_REPEATED = 30
"""Networks with several trainings that a comparison between trainings needs."""

_MOST_READINGS = 3
"""Readings of one network that are compared with the mean of its others; more add time and little else."""


@dataclass(frozen=True)
class Agreement:
    """How well the ranking by one metric tells that by another.

    Attributes:
        tau: Kendall's tau-b.
        ceiling: That of the target's own readings between trainings of the same network; None where too few
            networks were trained several times.
        between_trainings: Whether readings of different trainings were compared; else those of the same one,
            which share its luck.
        n_networks: Number of networks.

    Example:
        >>> networks = Networks(np.arange(5))
        >>> digital, on_chips = np.array([90.0, 91, 92, 93, 94]), np.array([80.0, 85, 84, 88, 89])
        >>> found = rank_agreement(digital, on_chips, networks, 0.95)
        >>> round(found.tau.value, 2), found.n_networks
        (0.8, 5)
    """

    tau: Interval
    ceiling: Interval | None
    between_trainings: bool
    n_networks: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "tau": self.tau.to_dict(),
            "ceiling": None if self.ceiling is None else self.ceiling.to_dict(),
            "between_trainings": self.between_trainings,
            "n_networks": self.n_networks,
        }


def rank_agreement(
    predictor: Floats, target: Floats, networks: Networks, confidence: float
) -> Agreement:
    """Return how well a metric ranks networks by another metric.

    Args:
        predictor: Readings of the metric that predicts, shape ``(n,)``.
        target: Readings of the metric that is predicted, shape ``(n,)``.
        networks: Which rows are the same network.
        confidence: Level of the intervals.

    Example:
        >>> digital, on_chips = np.array([90.0, 91, 92, 93, 94]), np.array([80.0, 85, 84, 88, 89])
        >>> print(rank_agreement(digital, on_chips, Networks(np.arange(5)), 0.95).tau)
        0.80 [0.12, 1.00]
    """
    repeated = networks.sizes[networks.number] > 1
    same = Networks(networks.number[repeated])
    if same.n < LEAST_REPEATED:
        tau = tau_b(predictor, target, networks, confidence)
        return Agreement(tau, None, False, networks.n)
    predictor, target = predictor[repeated], target[repeated]
    totals, sizes = same.sums(target)[same.number], same.sizes[same.number]
    others = (totals - target) / (sizes - 1)
    few = same.ranks < _MOST_READINGS
    kept = Networks(same.number[few])
    return Agreement(
        tau_b(predictor[few], others[few], kept, confidence),
        tau_b(target[few], others[few], kept, confidence),
        True,
        kept.n,
    )


def tau_b(x: Floats, y: Floats, networks: Networks, confidence: float) -> Interval:
    """Return Kendall's tau-b over pairs of different networks, each network with the same weight.

    Args:
        x: Values, shape ``(n,)``.
        y: Values, shape ``(n,)``.
        networks: Which rows are the same network.
        confidence: Level of the interval.

    Example:
        >>> x, y = np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 4, 3])
        >>> round(tau_b(x, y, Networks(np.arange(4)), 0.95).value, 2)
        0.67
    """
    weights = networks.weights / networks.n
    n = len(x)
    both, first, second = np.empty(n), np.empty(n), np.empty(n)
    for row in range(n):
        other = np.where(networks.number != networks.number[row], weights, 0.0)
        of_x, of_y = np.sign(x[row] - x), np.sign(y[row] - y)
        both[row] = other @ (of_x * of_y)
        first[row], second[row] = other @ np.abs(of_x), other @ np.abs(of_y)
    mean, of_first, of_second = weights @ both, weights @ first, weights @ second
    if of_first * of_second <= 0:
        return Interval(math.nan, math.nan, math.nan)
    tau = mean / math.sqrt(of_first * of_second)
    # First-order influence of a row; each of the three sums is over pairs, hence the 2 and the 1.
    scale = 1 / math.sqrt(of_first * of_second)
    influence = 2 * (both - mean) * scale
    influence -= tau * ((first - of_first) / of_first + (second - of_second) / of_second)
    by_network = networks.sums(weights * influence)
    error = math.sqrt(float(by_network @ by_network) * networks.n / max(networks.n - 1, 1))
    reach = quantile_of_t(confidence, max(networks.n - 1, 1)) * error
    return Interval(float(tau), max(float(tau) - reach, -1.0), min(float(tau) + reach, 1.0))
