"""Element-wise passes of the hardware-aware backward, compiled where that is possible."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels import passes as kernels
from ..kernels.buffers import eager_on_cpu, flat_array, scratch_like, takes_kernels


def number(value: Tensor) -> Tensor | float:
    """Return a tensor of one number on the CPU as a float, unless it is being compiled."""
    return float(value) if value.ndim == 0 and eager_on_cpu(value) else value


def masked(grad: Tensor, marks: Tensor) -> Tensor:
    """Return ``grad`` where marked by :func:`~.outputs.settle`, 0 elsewhere: a temporary tensor."""
    if not takes_kernels(grad) or grad.stride() != marks.stride():
        return torch.where(marks, grad, 0.0)
    result = scratch_like(grad, "masked")
    kernels.mask(flat_array(grad), flat_array(marks), flat_array(result))
    return result


def mask_inputs(grad: Tensor, x: Tensor, r: Tensor | float) -> Tensor:
    """Return the gradient of inputs, zero where they were clipped; ``grad`` may be changed."""
    return mask_and_sum(grad, x, r)[0]


def mask_and_sum(
    grad: Tensor, x: Tensor, r: Tensor | float
) -> tuple[Tensor, Tensor | float, Tensor | float]:
    r"""Mask the gradient of inputs, and sum what was masked.

    Args:
        grad: Gradient of the inputs before it is masked; it may be changed.
        x: Inputs.
        r: Input range.

    Returns:
        The gradient, zero where inputs were at the range or beyond; the sum of
        :math:`\min(g\,\mathrm{sign}\,x, 0)` over these; the share of the others.
    """
    if isinstance(r, float) and takes_kernels(grad, x):
        outward, n_outside = kernels.mask_inside(flat_array(grad), flat_array(x), r)
        return grad, outward, 1.0 - n_outside / x.numel()
    outside = x.abs() >= r
    pushed = torch.where(outside, grad * torch.sign(x), 0.0).clamp_(max=0.0).sum()
    share = 1.0 - torch.count_nonzero(outside) / x.numel()
    return torch.where(outside, 0.0, grad), pushed, share
