r"""What readings with label noise say about true values.

A network that is trained and measured again gives another reading. The best of many readings is therefore a
lucky one, and the true value of its network, the mean over all trainings, is worse. Networks that were
measured several times (isomorphic cells, repeated seeds) show how large this noise is, and how true values
are distributed:

.. math:: p(\theta \mid \bar y) \propto p(\theta)\; N\big(\bar y;\, \theta,\, \sigma^2(\theta) / n\big)

for a network with n readings of mean :math:`\bar y`. The prior :math:`p` is a kernel density of the means of
networks with at least three readings; :math:`\sigma(\theta)` is pooled over the networks of similar mean.

Source: empirical Bayes, Efron, Large-Scale Inference, 2010, ch. 1; bandwidth by Silverman, Density Estimation,
1986, eq. 3.31.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["LEVEL", "LabelNoiseModel", "TrueValues"]

LEVEL = 0.95
"""Probability of the intervals."""

_N_GRID = 1024
_LEAST_READINGS = 3
"""Readings of a network whose mean counts for the prior."""
_LEAST_NETWORKS = 50
"""Such networks that a kernel density needs; with fewer the prior is normal."""
_DEGREES = 200
"""Degrees of freedom that the noise at one value is pooled from."""
_BLOCK = 512

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TrueValues:
    """What is known of the true values of ``n`` architectures, which are ``k`` different networks.

    Values are in the unit of the metric. NaN stands for a network without a reading.

    Attributes:
        grid: Possible true values, ascending, shape ``(m,)``.
        masses: Probability of each of them for every network, shape ``(k, m)``.
        network_of: Which network each architecture is, shape ``(n,)``.
        readings: Mean reading of each network, shape ``(k,)``.
        n_readings: Number of its readings, shape ``(k,)``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.normal(80, 4, 100)
        >>> networks = np.repeat(np.arange(100), 3)
        >>> model = LabelNoiseModel(truth[networks] + rng.normal(0, 2, 300), networks)
        >>> found = model.estimate(np.arange(100))
        >>> found.estimates.shape, int(found.n_readings[0])
        ((100,), 3)
    """

    grid: Floats
    masses: Floats
    network_of: NDArray[np.int64]
    readings: Floats
    n_readings: NDArray[np.int64]

    @property
    def estimates(self) -> Floats:
        """Expected true value of each architecture, shape ``(n,)``."""
        # A matrix product would depend on where the arrays lie in memory, in the last digit.
        return np.asarray((self.masses * self.grid).sum(axis=1)[self.network_of])

    @property
    def intervals(self) -> tuple[Floats, Floats]:
        """Bounds of the intervals of level :data:`LEVEL`, tails of equal size, shape ``(n,)`` each."""
        middle = np.cumsum(self.masses, axis=1) - 0.5 * self.masses
        tail = (1 - LEVEL) / 2
        bounds = np.full((len(self.masses), 2), np.nan)
        for row in np.flatnonzero(self.n_readings > 0):
            bounds[row] = np.interp([tail, 1 - tail], middle[row], self.grid)
        low, high = bounds[self.network_of].T
        return low, high


class LabelNoiseModel:
    """Estimates true values from the readings of one metric.

    Args:
        values: Readings, shape ``(n,)``; NaN where there is none.
        networks: Which network each reading is of, from 0, shape ``(n,)``.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> truth = rng.normal(80, 4, 300)
        >>> networks = np.repeat(np.arange(300), 3)
        >>> model = LabelNoiseModel(truth[networks] + rng.normal(0, 2, 900), networks)
        >>> found = model.estimate(np.arange(300))
        >>> low, high = found.intervals
        >>> bool(np.mean((low < truth) & (truth < high)) > 0.9)
        True
    """

    def __init__(self, values: Floats, networks: NDArray[np.int64]) -> None:
        known = np.isfinite(values)
        n = int(networks.max(initial=-1)) + 1
        values, networks = values[known], networks[known]
        self._counts = np.bincount(networks, minlength=n)
        sums = np.bincount(networks, weights=values, minlength=n)
        self._means = np.where(self._counts > 0, sums / np.maximum(self._counts, 1), np.nan)
        squares = np.bincount(networks, weights=(values - self._means[networks]) ** 2, minlength=n)
        self.degrees = int(np.maximum(self._counts - 1, 0).sum())
        if not self.knows_noise:
            return
        measured = self._means[self._counts > 0]
        margin = max(float(np.ptp(measured)) * 0.02, 1e-6)
        self._grid = np.linspace(measured.min() - margin, measured.max() + margin, _N_GRID)
        self._variances = np.maximum(self._pooled(squares), 1e-12)
        self._prior = self._fitted_prior()

    @property
    def knows_noise(self) -> bool:
        """Whether at least three readings repeat others, so that the noise can be estimated."""
        return self.degrees >= _LEAST_READINGS

    def estimate(self, networks: NDArray[np.int64]) -> TrueValues:
        """Estimate the true values of architectures.

        Args:
            networks: Which network each of them is, shape ``(n,)``.
        """
        unique, network_of = np.unique(networks, return_inverse=True)
        masses = np.empty((len(unique), _N_GRID))
        for start in range(0, len(unique), _BLOCK):
            block = slice(start, start + _BLOCK)
            masses[block] = self._masses(unique[block])
        masses[self._counts[unique] == 0] = np.nan
        return TrueValues(self._grid, masses, network_of, self._means[unique], self._counts[unique])

    def _pooled(self, squares: NDArray[Any]) -> Floats:
        """Noise variance at every value of the grid, from the nearest networks with several readings."""
        repeated = np.flatnonzero(self._counts > 1)
        order = repeated[np.argsort(self._means[repeated], kind="stable")]
        degrees = np.concatenate([[0.0], np.cumsum(self._counts[order] - 1.0)])
        sums = np.concatenate([[0.0], np.cumsum(squares[order])])
        at = degrees[np.searchsorted(self._means[order], self._grid)]
        half = _DEGREES / 2
        first = np.clip(at - half, 0.0, max(degrees[-1] - _DEGREES, 0.0))
        low = np.searchsorted(degrees, first, side="right") - 1
        high = np.minimum(np.searchsorted(degrees, first + _DEGREES), len(degrees) - 1)
        pooled: Floats = (sums[high] - sums[low]) / (degrees[high] - degrees[low])
        return pooled

    def _fitted_prior(self) -> Floats:
        """Density of true values on the grid, up to a constant."""
        several = self._counts >= _LEAST_READINGS
        if several.sum() >= _LEAST_NETWORKS:
            means = self._means[several]
            quartiles = np.subtract(*np.percentile(means, [75, 25])) / 1.34
            scale = min(float(np.std(means)), float(quartiles)) or float(np.std(means))
            width = max(0.9 * scale * len(means) ** -0.2, self._grid[1] - self._grid[0])
            density = np.zeros(_N_GRID)
            for mean in means:
                density += np.exp(-0.5 * ((self._grid - mean) / width) ** 2)
            density += 1e-3 * density.mean()  # nothing between two values is impossible
            return density
        known = self._counts > 0
        means, counts = self._means[known], self._counts[known]
        noise = np.interp(means, self._grid, self._variances) / counts
        spread = max(float(np.var(means) - noise.mean()), float(noise.mean()) * 1e-2)
        density = np.exp(-0.5 * (self._grid - means.mean()) ** 2 / spread)
        return np.asarray(density, dtype=np.float64)

    def _masses(self, networks: NDArray[np.int64]) -> Floats:
        """Probability of every value of the grid, shape ``(k, m)``."""
        variances = self._variances / np.maximum(self._counts[networks], 1)[:, None]
        means = np.nan_to_num(self._means[networks])[:, None]
        logs = -0.5 * ((means - self._grid) ** 2 / variances + np.log(variances))
        logs += np.log(np.maximum(self._prior, np.finfo(float).tiny))
        masses: Floats = np.exp(logs - logs.max(axis=1, keepdims=True))
        masses /= masses.sum(axis=1, keepdims=True)
        return masses
