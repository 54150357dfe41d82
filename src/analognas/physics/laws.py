"""Pure functions that several device models share.

They allocate their result and never write into an argument; :class:`~analognas.physics.Device`
calls them on blocks that fit the cache, so they may be written plainly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def polynomial(coeffs: Sequence[float], g: Tensor, g_max: float = 1.0) -> Tensor:
    r"""Evaluate :math:`\sum_i c_i (g / g_{max})^i` by Horner's rule.

    Args:
        coeffs: Coefficients in rising powers, at least one.
        g: Where, any shape.
        g_max: What ``g`` is relative to.

    Returns:
        Values, shape of ``g``.

    Example:
        >>> polynomial([1.0, 2.0, 3.0], torch.tensor([0.0, 2.0]))
        tensor([ 1., 17.])
    """
    scaled = [coeff / g_max**power for power, coeff in enumerate(coeffs)]
    if len(scaled) == 1:
        return torch.full_like(g, scaled[0])
    value = torch.rsub(g, scaled[-2], alpha=-scaled[-1])
    for coeff in scaled[-3::-1]:
        value.mul_(g).add_(coeff)
    return value


def log_linear(law: Sequence[float], log_g: Tensor, g_max: float) -> Tensor:
    r"""Evaluate :math:`a \ln(g / g_{max}) + b`, cut to a range.

    Args:
        law: Slope a, offset b, smallest and largest value.
        log_g: :math:`\ln g`, any shape.
        g_max: What ``g`` is relative to, in the unit of ``g``.
    """
    slope, offset, low, high = law
    shifted = offset - slope * math.log(g_max)
    return torch.rsub(log_g, shifted, alpha=-slope).clamp_(low, high)


def log_conductance(g: Tensor, floor: float) -> Tensor:
    r"""Return :math:`\ln \max(g, \text{floor})`, shape of ``g``."""
    return g.clamp(min=floor).log_()


def accumulated_noise(t: float, t_read: float) -> float:
    r"""Growth of 1/f noise with time, :math:`\sqrt{\ln((t + t_{read}) / (2 t_{read}))}`.

    The variance of noise with a 1/f spectrum, integrated from the slowest frequency that a time
    ``t`` can show to the fastest one that a reading of duration ``t_read`` passes.

    Args:
        t: Time, s; where shorter than ``t_read`` the noise has not begun and the result is 0.
        t_read: Duration of one reading, s.

    Source: Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11:2473, 2020.
    """
    return math.sqrt(max(math.log((t + t_read) / (2.0 * t_read)), 0.0))


def interpolate(x: Tensor, points: Sequence[float], values: Sequence[float]) -> Tensor:
    """Piecewise linear interpolation, constant beyond the first and the last point.

    Args:
        x: Where, any shape.
        points: Rising abscissae, shape ``(k,)``, k >= 2.
        values: Ordinates, shape ``(k,)``.

    Returns:
        Values, shape of ``x``.

    Example:
        >>> interpolate(torch.tensor([-1.0, 0.5, 3.0]), [0.0, 1.0, 2.0], [0.0, 10.0, 0.0])
        tensor([0., 5., 0.])
    """
    knots = torch.tensor(points, dtype=x.dtype, device=x.device)
    heights = torch.tensor(values, dtype=x.dtype, device=x.device)
    right = torch.bucketize(x, knots[1:-1].contiguous(), right=True)
    start = knots[right]
    share = ((x - start) / (knots[right + 1] - start)).clamp_(0.0, 1.0)
    return torch.lerp(heights[right], heights[right + 1], share)
