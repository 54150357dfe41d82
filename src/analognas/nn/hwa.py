r"""Hardware-aware forward and backward of a layer: one autograd function for all of it.

Straight-through estimators: gradients pass the roundings as they are, and are zero where an input was clipped
at its range or an output at the bound. The gradient of the weights is that of the clean weights.

What is saved for the backward is the input (which plain layers save too), its converted form, the noisy
weights, and, only for tiles with a clipped output, where that was. On the CPU scales are plain numbers and
extremes are looked up first, so that passes which would change nothing are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .config import WeightModifier
from .modifiers import modified
from .noise import training_source
from .plan import Plan
from .tile_forward import convert_outputs, quantize_inputs, tile_outputs

NO_MODIFIER = WeightModifier(kind="none")


@dataclass(frozen=True)
class Pass:
    """One pass of training or of evaluation before programming.

    Attributes:
        plan: The layer.
        modifier: What is done to the weights.
        factor: Multiplies the modifier's noise.
        compute_dtype: Type in which products are computed.
        learn_range: Whether the input range gets a gradient other than zero.
    """

    plan: Plan
    modifier: WeightModifier
    factor: float
    compute_dtype: torch.dtype
    learn_range: bool


class HWAFunction(torch.autograd.Function):
    """Outputs without learned factors, from ``(n, in)`` or ``(n, channels, *positions)``."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        input_range: Tensor,
        scale: Tensor,
        step: Pass,
    ) -> Tensor:
        """Run the tiles.

        Args:
            ctx: Autograd's context.
            x: Inputs.
            weight: Clean weights, any shape with the outputs first.
            bias: Digital bias, shape ``(out,)``.
            input_range: No dimensions, or shaped to divide ``x``.
            scale: Weight scales, shape ``(row tiles, out)``.
            step: What to do.
        """
        plan, dtype = step.plan, step.compute_dtype
        noise = training_source(plan.config.noise_source)
        r = number(input_range)
        matrix, rows = weight.flatten(1), plan.row_scales(scale)
        noisy = modified(matrix, rows, step.modifier, noise, step.factor)
        steps = quantize_inputs(x if x.dtype in _WIDE else x.float(), r, plan, noise).to(dtype)
        driven, factor = noisy, 1.0
        if isinstance(rows, float):
            factor = plan.weight_factor / rows
        else:
            driven = noisy * (plan.weight_factor / rows)
        driven = driven.to(dtype)
        total: Tensor | None = None
        masks: list[Tensor | None] = []
        for i in range(plan.grid.n_row_tiles):
            part, part_matrix = plan.tile_inputs(steps, i), plan.tile_matrix(driven, i)
            y = tile_outputs(part, part_matrix, plan, i, noise, factor)
            masks.append(inside(y, plan.output_limit))
            y = convert_outputs(y, plan, clip=masks[-1] is not None)
            if not isinstance(rows, float):
                y.mul_(plan.product.per_output(scale[i] * plan.output_step))
            total = y if total is None else total.add_(y)
        assert total is not None
        to_outputs = r * (rows * plan.output_step if isinstance(rows, float) else 1.0)
        ctx.step = step
        ctx.clipped_tiles = [mask is not None for mask in masks]
        ctx.clips_inputs = not (isinstance(r, float) and _all_inside(x, r))
        kept = [mask for mask in masks if mask is not None]
        ctx.save_for_backward(x, steps, noisy.to(dtype), input_range, weight, *kept)
        return finish(total, to_outputs, None if bias is None else plan.product.per_output(bias))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, weights, bias and input range."""
        x, steps, noisy, input_range, weight, *kept = ctx.saved_tensors
        plan: Plan = ctx.step.plan
        grad = grads[0].to(ctx.step.compute_dtype)
        wants_x, wants_w, wants_bias, wants_r = ctx.needs_input_grad[:4]
        learns = wants_r and ctx.step.learn_range
        r = number(input_range)
        to_inputs: Tensor | float = r / plan.input_steps
        if isinstance(to_inputs, Tensor) and to_inputs.ndim:
            steps, to_inputs = steps * to_inputs, 1.0
        needs = (wants_x or (learns and ctx.clips_inputs), wants_w)
        grad_bias = plan.product.sum_positions(grad) if wants_bias else None
        grad_x, grad_w = tile_gradients(grad, steps, noisy, plan, needs, ctx.clipped_tiles, kept)
        if grad_w is not None:
            grad_w = grad_w.to(weight.dtype).mul_(to_inputs).view(weight.shape)
        grad_r = torch.zeros_like(input_range) if wants_r else None
        if grad_x is not None and ctx.clips_inputs and plan.config.input_range.kind != "absmax":
            unmasked = grad_x.to(x.dtype)
            grad_x = masked_gradient(unmasked, x, r)
            if learns:
                grad_r = range_gradient(unmasked.sub_(grad_x), x, steps, r, plan)
        elif learns and plan.config.input_range.min_unclipped < 1.0:
            grad_r = input_range * plan.config.input_range.decay
        return grad_x if wants_x else None, grad_w, grad_bias, grad_r, None, None


_WIDE = (torch.float32, torch.float64)


def number(value: Tensor) -> Tensor | float:
    """Return a tensor of one number on the CPU as a float, unless it is being compiled."""
    if value.ndim or not eager_on_cpu(value):
        return value
    return float(value)


def eager_on_cpu(tensor: Tensor) -> bool:
    """Whether looking at a value costs nothing."""
    return tensor.device.type == "cpu" and not torch.compiler.is_compiling()


def inside(y: Tensor, limit: float | None) -> Tensor | None:
    """Return where outputs are inside the bound; None where that is known to be everywhere."""
    if limit is None or (eager_on_cpu(y) and _all_inside(y, limit)):
        return None
    return y.abs() < limit


def finish(y: Tensor, factor: Tensor | float, bias: Tensor | None) -> Tensor:
    """Multiply outputs by ``factor`` and add the bias, in place and in one pass where possible."""
    if bias is None:
        return y.mul_(factor)
    if isinstance(factor, float) and not torch.compiler.is_compiling() and bias.dtype == y.dtype:
        return torch.add(bias, y, alpha=factor, out=y)
    return y.mul_(factor).add_(bias)


def tile_gradients(
    grad: Tensor,
    x: Tensor,
    matrix: Tensor,
    plan: Plan,
    needs: tuple[bool, bool],
    clipped_tiles: list[bool],
    masks: list[Tensor],
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of inputs and weight matrix; all tiles together where no output was clipped."""
    if not any(clipped_tiles):
        return plan.product.backward(grad, x, matrix, needs)
    remaining = list(masks)
    grad_x = torch.zeros_like(x) if needs[0] else None
    grad_w = torch.zeros_like(matrix) if needs[1] else None
    for i, clipped in enumerate(clipped_tiles):
        masked = torch.where(remaining.pop(0), grad, 0.0) if clipped else grad
        part_x, part_w = plan.product.backward(
            masked, plan.tile_inputs(x, i).contiguous(), plan.tile_matrix(matrix, i), needs
        )
        if grad_x is not None and part_x is not None:
            plan.add_to_channels(grad_x, part_x, i)
        if grad_w is not None and part_w is not None:
            plan.add_to_rows(grad_w, part_w, i)
    return grad_x, grad_w


