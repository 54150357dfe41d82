"""State dicts: of earlier versions, of other tile sizes, and of other networks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ...core import CheckpointMismatchError
from ..tile.scales import equalize_scales, weight_scales
from ..tile.tiled_layer import TiledLayer


def with_one_dimension(
    state_dict: Mapping[str, Any], prefix: str, names: Iterable[str]
) -> dict[str, Any]:
    """Return a state dict whose numbers have one dimension. Earlier versions saved them without dimensions."""
    fitted = dict(state_dict)
    for key in (prefix + name for name in names):
        value = fitted.get(key)
        if isinstance(value, Tensor) and value.ndim == 0:
            fitted[key] = value.reshape(1)
    return fitted


_NUMBERS = ("step", "mu_product", "mu", "eta")
"""State of torch optimizers that does not have the shape of its parameter."""


def give_dimensions(optimizer: torch.optim.Optimizer) -> None:
    """Reshape the loaded state of an optimizer like its parameters; see :func:`with_one_dimension`."""
    for parameter, state in optimizer.state.items():
        for name, value in state.items():
            if parameter.shape == (1,) and isinstance(value, Tensor) and value.ndim == 0:
                state[name] = value if name in _NUMBERS else value.reshape(1)


def without_foreign_scales(
    state_dict: Mapping[str, Any], prefix: str, scale: Tensor, tiled: TiledLayer
) -> dict[str, Any]:
    """Return a state dict without the weight scales of other tile sizes. They are computed from the weights.

    Args:
        state_dict: The state dict.
        prefix: Name of the layer in it, with a dot.
        scale: Weight scales of the layer, shape ``(row tiles, out)``.
        tiled: The layer's configuration, product and tiles.
    """
    key = prefix + "weight_scale"
    given = state_dict.get(key)
    if not isinstance(given, Tensor) or given.ndim != 2 or given.shape[1] != scale.shape[1]:
        return dict(state_dict)
    if given.shape == scale.shape and (
        given.is_meta or torch.equal(given, equalize_scales(given, tiled))
    ):
        return dict(state_dict)
    return {name: value for name, value in state_dict.items() if name != key}


def are_of_larger_tiles(scale: Tensor, weight: Tensor, tiled: TiledLayer) -> bool:
    """Whether scales are the largest weights of tiles that are larger than those of the layer."""
    per_layer = tiled.config.scaling.per in ("layer", "fan_in")
    if not tiled.config.scaling.remap or weight.is_meta or per_layer:
        return False
    own = weight_scales(weight, tiled)
    return bool((scale >= own).all() and (scale > own).any() and torch.isin(scale, own).all())


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Load all weights; names and shapes are compared first, so that a mismatch changes nothing.

    Raises:
        CheckpointMismatchError: If they differ; names some of the differences.
    """
    own = model.state_dict()
    numbers = [name for name, value in own.items() if value.shape == (1,)]
    tensors = with_one_dimension(tensors, "", numbers)
    missing = [name for name in own if name not in tensors]
    extra = sorted(name for name in tensors if name not in own)
    shapes = [
        f"{name} is {tuple(tensors[name].shape)} there and {tuple(own[name].shape)} here"
        for name in own
        if name in tensors and own[name].shape != tensors[name].shape
    ]
    problems = [
        f"{label}: {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}"
        for label, names in (("missing", missing), ("not in this model", extra), ("shapes", shapes))
        if names
    ]
    if problems:
        raise CheckpointMismatchError(
            f"{source!r} holds the weights of another model ({len(missing) + len(extra) + len(shapes)} "
            f"differences; {'; '.join(problems)}): build the model that they belong to."
        )
    model.load_state_dict(dict(tensors))
