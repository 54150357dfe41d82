"""Pure functions that several device models share.

They allocate their result and never write into an argument; :class:`~analognas.physics.Device`
calls them on blocks that fit the cache, so they may be written plainly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

LN_2 = math.log(2.0)


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


def log_linear(law: Sequence[float], log2_g: Tensor, g_max: float) -> Tensor:
    r"""Evaluate :math:`a \ln(g / g_{max}) + b`, cut to a range.

    Args:
        law: Slope a, offset b, smallest and largest value.
        log2_g: :math:`\log_2 g`, any shape.
        g_max: What ``g`` is relative to, in the unit of ``g``.
    """
    slope, offset, low, high = law
    shifted = offset - slope * math.log(g_max)
    return torch.rsub(log2_g, shifted, alpha=-slope * LN_2).clamp_(low, high)


def log2_above(g: Tensor, floor: float) -> Tensor:
    r"""Return :math:`\log_2 \max(g, \text{floor})`, shape of ``g``; ``floor`` is positive.

    On the CPU by numpy, which takes a third of the time of torch and stays on one thread: torch
    wakes its threads for logarithms from 2,048 elements on, whatever they cost to wake.
    """
    clamped = g.clamp(min=floor)
    if clamped.device.type != "cpu" or clamped.requires_grad:
        return clamped.log2()
    array = clamped.numpy()
    np.log2(array, out=array)
    return clamped


def accumulated_noise(t: float, t_read: float) -> float:
    r"""Growth of 1/f noise with time, :math:`\sqrt{\ln((t + t_{read}) / (2 t_{read}))}`.

    The variance of noise with a 1/f spectrum, integrated from the slowest frequency that a time
    ``t`` can show to the fastest one that a reading of duration ``t_read`` passes.

    Args:
        t: Time, s; where shorter than ``t_read`` the noise has not begun and the result is 0.
        t_read: Duration of one reading, s.

    Source: Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11:2473, 2020.
    """
    return math.sqrt(max(math.log(t + t_read) - math.log(2.0 * t_read), 0.0))


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
    result = torch.full_like(x, values[0])
    for k in range(len(points) - 1):
        width = points[k + 1] - points[k]
        ramp = (x - points[k]).clamp_(0.0, width)
        result.add_(ramp, alpha=(values[k + 1] - values[k]) / width)
    return result
