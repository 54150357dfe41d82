"""Weight scales and clipping limits of a layer's tiles."""

from __future__ import annotations

import torch
from torch import Tensor

from .plan import Plan


def weight_scales(weight: Tensor, plan: Plan) -> Tensor:
    """Return the largest weight of each layer, tile or column, spread over the outputs.

    Args:
        weight: Weights, outputs first.
        plan: The layer.

    Returns:
        Shape ``(row tiles, out)``, positive: the scale of zeros is 1.
    """
    grid, per = plan.grid, plan.config.scaling.per
    if per == "layer":
        low, high = torch.aminmax(weight)
        scale = torch.maximum(-low, high).expand(grid.n_row_tiles, weight.shape[0])
    else:
        sizes = weight.flatten(1).abs()
        scale = torch.stack([sizes[:, rows].amax(-1) for rows in grid.row_slices])
        if per == "tile":
            scale = grid.reduce_columns(scale, "amax")
    return torch.where(scale > 0, scale, torch.ones_like(scale))


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
    if weight.device.type == "cpu" and weight.numel() > 1:
        n, mean, norm = (
            weight.numel(),
            float(weight.mean()),
            float(torch.linalg.vector_norm(weight)),
        )
        if n * mean**2 < 0.5 * norm**2:
            return float(((norm**2 - n * mean**2) / (n - 1)) ** 0.5)
    return weight.std(correction=min(1, weight.numel() - 1))
