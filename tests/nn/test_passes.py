"""Passes of the backward and of rounding against their plain definitions."""

import math

import pytest
import torch

from analognas.nn.passes import (
    extremes,
    mask_and_sum,
    mask_inputs,
    masked,
    round_in_place,
    rounding_shift,
)

TYPES = [torch.float32, torch.float64]
SHAPES = [(7, 5), (300, 400), (4, 8, 64, 64)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("dtype", TYPES)
def test_rounding_is_torchs(dtype):
    ties = torch.arange(-130, 131).to(dtype) + 0.5
    x = torch.cat(
        [ties, torch.randn(100_000, dtype=dtype) * 60, torch.tensor([0.0, -0.0], dtype=dtype)]
    )
    assert torch.equal(round_in_place(x.clone(), 127.0), torch.round(x))


def test_rounding_is_left_to_torch_where_the_shift_is_too_small():
    x = torch.tensor([2.0**22 + 0.5])
    assert rounding_shift(x, 2.0**23) is None
    assert rounding_shift(x.half(), 127.0) is None
    assert rounding_shift(x, 127.0) is not None


@pytest.mark.parametrize("shape", SHAPES)
def test_extremes_are_those_of_the_whole(shape):
    x = torch.randn(shape)
    assert extremes(x) == (float(x.min()), float(x.max()))
    x.view(-1)[-1] = math.nan
    assert all(map(math.isnan, extremes(x)))


def plain(grad, x, r):
    outside = x.abs() >= r
    outward = torch.where(outside, grad * x.sign(), 0.0).clamp(max=0.0).sum(dtype=torch.float64)
    return torch.where(outside, 0.0, grad), float(outward), 1 - float(outside.double().mean())


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sides", ["both", "above", "below", "none"])
def test_masked_gradient_outward_sum_and_share(dtype, shape, sides):
    x, grad = torch.randn(shape, dtype=dtype), torch.randn(shape, dtype=dtype)
    r = 1.25
    x = {"both": x, "above": x.abs(), "below": -x.abs(), "none": x.clamp(-1, 1)}[sides]
    flat = x.view(-1)
    flat[:4] = torch.tensor([r, -r, math.nextafter(r, 0), -math.nextafter(r, 0)], dtype=dtype)
    grad.view(-1)[4:9] = 0.0  # a clipped input counts, whatever its gradient
    expected, outward, share = plain(grad, x, r)
    for unit in (127.0, 1.0):
        steps = (x.clamp(-r, r) / r * unit).round() if unit > 1 else x.clamp(-r, r) / r
        got = mask_and_sum(grad.clone(), x, r, steps, unit)
        assert torch.equal(got[0], expected)
        assert float(got[1]) == pytest.approx(outward, rel=1e-5, abs=1e-9)
        assert float(got[2]) == pytest.approx(share, abs=1e-6)
    fallback = mask_and_sum(grad.clone(), x, r, None, 127.0)
    assert torch.equal(fallback[0], expected)
    assert float(fallback[1]) == pytest.approx(outward, rel=1e-5, abs=1e-9)
    assert torch.equal(mask_inputs(grad.clone(), x, r), expected)


@pytest.mark.parametrize("shape", SHAPES)
def test_marks_of_bytes_and_of_booleans_mask_alike(shape):
    y, grad = torch.randn(shape) * 100, torch.randn(shape)
    inside = y.abs() < 127
    codes = y.clamp(-127, 127).to(torch.int8)
    expected = torch.where(inside, grad, 0.0)
    assert torch.equal(masked(grad, codes), expected)
    assert torch.equal(masked(grad, inside), expected)
    swapped = grad.transpose(0, 1)
    assert torch.equal(
        masked(swapped, codes.transpose(0, 1).contiguous()), expected.transpose(0, 1)
    )
