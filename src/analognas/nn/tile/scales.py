"""Weight scales and clipping limits of a layer's tiles."""

from __future__ import annotations

import torch
from torch import Tensor

from ..kernels import passes as kernels
from ..kernels.buffers import flat_array, takes_kernels
from .tiled_layer import Plan


def weight_scales(weight: Tensor, plan: Plan) -> Tensor:
    """Return the largest weight of each layer, tile or column, spread over the outputs.

    Args:
        weight: Weights, outputs first.
        plan: The layer.

    Returns:
        Shape ``(row tiles, out)``, positive: the scale of zeros is 1.
    """
    grid = plan.grid
    if plan.config.scaling.per == "layer":
        scale = largest(weight).expand(grid.n_row_tiles, weight.shape[0])
    else:
        sizes = weight.flatten(1).abs()
        scale = follow_tiles(
            torch.stack([sizes[:, rows].amax(-1) for rows in grid.row_slices]), plan
        )
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def follow_tiles(scale: Tensor, plan: Plan) -> Tensor:
    """Return scales ``(row tiles, out)`` of which those of a layer or tile are equal, if so configured."""
    per = plan.config.scaling.per
    if per == "layer":
        return scale.amax().expand(scale.shape)
    return plan.grid.reduce_columns(scale, "amax") if per == "tile" else scale


def clip_limit(weight: Tensor, scale: Tensor, plan: Plan) -> Tensor | float | None:
    """Return the largest weight that clipping leaves, broadcast to ``weight``; None without clipping."""
    settings = plan.config.clip
    if settings.kind == "none":
        return None
    if settings.kind == "gaussian":
        return spread(weight) * settings.sigma
    rows = plan.spread_rows(scale) * settings.value
    return rows.view(weight.shape)


def spread(weight: Tensor) -> Tensor | float:
    """Return the standard deviation of the weights, on the CPU from two cheap sums where that is safe."""
    if takes_kernels(weight) and weight.numel() > 1:
        n, (total, squares) = weight.numel(), kernels.sums(flat_array(weight))
        if total**2 / n < 0.5 * squares:
            return float(((squares - total**2 / n) / (n - 1)) ** 0.5)
    return weight.std(correction=min(1, weight.numel() - 1))


def largest(weight: Tensor) -> Tensor:
    """Return the largest absolute weight, without dimensions."""
    if takes_kernels(weight):
        return weight.new_tensor(kernels.largest_size(flat_array(weight)))
    ends = torch.aminmax(weight)
    return torch.maximum(-ends.min, ends.max)
