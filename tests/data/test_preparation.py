import pytest
import torch

from analognas.core import InvalidArgumentError
from analognas.data import Normalise, Standardise, TrimPadding
from analognas.data.preparation import as_ids

RNG = torch.Generator().manual_seed(0)


def test_fitted_normalisation_gives_mean_0_and_deviation_1():
    x = torch.randint(256, (1000, 3, 5, 4), generator=RNG, dtype=torch.uint8) // torch.tensor(
        [1, 2, 3], dtype=torch.uint8
    ).view(3, 1, 1)
    normalise = Normalise.fitted(x)
    y = normalise(x).double()
    # Single precision: a rounding of 6e-8 relative in each of a few operations.
    assert y.mean((0, 2, 3)).abs().max() < 1e-6
    assert (y.std((0, 2, 3), unbiased=False) - 1).abs().max() < 1e-6
    expected = (
        x.double() / 255 - torch.tensor(normalise.mean).double().view(3, 1, 1)
    ) / torch.tensor(normalise.std).double().view(3, 1, 1)
    torch.testing.assert_close(y, expected, rtol=1e-5, atol=1e-5)


def test_a_constant_channel_stays_finite():
    x = torch.full((10, 1, 2, 2), 7, dtype=torch.uint8)
    assert Normalise.fitted(x)(x).abs().max() < 1e-6


def test_standardise():
    x = (torch.randn(700, 1, 9, 4, generator=RNG) * 3 + 5).half()
    y = Standardise.fitted(x)(x).double()
    assert abs(y.mean()) < 1e-6
    assert abs(y.std(unbiased=False) - 1) < 1e-6
    assert Standardise.fitted(torch.ones(3, 2)).std == 1


def test_trimming_takes_nothing_but_padding():
    x = torch.zeros(3, 20, dtype=torch.int32)
    x[0, :5], x[1, :11] = 1, 2
    y = TrimPadding(0)(x)
    assert y.shape == (3, 16)
    assert y.dtype == torch.int64
    assert torch.equal(y, x[:, :16].long())
    assert not x[:, 16:].any()
    assert TrimPadding(0)(torch.zeros(2, 20, dtype=torch.uint8)).shape == (2, 8)
    x[2, 19] = 3
    assert TrimPadding(0)(x).shape == (3, 20)


def test_bad_deviations():
    with pytest.raises(InvalidArgumentError, match="must have a positive number for each"):
        Normalise((0.5,), (0.0,))
    with pytest.raises(InvalidArgumentError, match="for each"):
        Normalise((0.5, 0.5), (1.0,))
    with pytest.raises(InvalidArgumentError, match="`std` must be positive, but got 0"):
        Standardise(0.0, 0.0)


@pytest.mark.parametrize("prepare", [TrimPadding(0), as_ids])
def test_token_ids_are_not_cast(prepare):
    assert prepare(torch.tensor([[5, 6]], dtype=torch.int16)).tolist() == [[5, 6]]
    for dtype in (torch.float32, torch.bool, torch.complex64):
        with pytest.raises(InvalidArgumentError, match="must be integers, but are torch"):
            prepare(torch.ones(1, 2, dtype=dtype))
