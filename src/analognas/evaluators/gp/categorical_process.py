"""Gaussian process with the categorical kernel: hyperparameters by evidence, and batches by believing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .categorical_kernel import CategoricalKernel, Points
from .linear_algebra import LEAST_SIGNAL, Floats, best_signal, inverse_factor, noisy_factor

SEARCHED = 300
"""Rows, drawn at random, on which hyperparameters are searched; the process itself sees all."""

STEPS = 15
"""Steps of L-BFGS at most: more fit weights of features to noise, and take their time."""

_PRIOR = {
    "graph": (-1.0, 1.0),
    "gene": (-1.0, 1.0),
    "share": (-1.0, 1.0),
    "noise": (-2.0, 1.5),
}
"""Mean and standard deviation of the normal prior of each logarithm (of the share, the log odds)."""

_RANGE = 6.0
JITTER = 1e-6
"""Least relative noise variance: equal architectures leave covariances positive definite."""


@dataclass(frozen=True)
class CategoricalProcess:
    r"""A fitted Gaussian process of covariance :math:`s^2 (k + \nu \delta)`, k a :class:`.CategoricalKernel`.

    The logarithms of the kernel's weights, of its share and of :math:`\nu` maximise the evidence times a normal
    prior, by its exact gradient; the signal variance is its maximum in closed form.

    Attributes:
        known: The training set.
        kernel: The kernel.
        noise: Relative noise variance :math:`\nu`.
        signal: Signal variance :math:`s^2`.
        whitening: Inverse of the lower Cholesky factor of the training set's covariance, shape ``(n, n)``.
        white: The whitening times the targets, shape ``(n,)``.

    Source: Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, sections 2.2 and 5.4.
    """

    known: Points
    kernel: CategoricalKernel
    noise: float
    signal: float
    whitening: Floats
    white: Floats

    @classmethod
    def fit(
        cls, known: Points, targets: Floats, *, generator: np.random.Generator
    ) -> CategoricalProcess:
        """Fit to centred targets.

        Args:
            known: Architectures, n of them.
            targets: Shape ``(n,)``.
            generator: Chooses up to :data:`SEARCHED` of them, on which hyperparameters are searched.
        """
        chosen = np.sort(generator.permutation(len(targets))[:SEARCHED])
        logs = _search(known.take(chosen), targets[chosen])
        kernel = CategoricalKernel.from_logs(logs[:-1], known.graph.shape[1])
        return cls.of(known, targets, kernel, noise=float(np.exp(logs[-1])))

    @classmethod
    def of(
        cls, known: Points, targets: Floats, kernel: CategoricalKernel, *, noise: float
    ) -> CategoricalProcess:
        """Return the process of given hyperparameters."""
        noise += JITTER
        whitening = inverse_factor(noisy_factor(kernel(known, known), noise))
        white = whitening @ targets
        signal = best_signal(white)
        return cls(known, kernel, noise, signal, whitening, white)

    @property
    def noise_std(self) -> float:
        """Standard deviation of measurements of one architecture."""
        return float(np.sqrt(self.signal * self.noise))

    def posterior(self, points: Points) -> ProcessPosterior:
        """What is known of new points, shape ``(m,)`` each."""
        explained = self.whitening @ self.kernel(self.known, points)
        return ProcessPosterior(self, points, explained.T @ self.white, explained)


@dataclass(frozen=True)
class ProcessPosterior:
    """The process at some points, given the training set and what is believed of points among them.

    Attributes:
        process: The process.
        points: The points, m of them.
        means: Means, shape ``(m,)``.
        explained: Whitened covariances with all that is known, shape ``(n, m)``: the products of two columns
            are the part of a covariance that is explained.
    """

    process: CategoricalProcess
    points: Points
    means: Floats
    explained: Floats

    @property
    def stds(self) -> Floats:
        """Standard deviations of new measurements, label noise included, shape ``(m,)``."""
        variances = self.process.signal * (self._unexplained() + self.process.noise)
        return np.asarray(np.sqrt(variances), dtype=np.float64)

    def take(self, rows: Any) -> ProcessPosterior:
        """Return some points."""
        return ProcessPosterior(
            self.process, self.points.take(rows), self.means[rows], self.explained[:, rows]
        )

    def believing(self, at: int) -> ProcessPosterior:
        """The posterior if point ``at`` were measured and had its mean.

        Means stay; what else is explained is one more whitened row.
        """
        prior = self.process.kernel(self.points.take([at]), self.points)[0]
        covariances = prior - self.explained[:, at] @ self.explained
        spread = np.sqrt(self._unexplained()[at] + self.process.noise)
        explained = np.vstack([self.explained, covariances / spread])
        return ProcessPosterior(self.process, self.points, self.means, explained)

    def draws(self, n: int, *, generator: np.random.Generator) -> Floats:
        """Draw ``n`` times what a new measurement of every point would give, jointly, shape ``(n, m)``."""
        prior = self.process.kernel(self.points, self.points)
        factor = noisy_factor(prior - self.explained.T @ self.explained, self.process.noise)
        normal = generator.standard_normal((n, len(self.points)))
        return np.asarray(self.means + np.sqrt(self.process.signal) * (normal @ factor.T))

    def _unexplained(self) -> Floats:
        known = np.einsum("ij,ij->j", self.explained, self.explained)
        return np.asarray(np.maximum(1 - known, 0.0), dtype=np.float64)


def _search(points: Points, targets: Floats) -> Floats:
    """Logarithms of weights, log odds of the share and log of the noise, of the largest posterior."""
    from scipy.optimize import minimize

    n_features = points.graph.shape[1]
    sizes = {"graph": n_features, "gene": points.n_genes, "share": 1, "noise": 1}
    means, stds = (
        np.concatenate([np.full(size, _PRIOR[name][side]) for name, size in sizes.items()])
        for side in (0, 1)
    )

    def loss(logs: Floats) -> tuple[float, Floats]:
        kernel = CategoricalKernel.from_logs(logs[:-1], n_features)
        value, gradient = _loss(kernel, float(np.exp(logs[-1])), points, targets)
        apart = (logs - means) / stds
        return value + 0.5 * float(apart @ apart), gradient + apart / stds

    bounds = list(zip(means - _RANGE, means + _RANGE, strict=True))
    found = minimize(
        loss, means, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": STEPS}
    )
    return np.asarray(found.x, dtype=np.float64)


def _loss(
    kernel: CategoricalKernel, noise: float, points: Points, targets: Floats
) -> tuple[float, Floats]:
    """Negative log evidence at the best signal variance, up to a constant, and its gradient by logarithms."""
    from scipy.linalg import lapack

    n = len(targets)
    covariances, by_logs = kernel.with_gradient(points)
    factor = noisy_factor(covariances, noise + JITTER)
    inverse, _ = lapack.dpotri(factor, lower=1)
    inverse += np.tril(inverse, -1).T
    weights = inverse @ targets
    signal = max(float(targets @ weights) / n, LEAST_SIGNAL)
    loss = 0.5 * n * float(np.log(signal)) + float(np.log(factor.diagonal()).sum())
    gradient = 0.5 * (inverse - np.outer(weights, weights) / signal)
    return loss, np.append(by_logs(gradient), noise * gradient.trace())
