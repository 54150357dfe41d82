"""Pure functions that several device models share.

They allocate their result and never modify an argument. :class:`~analognas.physics.Device` calls them on blocks
that fit the cache, so they need no further optimisation.
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
        coeffs: Coefficients in ascending powers, at least one.
        g: Argument, any shape.
        g_max: Divisor of the argument.

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
    r"""Evaluate :math:`a \ln(g / g_{max}) + b`, clamped to a range.

    Args:
        law: Slope a, offset b, smallest and largest value.
        log2_g: :math:`\log_2 g`, any shape.
        g_max: Divisor of ``g``, in the same unit.
    """
    slope, offset, low, high = law
    shifted = offset - slope * math.log(g_max)
    return torch.rsub(log2_g, shifted, alpha=-slope * LN_2).clamp_(low, high)


def log2_above(g: Tensor, floor: float) -> Tensor:
    r"""Return :math:`\log_2 \max(g, \text{floor})`, shape of ``g``; ``floor`` is positive.

    On the CPU this uses numpy, which takes a third of torch's time and stays on one thread. torch starts its
    threads for logarithms of 2,048 elements already.
    """
    clamped = g.clamp(min=floor)
    if clamped.device.type != "cpu" or clamped.requires_grad:
        return clamped.log2()
    array = clamped.numpy()
    np.log2(array, out=array)
    return clamped


def accumulated_noise(t: float, t_read: float) -> float:
    r"""Growth of 1/f noise with time, :math:`\sqrt{\ln((t + t_{read}) / (2 t_{read}))}`.

    Its square is the variance of 1/f noise, integrated from the lowest frequency observable in a time ``t`` to
    the highest frequency that a reading of duration ``t_read`` passes.

    Args:
        t: Time, s. The result is 0 below ``t_read``.
        t_read: Duration of one reading, s.

    Source: Nandakumar et al., ICECS 2019; Joshi et al., Nat. Commun. 11:2473, 2020.
    """
    return math.sqrt(max(math.log(t + t_read) - math.log(2.0 * t_read), 0.0))


def interpolate(x: Tensor, points: Sequence[float], values: Sequence[float]) -> Tensor:
    """Interpolate linearly between points; constant beyond the first and the last point.

    Args:
        x: Argument, any shape.
        points: Ascending abscissae, shape ``(k,)``, k >= 2.
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
