"""Exact Gaussian process regression on weighted features, with closed forms for quick refitting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear_algebra import (
    LEAST_SIGNAL,
    Floats,
    best_signal,
    inverse_factor,
    noisy_factor,
    pairwise_squares,
)

LENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Length scales tried, in root mean squares of the weighted features."""

NOISES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""Noise variances tried, relative to the signal variance."""

_SEARCHED = 300
_START = (2.0, 0.1)
_BLOCK = 4096


@dataclass(frozen=True)
class GaussianProcess:
    r"""A fitted Gaussian process with kernel :math:`s^2 (k(r / \ell) + \nu \delta)`.

    :math:`k(r) = (1 + \sqrt3 r) e^{-\sqrt3 r}` is Matérn's kernel of smoothness 3/2, :math:`r` the distance
    of two rows, divided by the root of their length. Length scale and noise have the largest evidence on a
    grid, the signal variance is its maximum in closed form (Rasmussen & Williams, Gaussian Processes for
    Machine Learning, 2006, sections 4.2 and 5.4).

    Attributes:
        rows: Weighted features of the training set, shape ``(n, d)``, float32.
        length: Length scale :math:`\ell`.
        noise: Relative noise variance :math:`\nu`.
        signal: Signal variance :math:`s^2`.
        weights: :math:`K^{-1} y`, shape ``(n,)``.
        whitening: Inverse of the Cholesky factor of :math:`K`, shape ``(n, n)``, float32.
        held_out_means: Prediction of each target from all others, shape ``(n,)``.
        held_out_variances: Variance of that prediction, noise included, shape ``(n,)``.
    """

    rows: NDArray[np.float32]
    length: float
    noise: float
    signal: float
    weights: Floats
    whitening: NDArray[np.float32]
    held_out_means: Floats
    held_out_variances: Floats

    @classmethod
    def fit(
        cls, rows: NDArray[Any], targets: NDArray[Any], *, generator: np.random.Generator
    ) -> GaussianProcess:
        """Fit to centred targets.

        Args:
            rows: Weighted features, shape ``(n, d)``.
            targets: Shape ``(n,)``.
            generator: Source of randomness, to draw at most 300 rows for fitting length scale and noise.
        """
        # Kernels of the fit are in float64: with float32, near repeats would not be positive definite.
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        targets = np.asarray(targets, dtype=np.float64)
        n = len(rows)
        chosen = np.sort(generator.permutation(n)[:_SEARCHED]) if n > _SEARCHED else np.arange(n)
        length, noise = _search(_distances(rows[chosen], rows[chosen]), targets[chosen])
        kernel = _matern(_distances(rows, rows), length)
        whitening = inverse_factor(noisy_factor(kernel, noise))
        weights = whitening.T @ (whitening @ targets)
        signal = max(float(targets @ weights) / n, LEAST_SIGNAL)
        precisions = np.einsum("ij,ij->j", whitening, whitening)
        return cls(
            rows=rows.astype(np.float32),
            length=length,
            noise=noise,
            signal=signal,
            weights=weights,
            whitening=np.asfortranarray(whitening, dtype=np.float32),
            held_out_means=targets - weights / precisions,
            held_out_variances=signal / precisions,
        )

    def predict(self, rows: NDArray[Any]) -> tuple[Floats, Floats]:
        """Return means and variances of new observations, including noise, shape ``(m,)`` each.

        Args:
            rows: Features, weighted like the training set, shape ``(m, d)``.
        """
        from scipy.linalg.blas import strmm

        rows = np.ascontiguousarray(rows, dtype=np.float32)
        means, variances = np.empty(len(rows)), np.empty(len(rows))
        weights = self.weights.astype(np.float32)
        for start in range(0, len(rows), _BLOCK):
            block = slice(start, start + _BLOCK)
            kernel = _matern(_distances(rows[block], self.rows), self.length)
            means[block] = kernel @ weights
            explained = strmm(1.0, self.whitening, kernel.T, lower=1)
            variances[block] = 1 - np.einsum("ij,ij->j", explained, explained)
        return means, self.signal * (np.maximum(variances, 0.0) + self.noise)

    def covariance(self, rows: NDArray[Any]) -> Floats:
        """Return the posterior covariance of the true values of new rows, without noise, shape ``(m, m)``.

        Args:
            rows: Features, weighted like the training set, shape ``(m, d)``.
        """
        rows = np.ascontiguousarray(rows, dtype=np.float64)
        known = self.rows.astype(np.float64)
        explained = self.whitening.astype(np.float64) @ _matern(
            _distances(known, rows), self.length
        )
        prior = _matern(_distances(rows, rows), self.length)
        return np.asarray(self.signal * (prior - explained.T @ explained), dtype=np.float64)


def _distances(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return root-mean-square differences of all pairs of rows, shape ``(len(one), len(other))``."""
    squares = pairwise_squares(one, other)
    squares /= max(one.shape[1], 1)
    np.sqrt(squares, out=squares)
    return squares


def _matern(distances: NDArray[Any], length: float) -> NDArray[Any]:
    scaled = distances * (3**0.5 / length)
    kernel: NDArray[Any] = np.exp(-scaled)
    scaled += 1
    kernel *= scaled
    return kernel


def _search(distances: Floats, targets: Floats) -> tuple[float, float]:
    """Return length scale and noise of the largest evidence on the grid, by coordinate search."""
    evidence: dict[tuple[float, float], float] = {}
    kernels: dict[float, Floats] = {}

    def value(length: float, noise: float) -> float:
        if (length, noise) not in evidence:
            if length not in kernels:
                kernels[length] = _matern(distances, length)
            evidence[length, noise] = _evidence(kernels[length], noise, targets)
        return evidence[length, noise]

    best = _START
    while True:
        noise = max(NOISES, key=lambda noise: value(best[0], noise))
        length = max(LENGTHS, key=lambda length: value(length, noise))
        if (length, noise) == best:
            return best
        best = (length, noise)


def _evidence(kernel: Floats, noise: float, targets: Floats) -> float:
    """Return the log evidence at the best signal variance, up to a constant."""
    from scipy.linalg import solve_triangular

    factor = noisy_factor(kernel.copy(), noise)
    white = solve_triangular(factor, targets, lower=True, check_finite=False)
    return -0.5 * len(kernel) * float(np.log(best_signal(white))) - float(
        np.log(factor.diagonal()).sum()
    )
