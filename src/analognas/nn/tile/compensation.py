"""Drift compensation of a layer, measured through its own noisy, quantised forward.

A reading drives a tile with each of its inputs alone, at full scale, and takes the mean of the absolute
outputs. With one input the product is that input's weights, so it is not computed as a product; noise,
IR drop and converters are those of the forward.

Source: Joshi et al., Nat. Commun. 11:2473, 2020; Rasch et al., Nat. Commun. 14:5282, 2023.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..hwa.noise import NoiseSource
from .digitize_outputs import settle
from .forward import ir_drop_share, positions, read_noise_std
from .tiled_layer import Plan

FLOOR = 1e-4
"""Smallest reading that is divided by, in units of the largest weight times the largest input."""


def reading(driven: Tensor, plan: Plan, noise: NoiseSource, *, perfect: bool = False) -> Tensor:
    """Read all tiles once.

    Args:
        driven: Weights from steps of inputs to steps of outputs, ``(*chips, out, in)``.
        plan: The layer.
        noise: Where normal numbers come from.
        perfect: Leave out noise, IR drop and converters.

    Returns:
        Mean absolute outputs, ``(*chips, row tiles, out)``, in units of the largest weight times the largest
        input; equal for all outputs of a tile unless compensation is per column.
    """
    readings = []
    for i, rows in enumerate(plan.grid.row_slices):
        full_scale = driven[..., rows] * plan.input_steps
        if perfect:
            mean = full_scale
        else:
            mean = _outputs(full_scale, plan, i, noise)
            for _ in range(plan.config.compensation.n_repeats - 1):
                mean.add_(_outputs(full_scale, plan, i, noise))
            mean.div_(plan.config.compensation.n_repeats)
        readings.append(mean.abs().mean(-1).mul_(plan.output_step))
    result = torch.stack(readings, dim=-2)
    if plan.config.compensation.kind == "column":
        return result
    return plan.grid.reduce_columns(result, "mean")


def factor(reference: Tensor, now: Tensor) -> Tensor:
    """Return alpha: the outputs' factor from two readings."""
    return reference.clamp(min=FLOOR) / now.clamp(min=FLOOR)


def _outputs(full_scale: Tensor, plan: Plan, i: int, noise: NoiseSource) -> Tensor:
    """Return the outputs for each input alone, ``(*chips, out, in)``, in steps of the ADC."""
    config = plan.config
    y = full_scale.clone()
    if config.read_noise.std > 0.0:
        sizes = torch.ones_like(y)
        if config.read_noise.kind == "pcm":
            torch.abs(full_scale, out=sizes).mul_(plan.output_step)
        y.add_(noise.normal(y, read_noise_std(sizes, plan)))
    if config.ir_drop > 0.0:
        share = ir_drop_share(full_scale.abs().mul_(plan.output_step), plan, i)
        rows, channels = plan.grid.row_slices[i], plan.grid.channel_slices[i]
        start = rows.start - channels.start * plan.grid.kernel
        place = positions(plan, i, y)[start : start + rows.stop - rows.start]
        y.sub_(share.mul_(full_scale).mul_(place))
    return settle(y, plan, noise)[0]
