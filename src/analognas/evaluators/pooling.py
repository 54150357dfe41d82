"""Pooling of several readings of one architecture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .base import Evaluation

Floats = NDArray[np.float64]


def pooled(means: Floats, sems: Floats, groups: NDArray[np.int64], n: int) -> tuple[Floats, Floats]:
    r"""Pool readings of the same thing, each with the weight :math:`1 / s^2`.

    If some readings are exact (standard error 0), the result is their mean. Failed readings (NaN) are ignored.

    Args:
        means: Readings, shape ``(r,)``.
        sems: Their standard errors, shape ``(r,)``.
        groups: Group of each reading, from 0 to ``n - 1``, shape ``(r,)``.
        n: Number of groups.

    Returns:
        Mean and standard error of each group, NaN where it has no readings, shape ``(n,)``.

    Source: the fixed-effect mean, Cochran, "The Combination of Estimates from Different Experiments",
    Biometrics 10, 1954.

    Example:
        >>> means, sems = pooled(np.array([1.0, 4.0]), np.array([1.0, 2.0]), np.array([0, 0]), 1)
        >>> means.round(3).tolist(), sems.round(3).tolist()
        ([1.6], [0.894])
    """
    known = np.isfinite(means) & np.isfinite(sems)
    means, sems, groups = means[known], sems[known], groups[known]
    exact = np.bincount(groups, sems == 0, n) > 0
    weights = np.where(exact[groups], sems == 0, 1.0 / np.where(sems == 0, 1.0, sems) ** 2)
    total = np.bincount(groups, weights, n)
    total[total == 0] = np.nan
    mean = np.bincount(groups, weights * means, n) / total
    return mean, np.where(exact, 0.0, 1.0 / np.sqrt(total))


def pooled_evaluation(
    evaluations: Sequence[Evaluation], groups: NDArray[np.int64], n: int
) -> Evaluation:
    """Pool all readings of each architecture; metrics without standard errors are averaged.

    Args:
        evaluations: Batches of readings of the same metrics, with ``r`` rows in total.
        groups: Architecture of each row, from 0 to ``n - 1``, shape ``(r,)``.
        n: Number of architectures.

    Example:
        >>> first = Evaluation({"accuracy": np.array([90.0, 80.0])}, {"accuracy": np.array([1.0, 1.0])})
        >>> again = Evaluation({"accuracy": np.array([92.0])}, {"accuracy": np.array([1.0])})
        >>> pooled_evaluation([first, again], np.array([0, 1, 0]), 2).means["accuracy"]
        array([91., 80.])
    """
    means, sems = {}, {}
    for name in evaluations[0].means:
        values = np.concatenate([told.means[name] for told in evaluations])
        if name in evaluations[0].sems:
            errors = np.concatenate([told.sems[name] for told in evaluations])
            means[name], sems[name] = pooled(values, errors, groups, n)
        else:
            means[name] = pooled(values, np.ones(len(values)), groups, n)[0]
    return Evaluation(means, sems)
