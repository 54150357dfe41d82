"""Weight scales and clipping limits of a layer."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..kernels import passes as kernels
from ..kernels.buffers import can_use_kernels, flat_array
from .tiled_layer import TiledLayer


def weight_scales(weight: Tensor, tiled: TiledLayer) -> Tensor:
    """Return the weight scales: the largest absolute weight of each layer, tile or column, or a constant.

    Args:
        weight: Weights, outputs first.
        tiled: The layer's configuration, product and tiles.

    Returns:
        Positive scales, expanded to all outputs, shape ``(row tiles, out)``. The scale of zeros is 1.
    """
    grid = tiled.grid
    if tiled.config.scaling.per == "fan_in":
        constant = math.sqrt(3.0 / weight[0].numel())
        return weight.new_full((grid.n_row_tiles, weight.shape[0]), constant)
    if tiled.config.scaling.per == "layer":
        scale = largest_weight(weight).expand(grid.n_row_tiles, weight.shape[0])
    else:
        sizes = weight.flatten(1).abs()
        scale = equalize_scales(
            torch.stack([sizes[:, rows].amax(-1) for rows in grid.row_slices]), tiled
        )
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def equalize_scales(scale: Tensor, tiled: TiledLayer) -> Tensor:
    """Make the scales ``(row tiles, out)`` of each layer or tile equal, as configured."""
    per = tiled.config.scaling.per
    if per in ("layer", "fan_in"):
        return scale.amax().expand(scale.shape)
    return tiled.grid.reduce_columns(scale, "amax") if per == "tile" else scale


def clip_limit(weight: Tensor, scale: Tensor, tiled: TiledLayer) -> Tensor | float | None:
    """Return the clipping limit, a number or a tensor that broadcasts to ``weight``; None without clipping."""
    settings = tiled.config.clip
    if settings.kind == "none":
        return None
    if settings.kind == "gaussian":
        return standard_deviation(weight) * settings.sigma
    rows = tiled.spread_rows(scale) * settings.value
    return rows.view(weight.shape)


def standard_deviation(weight: Tensor) -> Tensor | float:
    """Return the standard deviation of the weights. On the CPU, use two sums where they are precise enough."""
    if can_use_kernels(weight) and weight.numel() > 1:
        n, (total, squares) = weight.numel(), kernels.sums(flat_array(weight))
        if total**2 / n < 0.5 * squares:
            return float(((squares - total**2 / n) / (n - 1)) ** 0.5)
    return weight.std(correction=min(1, weight.numel() - 1))


def largest_weight(weight: Tensor) -> Tensor:
    """Return the largest absolute weight as a tensor without dimensions."""
    if can_use_kernels(weight):
        return weight.new_tensor(kernels.largest_size(flat_array(weight)))
    ends = torch.aminmax(weight)
    return torch.maximum(-ends.min, ends.max)
