"""The analog layers of a model."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from ...core import InvalidArgumentError, check_float
from ..config import AnalogConfig
from .base import AnalogLayer


def analog_layers(model: nn.Module) -> Iterable[tuple[str, AnalogLayer]]:
    """Return the names and analog layers of a model, each layer once.

    Raises:
        InvalidArgumentError: If the model has no analog layer.

    Example:
        >>> import torch
        >>> from analognas.nn import to_analog
        >>> model = to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2)))
        >>> [name for name, layer in analog_layers(model)]
        ['0']
    """
    found = [
        (name, layer) for name, layer in model.named_modules() if isinstance(layer, AnalogLayer)
    ]
    if not found:
        raise InvalidArgumentError(
            "The model must have analog layers, but has none: see to_analog()."
        )
    return found


def network_config(model: nn.Module) -> AnalogConfig:
    """Return the configuration with which a model was made analog: that of its layers that are not doubled.

    Raises:
        InvalidArgumentError: If the model has no analog layer.

    Example:
        >>> from analognas.nn import to_analog
        >>> net = to_analog(nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2)), AnalogConfig(doubled=("first",)))
        >>> net[0].config.weight_mapping.n_devices, network_config(net).weight_mapping.n_devices
        (4, 2)
    """
    configs = [layer.config for _, layer in analog_layers(model)]
    plain = (config for config in configs if config != config.of_doubled())
    return next(plain, configs[0])


def set_modifier_factor(model: nn.Module, factor: float) -> None:
    """Set the factor on the noise of all weight modifiers, for a ramp over the first epochs.

    Raises:
        InvalidArgumentError: If ``factor`` is negative, or the model has no analog layer.

    Example:
        >>> import torch
        >>> from analognas.nn import to_analog
        >>> model = to_analog(torch.nn.Sequential(torch.nn.Linear(4, 2)))
        >>> _ = set_modifier_factor(model, 0.5)
        >>> model[0].modifier_factor
        0.5
    """
    check_float("factor", factor, minimum=0.0)
    for _, layer in analog_layers(model):
        layer.modifier_factor = float(factor)


def check_trained(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    """Check that an optimizer has the parameters of a model's analog layers.

    Whole layers may be omitted, but not the input range and output scales of a layer whose weights are trained.

    Raises:
        InvalidArgumentError: If it has no parameter of any layer, only some parameters of a layer, or
            parameters of another model.
    """
    held = {id(parameter) for group in optimizer.param_groups for parameter in group["params"]}
    own = {id(parameter): name for name, parameter in model.named_parameters()}
    holds_others = not held <= own.keys()
    wanted: set[int] = set()
    absent: list[int] = []
    for _, layer in analog_layers(model):
        weight, state = layer.stored_weight, (layer.input_range, layer.out_scale)
        keys = [id(x) for x in state if x is not None and x.requires_grad and id(x) in own]
        if weight.requires_grad and id(weight) in own:
            wanted.add(id(weight))
            needed = keys if id(weight) in held else [id(weight)] if holds_others else []
            absent += [key for key in needed if key not in held]
        wanted.update(keys)
    if wanted and wanted.isdisjoint(held):
        raise InvalidArgumentError(
            "`optimizer` must have the parameters of the model's analog layers, but has none of them. "
            "to_analog() returns a copy: create the optimizer after it, from model.parameters()."
        )
    if absent:
        names = ", ".join(repr(own[key]) for key in absent[:3])
        raise InvalidArgumentError(
            f"`optimizer` must have all parameters of the analog layers that it trains, but {len(absent)} are "
            f"missing ({names}{', ...' if len(absent) > 3 else ''}). Create the optimizer after to_analog(), "
            "from model.parameters(), or freeze these with requires_grad_(False)."
        )
