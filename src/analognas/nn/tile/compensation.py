"""Drift compensation of a layer, measured through its own noisy and quantised forward.

A reading applies each input alone, at full scale, and averages the absolute outputs. The product with a single
input is a column of weights, so no product is computed. Noise, IR drop and converters are those of the forward.

Source: Joshi et al., Nat. Commun. 11:2473, 2020; Rasch et al., Nat. Commun. 14:5282, 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..hwa.noise import NoiseSource
from .adc import digitize_outputs
from .forward import ir_drop_share, positions, read_noise_std
from .tiled_layer import TiledLayer

FLOOR = 1e-4
"""Smallest divisor, in units of the largest weight times the largest input."""


def reading(
    driven: Tensor, tiled: TiledLayer, noise: NoiseSource, *, perfect: bool = False
) -> Tensor:
    """Measure the mean absolute outputs of all tiles.

    Args:
        driven: Weights, scaled from steps of inputs to steps of outputs, ``(*chips, out, in)``.
        tiled: The layer's configuration, product and tiles.
        noise: Source of all noise.
        perfect: Omit noise, IR drop and converters.

    Returns:
        Mean absolute outputs, ``(*chips, row tiles, out)``, in units of the largest weight times the largest
        input. All outputs of a tile have the same value unless the compensation is per column.
    """
    readings = []
    for i, rows in enumerate(tiled.grid.row_slices):
        full_scale = driven[..., rows] * tiled.input_steps
        if perfect:
            mean = full_scale
        else:
            mean = _single_input_outputs(full_scale, tiled, i, noise)
            for _ in range(tiled.config.compensation.n_repeats - 1):
                mean.add_(_single_input_outputs(full_scale, tiled, i, noise))
            mean.div_(tiled.config.compensation.n_repeats)
        readings.append(mean.abs().mean(-1).mul_(tiled.output_step))
    result = torch.stack(readings, dim=-2)
    if tiled.config.compensation.kind == "column":
        return result
    return tiled.grid.reduce_columns(result, "mean")


def drift_compensation(reference: Tensor, now: Tensor) -> Tensor:
    """Return the factor on the outputs: the reference reading over the present one."""
    return reference.clamp(min=FLOOR) / now.clamp(min=FLOOR)


def _single_input_outputs(
    full_scale: Tensor, tiled: TiledLayer, i: int, noise: NoiseSource
) -> Tensor:
    """Return the outputs for each single input, ``(*chips, out, in)``, in steps of the ADC."""
    config = tiled.config
    y = full_scale.clone()
    if config.read_noise.std > 0.0:
        sizes = torch.ones_like(y)
        if config.read_noise.kind == "pcm":
            torch.abs(full_scale, out=sizes).mul_(tiled.output_step)
        y.add_(noise.normal(y, read_noise_std(sizes, tiled)))
    if config.ir_drop > 0.0:
        share = ir_drop_share(full_scale.abs().mul_(tiled.output_step), tiled, i)
        rows, channels = tiled.grid.row_slices[i], tiled.grid.channel_slices[i]
        start = rows.start - channels.start * tiled.grid.kernel
        place = positions(tiled, i, y)[start : start + rows.stop - rows.start]
        y.sub_(share.mul_(full_scale).mul_(place))
    return digitize_outputs(y, tiled, noise)[0]
