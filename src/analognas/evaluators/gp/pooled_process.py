r"""A Gaussian process on weighted features whose readings are pooled by class, and its hyperparameters.

Architectures of equal features form a class; each of their measurements is a reading of the class's true value.
Classes :math:`a, b` with standardised features :math:`x` have the covariance

.. math:: s\, m\!\Big(\sqrt{\tfrac1d \textstyle\sum_k w_k (x_{ak} - x_{bk})^2}\Big) + t\, \delta_{ab},

:math:`m(r) = (1 + \sqrt5 r + \tfrac53 r^2) e^{-\sqrt5 r}` (Matérn, smoothness 5/2); :math:`t` is what the
features do not explain. The mean of n readings has the further variance :math:`v / n`. Weights and variances
maximise the evidence of all readings times a log-normal prior, with exact gradients: readings within a class
add :math:`-\tfrac12 (n - 1) \log v - S / 2v` to it, S their sum of squares about the mean.

Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, sections 4.2, 5.1 and 5.4; pooled
readings as in Binois et al., "Practical Heteroscedastic Gaussian Process Modeling for Large Simulation
Experiments", Journal of Computational and Graphical Statistics 27, 2018, section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .linear_algebra import Floats, noisy_factor, pairwise_squares

__all__ = ["Hyperparameters", "PooledReadings", "fit_hyperparameters", "matern"]

SEARCHED = 300
"""Largest number of random classes for fitting hyperparameters; the process is conditioned on all of them."""

STEPS = 15
"""Largest number of L-BFGS steps of a fit; more would fit the weights to noise, and take longer."""

# Mean and standard deviation of the normal prior of each logarithm.
_PRIOR = {
    "weights": (-1.0, 1.0),
    "signal": (0.0, 1.0),
    "unexplained": (-3.0, 1.5),
    "noise": (-2.0, 1.5),
}
_RANGE = 6.0
_JITTER = 1e-6
_ROOT_5 = 5**0.5


@dataclass(frozen=True)
class PooledReadings:
    """Readings by class.

    Attributes:
        classes: The classes read, ascending, shape ``(k,)``.
        means: Mean target of each, shape ``(k,)``.
        counts: Number of its readings, shape ``(k,)``.
        within: Sum of squares of all readings about the mean of their class.
    """

    classes: NDArray[np.int64]
    means: Floats
    counts: Floats
    within: float

    @classmethod
    def of(cls, classes: NDArray[np.int64], targets: Floats) -> PooledReadings:
        """Pool readings, their classes and targets of shape ``(n,)``.

        Example:
            >>> pooled = PooledReadings.of(np.array([4, 2, 4]), np.array([1.0, 5.0, 3.0]))
            >>> pooled.classes.tolist(), pooled.means.tolist(), pooled.within
            ([2, 4], [5.0, 2.0], 2.0)
        """
        unique, of_reading = np.unique(classes, return_inverse=True)
        counts = np.bincount(of_reading).astype(np.float64)
        means = np.bincount(of_reading, weights=targets) / counts
        within = float(np.square(targets - means[of_reading]).sum())
        return cls(unique, means, counts, within)


@dataclass(frozen=True)
class Hyperparameters:
    """Hyperparameters of the process.

    Attributes:
        weights: Weight :math:`w` of each feature, shape ``(d,)``.
        signal: Variance :math:`s` that the features explain.
        unexplained: Variance :math:`t` of classes about that.
        noise: Variance :math:`v` of a reading.
    """

    weights: Floats
    signal: float
    unexplained: float
    noise: float

    @classmethod
    def typical(cls, n_features: int) -> Hyperparameters:
        """Return the median of the prior."""
        return cls.from_logs(_prior(n_features)[0])

    @classmethod
    def from_logs(cls, logs: Floats) -> Hyperparameters:
        """Return the hyperparameters of a vector of logarithms, in the order of the attributes."""
        values = np.exp(logs)
        return cls(values[:-3], float(values[-3]), float(values[-2]), float(values[-1]))

    @property
    def logs(self) -> Floats:
        """Inverse of :meth:`from_logs`."""
        variances = [self.signal, self.unexplained, self.noise]
        return np.asarray(np.log(np.append(self.weights, variances)), dtype=np.float64)

    def weighted(self, features: NDArray[Any]) -> Floats:
        """Return features whose Euclidean distance is that of the kernel."""
        roots = np.sqrt(self.weights / max(len(self.weights), 1))
        return np.asarray(features * roots, dtype=np.float64)


def matern(squares: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return Matérn's kernel of squared distances, and its derivative by them."""
    scaled = np.sqrt(squares) * squares.dtype.type(_ROOT_5)
    decay = np.exp(-scaled)
    slope = (1 + scaled) * decay
    return slope + scaled**2 * decay / 3, squares.dtype.type(-5 / 6) * slope


