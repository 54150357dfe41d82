r"""Hardware-aware forward and backward of a layer, as one autograd function.

Gradients are straight-through estimates: rounding counts as the identity, and the gradient is zero where an
input was clipped at its range or an output at its bound. The weight gradient goes to the clean weights. The
gradient of the input range is

.. math::

    \frac{dL}{dr} = r \Bigl(\sum_{x \ge r} \min(g, 0) - \sum_{x \le -r} \max(g, 0)\Bigr)
                    + decay \cdot r\ [\text{unclipped share} > minimum]

where g is the gradient of the inputs before masking.

The forward saves the inputs (as plain layers do), the noisy weights, and a mask for each tile with a clipped
output. On the CPU, scales are plain numbers and clipped elements are counted, which saves passes without
effect.

Source: Rasch et al., Nat. Commun. 14:5282, 2023; gradient of the range as in aihwkit 1.2.0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..config import WeightModifier
from ..kernels import passes as kernels
from ..kernels.buffers import as_float, can_use_kernels, flat_array, scratch_like
from ..tile.adc import digitize_outputs
from ..tile.dac import quantize_inputs
from ..tile.forward import tile_outputs
from ..tile.products import Gradients
from ..tile.tiled_layer import TiledLayer
from .modifiers import modified
from .noise import EXACT, NoiseSource, training_source

NO_MODIFIER = WeightModifier(kind="none")


@dataclass(frozen=True)
class ForwardOptions:
    """Options of one forward pass in training, or in evaluation before programming.

    Attributes:
        tiled: Configuration, product and tiles of the layer.
        modifier: Weight modifier.
        factor: Factor on the noise of the modifier.
        compute_dtype: Type in which products are computed.
        learn_range: Whether the input range receives a gradient.
    """

    tiled: TiledLayer
    modifier: WeightModifier
    factor: float
    compute_dtype: torch.dtype
    learn_range: bool


class HWAFunction(torch.autograd.Function):
    """Outputs before the learned output scales, for inputs ``(n, in)`` or ``(n, channels, *positions)``."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        input_range: Tensor,
        scale: Tensor,
        options: ForwardOptions,
    ) -> Tensor:
        """Run the tiles.

        Args:
            ctx: Autograd's context.
            x: Inputs.
            weight: Clean weights; the first dimension counts outputs.
            bias: Digital bias, shape ``(out,)``.
            input_range: Shape ``(1,)``, or a shape that broadcasts to ``x``.
            scale: Weight scales, shape ``(row tiles, out)``.
            options: Options of this pass.
        """
        tiled, dtype = options.tiled, options.compute_dtype
        noise = training_source(tiled.config.noise_source)
        r = as_float(_without_dimension(input_range))
        matrix, rows = weight.flatten(1), tiled.row_scales(scale)
        noisy = modified(matrix, rows, options.modifier, noise, options.factor)
        # Without DAC noise, converting the inputs again in the backward is cheaper than storing them.
        remade = tiled.config.dac.noise == 0.0
        steps, ctx.clips_inputs = _convert_inputs(x, r, options, noise, temporary=remade)
        driven, factor = noisy, 1.0
        if isinstance(rows, float):
            factor = tiled.weight_factor / rows
        else:
            driven = noisy * (tiled.weight_factor / rows)
        driven = driven.to(dtype)
        total: Tensor | None = None
        masks: list[Tensor | None] = []
        one_scale, last = isinstance(rows, float), tiled.grid.n_row_tiles - 1
        to_outputs = r * (rows * tiled.output_step if isinstance(rows, float) else 1.0)
        # One scale is applied with the conversion. With several scales, the input range is applied at the end.
        direct = one_scale and (last == 0 or isinstance(to_outputs, float))
        if bias is not None:
            bias = tiled.product.per_output(bias)
        for i in range(last + 1):
            y = tile_outputs(
                tiled.tile_inputs(steps, i), tiled.tile_matrix(driven, i), tiled, i, noise, factor
            )
            share = 1.0 if one_scale else tiled.product.per_output(scale[i] * tiled.output_step)
            total, mask = digitize_outputs(
                y,
                tiled,
                noise,
                factor=to_outputs if direct else share,
                bias=bias if direct and i == last else None,
                total=total,
                with_mask=True,
            )
            masks.append(mask)
        assert total is not None
        ctx.options = options
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
        tiled: TiledLayer = ctx.options.tiled
        grad = grads[0].to(ctx.options.compute_dtype)
        wants_x, wants_w, wants_bias, wants_r = ctx.needs_input_grad[:4]
        learns = wants_r and ctx.options.learn_range
        r = as_float(_without_dimension(input_range))
        remade = tiled.config.dac.noise == 0.0 and wants_w
        if remade:
            steps, _ = _convert_inputs(x, r, ctx.options, EXACT, temporary=True)
        to_inputs: Tensor | float = r / tiled.input_steps
        if isinstance(to_inputs, Tensor) and to_inputs.ndim:
            steps, to_inputs = steps * to_inputs, 1.0
        needs = (wants_x or (learns and ctx.clips_inputs), wants_w)
        grad_bias = tiled.product.sum_positions(grad) if wants_bias else None
        grad_x, grad_w = tile_gradients(
            grad,
            steps,
            noisy,
            tiled,
            needs,
            ctx.clipped_tiles,
            kept,
            to_inputs if isinstance(to_inputs, float) else 1.0,
        )
        if grad_w is not None:
            grad_w = grad_w.to(weight.dtype).view(weight.shape)
            grad_w = grad_w if isinstance(to_inputs, float) else grad_w.mul_(to_inputs)
        grad_r = torch.zeros_like(input_range) if wants_r else None
        settings = tiled.config.input_range
        if grad_x is not None and ctx.clips_inputs and settings.kind != "absmax":
            grad_x = grad_x.to(x.dtype)
            if learns:
                grad_x, outward, share = mask_and_sum(grad_x, x, r)
                grad_r = (outward + (share > settings.min_unclipped) * settings.decay) * input_range
            else:
                grad_x = mask_and_sum(grad_x, x, r)[0]
        elif learns and settings.min_unclipped < 1.0:
            grad_r = input_range * settings.decay
        return grad_x if wants_x else None, grad_w, grad_bias, grad_r, None, None


