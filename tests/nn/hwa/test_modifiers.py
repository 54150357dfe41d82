import pytest
import torch

from analognas.nn import WeightModifier
from analognas.nn.hwa.modifiers import modified
from analognas.nn.hwa.noise import EXACT

N = 40_000
"""Enough to see an error of 5 % in a standard deviation at 5 standard errors."""


def draw(weight, factor=1.0, scale=2.0, **arguments):
    torch.manual_seed(0)
    return modified(weight, scale, WeightModifier(**arguments), EXACT, factor)


def same_std(values, expected):
    return abs(float(values.std()) - expected) < 5 * expected / (2 * values.numel()) ** 0.5


@pytest.mark.parametrize(
    ("arguments", "weight", "expected"),
    [
        ({"kind": "additive", "std": 0.1}, 0.5, 0.2),
        ({"kind": "multiplicative", "std": 0.1}, 0.5, 0.05),
        ({"kind": "polynomial", "std": 1.0, "coeffs": (0.1, 0.2, 0.4)}, 1.0, 2.0 * (0.1 + 0.1 + 0.1)),
        ({"kind": "programming", "std": 1.0, "coeffs": (0.01, 0.02)}, 1.0, 2.0 * (0.01 + 0.01)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("factor", [1.0, 0.5])
def test_the_size_of_the_noise(arguments, weight, expected, factor):
    clean = torch.full((N,), weight)
    noise = draw(clean, factor, **arguments) - clean
    assert same_std(noise, factor * expected)
    assert not same_std(1.05 * noise, factor * expected)
    assert not same_std(0.95 * noise, factor * expected)
    assert abs(float(noise.mean())) < 5 * factor * expected / N**0.5
    assert torch.equal(clean, torch.full((N,), weight))


def test_programming_keeps_signs_and_polynomial_does_not():
    clean = torch.tensor([1e-3, -1e-3, 0.0]).repeat_interleave(1000)
    kept = draw(clean, kind="programming", std=1.0)
    assert torch.equal(torch.sign(kept), torch.sign(clean))
    other = draw(clean, kind="polynomial", std=1.0)
    assert not torch.equal(torch.sign(other), torch.sign(clean))


def test_levels_of_discretize_are_exact():
    clean = torch.linspace(-2.0, 2.0, 1001)
    levels = draw(clean, kind="discretize", bits=3)
    assert torch.unique(levels).tolist() == pytest.approx([2.0 * k / 3 for k in range(-3, 4)])
    assert float((levels - clean).abs().max()) <= 1.0 / 3 + 1e-6


def test_dropped_connections_are_a_share():
    p, clean = 0.3, torch.ones(N)
    for kind in ("none", "additive"):
        share = float((draw(clean, kind=kind, drop_connect=p) == 0).float().mean())
        error = (p * (1 - p) / N) ** 0.5
        assert abs(share - p) < 5 * error
        assert abs(1.05 * share - p) > 5 * error


def test_nothing_is_the_weight_itself():
    clean = torch.ones(3)
    assert draw(clean, kind="none") is clean
