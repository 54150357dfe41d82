"""Calibration of standard errors on held-out measurements, by repeated cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ..core import RandomStreams
from .training_data import Floats

__all__ = ["LEVEL", "conformal_factor", "held_out_predictions", "normal_quantile"]

Rows: TypeAlias = NDArray[np.int64]

PRIOR_ROWS = 40.0
"""Weight of uncalibrated standard errors, in rows; chosen by coverage with 28 to 40 rows."""

LEVEL = 0.9
"""Probability of the intervals that are calibrated."""


def normal_quantile(level: float) -> float:
    """Return the half width of a central interval of a standard normal variable.

    Example:
        >>> round(normal_quantile(0.9), 3)
        1.645
    """
    from scipy.special import ndtri

    return float(ndtri((1.0 + level) / 2.0))


def held_out_predictions(
    fit: Callable[[Rows], Callable[[Rows, str], tuple[Floats, Floats]]],
    metrics: Sequence[str],
    n: int,
    *,
    folds: int,
    repeats: int,
    seed: int,
) -> dict[str, tuple[Floats, Floats]]:
    """Predict every value from models that were fitted without its fold.

    Args:
        fit: Function that fits to some rows, and returns a function of other rows and a metric that returns
            means and standard errors.
        metrics: Names of the metrics.
        n: Number of rows.
        folds: Number of folds.
        repeats: Number of random partitions into folds.
        seed: Seed of the partitions.

    Returns:
        Means and standard errors by metric, shape ``(repeats, n)`` each.
    """
    found = {name: (np.empty((repeats, n)), np.empty((repeats, n))) for name in metrics}
    for repeat in range(repeats):
        order = RandomStreams(seed).numpy("calibration", repeat).permutation(n)
        for fold in range(folds):
            missed = order[fold::folds]
            predict = fit(np.setdiff1d(order, missed))
            for name, (means, sems) in found.items():
                means[repeat, missed], sems[repeat, missed] = predict(missed, name)
    return found


def conformal_factor(
    values: NDArray[np.float64], means: Floats, sems: Floats, *, level: float = LEVEL
) -> float:
    r"""Return the factor of standard errors with which normal intervals have the stated coverage.

    It is the quantile of rank :math:`\lceil (n + 1) \, level \rceil` of the n absolute errors over their
    standard errors, over that of a normal distribution: the mean f over the repeats. As a quantile of few
    errors is uncertain, f is shrunk towards 1 with the weight of 40 rows: the result is
    :math:`f^{n / (n + 40)}`.

    Args:
        values: Measured values, shape ``(n,)``.
        means: Held-out predictions, shape ``(repeats, n)``.
        sems: Their standard errors, shape ``(repeats, n)``.
        level: Coverage.

    Source: split conformal prediction with normalised residuals, Lei et al., "Distribution-free predictive
    inference for regression", JASA 113, 2018; over cross-validation folds as by Barber et al., "Predictive
    inference with the jackknife+", Annals of Statistics 49, 2021.
    """
    n = len(values)
    ratios = np.sort(np.abs(values - means) / np.maximum(sems, np.finfo(float).tiny), axis=1)
    rank = min(int(np.ceil((n + 1) * level)), n)
    factor = max(float(ratios[:, rank - 1].mean()) / normal_quantile(level), np.finfo(float).tiny)
    return float(factor ** (n / (n + PRIOR_ROWS)))
