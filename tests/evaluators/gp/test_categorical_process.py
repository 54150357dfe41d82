"""The process against textbook formulas, solved another way, and what its evidence recovers."""

import numpy as np
import pytest

from analognas.evaluators.gp import categorical_process
from analognas.evaluators.gp.categorical_kernel import CategoricalKernel, Points
from analognas.evaluators.gp.categorical_process import JITTER, CategoricalProcess

NOISE = 0.2


def points(n, seed, d=3):
    generator = np.random.default_rng(seed)
    genes = np.eye(4)[generator.integers(4, size=n)]
    return Points(generator.standard_normal((n, d)), genes, np.zeros(4, dtype=np.int64))


@pytest.fixture
def kernel():
    return CategoricalKernel(np.array([0.5, 1.0, 0.1]), np.array([1.0]), 0.3)


@pytest.fixture
def process(kernel):
    known = points(12, 0)
    return CategoricalProcess.of(known, np.sin(known.graph[:, 0]), kernel, noise=NOISE)


def dense(process, new):
    """Mean and covariance of new measurements, by the formulas and a general solver."""
    known, kernel = process.known, process.kernel
    noisy = kernel(known, known) + (NOISE + JITTER) * np.eye(len(known))
    cross = kernel(known, new)
    targets = np.sin(known.graph[:, 0])
    signal = targets @ np.linalg.solve(noisy, targets) / len(known)
    prior = kernel(new, new) + (NOISE + JITTER) * np.eye(len(new))
    covariance = signal * (prior - cross.T @ np.linalg.solve(noisy, cross))
    return cross.T @ np.linalg.solve(noisy, targets), covariance


def test_posterior(process):
    new = points(6, 1)
    mean, covariance = dense(process, new)
    posterior = process.posterior(new)
    np.testing.assert_allclose(posterior.means, mean, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(posterior.stds, np.sqrt(covariance.diagonal()), rtol=1e-10)


def test_believing_is_measuring_the_mean(process):
    new = points(6, 2)
    posterior = process.posterior(new)
    believed = posterior.believing(3)
    known = process.known
    joined = Points(
        np.concatenate([known.graph, new.graph[3:4]]),
        np.concatenate([known.genes, new.genes[3:4]]),
        known.gene_of,
    )
    targets = np.append(np.sin(known.graph[:, 0]), posterior.means[3])
    again = CategoricalProcess.of(joined, targets, process.kernel, noise=NOISE).posterior(new)
    np.testing.assert_allclose(believed.means, again.means, rtol=1e-9, atol=1e-12)
    # The signal variance of the larger set is another one; it scales all errors alike.
    relative = again.stds / np.sqrt(again.process.signal / process.signal)
    np.testing.assert_allclose(believed.stds, relative, rtol=1e-5)
    assert believed.stds[3] < posterior.stds[3]


def test_joint_draws_have_the_posterior_covariance(process):
    new = points(4, 3)
    mean, covariance = dense(process, new)
    n = 40_000
    draws = process.posterior(new).draws(n, generator=np.random.default_rng(4))
    variances = covariance.diagonal()
    assert (np.abs(draws.mean(axis=0) - mean) < 5 * np.sqrt(variances / n)).all()
    # Variance of a sample covariance of normal numbers: (s_i s_j + s_ij²) / n.
    error = np.sqrt((np.outer(variances, variances) + covariance**2) / n)
    assert (np.abs(np.cov(draws.T) - covariance) < 5 * error).all()
    apart = np.diag(variances)
    assert (np.abs(np.cov(draws.T) - apart) > 5 * error).any(), "independent draws would pass"


def test_gradient_of_the_loss(kernel):
    known = points(10, 5)
    targets = np.cos(known.graph[:, 1])
    logs = np.concatenate([np.log(kernel.graph_weights), [0.2, -0.4, np.log(NOISE)]])

    def loss(logs):
        made = CategoricalKernel.from_logs(logs[:-1], 3)
        return categorical_process._loss(made, float(np.exp(logs[-1])), known, targets)

    step = 1e-5
    for position, found in enumerate(loss(logs)[1]):
        moved = step * np.eye(len(logs))[position]
        slope = (loss(logs + moved)[0] - loss(logs - moved)[0]) / (2 * step)
        assert found == pytest.approx(slope, rel=1e-5, abs=1e-8)


def test_evidence_finds_what_matters():
    known = points(120, 6, d=5)
    generator = np.random.default_rng(7)
    noise = 0.1
    truth = np.sin(2 * known.graph[:, 0]) + 0.5 * known.genes[:, 0]
    targets = truth + noise * generator.standard_normal(120)
    targets -= targets.mean()
    process = CategoricalProcess.fit(known, targets, generator=generator)
    weights = process.kernel.graph_weights
    assert weights[0] > 5 * weights[1:].max()
    new = points(200, 8, d=5)
    posterior = process.posterior(new)
    missed = posterior.means - (np.sin(2 * new.graph[:, 0]) + 0.5 * new.genes[:, 0])
    assert np.std(missed) < 0.5 * np.std(truth)
    inside = np.abs(missed - missed.mean()) < 2 * posterior.stds
    assert inside.mean() > 0.9


def test_equal_points_and_equal_targets():
    known = points(3, 9)
    repeated = known.take(np.array([0, 0, 1, 1, 2, 2]))
    for targets in (np.zeros(6), np.array([1.0, 1.0, -1.0, -1.0, 0.0, 0.0])):
        process = CategoricalProcess.fit(repeated, targets, generator=np.random.default_rng(0))
        posterior = process.posterior(points(5, 10))
        assert np.isfinite(posterior.means).all()
        assert (posterior.stds >= 0).all()
