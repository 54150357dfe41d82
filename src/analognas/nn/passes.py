"""Element-wise passes of the hardware-aware forward and backward, without temporaries where possible."""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor

from .scratch import eager_on_cpu, is_dense, pieces, scratch_like

_CODE_LIMIT = 127.0  # largest bound, in steps, that a mark of one byte can tell
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


def finish(y: Tensor, factor: Tensor | float, bias: Tensor | None) -> Tensor:
    """Multiply outputs by ``factor`` and add the bias, in place and in one pass where possible."""
    if not isinstance(factor, float):
        y.mul_(factor)
        return y if bias is None else y.add_(bias)
    for (part,) in pieces(y):
        if bias is None:
            part.mul_(factor)
        elif eager_on_cpu(y) and bias.dtype == y.dtype:
            torch.add(bias, part, alpha=factor, out=part)
        else:
            part.mul_(factor).add_(bias)
    return y


def extremes(x: Tensor) -> tuple[float, float]:
    """Return the smallest and the largest value."""
    low, high = torch.aminmax(x)
    return float(low), float(high)


def clip_marks(y: Tensor, limit: float | None) -> Tensor | None:
    """Clip ``y`` in place; return what tells where, or None where that is known to be nowhere.

    Marks are booleans, true inside; or, one cheap pass, the values truncated to bytes: their size is
    ``limit`` exactly where the value was clipped.
    """
    if limit is None:
        return None
    if not eager_on_cpu(y) or limit != _CODE_LIMIT:
        marks = y.abs() < limit
        y.clamp_(-limit, limit)
        return marks
    codes = None
    for i, (part,) in enumerate(pieces(y)):
        low, high = extremes(part)
        if -limit < low and high < limit:
            continue
        if codes is None:
            codes = torch.zeros_like(y, dtype=torch.int8)
            code_parts = [code for _, code in pieces(y, codes)]
        code_parts[i].copy_(part.clamp_(-limit, limit))
    return codes


def masked(grad: Tensor, marks: Tensor) -> Tensor:
    """Return ``grad``, zero where :func:`clip_marks` marked: a temporary tensor."""
    if marks.dtype == torch.bool:
        return torch.where(marks, grad, 0.0)
    if grad.dtype not in _PRECISE or grad.stride() != marks.stride() or not is_dense(grad):
        codes = marks.to(grad.dtype)
        result: Tensor = torch.ops.aten.hardtanh_backward(grad, codes, -_CODE_LIMIT, _CODE_LIMIT)
        return result
    result = scratch_like(grad, "masked")
    for part, mark, target in pieces(grad, marks, result):
        target.copy_(mark)
        torch.ops.aten.hardtanh_backward.grad_input(
            part, target, -_CODE_LIMIT, _CODE_LIMIT, grad_input=target
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
    grad: Tensor, x: Tensor, r: Tensor | float, sides: tuple[bool, bool]
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Mask as :func:`mask_inputs` does, and sum what was masked.

    Args:
        grad: Gradient of the inputs before it is masked; it may be changed.
        x: Inputs.
        r: Input range.
        sides: Whether any input lies at or below minus the range, and at or above it.

    Returns:
        The masked gradient; the sum of :math:`\min(g\,\mathrm{sign}\,x, 0)` over clipped inputs; the share
        of inputs which were not clipped.
    """
    if not isinstance(r, float) or not _alike(grad, x):
        outside = x.abs() >= r
        outward = torch.where(outside, grad * torch.sign(x), 0.0).clamp_(max=0.0).sum()
        share = 1.0 - torch.count_nonzero(outside) / x.numel()
        return torch.where(outside, 0.0, grad), outward, share
    below, above = sides
    total, n_clipped = 0.0, 0.0
    first, second = scratch_like(x, "beyond"), scratch_like(x, "gradient")
    for part_grad, part_x, work, beyond in pieces(grad, x, first, second):
        for mirrored, clipped in enumerate((above, below)):
            if clipped:
                outward_part, count = _split_off(
                    part_grad, part_x, r, work, beyond, mirrored=bool(mirrored)
                )
                total, n_clipped = total + outward_part, n_clipped + count
    return grad, grad.new_tensor(total), grad.new_tensor(1.0 - n_clipped / x.numel())


def _alike(grad: Tensor, x: Tensor) -> bool:
    """Whether passes can go through the memory of both at once, on the CPU."""
    return (
        eager_on_cpu(x)
        and x.dtype in _PRECISE
        and grad.dtype == x.dtype
        and grad.stride() == x.stride()
        and is_dense(x)
    )


def _split_off(
    grad: Tensor, x: Tensor, r: float, work: Tensor, beyond: Tensor, *, mirrored: bool
) -> tuple[float, float]:
    """Set ``grad`` to zero where ``x >= r`` (mirrored: ``-x >= r``); return its outward sum, and how many."""
    edge = _before(r, x.dtype)  # strictly beyond it is at the range or beyond
    sized = torch.neg(x, out=work) if mirrored else x
    torch.ops.aten.threshold_backward.grad_input(grad, sized, edge, grad_input=beyond)
    grad.sub_(beyond)
    outward = -beyond.clamp_(min=0.0).sum() if mirrored else beyond.clamp_(max=0.0).sum()
    # Signs are 1 beyond the edge, 0 or -1 elsewhere; sums of so few ones are exact.
    count = torch.sub(sized, edge, out=work).sign_().clamp_(min=0.0).sum()
    return float(outward), float(count)


def _before(r: float, dtype: torch.dtype) -> float:
    """Return the largest number of a type that is smaller than ``r``."""
    return float(torch.nextafter(torch.tensor(r, dtype=dtype), torch.tensor(-math.inf, dtype=dtype)))
