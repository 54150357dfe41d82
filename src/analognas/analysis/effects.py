"""Effects of traits on a metric at equal values of other variables, with intervals that respect label noise.

Cells that are the same network share its true value, so they count as one observation: each cell has the weight
of one over the number of its network's cells, and standard errors allow any dependence within a network.

Source: linearization (cluster-robust) covariance, Liang & Zeger, Biometrika 73:13, 1986; restricted cubic
splines with knots at quantiles, Harrell, Regression Modeling Strategies, 2015, sec. 2.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.interval import Interval

__all__ = ["Networks", "adjusted", "level_effects", "slopes", "spline"]

Floats = NDArray[np.float64]

_KNOTS = (0.05, 0.275, 0.5, 0.725, 0.95)


class Networks:
    """Which rows are the same network.

    Args:
        labels: One number per row, equal for rows that are the same network, shape ``(n,)``.

    Attributes:
        number: Number of each row's network, from 0, shape ``(n,)``.
        n: Number of networks.
        sizes: Rows of each network, shape ``(n_networks,)``.
        weights: One over the number of rows of the row's network, shape ``(n,)``.
        ranks: How many earlier rows are of the row's network, shape ``(n,)``.

    Example:
        >>> networks = Networks(np.array([7, 7, 3]))
        >>> networks.n, networks.sizes[networks.number]
        (2, array([2, 2, 1]))
    """

    def __init__(self, labels: NDArray[Any]) -> None:
        _, self.number, self.sizes = np.unique(labels, return_inverse=True, return_counts=True)
        self.n = len(self.sizes)
        self.weights = 1.0 / self.sizes[self.number]
        self._order = np.argsort(self.number, kind="stable")
        self._first = np.cumsum(self.sizes) - self.sizes
        self.ranks = np.empty(len(labels), dtype=np.int64)
        self.ranks[self._order] = np.arange(len(labels)) - self._first[self.number[self._order]]

    def sums(self, values: Floats) -> Floats:
        """Return the sum of the rows of each network, shape ``(n_networks, ...)``."""
        return np.asarray(np.add.reduceat(values[self._order], self._first, axis=0))


def spline(x: Floats) -> Floats:
    """Return the basis of a restricted cubic spline with five knots, without the constant, shape ``(n, k)``.

    Fewer columns result if quantiles of ``x`` coincide.
    """
    scale = float(np.ptp(x)) or 1.0
    knots = np.unique(np.quantile(x, _KNOTS))
    columns = [(x - x.mean()) / scale]
    if len(knots) >= 3:
        last, before = knots[-1], knots[-2]

        def cube(at: float) -> Floats:
            return np.asarray(np.maximum(x - at, 0.0) ** 3)

        columns += [
            (
                cube(knot)
                - cube(before) * (last - knot) / (last - before)
                + cube(last) * (before - knot) / (last - before)
            )
            / scale**3
            for knot in knots[:-2]
        ]
    return np.stack(columns, axis=1)


def slopes(
    values: Floats, traits: Floats, controls: Floats, networks: Networks, confidence: float
) -> list[Interval]:
    """Return the change of a metric per unit of each trait, at equal controls and other traits.

    Args:
        values: The metric, shape ``(n,)``.
        traits: Shape ``(n, k)``.
        controls: Variables that are held equal, without a constant, shape ``(n, m)``.
        networks: Which rows are the same network.
        confidence: Level of the intervals.
    """
    found, covariance = _fit(values, traits, _with_constant(controls), networks)
    return _intervals(found, covariance, np.eye(len(found)), networks.n, confidence)


def level_effects(
    values: Floats,
    levels: list[NDArray[Any]],
    controls: Floats,
    networks: Networks,
    confidence: float,
) -> list[list[tuple[Any, int, Interval]]]:
    """Return the effect of each level of discrete traits, relative to the mean over all rows.

    All traits are in one model, so the effect of one is at equal levels of the others.

    Args:
        values: The metric, shape ``(n,)``.
        levels: Values of each trait, shape ``(n,)`` each.
        controls: Variables that are held equal, without a constant, shape ``(n, m)``.
        networks: Which rows are the same network.
        confidence: Level of the intervals.

    Returns:
        For each trait its levels in ascending order, with the number of networks and the effect.
    """
    coded = [np.unique(trait, return_inverse=True) for trait in levels]
    columns = [np.eye(len(names))[codes] for names, codes in coded]
    found, covariance = _fit(
        values, np.concatenate(columns, axis=1), _with_constant(controls), networks
    )
    results, start = [], 0
    for (names, codes), column in zip(coded, columns, strict=True):
        shares = networks.weights @ column
        shares /= shares.sum()
        contrasts = np.zeros((len(names), len(found)))
        contrasts[:, start : start + len(names)] = np.eye(len(names)) - shares
        intervals = _intervals(found, covariance, contrasts, networks.n, confidence)
        counts = [len(np.unique(networks.number[codes == code])) for code in range(len(names))]
        results.append(list(zip(names.tolist(), counts, intervals, strict=True)))
        start += len(names)
    return results


def adjusted(values: Floats, controls: Floats, networks: Networks) -> Floats:
    """Return what is left of values after the part that controls explain, shape ``(n,)``."""
    design = _with_constant(controls)
    root = np.sqrt(networks.weights)
    found = np.linalg.lstsq(design * root[:, None], values * root, rcond=None)[0]
    return np.asarray(values - design @ found)


def quantile_of_t(confidence: float, degrees: int) -> float:
    """Return the two-sided quantile of Student's t."""
    from scipy.stats import t

    return float(t.ppf(0.5 + confidence / 2, degrees))


def _with_constant(controls: Floats) -> Floats:
    return np.column_stack([np.ones(len(controls)), controls])


def _fit(
    values: Floats, traits: Floats, controls: Floats, networks: Networks
) -> tuple[Floats, Floats]:
    """Weighted least squares: coefficients of the traits, and their cluster-robust covariance."""
    design = np.column_stack([traits, controls])
    weighted = design * networks.weights[:, None]
    normal = weighted.T @ design
    bread = np.linalg.pinv(normal, hermitian=True)
    found = bread @ (weighted.T @ values)
    scores = networks.sums(weighted * (values - design @ found)[:, None])
    rank = np.linalg.matrix_rank(normal, hermitian=True)
    correction = networks.n / max(networks.n - rank, 1)
    covariance = correction * bread @ (scores.T @ scores) @ bread
    k = traits.shape[1]
    return found[:k], covariance[:k, :k]


def _intervals(
    found: Floats, covariance: Floats, contrasts: Floats, n: int, confidence: float
) -> list[Interval]:
    estimates = contrasts @ found
    variances = np.einsum("ij,jk,ik->i", contrasts, covariance, contrasts)
    reach = quantile_of_t(confidence, max(n - 1, 1)) * np.sqrt(np.maximum(variances, 0.0))
    return [
        Interval(float(value), float(value - width), float(value + width))
        for value, width in zip(estimates, reach, strict=True)
    ]