def fit_hyperparameters(
    features: Floats,
    readings: PooledReadings,
    start: Hyperparameters,
    *,
    generator: np.random.Generator,
) -> Hyperparameters:
    """Return the hyperparameters that maximise evidence times prior.

    Args:
        features: Standardised features of the classes read, shape ``(k, d)``.
        readings: Their pooled readings.
        start: Where the search begins, such as the last fit.
        generator: Source of randomness, to draw at most :data:`SEARCHED` classes.
    """
    from scipy.optimize import minimize

    chosen = np.arange(len(features))
    if len(chosen) > SEARCHED:
        chosen = np.sort(generator.permutation(len(chosen))[:SEARCHED])
    centre, spread = _prior(features.shape[1])
    degrees = float((readings.counts - 1).sum())
    rows, means, counts = features[chosen], readings.means[chosen], readings.counts[chosen]

    def loss(logs: Floats) -> tuple[float, Floats]:
        apart = (logs - centre) / spread
        value, gradient = _loss(Hyperparameters.from_logs(logs), rows, means, counts)
        noise = np.exp(logs[-1])
        value += 0.5 * (degrees * logs[-1] + readings.within / noise)
        gradient[-1] += 0.5 * (degrees - readings.within / noise)
        return value + 0.5 * float(apart @ apart), gradient + apart / spread

    bounds = list(zip(centre - _RANGE, centre + _RANGE, strict=True))
    first = np.clip(start.logs, centre - _RANGE, centre + _RANGE)
    found = minimize(
        loss, first, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    )
    return Hyperparameters.from_logs(np.asarray(found.x, dtype=np.float64))


def _prior(n_features: int) -> tuple[Floats, Floats]:
    """Return means and standard deviations of the prior of all logarithms."""
    sizes = {"weights": n_features, "signal": 1, "unexplained": 1, "noise": 1}
    centre, spread = (
        np.concatenate([np.full(size, _PRIOR[name][side]) for name, size in sizes.items()])
        for side in (0, 1)
    )
    return centre, spread


def _loss(
    current: Hyperparameters, features: Floats, means: Floats, counts: Floats
) -> tuple[float, Floats]:
    """Return the negative log evidence of class means, up to a constant, and its gradient by the logarithms."""
    from scipy.linalg import lapack

    rows = current.weighted(features)
    correlations, slopes = matern(pairwise_squares(rows, rows))
    own = current.unexplained + current.noise / counts + _JITTER
    factor = noisy_factor(current.signal * correlations + np.diag(own), 0.0)
    inverse, _ = lapack.dpotri(factor, lower=1)
    inverse += np.tril(inverse, -1).T
    ones = inverse.sum(axis=1)
    apart = means - (ones @ means) / ones.sum()
    solved = inverse @ apart
    value = 0.5 * float(apart @ solved) + float(np.log(factor.diagonal()).sum())
    by_covariance = 0.5 * (inverse - np.outer(solved, solved))
    by_square = current.signal * by_covariance * slopes
    weighted = (features**2).T @ by_square.sum(axis=1)
    weighted -= np.einsum("ij,ij->j", features, by_square @ features)
    diagonal = by_covariance.diagonal()
    gradient = np.append(
        2 * current.weights / max(len(current.weights), 1) * weighted,
        [
            current.signal * np.vdot(by_covariance, correlations),
            current.unexplained * diagonal.sum(),
            current.noise * (diagonal / counts).sum(),
        ],
    )
    return value, gradient
