"""The masks of the backward against their plain definitions."""

import math

import pytest
import torch

from analognas.nn.hwa.autograd import mask_and_sum, masked

TYPES = [torch.float32, torch.float64]
SHAPES = [(7, 5), (300, 400), (4, 8, 64, 64)]


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


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
    got = mask_and_sum(grad.clone(), x, r)
    assert torch.equal(got[0], expected)
    assert float(got[1]) == pytest.approx(outward, rel=1e-5, abs=1e-9)
    assert float(got[2]) == pytest.approx(share, abs=1e-6)
    by_torch = mask_and_sum(grad.clone(), x, torch.tensor(r, dtype=dtype))
    assert torch.equal(by_torch[0], expected)
    assert float(by_torch[1]) == pytest.approx(outward, rel=1e-5, abs=1e-9)
    assert float(by_torch[2]) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_a_mask(shape):
    inside, grad = torch.randn(shape) < 1, torch.randn(shape)
    expected = torch.where(inside, grad, 0.0)
    assert torch.equal(masked(grad, inside), expected)
    swapped = grad.transpose(0, 1)
    assert torch.equal(
        masked(swapped, inside.transpose(0, 1).contiguous()), expected.transpose(0, 1)
    )


def test_a_gradient_that_is_nan_stays_one():
    x, grad = torch.tensor([2.0, 0.5]), torch.tensor([math.nan, 1.0])
    for r in (1.0, torch.tensor(1.0)):
        masked_grad, outward, _ = mask_and_sum(grad.clone(), x, r)
        assert masked_grad.tolist() == [0.0, 1.0]
        assert math.isnan(outward)
