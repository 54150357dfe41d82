"""From the inputs of a layer to steps of the DAC: clipping, rounding, noise.

Source: Rasch et al., Nat. Commun. 14:5282, 2023, and the equations of aihwkit 1.2.0.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..hwa.noise import NoiseSource
from ..kernels import passes as kernels
from ..kernels.buffers import can_use_kernels, flat_array
from ..kernels.threads import run_all, slices
from .tiled_layer import TiledLayer

__all__ = ["largest_inputs", "quantize_inputs"]


def largest_inputs(x: Tensor, tiled: TiledLayer) -> Tensor:
    """Return the largest absolute value of each input vector, in a shape that broadcasts to ``x``.

    The result is bounded from below, so that dividing by it is finite even for a vector of zeros.
    """
    smallest = 2.0 * tiled.input_steps / torch.finfo(x.dtype).max
    return tiled.product.largest(x).clamp_(min=smallest)


def quantize_inputs(
    x: Tensor, input_range: Tensor | float, tiled: TiledLayer, noise: NoiseSource, out: Tensor
) -> tuple[Tensor, bool]:
    """Convert inputs to steps of the DAC: clip, round, and add the noise of the DAC.

    Args:
        x: Inputs.
        input_range: A number, or a tensor that broadcasts to ``x``.
        tiled: The layer's configuration, product and tiles.
        noise: Source of the noise of the DAC.
        out: Receives the result; same shape and memory format as ``x``.

    Returns:
        ``out``, and whether an input may have been outside the input range.
    """
    steps = tiled.input_steps
    rounds = tiled.config.dac.steps is not None
    clips = True
    if isinstance(input_range, float) and can_use_kernels(x, out):
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
    if tiled.config.dac.noise > 0.0:
        noise.add(out, tiled.config.dac.noise * steps)
    return out, clips
