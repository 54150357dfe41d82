"""Draws of normal quantiles: their distribution, independence and seeds."""

import numpy as np
import pytest
import torch
from scipy import stats

from analognas.nn.hwa.noise import QUANTILES, ExactNoise


def drawn(n, seed=0, std=1.0):
    return ExactNoise([torch.Generator().manual_seed(seed)]).normal(torch.empty(n), std)


def test_the_table_is_the_normal_distribution_to_its_resolution():
    exact = stats.norm.ppf((np.arange(65_536) + 0.5) / 65_536)
    np.testing.assert_allclose(QUANTILES, exact * (exact**2).mean() ** -0.5, rtol=1e-6, atol=1e-9)
    values = QUANTILES.astype(float)
    assert (values**2).mean() == pytest.approx(1.0, abs=1e-7)
    assert (values**4).mean() == pytest.approx(3.0, abs=1e-3)
    # Between two quantiles the normal distribution function gains 1 / 65,536.
    steps = np.diff(stats.norm.cdf(values))
    assert abs(steps * 65_536 - 1).max() < 0.01


def test_draws_are_uniform_over_the_table():
    n = 1 << 20
    levels = np.searchsorted(QUANTILES, drawn(n).numpy())
    counts = np.bincount(levels // 256, minlength=256)
    chi2 = ((counts - n / 256) ** 2 / (n / 256)).sum()
    # 255 degrees of freedom: mean 255, standard deviation sqrt(510).
    assert abs(chi2 - 255) < 5 * 510**0.5


def test_draws_do_not_depend_on_each_other():
    z, n = drawn(1 << 20), 1 << 20
    for lag in (1, 2, 3, 4, 8, 1 << 15):
        assert abs(float((z[lag:] * z[:-lag]).mean())) < 5 / n**0.5
        assert abs(float((z[lag:].square() * z[:-lag].square()).mean()) - 1) < 5 * (8 / n) ** 0.5
    other = drawn(1 << 20, seed=1)
    assert abs(float((z * other).mean())) < 5 / n**0.5


def test_a_seed_gives_a_stream_and_the_generator_moves_on():
    noise = ExactNoise([torch.Generator().manual_seed(3)])
    first, second = (noise.normal(torch.empty(100), 1.0) for _ in range(2))
    assert torch.equal(first, drawn(100, seed=3))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("n", [1, 1000, 2048, 2049, 5000])
def test_a_longer_tensor_begins_with_the_numbers_of_a_shorter_one(n):
    short, long = drawn(n), drawn(10_000)
    assert torch.equal(short, long[:n])


def test_numbers_are_scaled():
    torch.testing.assert_close(drawn(1000, std=0.5), drawn(1000) * 0.5)
