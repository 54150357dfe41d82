"""Element-wise passes of the hardware-aware forward and backward, without temporaries where possible."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from .scratch import eager_on_cpu, is_dense, pieces, scratch_like

CODE_LIMIT = 127.0
"""Bound, in steps, that marks of one byte can tell."""
_PRECISE = (torch.float32, torch.float64)
_SHIFTS = {torch.float32: 1.5 * 2.0**23, torch.float64: 1.5 * 2.0**52}


def number(value: Tensor) -> Tensor | float:
    """Return a tensor of one number on the CPU as a float, unless it is being compiled."""
    return float(value) if value.ndim == 0 and eager_on_cpu(value) else value


def rounding_shift(x: Tensor, largest: float) -> float | None:
    """Return the number that rounds to integers, half to even, when it is added and subtracted again.

    Numbers of its size have a spacing of 1. Two additions cost less than torch's rounding, which has a
    fixed cost of tens of microseconds on the CPU.

    Args:
        x: What is to be rounded.
        largest: Largest size of a result that counts; beyond it results are as large or larger.

    Returns:
        The number; None where rounding must be left to torch.
    """
    shift = _SHIFTS.get(x.dtype, 0.0) if eager_on_cpu(x) else 0.0
    return shift if largest <= shift / 6 else None


@cache
def constant(value: float, dtype: torch.dtype) -> Tensor:
    """Return a number as a tensor without dimensions on the CPU; it must not be changed."""
    return torch.tensor(value, dtype=dtype)


def round_in_place(x: Tensor, largest: float) -> Tensor:
    """Round to integers, half to even; ``largest`` as in :func:`rounding_shift`."""
    shift = rounding_shift(x, largest)
    if shift is None:
        return x.round_()
    for (part,) in pieces(x):
        part.add_(shift).sub_(shift)
    return x


class Extremes:
    """The smallest and the largest number of what was looked at; NaN where there was one."""

    def __init__(self) -> None:
        self._lows: list[float] = []
        self._highs: list[float] = []

    def look_at(self, x: Tensor) -> None:
        """Take in the numbers of a tensor that is not empty."""
        low, high = torch.aminmax(x)
        self._lows.append(float(low))
        self._highs.append(float(high))

    @property
    def low(self) -> float:
        """The smallest number."""
        return math.nan if any(map(math.isnan, self._lows)) else min(self._lows)

    @property
    def high(self) -> float:
        """The largest number."""
        return math.nan if any(map(math.isnan, self._highs)) else max(self._highs)


def extremes(x: Tensor) -> tuple[float, float]:
    """Return the smallest and the largest number of a tensor; NaN where there is one."""
    seen = Extremes()
    for (part,) in pieces(x):
        seen.look_at(part)
    return seen.low, seen.high


def masked(grad: Tensor, marks: Tensor) -> Tensor:
    """Return ``grad``, zero where marked by :func:`~.outputs.settle`: a temporary tensor."""
    if marks.dtype == torch.bool:
        return torch.where(marks, grad, 0.0)
    if grad.dtype not in _PRECISE or grad.stride() != marks.stride() or not is_dense(grad):
        codes = marks.to(grad.dtype)
        result: Tensor = torch.ops.aten.hardtanh_backward(grad, codes, -CODE_LIMIT, CODE_LIMIT)
        return result
    result = scratch_like(grad, "masked")
    for part, mark, target in pieces(grad, marks, result):
        target.copy_(mark)
        torch.ops.aten.hardtanh_backward.grad_input(
            part, target, -CODE_LIMIT, CODE_LIMIT, grad_input=target
        )
    return result


def mask_inputs(grad: Tensor, x: Tensor, r: Tensor | float) -> Tensor:
    """Return the gradient of inputs, zero where they were clipped; ``grad`` may be changed."""
    if not isinstance(r, float):
        return torch.where(x.abs() < r, grad, 0.0)
    if not _alike(grad, x):
        masked_grad: Tensor = torch.ops.aten.hardtanh_backward(grad, x, -r, r)
        return masked_grad
    for part, part_x in pieces(grad, x):
        torch.ops.aten.hardtanh_backward.grad_input(part, part_x, -r, r, grad_input=part)
    return grad


def mask_and_sum(
    grad: Tensor, x: Tensor, r: Tensor | float, full_scale: Tensor | None, unit: float
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Mask as :func:`mask_inputs` does, and sum what was masked.

    Args:
        grad: Gradient of the inputs before it is masked; it may be changed.
        x: Inputs.
        r: Input range.
        full_scale: A temporary, changed, that is ``unit`` where ``x`` is at ``r`` or above and ``-unit`` where
            it is at ``-r`` or below; None: there is none.
        unit: See ``full_scale``.

    Returns:
        The masked gradient; the sum of :math:`\min(g\,\mathrm{sign}\,x, 0)` over clipped inputs; the share
        of inputs which were not clipped.
    """
    if not isinstance(r, float) or full_scale is None or not _alike(grad, x):
        outside = x.abs() >= r
        outward = torch.where(outside, grad * torch.sign(x), 0.0).clamp_(max=0.0).sum()
        share = 1.0 - torch.count_nonzero(outside) / x.numel()
        return torch.where(outside, 0.0, grad), outward, share
    edge = _before(r, x.dtype)  # strictly beyond it is at the range or beyond
    total, count = 0.0, 0.0
    for part, part_x, signs in pieces(grad, x, full_scale):
        size, out = scratch_like(part, "sizes"), scratch_like(part, "beyond")
        torch.abs(part_x, out=size)
        torch.ops.aten.threshold_backward.grad_input(part, size, edge, grad_input=out)
        part.sub_(out)
        total += float(signs.mul_(out).clamp_(max=0.0).sum())
        # Two values are left, 0 and the spacing of numbers at r: their sum counts exactly.
        count += float(size.clamp_(edge, r).sub_(edge).sum()) / (r - edge)
    return grad, grad.new_tensor(total / unit), grad.new_tensor(1.0 - count / x.numel())


def _alike(grad: Tensor, x: Tensor) -> bool:
    """Whether passes can go through the memory of both at once, on the CPU."""
    return (
        eager_on_cpu(x)
        and x.dtype in _PRECISE
        and grad.dtype == x.dtype
        and grad.stride() == x.stride()
        and is_dense(x)
    )


def _before(r: float, dtype: torch.dtype) -> float:
    """Return the largest number of a type that is smaller than ``r``."""
    return float(
        torch.nextafter(torch.tensor(r, dtype=dtype), torch.tensor(-math.inf, dtype=dtype))
    )