def masked_gradient(grad: Tensor, x: Tensor, r: Tensor | float) -> Tensor:
    """Return the gradient of the inputs, zero where they were clipped; a new tensor."""
    if isinstance(r, float):
        masked: Tensor = torch.ops.aten.hardtanh_backward(grad, x, -r, r)
        return masked
    return torch.where(x.abs() < r, grad, 0.0)


def range_gradient(
    clipped: Tensor, x: Tensor, steps: Tensor, r: Tensor | float, plan: Plan
) -> Tensor:
    r"""Return the gradient of the input range.

    .. math::

        \frac{dL}{dr} = r \Bigl(\sum_{x \ge r} \min(g, 0) - \sum_{x \le -r} \max(g, 0)\Bigr)
                        + decay \cdot r\ [\text{unclipped share} > minimum]

    Both sums together are that of :math:`\min(g\,\mathrm{sign}\,x, 0) = (g\,\mathrm{sign}\,x - |g|) / 2`.

    Args:
        clipped: Gradient of the inputs where they were clipped, zero elsewhere; changed.
        x: The inputs.
        steps: The inputs as converted: plus or minus full scale where they were clipped.
        r: The range.
        plan: The layer.

    Source: Rasch et al., Nat. Commun. 14:5282, 2023; as in aihwkit 1.2.0.
    """
    settings = plan.config.input_range
    signs = steps if plan.config.dac.noise == 0.0 else torch.sign(x)
    full_scale = plan.input_steps if plan.config.dac.noise == 0.0 else 1.0
    if eager_on_cpu(x) and clipped.is_contiguous() and signs.is_contiguous():
        outward = torch.dot(clipped.view(-1), signs.to(clipped.dtype).view(-1))
    else:
        outward = (clipped * signs).sum()
    total = (outward / full_scale - clipped.abs_().sum()) * 0.5
    unclipped = 1.0 - torch.count_nonzero(x.abs() >= r) / x.numel()
    return (total + torch.where(unclipped > settings.min_unclipped, settings.decay, 0.0)) * r


def _all_inside(y: Tensor, limit: float) -> bool:
    low, high = torch.aminmax(y)
    return -limit < float(low) and float(high) < limit
