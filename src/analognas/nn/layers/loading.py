"""State dicts of other versions and other tiles: what of them a layer can take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor

from ..tile.scales import follow_tiles, weight_scales
from ..tile.tiled_layer import Plan


def with_one_dimension(
    state_dict: Mapping[str, Any], prefix: str, names: Iterable[str]
) -> dict[str, Any]:
    """Return a state dict in which single numbers have one dimension; earlier versions saved none."""
    fitted = dict(state_dict)
    for key in (prefix + name for name in names):
        value = fitted.get(key)
        if isinstance(value, Tensor) and value.ndim == 0:
            fitted[key] = value.reshape(1)
    return fitted


_NUMBERS = ("step", "mu_product", "mu", "eta")
"""What optimizers of torch keep for a parameter without being shaped like it."""


def give_dimensions(optimizer: torch.optim.Optimizer) -> None:
    """Shape the state that an optimizer was loaded with like its parameters; see :func:`with_one_dimension`."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if parameter.shape == (1,) and isinstance(value, Tensor) and value.ndim == 0:
                state[name] = value if name in _NUMBERS else value.reshape(1)


def without_foreign_scales(
    state_dict: Mapping[str, Any], prefix: str, scale: Tensor, plan: Plan
) -> dict[str, Any]:
    """Return a state dict without weight scales of other tiles: they follow from the weights.

    Args:
        state_dict: What is loaded.
        prefix: Name of the layer in it, with a dot.
        scale: The layer's weight scales, shape ``(row tiles, out)``.
        plan: The layer.
    """
    key = prefix + "weight_scale"
    given = state_dict.get(key)
    if not isinstance(given, Tensor) or given.ndim != 2 or given.shape[1] != scale.shape[1]:
        return dict(state_dict)
    if given.shape == scale.shape and (
        given.is_meta or torch.equal(given, follow_tiles(given, plan))
    ):
        return dict(state_dict)
    return {name: value for name, value in state_dict.items() if name != key}


def are_of_larger_tiles(scale: Tensor, weight: Tensor, plan: Plan) -> bool:
    """Whether scales are the largest weights of tiles that were larger than the layer's."""
    if not plan.config.scaling.remap or weight.is_meta or plan.config.scaling.per == "layer":
        return False
    own = weight_scales(weight, plan)
    return bool((scale >= own).all() and (scale > own).any() and torch.isin(scale, own).all())
