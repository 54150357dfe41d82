import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.evaluators import Evaluation, pooled, pooled_evaluation

READINGS = st.lists(
    st.tuples(st.floats(-100, 100), st.floats(0.01, 10), st.integers(0, 3)), min_size=1, max_size=30
)


@given(READINGS)
def test_pooled_is_least_squares(readings):
    values, errors, groups = (np.array(column) for column in zip(*readings, strict=True))
    means, sems = pooled(values, errors, groups, 4)
    for group in range(4):
        mine = groups == group
        if not mine.any():
            assert np.isnan([means[group], sems[group]]).all()
            continue
        weights = errors[mine] ** -2
        np.testing.assert_allclose(
            means[group], np.average(values[mine], weights=weights), atol=1e-9
        )
        np.testing.assert_allclose(sems[group], weights.sum() ** -0.5, rtol=1e-12)


def test_pooling_in_parts_is_pooling_at_once():
    generator = np.random.default_rng(0)
    values, errors = generator.normal(size=40), generator.uniform(0.1, 2, size=40)
    halves = np.arange(40) // 20
    parts = pooled(values, errors, halves, 2)
    whole = pooled(values, errors, np.zeros(40, dtype=int), 1)
    np.testing.assert_allclose(pooled(*parts, np.zeros(2, dtype=int), 1), whole, rtol=1e-12)


def test_exact_readings_stand_for_all_and_failed_ones_do_not_count():
    values = np.array([1.0, 5.0, 5.0, np.nan, 2.0, 3.0, np.nan])
    errors = np.array([0.1, 0.0, 0.0, 0.1, 1.0, np.nan, 0.1])
    means, sems = pooled(values, errors, np.array([0, 0, 0, 1, 1, 1, 2]), 3)
    np.testing.assert_array_equal(means, [5.0, 2.0, np.nan])
    np.testing.assert_array_equal(sems, [0.0, 1.0, np.nan])


def test_standard_error_is_the_scatter_of_pooled_means():
    n, errors = 20_000, np.array([0.5, 1.0, 2.0])
    draws = np.random.default_rng(0).normal(10.0, errors, size=(n, 3))
    means, sems = pooled(draws.ravel(), np.tile(errors, n), np.repeat(np.arange(n), 3), n)
    for share, agrees in [(1.0, True), (1.05, False), (0.95, False)]:
        spread = share * sems[0]
        assert (abs(means.std() - spread) < 5 * spread / (2 * n) ** 0.5) == agrees
    # Readings of equal weight scatter more: an average that ignores errors would be seen.
    plain = draws.mean(axis=1).std()
    assert abs(plain - sems[0]) > 5 * sems[0] / (2 * n) ** 0.5


def test_evaluations_are_pooled_metric_by_metric():
    first = Evaluation({"a": np.array([1.0, 2.0]), "p": np.array([7.0, 8.0])}, {"a": np.ones(2)})
    second = Evaluation({"a": np.array([3.0]), "p": np.array([7.0])}, {"a": np.ones(1)})
    result = pooled_evaluation([first, second], np.array([0, 1, 0]), 2)
    np.testing.assert_allclose(result.means["a"], [2.0, 2.0])
    np.testing.assert_allclose(result.sems["a"], [0.5**0.5, 1.0])
    np.testing.assert_array_equal(result.means["p"], [7.0, 8.0])
    assert set(result.sems) == {"a"}
    with pytest.raises(KeyError):
        pooled_evaluation([first, Evaluation({"p": np.ones(1)})], np.array([0, 1, 0]), 2)
