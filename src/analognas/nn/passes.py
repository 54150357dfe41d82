"""Element-wise passes of the hardware-aware backward, block by block where that saves memory traffic.

On the CPU a large temporary costs more than the arithmetic on it, since its pages are new each time. Blocks
stay in the cache. Elsewhere, and where layouts differ, the same is done on whole tensors.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .noise import flat_view

_BLOCK = 1 << 17
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
    if marks.dtype == torch.bool:
        return torch.where(marks, grad, 0.0)
    codes = marks.to(grad.dtype)
    result: Tensor = torch.ops.aten.hardtanh_backward(grad, codes, -_CODE_LIMIT, _CODE_LIMIT)
    return result


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
    found = []
    flat_grad, flat_x = flat_view(grad), flat_view(x)
    size = torch.empty(min(_BLOCK, x.numel()), dtype=x.dtype)
    for start in range(0, x.numel(), _BLOCK):
        part = flat_x[start : start + _BLOCK]
        beyond = torch.abs(part, out=size[: part.numel()]) >= r
        found.append(torch.nonzero(beyond).view(-1).add_(start))
    where = torch.cat(found)
    total = (flat_grad[where] * torch.sign(flat_x[where])).clamp_(max=0.0).sum()
    flat_grad.index_fill_(0, where, 0.0)
    return grad, total, grad.new_tensor(1.0 - where.numel() / x.numel())


def _dense(x: Tensor) -> bool:
    if x.is_contiguous():
        return True
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    return x.ndim in formats and x.is_contiguous(memory_format=formats[x.ndim])
