"""From the analog products of a tile to digital outputs: noise, clipping, rounding, scaling, bias."""

from __future__ import annotations

import math
from math import prod

import numpy as np
import torch
from torch import Tensor

from ..hwa.noise import NoiseBlock, NoiseSource, no_noise
from ..kernels import passes as kernels
from ..kernels.buffers import can_use_kernels, flat_array
from ..kernels.threads import run_all
from .tiled_layer import TiledLayer

_NO_MASK = np.empty(0, dtype=np.bool_)


def digitize_outputs(
    y: Tensor,
    tiled: TiledLayer,
    noise: NoiseSource,
    *,
    factor: Tensor | float = 1.0,
    bias: Tensor | None = None,
    total: Tensor | None = None,
    with_mask: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Add output noise, apply the ADC, scale the result, and add the digital bias.

    Args:
        y: Products of one row tile, in steps of the ADC. The tensor is modified.
        tiled: Configuration, product and tiles of the layer.
        noise: Source of the output noise.
        factor: Factor on the converted outputs; a number, or a tensor that broadcasts to ``y``.
        bias: Added at the end; broadcasts to ``y``.
        total: Sum of the other row tiles. The outputs are added to it in place.
        with_mask: Whether to return the mask of outputs that were not clipped.

    Returns:
        The outputs, in ``total`` or in the memory of ``y``, and the mask. The mask is True where an output was
        not clipped. It is None if it was not requested or would be all True.
    """
    with_mask = with_mask and tiled.output_limit is not None
    digitize = _digitize_by_kernel if can_use_kernels(y) else _digitize_by_torch
    result, mask = digitize(y, tiled, noise, factor, total, with_mask)
    if bias is not None:
        add_bias(result, bias)
    return result, mask


def _digitize_by_kernel(
    y: Tensor,
    tiled: TiledLayer,
    noise: NoiseSource,
    factor: Tensor | float,
    total: Tensor | None,
    with_mask: bool,
) -> tuple[Tensor, Tensor | None]:
    """Use one compiled pass: float32 on the CPU."""
    single = isinstance(factor, float)
    adds = single and total is not None and total.stride() == y.stride()
    std = tiled.config.out_noise / tiled.output_step
    mask = torch.empty_like(y, dtype=torch.bool) if with_mask else None
    outputs, flags = flat_array(y), _NO_MASK if mask is None else flat_array(mask)
    sums = flat_array(total) if adds and total is not None else outputs
    scale = factor if isinstance(factor, float) else 1.0
    limit, rounds = tiled.output_limit or math.inf, tiled.config.adc.steps is not None

    def run(noise_block: NoiseBlock) -> int:
        block = noise_block.block
        return kernels.digitize(
            outputs[block],
            sums[block],
            adds,
            flags[block],
            *noise_block[1:],
            limit,
            rounds,
            scale,
        )

    blocks = noise.blocks(y, std) if std > 0.0 else no_noise(y.numel()).split()
    n_clipped = run_all(run, blocks, y.numel())
    if not single:
        y.mul_(factor)
    if total is not None:
        y = total if adds else total.add_(y)
    return y, mask if n_clipped else None


def _digitize_by_torch(
    y: Tensor,
    tiled: TiledLayer,
    noise: NoiseSource,
    factor: Tensor | float,
    total: Tensor | None,
    with_mask: bool,
) -> tuple[Tensor, Tensor | None]:
    """Use operations of torch: when torch compiles, on other devices, and for other types."""
    limit = tiled.output_limit
    if tiled.config.out_noise > 0.0:
        noise.add(y, tiled.config.out_noise / tiled.output_step)
    mask = y.abs() < limit if with_mask and limit is not None else None
    if limit is not None:
        y.clamp_(-limit, limit)
    if tiled.config.adc.steps is not None:
        y.round_()
    y.mul_(factor)
    return y if total is None else total.add_(y), mask


def add_bias(y: Tensor, bias: Tensor) -> None:
    """Add a bias in place: one number for each output, with a dimension of length 1 for each position."""
    n = bias.numel()
    axis = y.ndim - bias.ndim + bias.shape.index(n) if n in bias.shape else -1
    # In a non-contiguous dense format, the outputs (axis 1) are adjacent in memory.
    if axis < 0 or not can_use_kernels(y) or bias.dtype != y.dtype or n != y.shape[axis]:
        y.add_(bias)
    elif y.is_contiguous():
        kernels.add_bias(flat_array(y), flat_array(bias), prod(y.shape[axis + 1 :]))
    elif axis == 1:
        kernels.add_bias(flat_array(y), flat_array(bias), 1)
    else:
        y.add_(bias)
