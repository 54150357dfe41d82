"""The compiled passes that no other test of this room asks for directly."""

import math

import numpy as np
import pytest

from analognas.core.philox import Key
from analognas.nn.kernels import passes as kernels

SIZES = [1, 100, kernels.BLOCK, kernels.BLOCK + 1, 100_003]
KEY: Key = (np.uint32(1), np.uint32(2), np.uint32(3), np.uint32(4))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def numbers(rng, n, scale=1.0):
    return (scale * rng.standard_normal(n)).astype(np.float32)


@pytest.mark.parametrize("n", SIZES)
def test_inputs_in_steps(rng, n):
    x = numbers(rng, n)
    x[0] = 1.0  # at the range is not inside
    steps = np.empty_like(x)
    n_outside = kernels.quantize(x, steps, 127.0, 127.0, True, 1.0)
    np.testing.assert_array_equal(steps, np.clip(np.rint(x * np.float32(127)), -127, 127))
    assert n_outside == (abs(x) >= 1.0).sum()
    kernels.quantize(x, steps, 2.0, 3.0, False, 1.5)
    np.testing.assert_array_equal(steps, np.clip(x * np.float32(2), -3, 3))


def test_halves_are_rounded_to_even():
    x = np.arange(-130, 131, dtype=np.float32) + np.float32(0.5)
    steps = np.empty_like(x)
    kernels.quantize(x, steps, 1.0, 1000.0, True, 1000.0)
    np.testing.assert_array_equal(steps, np.rint(x))


def test_an_input_that_is_nan_stays_one_and_is_not_inside():
    x = np.array([math.nan, math.inf, 0.2], dtype=np.float32)
    steps = np.empty_like(x)
    assert kernels.quantize(x, steps, 127.0, 127.0, True, 1.0) == 2
    np.testing.assert_array_equal(steps, np.float32([math.nan, 127, 25]))


@pytest.mark.parametrize("n", SIZES)
def test_sums(rng, n):
    x = numbers(rng, n)
    total, squares = kernels.sums(x)
    wide = x.astype(float)
    # A block is summed in float32: its relative error is below that of as many roundings, all alike.
    assert total == pytest.approx(wide.sum(), abs=1e-6 * abs(wide).sum())
    assert squares == pytest.approx((wide**2).sum(), rel=1e-6)


@pytest.mark.parametrize("n", SIZES)
def test_largest_size(rng, n):
    x = numbers(rng, n)
    assert kernels.largest_size(x) == abs(x).max()
    x[n // 2] = -9.0
    assert kernels.largest_size(x) == 9.0
    x[-1] = math.inf
    assert kernels.largest_size(x) == math.inf
    x[0] = -math.nan
    assert math.isnan(kernels.largest_size(x))


@pytest.mark.parametrize("n", SIZES)
def test_clip(rng, n):
    x = numbers(rng, n)
    expected = np.clip(x, -0.5, 0.5)
    kernels.clip(x, 0.5)
    np.testing.assert_array_equal(x, expected)


@pytest.mark.parametrize("n", SIZES)
def test_given_numbers_are_added(rng, n):
    x, bank, out = numbers(rng, n), numbers(rng, n), np.empty(n, dtype=np.float32)
    kernels.add_noise(x, out, kernels.BANK, bank, 0.5, KEY, 0)
    np.testing.assert_allclose(out, x + 0.5 * bank, rtol=1e-6, atol=1e-7)


def test_each_half_of_a_word_chooses_a_number():
    """All 65,536 entries occur, those of low and of high halves alike, and each is added once."""
    table = np.arange(1 << 16, dtype=np.float32)
    n = 1 << 20
    out = np.empty(n, dtype=np.float32)
    kernels.add_noise(np.zeros(n, dtype=np.float32), out, kernels.DRAWS, table, 1.0, KEY, 0)
    blocks = out.reshape(-1, 2, kernels.BLOCK // 2)
    for half in (blocks[:, 0], blocks[:, 1]):
        counts = np.bincount(half.astype(int).ravel() >> 8, minlength=256)
        expected = half.size / 256
        # 255 degrees of freedom: mean 255, standard deviation sqrt(510).
        assert abs(((counts - expected) ** 2 / expected).sum() - 255) < 5 * 510**0.5
    # Both halves of a word differ: equal ones would occur 1 / 65,536 as often.
    assert (blocks[:, 0] == blocks[:, 1]).mean() < 1e-3


@pytest.mark.parametrize("blocks", [1, 3])
def test_a_stream_can_be_read_from_any_block(rng, blocks):
    table = numbers(rng, 1 << 16)
    x = np.zeros(5 * kernels.BLOCK + 100, dtype=np.float32)
    whole, rest = np.empty_like(x), np.empty_like(x)
    kernels.add_noise(x, whole, kernels.DRAWS, table, 1.0, KEY, 0)
    start = blocks * kernels.BLOCK
    kernels.add_noise(x[start:], rest[start:], kernels.DRAWS, table, 1.0, KEY, blocks)
    np.testing.assert_array_equal(whole[start:], rest[start:])
