"""Weight modifiers: the noise that training adds to the weights of each forward pass."""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import WeightModifier
from .noise import NoiseSource


def modified(
    weight: Tensor,
    scale: Tensor | float,
    modifier: WeightModifier,
    noise: NoiseSource,
    factor: float,
) -> Tensor:
    """Return the weights of one training pass: a new tensor, or ``weight`` itself if the modifier does nothing.

    Args:
        weight: Clean weights, any shape.
        scale: Weight of the largest conductance; broadcasts to ``weight``.
        modifier: The modifier.
        noise: Source of normal numbers.
        factor: Factor on the standard deviation, for a ramp over the first epochs.
    """
    if modifier.kind == "none" and modifier.drop_connect == 0.0:
        return weight
    std = modifier.std * factor
    if modifier.kind == "additive":
        result = noise.added(weight, scale * std)
    elif modifier.kind == "multiplicative":
        result = noise.normal(weight, std).add_(1.0).mul_(weight)
    elif modifier.kind in ("programming", "polynomial"):
        sigma = _polynomial(weight.abs().div_(scale), modifier.coeffs).mul_(scale * std)
        xi = noise.normal(weight, 1.0)
        if modifier.kind == "polynomial":
            result = torch.addcmul(weight, sigma, xi)
        else:
            result = sigma.mul_(xi).add_(weight.abs()).abs_().mul_(torch.sign(weight))
    elif modifier.kind == "discretize":
        steps = 2 ** (modifier.bits - 1) - 1
        result = (weight / scale).mul_(steps).round_().mul_(scale / steps)
    else:
        result = weight.clone()
    if modifier.drop_connect > 0.0:
        result.mul_(torch.empty_like(weight).bernoulli_(1.0 - modifier.drop_connect))
    return result


def _polynomial(r: Tensor, coeffs: tuple[float, ...]) -> Tensor:
    total = torch.zeros_like(r)
    for coeff in reversed(coeffs):
        total.mul_(r).add_(coeff)
    return total
