r"""Hardware-aware forward and backward of a layer: one autograd function for all of it.

Straight-through estimators: gradients pass the roundings as they are, and are zero where an input was clipped
at its range or an output at the bound. The gradient of the weights is that of the clean weights; that of the
input range is

.. math::

    \frac{dL}{dr} = r \Bigl(\sum_{x \ge r} \min(g, 0) - \sum_{x \le -r} \max(g, 0)\Bigr)
                    + decay \cdot r\ [\text{unclipped share} > minimum]

with g the gradient of the inputs before it is made zero.

What is saved for the backward is the input (which plain layers save too), the noisy weights, and, for tiles
with a clipped output, where that was. On the CPU scales are plain numbers and what is clipped is counted, so
that passes which would change nothing are left out.

Source: Rasch et al., Nat. Commun. 14:5282, 2023; the range's gradient as in aihwkit 1.2.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..config import WeightModifier
from ..kernels.buffers import scratch_like
from ..tile.digitize_outputs import settle
from ..tile.forward import quantize_inputs, tile_outputs
from ..tile.products import Gradients
from ..tile.tiled_layer import Plan
from .backward_passes import mask_and_sum, mask_inputs, masked, number
from .modifiers import modified
from .noise import EXACT, NoiseSource, training_source

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
            input_range: Shape ``(1,)``, or shaped to divide ``x``.
            scale: Weight scales, shape ``(row tiles, out)``.
            step: What to do.
        """
        plan, dtype = step.plan, step.compute_dtype
        noise = training_source(plan.config.noise_source)
        r = number(_divisor(input_range))
        matrix, rows = weight.flatten(1), plan.row_scales(scale)
        noisy = modified(matrix, rows, step.modifier, noise, step.factor)
        remade = plan.config.dac.noise == 0.0  # in the backward: cheaper than to keep
        steps, ctx.clips_inputs = _steps(x, r, step, noise, temporary=remade)
        driven, factor = noisy, 1.0
        if isinstance(rows, float):
            factor = plan.weight_factor / rows
        else:
            driven = noisy * (plan.weight_factor / rows)
        driven = driven.to(dtype)
        total: Tensor | None = None
        masks: list[Tensor | None] = []
        one_scale, last = isinstance(rows, float), plan.grid.n_row_tiles - 1
        to_outputs = r * (rows * plan.output_step if isinstance(rows, float) else 1.0)
        # One scale: applied with the conversion. Several: every tile has its own, the range comes last.
        direct = one_scale and (last == 0 or isinstance(to_outputs, float))
        if bias is not None:
            bias = plan.product.per_output(bias)
        for i in range(last + 1):
            y = tile_outputs(
                plan.tile_inputs(steps, i), plan.tile_matrix(driven, i), plan, i, noise, factor
            )
            share = 1.0 if one_scale else plan.product.per_output(scale[i] * plan.output_step)
            total, marks = settle(
                y,
                plan,
                noise,
                factor=to_outputs if direct else share,
                bias=bias if direct and i == last else None,
                total=total,
                marked=True,
            )
            masks.append(marks)
        assert total is not None
        ctx.step = step
        ctx.clipped_tiles = [mask is not None for mask in masks]
        if remade:
            steps = steps.new_empty(0)
        kept = [mask for mask in masks if mask is not None]
        ctx.save_for_backward(x, steps, noisy.to(dtype), input_range, weight, *kept)
        if direct:
            return total
        total.mul_(to_outputs)
        return total if bias is None else total.add_(bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of inputs, weights, bias and input range."""
        x, steps, noisy, input_range, weight, *kept = ctx.saved_tensors
        plan: Plan = ctx.step.plan
        grad = grads[0].to(ctx.step.compute_dtype)
        wants_x, wants_w, wants_bias, wants_r = ctx.needs_input_grad[:4]
        learns = wants_r and ctx.step.learn_range
        r = number(_divisor(input_range))
        remade = plan.config.dac.noise == 0.0 and wants_w
        if remade:
            steps, _ = _steps(x, r, ctx.step, EXACT, temporary=True)
        to_inputs: Tensor | float = r / plan.input_steps
        if isinstance(to_inputs, Tensor) and to_inputs.ndim:
            steps, to_inputs = steps * to_inputs, 1.0
        needs = (wants_x or (learns and ctx.clips_inputs), wants_w)
        grad_bias = plan.product.sum_positions(grad) if wants_bias else None
        grad_x, grad_w = tile_gradients(
            grad,
            steps,
            noisy,
            plan,
            needs,
            ctx.clipped_tiles,
            kept,
            to_inputs if isinstance(to_inputs, float) else 1.0,
        )
        if grad_w is not None:
            grad_w = grad_w.to(weight.dtype).view(weight.shape)
            grad_w = grad_w if isinstance(to_inputs, float) else grad_w.mul_(to_inputs)
        grad_r = torch.zeros_like(input_range) if wants_r else None
        settings = plan.config.input_range
        if grad_x is not None and ctx.clips_inputs and settings.kind != "absmax":
            grad_x = grad_x.to(x.dtype)
            if learns:
                grad_x, outward, share = mask_and_sum(grad_x, x, r)
                grad_r = (outward + (share > settings.min_unclipped) * settings.decay) * input_range
            else:
                grad_x = mask_inputs(grad_x, x, r)
        elif learns and settings.min_unclipped < 1.0:
            grad_r = input_range * settings.decay
        return grad_x if wants_x else None, grad_w, grad_bias, grad_r, None, None


def _divisor(input_range: Tensor) -> Tensor:
    """Return a range without the dimension of the parameter, which would count as one of the inputs."""
    return input_range.view(()) if input_range.ndim == 1 else input_range


_WIDE = (torch.float32, torch.float64)


def _steps(
    x: Tensor,
    r: Tensor | float,
    step: Pass,
    noise: NoiseSource,
    *,
    temporary: bool,
) -> tuple[Tensor, bool]:
    """Return inputs in steps of the DAC, in the type of the products; and whether one may be clipped."""
    wide = x if x.dtype in _WIDE else x.float()
    out = scratch_like(wide, "steps") if temporary else torch.empty_like(wide)
    steps, clips = quantize_inputs(wide, r, step.plan, noise, out)
    return steps.to(step.compute_dtype), clips


def tile_gradients(
    grad: Tensor,
    x: Tensor,
    matrix: Tensor,
    plan: Plan,
    needs: tuple[bool, bool],
    clipped_tiles: list[bool],
    masks: list[Tensor],
    factor: float,
) -> Gradients:
    """Return the gradients of inputs and of the weight matrix, the latter times ``factor``.

    All tiles are done together where no output was clipped.
    """
    if not any(clipped_tiles):
        return plan.product.backward(grad, x, matrix, needs, factor)
    if plan.grid.n_row_tiles == 1:
        return plan.product.backward(masked(grad, masks[0]), x, matrix, needs, factor)
    remaining = list(masks)
    grad_x = torch.zeros_like(x) if needs[0] else None
    grad_w = torch.zeros_like(matrix) if needs[1] else None
    for i, clipped in enumerate(clipped_tiles):
        part_grad = masked(grad, remaining.pop(0)) if clipped else grad
        part_x, part_w = plan.product.backward(
            part_grad,
            plan.tile_inputs(x, i).contiguous(),
            plan.tile_matrix(matrix, i),
            needs,
            factor,
        )
        if grad_x is not None and part_x is not None:
            plan.add_to_channels(grad_x, part_x, i)
        if grad_w is not None and part_w is not None:
            plan.add_to_rows(grad_w, part_w, i)
    return grad_x, grad_w
