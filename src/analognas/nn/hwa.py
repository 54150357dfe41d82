r"""Hardware-aware forward and backward of a layer: one autograd function for all of it.

Straight-through estimators: gradients pass the roundings as they are, and are zero where an input was clipped
at its range or an output at the bound. The gradient of the weights is that of the clean weights.
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
    """Outputs without bias and learned factors, from ``(n, in)`` or ``(n, channels, *positions)``."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, input_range: Tensor, scale: Tensor, step: Pass
    ) -> Tensor:
        """Run the tiles; see :class:`Pass`.

        Args:
            ctx: Autograd's context.
            x: Inputs.
            weight: Clean weights, any shape with the outputs first.
            input_range: No dimensions, or shaped to divide ``x``.
            scale: Weight scales, shape ``(row tiles, out)``.
            step: What to do.
        """
        plan, noise = step.plan, training_source(step.plan.config.noise_source)
        matrix = weight.flatten(1)
        rows = (
            number(scale[0, 0]) if plan.config.scaling.per == "layer" else plan.spread_rows(scale)
        )
        noisy = modified(matrix, rows, step.modifier, noise, step.factor)
        to_steps = plan.weight_factor / rows
        driven = (noisy * to_steps).to(step.compute_dtype)
        r = number(input_range)
        steps = quantize_inputs(x.float() if x.dtype != torch.float64 else x, r, plan, noise)
        steps = steps.to(step.compute_dtype)
        total: Tensor | None = None
        masks: list[Tensor | None] = []
        for i in range(plan.grid.n_row_tiles):
            y = tile_outputs(
                plan.tile_inputs(steps, i), plan.tile_matrix(driven, i), plan, i, noise
            )
            masks.append(inside(y, plan.output_limit))
            y = convert_outputs(y, plan)
            y.mul_(output_factor(scale, i, plan) * r)
            total = y if total is None else total.add_(y)
        assert total is not None
        ctx.step = step
        ctx.clipped_tiles = [mask is not None for mask in masks]
        kept = [mask for mask in masks if mask is not None]
        ctx.save_for_backward(x, steps, noisy.to(step.compute_dtype), input_range, weight, *kept)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, weights and input range."""
        x, steps, noisy, input_range, weight, *kept = ctx.saved_tensors
        plan: Plan = ctx.step.plan
        grad = grads[0].to(ctx.step.compute_dtype)
        ranged = plan.config.input_range.kind != "absmax"
        learned = ctx.needs_input_grad[2] and ctx.step.learn_range
        r = number(input_range)
        needs = (ctx.needs_input_grad[0] or learned, ctx.needs_input_grad[1])
        if r.ndim if isinstance(r, Tensor) else False:
            steps = steps * (r / plan.input_steps)
            to_inputs: Tensor | float = 1.0
        else:
            to_inputs = r / plan.input_steps
        grad_x, grad_w = tile_gradients(grad, steps, noisy, plan, needs, ctx.clipped_tiles, kept)
        if grad_w is not None:
            grad_w = grad_w.to(weight.dtype).mul_(to_inputs).view(weight.shape)
        grad_r = None
        if grad_x is not None and ranged:
            grad_x, grad_r = clipped_gradients(grad_x.to(x.dtype), x, r, plan, learned)
        if grad_r is None and ctx.needs_input_grad[2]:
            grad_r = torch.zeros_like(input_range)
        if not ctx.needs_input_grad[0]:
            grad_x = None
        return grad_x, grad_w, grad_r, None, None


def number(value: Tensor) -> Tensor | float:
    """Return a tensor of one number on the CPU as a float, unless it is being compiled."""
    if value.ndim or value.device.type != "cpu" or torch.compiler.is_compiling():
        return value
    return float(value)


def inside(y: Tensor, limit: float | None) -> Tensor | None:
    """Return where outputs are inside the bound; None where that is known to be everywhere."""
    if limit is None:
        return None
    if y.device.type == "cpu" and not torch.compiler.is_compiling():
        low, high = torch.aminmax(y)
        if -limit < float(low) and float(high) < limit:
            return None
    return y.abs() < limit


def output_factor(scale: Tensor, i: int, plan: Plan) -> Tensor | float:
    """Return what turns steps of outputs of row tile ``i`` into weights times input ranges."""
    if plan.config.scaling.per == "layer":
        return number(scale[0, 0]) * plan.output_step
    return plan.product.per_output(scale[i] * plan.output_step)


def tile_gradients(
    grad: Tensor,
    x: Tensor,
    matrix: Tensor,
    plan: Plan,
    needs: tuple[bool, bool],
    clipped_tiles: list[bool],
    masks: list[Tensor],
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of inputs and weight matrix; tiles without clipped outputs go together."""
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


def clipped_gradients(
    grad: Tensor, x: Tensor, r: Tensor | float, plan: Plan, learned: bool
) -> tuple[Tensor, Tensor | None]:
    r"""Return the gradient of the inputs, zero where they were clipped, and that of the input range.

    .. math::

        \frac{dL}{dr} = r \Bigl(\sum_{x \ge r} \min(g, 0) - \sum_{x \le -r} \max(g, 0)\Bigr)
                        + decay \cdot r\ [\text{unclipped share} > minimum]

    with g the gradient of the inputs before it is made zero.

    Source: Rasch et al., Nat. Commun. 14:5282, 2023; as in aihwkit 1.2.0.
    """
    settings = plan.config.input_range
    if isinstance(r, float):
        low, high = torch.aminmax(x)
        if -r < float(low) and float(high) < r:
            decay = settings.decay if settings.min_unclipped < 1.0 else 0.0
            return grad, grad.new_tensor(decay * r) if learned else None
        masked: Tensor = torch.ops.aten.hardtanh_backward(grad, x, -r, r)
    else:
        masked = torch.where(x.abs() < r, grad, 0.0)
    if not learned:
        return masked, None
    # With d the clipped part, min(d sign(x), 0) = (d sign(x) - |d|) / 2.
    clipped = grad.sub_(masked)
    outward = (clipped * torch.sign(x)).sum() - torch.linalg.vector_norm(clipped, 1)
    share = (x.abs() < r).to(torch.float32).mean()
    decay_term = torch.where(share > settings.min_unclipped, settings.decay, 0.0)
    return masked, (0.5 * outward + decay_term) * r
