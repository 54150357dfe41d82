"""The forward of one tile up to its outputs' noise: product, read noise, IR drop, in this order.

Inputs are in steps of the DAC, outputs in steps of the ADC, before its rounding.

Source: Rasch et al., Nat. Commun. 14:5282, 2023, and the equations of aihwkit 1.2.0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..hwa.noise import NoiseSource
from ..kernels import passes as kernels
from ..kernels.buffers import flat_array, takes_kernels
from ..kernels.threads import run_all, slices
from .tiled_layer import Plan

G_RATIO = 1.0 / (0.35 * 5e-6)
"""Conductance of a wire segment over the largest conductance of a device (0.35 ohm, 5 uS)."""


def largest_inputs(x: Tensor, plan: Plan) -> Tensor:
    """Return the largest absolute value of each input vector, so shaped that it divides ``x``.

    It is never so small, as of a vector of zeros, that the number of steps over it is infinite.
    """
    smallest = 2.0 * plan.input_steps / torch.finfo(x.dtype).max
    return plan.product.largest(x).clamp_(min=smallest)


def quantize_inputs(
    x: Tensor, input_range: Tensor | float, plan: Plan, noise: NoiseSource, out: Tensor
) -> tuple[Tensor, bool]:
    """Return inputs in steps of the DAC, clipped and rounded, with the DAC's noise.

    Args:
        x: Inputs.
        input_range: No dimensions, or shaped to divide ``x``.
        plan: The layer.
        noise: Where the DAC's noise comes from.
        out: Takes the steps, shaped and laid out like ``x``.

    Returns:
        ``out``; and whether an input may have been at the range or beyond.
    """
    steps = plan.input_steps
    rounds = plan.config.dac.steps is not None
    clips = True
    if isinstance(input_range, float) and takes_kernels(x, out):
        given, target = flat_array(x), flat_array(out)
        numbers = steps / input_range, steps, rounds, input_range
        parts = slices(x.numel())
        clips = (
            run_all(lambda p: kernels.quantize(given[p], target[p], *numbers), parts, x.numel()) > 0
        )
    else:
        torch.mul(x, steps / input_range, out=out)
        if rounds:
            out.round_()
        out.clamp_(-steps, steps)
    if plan.config.dac.noise > 0.0:
        noise.add(out, plan.config.dac.noise * steps)
    return out, clips


def tile_outputs(
    x: Tensor, matrix: Tensor, plan: Plan, i: int, noise: NoiseSource, factor: float = 1.0
) -> Tensor:
    """Return the outputs of row tile ``i`` before their noise and ADC, in its steps; a new tensor.

    Args:
        x: Inputs of the tile in steps of the DAC, ``(*chips, n, ...)``.
        matrix: Its weights, ``(*chips, out, in)``.
        plan: The layer.
        i: Which row tile.
        noise: Where normal numbers come from.
        factor: Makes of the weights those which turn steps of inputs into steps of outputs.
    """
    config, product = plan.config, plan.product
    y = product.multiply(x, matrix, factor)
    if factor != 1.0 and (config.read_noise.std > 0.0 or config.ir_drop > 0.0):
        matrix = matrix * factor
    if config.read_noise.std > 0.0:
        y = y + noise.normal(y, _read_noise_std(x, matrix, plan))
    if config.ir_drop > 0.0:
        a = product.multiply(x.abs(), matrix.abs())
        weighted = product.multiply(x, matrix * positions(plan, i, matrix))
        y = y - ir_drop_share(a.mul_(plan.output_step), plan, i).mul_(weighted)
    return y


def read_noise_std(variance: Tensor, plan: Plan) -> Tensor:
    """Return the spread of outputs, in their steps.

    Args:
        variance: Sum of inputs squared times the variance of their weights at unit ``std``, with inputs and
            weights normalised; changed.
        plan: The layer.
    """
    return variance.sqrt_().mul_(plan.config.read_noise.std / plan.output_step)


def ir_drop_share(a: Tensor, plan: Plan, i: int) -> Tensor:
    r"""Return the part of its position-weighted sum that an output loses: ``ir_drop * c``.

    .. math:: c = a\,[a\,(0.05 a - 0.2) + 0.5], \quad a = \frac{n}{G} \sum_j |w_j| |x_j|

    Args:
        a: The sum of normalised weights times inputs; changed.
        plan: The layer.
        i: Which row tile; n is its number of rows.
    """
    rows = plan.grid.row_slices[i]
    a.mul_((rows.stop - rows.start) / G_RATIO)
    return (a * 0.05).sub_(0.2).mul_(a).add_(0.5).mul_(a).mul_(plan.config.ir_drop)


def positions(plan: Plan, i: int, like: Tensor) -> Tensor:
    r"""Return :math:`1 - (1 - j / n)^2` of each row j of row tile ``i``, shape ``(in,)``."""
    grid = plan.grid
    rows, channels = grid.row_slices[i], grid.channel_slices[i]
    n = rows.stop - rows.start
    flat = torch.arange(
        channels.start * grid.kernel, channels.stop * grid.kernel, device=like.device
    )
    j = (flat - rows.start).to(like.dtype)
    place: Tensor = 1.0 - (1.0 - j / n).square()
    return place


def _read_noise_std(x: Tensor, matrix: Tensor, plan: Plan) -> Tensor:
    squares = x.square().div_(plan.input_steps**2)
    if plan.config.read_noise.kind == "pcm":
        sizes = matrix.abs().div_(plan.weight_factor)
    else:
        sizes = torch.ones_like(matrix)
    return read_noise_std(plan.product.multiply(squares, sizes).clamp_(min=0.0), plan)
