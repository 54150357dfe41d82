"""The kernel by its formula, entry by entry, and its gradient by central differences."""

import numpy as np
import pytest

from analognas.evaluators.gp.categorical_kernel import CategoricalKernel, Points

LOGS = np.log([1.5, 0.3, 0.8, 2.0, 0.6])  # two features, two genes, odds of the share


def points(n, seed):
    generator = np.random.default_rng(seed)
    drawn = generator.integers([2, 3], size=(n, 2))
    one_hot = np.concatenate([np.eye(2)[drawn[:, 0]], np.eye(3)[drawn[:, 1]]], axis=1)
    return Points(generator.standard_normal((n, 2)), one_hot, np.array([0, 0, 1, 1, 1]))


@pytest.fixture
def kernel():
    return CategoricalKernel.from_logs(LOGS, 2)


def test_formula(kernel):
    one, other = points(4, 0), points(5, 1)
    share = 0.6 / 1.6
    matrix = kernel(one, other)
    assert matrix.shape == (4, 5)
    for i in range(4):
        for j in range(5):
            square = np.sum([1.5, 0.3] * (one.graph[i] - other.graph[j]) ** 2) / 2
            r = np.sqrt(5 * square)
            differs = [
                (one.genes[i, gene] != other.genes[j, gene]).any()
                for gene in (slice(0, 2), slice(2, 5))
            ]
            expected = (1 - share) * (1 + r + r**2 / 3) * np.exp(-r)
            expected += share * np.exp(-np.sum([0.8, 2.0] * np.array(differs)))
            assert matrix[i, j] == pytest.approx(expected, rel=1e-12)


def test_equal_points_have_covariance_one(kernel):
    few = points(6, 2)
    # A squared distance near 0 is a difference of numbers near 10: rounded to about 1e-15 of them.
    np.testing.assert_allclose(kernel(few, few).diagonal(), 1, rtol=0, atol=1e-13)


def test_matrix_is_positive_definite(kernel):
    some = points(40, 3)
    assert np.linalg.eigvalsh(kernel(some, some)).min() > -1e-12


def test_gradient(kernel):
    some = points(7, 4)
    weights = np.random.default_rng(5).standard_normal((7, 7))
    weights += weights.T
    covariances, by_logs = kernel.with_gradient(some)
    np.testing.assert_allclose(covariances, kernel(some, some), rtol=1e-12)
    step = 1e-5
    for position, found in enumerate(by_logs(weights)):
        ends = []
        for sign in (1, -1):
            logs = LOGS.copy()
            logs[position] += sign * step
            ends.append(np.vdot(weights, CategoricalKernel.from_logs(logs, 2)(some, some)))
        # Central differences: truncation of order step², rounding of order 1e-16 / step.
        assert found == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-6, abs=1e-8)
