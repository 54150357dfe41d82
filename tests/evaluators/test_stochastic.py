import numpy as np
import pytest

from analognas.evaluators import normal_draws, reading_seeds
from analognas.evaluators.stochastic import _GAMMA, _mix
from analognas.spaces import NASBench201Space

N = 20_000


@pytest.fixture(scope="module")
def seeds():
    """Seeds as a search makes them: many readings of few architectures."""
    rows = NASBench201Space().from_codes(np.arange(N) % 50)
    return reading_seeds(0, 0, rows, (np.arange(N) // 50).tolist())


def moments_agree(draws):
    """Mean and spread within five standard errors of the standard normal law's."""
    n = draws.size
    return abs(draws.mean()) < 5 / n**0.5 and abs(draws.std() - 1) < 5 / (2 * n) ** 0.5


def test_draws_are_standard_normal(seeds):
    draws = normal_draws(seeds, "analog_drift_60")
    assert moments_agree(draws)
    # Kolmogorov's distance: beyond 2.2 / sqrt(n) with a probability of 2 exp(-2 * 2.2^2) = 1e-4.
    from scipy.special import ndtr

    steps = np.arange(1, N + 1) / N
    assert np.abs(ndtr(np.sort(draws)) - steps).max() < 2.2 / N**0.5


@pytest.mark.parametrize("wrong", [lambda z: 1.05 * z, lambda z: 0.95 * z, lambda z: z + 0.05])
def test_planted_errors_of_draws_are_seen(seeds, wrong):
    assert not moments_agree(wrong(normal_draws(seeds, "analog_drift_60")))


def test_draws_are_independent_of_each_other(seeds):
    one = normal_draws(seeds, "analog_drift_60")
    other = normal_draws(seeds, "analog_drift_3600")
    neighbours = normal_draws(seeds + np.uint64(1), "analog_drift_60")
    for first, second in [
        (one, other),
        (one, neighbours),
        (one[:-1], one[1:]),
        (one[:-50], one[50:]),
    ]:
        assert abs(np.corrcoef(first, second)[0, 1]) < 5 / len(first) ** 0.5
    mixed = other + 0.08 * one  # a correlation of 0.08 would be seen
    assert abs(np.corrcoef(one, mixed)[0, 1]) > 5 / N**0.5


def test_a_seed_is_that_of_one_reading_only(seeds):
    assert len(np.unique(seeds)) == N
    row = NASBench201Space().from_codes(np.array([17]))
    every = [
        reading_seeds(seed, run, row, [reading])[0]
        for seed in range(3)
        for run in range(3)
        for reading in range(3)
    ]
    assert len(set(every)) == 27


def test_a_seed_does_not_depend_on_its_neighbours_nor_on_the_integer_type(seeds):
    rows = NASBench201Space().from_codes(np.arange(N) % 50)
    readings = np.arange(N) // 50
    some = np.random.default_rng(0).permutation(N)[:40]
    for dtype in (np.int8, np.int32, np.int64):
        again = reading_seeds(0, 0, rows[some].astype(dtype), readings[some].tolist())
        np.testing.assert_array_equal(again, seeds[some])


def test_mixing_is_that_of_splitmix64():
    # The first outputs of the published generator from state 0 (Vigna, splitmix64.c, 2015).
    states = np.arange(1, 4, dtype=np.uint64) * _GAMMA
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert _mix(states).tolist() == expected


def test_golden_values():
    # From this code on Linux x86-64, Python 3.11, numpy 2: a log continues with the next version too.
    row = NASBench201Space().from_codes(np.array([0]))
    seeds = reading_seeds(0, 0, row, [0])
    assert seeds.tolist() == [6149409660768447304]
    assert normal_draws(seeds, "avm")[0] == pytest.approx(0.22397430095409285, rel=1e-12)
