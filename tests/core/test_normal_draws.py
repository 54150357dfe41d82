"""Normal draws: the quantile function, the distribution, and streams."""

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtri

from analognas.core.normal_draws import _BLOCK, _quantiles, fill_normal


def quantiles(k):
    """The normal quantiles of signed 32-bit numbers, as they are drawn."""
    words = np.resize(np.asarray(k, dtype=np.int64).astype(np.int32).view(np.uint32), _BLOCK)
    out, work = np.empty(_BLOCK, dtype=np.float32), np.empty((2, _BLOCK), dtype=np.float32)
    _quantiles(words, work[0], work[1], out)
    return out[: len(k)]


@pytest.mark.parametrize(
    "start", [-(2**31), -1_000_000, -512, 2**31 - 1024, 2**30, -(2**31) + 10**6]
)
def test_quantiles_to_single_precision(start):
    k = np.arange(start, start + _BLOCK)
    exact = np.where(k < 0, ndtri((k + 0.5) / 2**32 + 0.5), -ndtri(0.5 - (k + 0.5) / 2**32))
    np.testing.assert_allclose(quantiles(k), exact, rtol=2e-6)


def test_quantiles_over_the_whole_range():
    k = np.linspace(-(2**31), 2**31 - 1, 200 * _BLOCK).astype(np.int64)
    drawn = np.concatenate([quantiles(part) for part in k.reshape(-1, _BLOCK)])
    exact = np.where(k < 0, ndtri((k + 0.5) / 2**32 + 0.5), -ndtri(0.5 - (k + 0.5) / 2**32))
    np.testing.assert_allclose(drawn, exact, rtol=2e-6)
    assert (np.diff(drawn) > -1e-6).all()


def drawn(n, seed=0):
    return fill_normal(torch.empty(n), torch.Generator().manual_seed(seed))


def test_the_distribution():
    n = 1 << 20
    z = drawn(n).double()
    assert abs(z.mean()) < 5 / n**0.5
    assert abs(z.var() - 1) < 5 * (2 / n) ** 0.5
    assert abs(z.pow(3).mean()) < 5 * (15 / n) ** 0.5
    assert abs(z.pow(4).mean() - 3) < 5 * (96 / n) ** 0.5
    assert stats.kstest(z.numpy(), "norm").pvalue > 1e-4
    assert stats.kstest(1.01 * z.numpy(), "norm").pvalue < 1e-4


def test_draws_do_not_depend_on_each_other():
    n = 1 << 20
    z = drawn(n)
    for lag in (1, 2, 4, 256, _BLOCK):
        assert abs(float((z[lag:] * z[:-lag]).mean())) < 5 / n**0.5
        assert abs(float((z[lag:].square() * z[:-lag].square()).mean()) - 1) < 5 * (8 / n) ** 0.5


@pytest.mark.parametrize("n", [0, 1, 3, _BLOCK - 1, _BLOCK + 1])
def test_any_length(n):
    assert torch.equal(drawn(n), drawn(3 * _BLOCK)[:n])


def test_the_generator_moves_on():
    generator = torch.Generator().manual_seed(1)
    first, second = (fill_normal(torch.empty(100), generator) for _ in range(2))
    assert torch.equal(first, drawn(100, seed=1))
    assert not torch.equal(first, second)
