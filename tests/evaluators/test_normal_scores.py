import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from analognas.evaluators.normal_scores import NormalScores

values = st.lists(st.integers(-50, 50), min_size=2, max_size=40).filter(lambda v: len(set(v)) > 1)


@given(values)
def test_scores_are_normal_quantiles_of_ranks(sample):
    sample = np.array(sample, dtype=float)
    expected = norm.ppf((rankdata(sample) - 0.5) / len(sample))
    target = NormalScores.of(sample)
    np.testing.assert_allclose(target.to_scores(sample), expected, atol=1e-12)
    np.testing.assert_allclose(target.to_values(target.to_scores(sample)), sample, atol=1e-9)


@given(values)
def test_the_map_rises_also_beyond_the_sample(sample):
    target = NormalScores.of(sample)
    beyond = np.linspace(target.scores[0], target.scores[-1], 101)
    assert (np.diff(target.to_values(beyond)) > 0).all()
    assert target.to_values(target.scores[-1]) > max(sample)
    assert target.to_values(target.scores[0]) < min(sample)


def test_moments_of_a_linear_map_are_exact():
    # Scores that are the values themselves, doubled and moved.
    target = NormalScores(np.array([-100.0, 100]), np.array([-190.0, 210]))
    means, stds = target.moments(np.array([0.0, 3, -1]), np.array([1.0, 0.5, 0]))
    np.testing.assert_allclose(means, [10, 16, 8], rtol=1e-12)
    np.testing.assert_allclose(stds, [2, 1, 0], rtol=1e-12, atol=1e-12)


def test_moments_of_a_square_like_map():
    # E[x^2] = mu^2 + s^2, var = 4 mu^2 s^2 + 2 s^4; positive x only, where the map is monotone.
    knots = np.linspace(0, 40, 40_001)
    means, stds = NormalScores(knots, knots**2).moments(np.array([20.0]), np.array([2.0]))
    assert means[0] == pytest.approx(404, rel=1e-6)
    assert stds[0] == pytest.approx(np.sqrt(4 * 400 * 4 + 2 * 16), rel=1e-6)


def test_equal_values():
    target = NormalScores.of(np.full(5, 3.0))
    np.testing.assert_array_equal(target.to_values([-1.0, 0, 4]), [3, 3, 3])
    np.testing.assert_allclose(target.to_scores([3.0]), [0], atol=1e-12)
