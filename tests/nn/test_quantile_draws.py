"""Draws of normal quantiles: their distribution, independence and seeds."""

import numpy as np
import pytest
import torch
from scipy import stats

from analognas.nn.quantile_draws import (
    QUANTILES,
    add_draws,
    in_one_stream,
    set_draws,
    start_draws,
)


def drawn(n, seed=0):
    start_draws(torch.Generator().manual_seed(seed))
    y = torch.empty(n)
    set_draws(y)
    return y


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
    generator = torch.Generator().manual_seed(3)
    first, second = torch.empty(100), torch.empty(100)
    start_draws(generator)
    set_draws(first)
    start_draws(generator)
    set_draws(second)
    assert torch.equal(first, drawn(100, seed=3))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("sizes", [(40_000, 60_001), (4, 8, 99_989), (32_768, 32_768, 34_465)])
def test_parts_in_turn_get_the_numbers_of_the_whole(sizes):
    n = sum(sizes)
    whole, cut = torch.zeros(n), torch.zeros(n)
    parts = list(torch.split(cut, list(sizes)))
    assert in_one_stream(parts)
    start_draws(torch.Generator().manual_seed(0))
    add_draws(whole, 0.5)
    start_draws(torch.Generator().manual_seed(0))
    for part in parts:
        add_draws(part, 0.5)
    assert torch.equal(whole, cut)
    torch.testing.assert_close(whole, 0.5 * drawn(n))


def test_parts_that_would_break_the_stream_are_known():
    y = torch.zeros(12)
    assert not in_one_stream([y[:6], y[6:]])
    assert in_one_stream([y[:8], y[8:]])
    assert in_one_stream([y[:7]])
