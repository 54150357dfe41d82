"""Gaussian process with the categorical kernel: hyperparameters by evidence, and posterior of candidates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .categorical_kernel import CategoricalKernel, Points
from .linear_algebra import LEAST_SIGNAL, Floats, best_signal, inverse_factor, noisy_factor

SEARCHED = 300
"""Largest number of random rows for fitting hyperparameters; the process is conditioned on all rows."""

STEPS = 15
"""Largest number of L-BFGS steps; more would fit the weights to noise, and take longer."""

_PRIOR = {
    "graph": (-1.0, 1.0),
    "gene": (-1.0, 1.0),
    "share": (-1.0, 1.0),
    "noise": (-2.0, 1.5),
}
"""Mean and standard deviation of the normal prior of each logarithm (of the share, the log odds)."""

_RANGE = 6.0
JITTER = 1e-6
"""Least relative noise variance; keeps covariances of equal architectures positive definite."""


@dataclass(frozen=True)
class CategoricalProcess:
    r"""A fitted Gaussian process of covariance :math:`s^2 (k + \nu \delta)`, k a :class:`.CategoricalKernel`.

    The kernel's weights, its share and :math:`\nu` maximise the evidence times a log-normal prior, with exact
    gradients; the signal variance has a closed form.

    Attributes:
        known: Architectures of the training set.
        kernel: The kernel.
        noise: Relative noise variance :math:`\nu`.
        signal: Signal variance :math:`s^2`.
        whitening: Inverse of the lower Cholesky factor of the training covariance, shape ``(n, n)``.
        white: Whitened targets, shape ``(n,)``.

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
            generator: Source of randomness, to draw at most :data:`SEARCHED` rows for the hyperparameters.
        """
        chosen = np.sort(generator.permutation(len(targets))[:SEARCHED])
        logs = _search(known.take(chosen), targets[chosen])
        kernel = CategoricalKernel.from_logs(logs[:-1], known.graph.shape[1])
        return cls.of(known, targets, kernel, noise=float(np.exp(logs[-1])))

    @classmethod
    def of(
        cls, known: Points, targets: Floats, kernel: CategoricalKernel, *, noise: float
    ) -> CategoricalProcess:
        """Return the process with given hyperparameters."""
        noise += JITTER
        whitening = inverse_factor(noisy_factor(kernel(known, known), noise))
        white = whitening @ targets
        signal = best_signal(white)
        return cls(known, kernel, noise, signal, whitening, white)

    @property
    def noise_std(self) -> float:
        """Standard deviation of the noise of a measurement."""
        return float(np.sqrt(self.signal * self.noise))

    def posterior(self, points: Points) -> ProcessPosterior:
        """Return the posterior at new points."""
        explained = self.whitening @ self.kernel(self.known, points)
        return ProcessPosterior(self, points, explained.T @ self.white, explained)


@dataclass(frozen=True)
class ProcessPosterior:
    """The posterior of the process at some points, given the training set and believed points among them.

    Attributes:
        process: The process.
        points: The points, m of them.
        means: Means, shape ``(m,)``.
        explained: Whitened covariances with the training set, shape ``(n, m)``; the product of two columns is
            the reduction of their covariance.
    """

    process: CategoricalProcess
    points: Points
    means: Floats
    explained: Floats

    @property
    def stds(self) -> Floats:
        """Return standard deviations of new measurements, including label noise, shape ``(m,)``."""
        variances = self.process.signal * (self._unexplained() + self.process.noise)
        return np.asarray(np.sqrt(variances), dtype=np.float64)

    def take(self, rows: Any) -> ProcessPosterior:
        """Return some points."""
        return ProcessPosterior(
            self.process, self.points.take(rows), self.means[rows], self.explained[:, rows]
        )

    def believing(self, at: int) -> ProcessPosterior:
        """Return the posterior after measuring point ``at`` with its mean as the result ("kriging believer").

        Means stay; ``explained`` gains a row.
        """
        prior = self.process.kernel(self.points.take([at]), self.points)[0]
        covariances = prior - self.explained[:, at] @ self.explained
        spread = np.sqrt(self._unexplained()[at] + self.process.noise)
        explained = np.vstack([self.explained, covariances / spread])
        return ProcessPosterior(self.process, self.points, self.means, explained)

    def draws(self, n: int, *, generator: np.random.Generator) -> Floats:
        """Return ``n`` joint samples of new measurements of all points, shape ``(n, m)``."""
        prior = self.process.kernel(self.points, self.points)
        factor = noisy_factor(prior - self.explained.T @ self.explained, self.process.noise)
        normal = generator.standard_normal((n, len(self.points)))
        return np.asarray(self.means + np.sqrt(self.process.signal) * (normal @ factor.T))

    def _unexplained(self) -> Floats:
        known = np.einsum("ij,ij->j", self.explained, self.explained)
        return np.asarray(np.maximum(1 - known, 0.0), dtype=np.float64)


def _search(points: Points, targets: Floats) -> Floats:
    """Return the log weights, log odds of the share and log noise that maximise evidence times prior."""
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
    """Return the negative log evidence at the best signal variance, up to a constant, and its gradient."""
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
