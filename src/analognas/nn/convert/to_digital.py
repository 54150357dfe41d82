"""From analog layers back to digital ones."""

from __future__ import annotations

import copy
import warnings
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from ..layers.base import AnalogLayer
from ..layers.composite import AnalogComposite, MatrixTiles
from .module_surgery import (
    DIGITAL_CLASS,
    OWN_DICTS,
    STAYS_DIGITAL,
    open_fast_paths,
    replace_modules,
)

_STATE = {
    "_parameters": {"input_range", "out_scale"},
    "_buffers": {"weight_scale", "input_range_batches"},
    "_modules": {"tiles"},
    "_non_persistent_buffers_set": set[str](),
}
_ATTRIBUTES = {
    DIGITAL_CLASS,
    "tiled",
    "mode",
    "modifier_factor",
    "_chips",
    "_n_batches_seen",
    "_warming",
    "_observation",
    "_index",
    "_extra_padding",
}


def to_digital(model: nn.Module, *, inplace: bool = False) -> nn.Module:
    """Return a copy of ``model`` with torch's own layers and the trained weights.

    This is the inverse of :func:`~analognas.nn.to_analog` and restores classes, parameters and hooks. Learned
    output scales are multiplied into the weights. Input ranges and chips are discarded. An analog layer that
    was not converted becomes the torch layer that it inherits from.

    Args:
        model: A model; without analog layers, a copy is returned.
        inplace: Modify ``model`` instead of a copy. If ``model`` is itself a layer, use the return value.

    Returns:
        The digital model.

    Example:
        >>> from analognas.nn import AnalogLinear
        >>> to_digital(AnalogLinear(4, 2))
        Linear(in_features=4, out_features=2, bias=True)
    """
    model = model if inplace else copy.deepcopy(model)
    users = Counter(
        id(parameter)
        for module in model.modules()
        for parameter in module._parameters.values()
        if parameter is not None
    )

    def change(module: nn.Module) -> nn.Module | None:
        if isinstance(module, MatrixTiles):
            return None
        if isinstance(module, AnalogComposite):
            for part in module.matrices:
                _fold(module, part, users)
            return _digital(module)
        if isinstance(module, AnalogLayer):
            _fold(module, module, users)
            return _digital(module)
        module.__dict__.pop(STAYS_DIGITAL, None)
        return None

    result = replace_modules(model, change)
    open_fast_paths(result)
    return result


def digital_class(layer: nn.Module) -> type[nn.Module]:
    """Return the class from which an analog layer was converted, or from which it inherits."""
    converted: type[nn.Module] | None = layer.__dict__.get(DIGITAL_CLASS)
    if converted is not None:
        return converted
    return next(
        kind
        for kind in type(layer).__mro__
        if issubclass(kind, nn.Module) and not issubclass(kind, AnalogLayer | AnalogComposite)
    )


@torch.no_grad()
def _fold(owner: nn.Module, layer: AnalogLayer, users: Counter[int]) -> None:
    """Multiply the learned output scales into the weights of ``owner``."""
    scale = layer.out_scale
    if scale is None or bool((scale == 1.0).all()):
        return
    name = layer._source[1] if isinstance(layer, MatrixTiles) else "weight"
    parameter = owner._parameters[name]
    assert parameter is not None
    if users[id(parameter)] > 1:
        users[id(parameter)] -= 1
        parameter = nn.Parameter(parameter.clone(), requires_grad=parameter.requires_grad)
        owner._parameters[name] = parameter
        warnings.warn(
            f"{type(owner).__name__} no longer shares its weight: its learned output scales were multiplied "
            "into a copy.",
            stacklevel=5,
        )
    weight: Tensor = layer.weight
    weight.mul_(scale.view(-1, *(1,) * (weight.ndim - 1)))


def _digital(analog: nn.Module) -> nn.Module:
    kind = digital_class(analog)
    made: nn.Module = kind.__new__(kind)
    left_out = {DIGITAL_CLASS} if isinstance(analog, AnalogComposite) else _ATTRIBUTES
    made.__dict__.update(
        {name: value for name, value in vars(analog).items() if name not in left_out}
    )
    for name in OWN_DICTS:
        made.__dict__[name] = made.__dict__[name].copy()
        for key in _STATE[name]:
            _remove(made.__dict__[name], key)
    if isinstance(made, nn.RNNBase):
        made._init_flat_weights()
    return made


def _remove(entries: Any, key: str) -> None:
    if key in entries:
        entries.pop(key)
