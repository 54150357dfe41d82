"""Element-wise passes of the hardware-aware backward, block by block where that saves memory traffic.

On the CPU a large temporary costs more than the arithmetic on it, since its pages are new each time. Blocks
stay in the cache. Elsewhere, and where layouts differ, the same is done on whole tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .noise import flat_view

_BLOCK = 1 << 16
_CODE_LIMIT = 127.0  # largest bound, in steps, that a mark of one byte can tell


def eager_on_cpu(tensor: Tensor) -> bool:
    """Whether looking at a value costs nothing."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def number(value: Tensor) -> Tensor | float:
    """Return a tensor of one number on the CPU as a float, unless it is being compiled."""
    return float(value) if value.ndim == 0 and eager_on_cpu(value) else value


def all_inside(y: Tensor, limit: float) -> bool:
    """Whether every value lies strictly between minus and plus ``limit``."""
    low, high = torch.aminmax(y)
    return -limit < float(low) and float(high) < limit


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
    if all_inside(y, limit):
        return None
    return y.clamp_(-limit, limit).to(torch.int8)


def masked(grad: Tensor, marks: Tensor) -> Tensor:
    """Return ``grad``, zero where :func:`clip_marks` marked; a new tensor."""
    keep = marks if marks.dtype == torch.bool else marks.abs() < int(_CODE_LIMIT)
    return torch.where(keep, grad, 0.0)


def mask_inputs(grad: Tensor, x: Tensor, r: Tensor | float) -> Tensor:
    """Return the gradient of inputs, zero where they were clipped; ``grad`` may be changed."""
    if isinstance(r, float):
        masked_grad: Tensor = torch.ops.aten.hardtanh_backward(grad, x, -r, r)
        return masked_grad
    return torch.where(x.abs() < r, grad, 0.0)


def mask_and_sum(grad: Tensor, x: Tensor, r: Tensor | float) -> tuple[Tensor, Tensor, Tensor]:
    r"""Mask as :func:`mask_inputs` does, and sum what was masked.

    Returns:
        The masked gradient; the sum of :math:`\min(g\,\mathrm{sign}\,x, 0)` over clipped inputs; the share
        of inputs which were not clipped.
    """
    if not isinstance(r, float) or grad.stride() != x.stride() or not _dense(x):
        outside = x.abs() >= r
        outward = torch.where(outside, grad * torch.sign(x), 0.0).clamp_(max=0.0).sum()
        share = 1.0 - torch.count_nonzero(outside) / x.numel()
        return torch.where(outside, 0.0, grad), outward, share
    flat_grad, flat_x = flat_view(grad), flat_view(x)
    total, count = 0.0, 0
    for g, v in zip(torch.split(flat_grad, _BLOCK), torch.split(flat_x, _BLOCK), strict=True):
        inner = torch.ops.aten.hardtanh_backward(g, v, -r, r)
        clipped = g - inner
        # min(a, 0) = (a - |a|) / 2; the clipped inputs' sizes are r or more, their signs are wanted.
        signed = float(torch.dot(clipped, v.sign()))
        total += 0.5 * (signed - float(clipped.abs_().sum()))
        count += int(torch.count_nonzero(v.abs() >= r))
        g.copy_(inner)
    share_inside = 1.0 - count / x.numel()
    return grad, grad.new_tensor(total), grad.new_tensor(share_inside)


def _dense(x: Tensor) -> bool:
    if x.is_contiguous():
        return True
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.ndim in formats and x.is_contiguous(memory_format=formats[x.ndim])
