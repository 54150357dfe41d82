import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analognas.optimizers.class_choice import best_of_class, most_of_class, top_per_class


def worth(means, stds, classes, *, noise_std, temperature, seed=0):
    return best_of_class(
        np.asarray(means, dtype=float),
        np.asarray(stds, dtype=float),
        np.asarray(classes),
        noise_std=noise_std,
        temperature=temperature,
        generator=np.random.default_rng(seed),
    )


@pytest.mark.parametrize("size", [2, 5, 25, 100])
def test_a_class_stands_out_by_the_expected_largest_of_its_readings(size):
    def promised(members):
        one = np.ones(members)
        values = worth(0 * one, one, 0 * one.astype(int), noise_std=1.0, temperature=1.0)
        assert np.ptp(values) == 0
        return values[0]

    n = 40_000
    largest = np.random.default_rng(1).standard_normal((n, size)).max(axis=1)
    # Blom's approximation is off by up to 0.03; a class size wrong by a third is told apart.
    tolerance = 0.03 + 5 * largest.std() / n**0.5
    assert promised(size) == pytest.approx(largest.mean(), abs=tolerance)
    assert largest.mean() - promised(max(1, 2 * size // 3)) > tolerance


def test_doubt_is_what_noise_leaves_of_the_standard_deviation():
    n = 20_000
    settings = {"noise_std": 0.3, "temperature": 0.5}
    drawn = worth(np.full(n, 2.0), np.full(n, 0.5), np.arange(n), **settings)
    std = 0.5 * np.sqrt(0.5**2 - 0.3**2)
    assert drawn.mean() == pytest.approx(2.0, abs=5 * std / n**0.5)
    tolerance = 5 * std / (2 * n) ** 0.5
    assert drawn.std() == pytest.approx(std, abs=tolerance)
    assert 0.05 * std > tolerance  # a deviation wrong by a twentieth would be seen


def test_members_of_a_class_share_its_doubt():
    drawn = worth([1.0, 2.0, 1.0], [0.5] * 3, [0, 0, 1], noise_std=0.1, temperature=1.0)
    assert drawn[1] - drawn[0] == pytest.approx(1.0)
    assert drawn[2] != drawn[0]


def test_without_temperature_the_mean_decides():
    means = [0.3, 0.1, 0.2]
    assert worth(means, [1, 5, 9], [1, 0, 1], noise_std=0.5, temperature=0.0).tolist() == means


def test_noise_above_a_standard_deviation_leaves_no_doubt():
    assert worth([1.0], [0.2], [0], noise_std=0.3, temperature=1.0).tolist() == [1.0]


@pytest.mark.parametrize(("n", "most"), [(1, 1), (2, 1), (3, 1), (4, 2), (20, 10)])
def test_half_of_a_batch_may_be_of_one_class(n, most):
    assert most_of_class(n) == most


@given(
    st.lists(st.tuples(st.integers(0, 4), st.floats(-3, 3)), min_size=1, max_size=40),
    st.integers(1, 12),
    st.integers(1, 4),
)
def test_the_best_are_taken_and_few_of_each_class(candidates, n, per_class):
    classes = np.array([label for label, _ in candidates])
    values = np.array([value for _, value in candidates])
    chosen = top_per_class(
        values, classes, n, per_class=per_class, generator=np.random.default_rng(0)
    )
    counts = np.bincount(classes[chosen], minlength=5)
    assert len(set(chosen)) == len(chosen)
    assert counts.max() <= per_class
    possible = np.minimum(np.bincount(classes, minlength=5), per_class).sum()
    assert len(chosen) == min(n, possible)
    assert (np.diff(values[chosen]) <= 0).all()
    for row in set(range(len(values))) - set(chosen):
        # What was left out is no better than the worst chosen, or its class was full of better ones.
        of_class = [at for at in chosen if classes[at] == classes[row]]
        full = len(of_class) == per_class and values[of_class].min() >= values[row]
        assert full or (len(chosen) == n and values[row] <= values[chosen].min())


def test_equals_come_in_random_order():
    def first(seed):
        return top_per_class(
            np.zeros(9),
            np.zeros(9, dtype=int),
            1,
            per_class=1,
            generator=np.random.default_rng(seed),
        )[0]

    assert len({first(seed) for seed in range(30)}) > 5
