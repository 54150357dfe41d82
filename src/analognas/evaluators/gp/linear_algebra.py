"""Linear algebra of Gaussian processes: distances of rows, Cholesky factors and their inverses."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_SIGNAL = float(np.finfo(float).tiny)
"""Least signal variance; used if all targets are 0."""


def signed_roots(features: NDArray[Any]) -> Floats:
    """Return signed square roots of counts: from one path to two is more than from eleven to twelve."""
    exact = features.astype(np.float64)
    return np.copysign(np.sqrt(np.abs(exact)), exact)


def pairwise_squares(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return squared distances of all pairs of rows, shape ``(len(one), len(other))``.

    Args:
        one: Shape ``(n, d)``.
        other: Shape ``(m, d)``.
    """
    squares: NDArray[Any] = one @ other.T
    squares *= -2
    squares += np.einsum("ij,ij->i", one, one)[:, None]
    squares += np.einsum("ij,ij->i", other, other)
    np.maximum(squares, 0, out=squares)
    return squares


def noisy_factor(covariances: Floats, noise: float) -> Floats:
    """Return the lower Cholesky factor of covariances with noise on the diagonal.

    Args:
        covariances: Symmetric, shape ``(n, n)``; overwritten.
        noise: Noise variance in the unit of the covariances.
    """
    from scipy.linalg import cholesky

    covariances.flat[:: len(covariances) + 1] += noise
    return np.asarray(cholesky(covariances, lower=True, overwrite_a=True, check_finite=False))


def inverse_factor(factor: Floats) -> Floats:
    """Return the inverse of a lower Cholesky factor, shape ``(n, n)``."""
    from scipy.linalg import lapack

    inverse, _ = lapack.dtrtri(factor, lower=1)
    return np.asarray(inverse, dtype=np.float64)


def best_signal(white: Floats) -> float:
    """Return the signal variance of the largest evidence, from whitened targets, shape ``(n,)``.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 5.4.
    """
    return max(float(white @ white) / len(white), LEAST_SIGNAL)