def _without_dimension(input_range: Tensor) -> Tensor:
    """Drop the dimension of the range parameter, which must not broadcast against dimensions of the inputs."""
    return input_range.view(()) if input_range.ndim == 1 else input_range


_WIDE = (torch.float32, torch.float64)


def _convert_inputs(
    x: Tensor,
    r: Tensor | float,
    options: ForwardOptions,
    noise: NoiseSource,
    *,
    temporary: bool,
) -> tuple[Tensor, bool]:
    """Return inputs in steps of the DAC, in the compute type, and whether an input may be clipped."""
    wide = x if x.dtype in _WIDE else x.float()
    out = scratch_like(wide, "steps") if temporary else torch.empty_like(wide)
    steps, clips = quantize_inputs(wide, r, options.tiled, noise, out)
    return steps.to(options.compute_dtype), clips


def tile_gradients(
    grad: Tensor,
    x: Tensor,
    matrix: Tensor,
    tiled: TiledLayer,
    needs: tuple[bool, bool],
    clipped_tiles: list[bool],
    masks: list[Tensor],
    factor: float,
) -> Gradients:
    """Return the gradients of the inputs and of the weight matrix, the latter times ``factor``.

    If no output was clipped, one product computes the gradients of all tiles.
    """
    if not any(clipped_tiles):
        return tiled.product.backward(grad, x, matrix, needs, factor)
    if tiled.grid.n_row_tiles == 1:
        return tiled.product.backward(masked(grad, masks[0]), x, matrix, needs, factor)
    remaining = list(masks)
    grad_x = torch.zeros_like(x) if needs[0] else None
    grad_w = torch.zeros_like(matrix) if needs[1] else None
    for i, clipped in enumerate(clipped_tiles):
        part_grad = masked(grad, remaining.pop(0)) if clipped else grad
        part_x, part_w = tiled.product.backward(
            part_grad,
            tiled.tile_inputs(x, i).contiguous(),
            tiled.tile_matrix(matrix, i),
            needs,
            factor,
        )
        if grad_x is not None and part_x is not None:
            tiled.add_to_channels(grad_x, part_x, i)
        if grad_w is not None and part_w is not None:
            tiled.add_to_rows(grad_w, part_w, i)
    return grad_x, grad_w


def masked(grad: Tensor, mask: Tensor) -> Tensor:
    """Return ``grad`` where the mask is True and 0 elsewhere, as a temporary tensor."""
    if not can_use_kernels(grad) or grad.stride() != mask.stride():
        return torch.where(mask, grad, 0.0)
    result = scratch_like(grad, "masked")
    kernels.mask(flat_array(grad), flat_array(mask), flat_array(result))
    return result


def mask_and_sum(
    grad: Tensor, x: Tensor, r: Tensor | float
) -> tuple[Tensor, Tensor | float, Tensor | float]:
    r"""Mask the gradient of clipped inputs, and sum the masked values.

    Args:
        grad: Gradient of the inputs. The tensor may be modified.
        x: Inputs.
        r: Input range.

    Returns:
        The gradient, zero for inputs at the range or beyond it; the sum of :math:`\min(g\,\mathrm{sign}\,x, 0)`
        over these inputs; and the share of all other inputs.
    """
    if isinstance(r, float) and can_use_kernels(grad, x):
        outward, n_outside = kernels.mask_inside(flat_array(grad), flat_array(x), r)
        return grad, outward, 1.0 - n_outside / x.numel()
    outside = x.abs() >= r
    masked_sum = torch.where(outside, grad * torch.sign(x), 0.0).clamp_(max=0.0).sum()
    share = 1.0 - torch.count_nonzero(outside) / x.numel()
    return torch.where(outside, 0.0, grad), masked_sum, share
