r"""Posterior of a Gaussian process at fixed points, updated as readings arrive.

With the Cholesky factor L of the covariance of n pooled readings, :math:`V = L^{-1} K` holds the whitened
covariances with all m points. The posterior variance is the prior's minus the column sums of :math:`V^2`. A
batch of b readings appends b rows to L and V at a cost of :math:`O(b n m)`; nothing is computed again. Means
and variances of all points are then known.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 2.2; block Cholesky
factors as in Golub and Van Loan, Matrix Computations, 2013, section 4.2.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear_algebra import Floats, noisy_factor, pairwise_squares
from .pooled_process import Hyperparameters, PooledReadings, matern

__all__ = ["TrackedPosterior"]

_JITTER = 1e-5
"""Added to variances of readings, relative to those of the process: the precision of float32."""

_GROWTH = 64


class TrackedPosterior:
    """The posterior at all points; the readings are of some of them.

    Args:
        features: Standardised features of the points, shape ``(m, d)``.
        hyperparameters: Hyperparameters of the process.
        precise: Compute in float64. float32 takes half the time and is enough to choose the next points.

    Example:
        >>> points = np.linspace(-1, 1, 5)[:, None]
        >>> known = Hyperparameters(np.ones(1), signal=1.0, unexplained=0.0, noise=0.01)
        >>> posterior = TrackedPosterior(points, known)
        >>> posterior.add(PooledReadings.of(np.array([0, 4]), np.array([1.0, 3.0])))
        >>> posterior.means.round(1).tolist()
        [1.0, 1.4, 2.0, 2.6, 3.0]
    """

    def __init__(
        self, features: Floats, hyperparameters: Hyperparameters, *, precise: bool = False
    ) -> None:
        kind = np.float64 if precise else np.float32
        self.hyperparameters = hyperparameters
        self._points: NDArray[Any] = hyperparameters.weighted(features).astype(kind)
        self._prior = hyperparameters.signal + hyperparameters.unexplained
        self._unexplained = np.full(len(features), self._prior)
        self._whitened: NDArray[Any] = np.empty((0, len(features)), dtype=kind)
        # Whitened targets and ones, from which the constant mean follows.
        self._columns = np.empty((0, 2))
        self._n = 0

    @property
    def means(self) -> Floats:
        """Posterior mean of each point's true value, shape ``(m,)``."""
        targets, ones = self._columns[: self._n].T
        constant = float(ones @ targets) / float(ones @ ones)
        white = (targets - constant * ones).astype(self._whitened.dtype)
        return np.asarray(constant + white @ self._whitened[: self._n], dtype=np.float64)

    @property
    def variances(self) -> Floats:
        """Posterior variance of each point's true value, without the noise of a reading, shape ``(m,)``."""
        return np.asarray(np.maximum(self._unexplained, _JITTER * self._prior), dtype=np.float64)

    def add(self, readings: PooledReadings) -> None:
        """Condition on further readings.

        Args:
            readings: Positions of the points, and their pooled readings.
        """
        from scipy.linalg import solve_triangular

        at, n, kind = readings.classes, self._n, self._whitened.dtype
        whitened = self._whitened[:n]
        explained = whitened[:, at]
        covariances = self._covariances(at)
        covariances -= explained.T @ whitened
        own = covariances[:, at].astype(np.float64)
        noise = self.hyperparameters.noise / readings.counts + _JITTER * self._prior
        factor = noisy_factor(0.5 * (own + own.T) + np.diag(noise), 0.0)
        rows = solve_triangular(
            factor.astype(kind), covariances, lower=True, overwrite_b=True, check_finite=False
        )
        columns = np.column_stack([readings.means, np.ones(len(at))])
        columns -= explained.T.astype(np.float64) @ self._columns[:n]
        columns = solve_triangular(factor, columns, lower=True, check_finite=False)
        self._append(rows, columns)

    def add_mean(self, at: int) -> None:
        """Condition on a reading that equals its mean ("kriging believer"): only variances change."""
        mean = self.means[at]
        self.add(PooledReadings(np.array([at]), np.array([mean]), np.ones(1), 0.0))

    def forget(self, n_rows: int) -> None:
        """Take back what was added after the first ``n_rows`` rows."""
        taken = self._whitened[n_rows : self._n]
        self._unexplained += np.einsum("ij,ij->j", taken, taken, dtype=np.float64)
        self._n = n_rows

    def draws(self, points: NDArray[np.int64], n: int, *, generator: np.random.Generator) -> Floats:
        """Return ``n`` joint samples of the true values of ``k`` points, shape ``(n, k)``."""
        whitened = self._whitened[: self._n, points].astype(np.float64)
        covariances = self._covariances(points)[:, points] - whitened.T @ whitened
        factor = noisy_factor(
            0.5 * (covariances + covariances.T).astype(np.float64), 10 * _JITTER * self._prior
        )
        normal = generator.standard_normal((n, len(points)))
        return np.asarray(self.means[points] + normal @ factor.T)

    def __len__(self) -> int:
        return self._n

    def _covariances(self, at: NDArray[np.int64]) -> NDArray[Any]:
        """Return prior covariances of some points with all, shape ``(k, m)``."""
        kind = self._points.dtype
        covariances, _ = matern(pairwise_squares(self._points[at], self._points))
        covariances *= kind.type(self.hyperparameters.signal)
        covariances[np.arange(len(at)), at] += kind.type(self.hyperparameters.unexplained)
        return covariances

    def _append(self, rows: NDArray[Any], columns: Floats) -> None:
        end = self._n + len(rows)
        if end > len(self._whitened):
            more = max(end, len(self._whitened) + _GROWTH) - len(self._whitened)
            self._whitened = np.concatenate(
                [self._whitened, np.empty((more, rows.shape[1]), dtype=rows.dtype)]
            )
            self._columns = np.concatenate([self._columns, np.empty((more, 2))])
        self._whitened[self._n : end], self._columns[self._n : end] = rows, columns
        self._unexplained -= np.einsum("ij,ij->j", rows, rows, dtype=np.float64)
        self._n = end
