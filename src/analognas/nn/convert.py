"""From digital layers to analog ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from torch import nn

from .config import AnalogConfig
from .conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from .layer import AnalogLayer, check_weights
from .linear import AnalogLinear

Converter = Callable[[nn.Module, AnalogConfig], nn.Module]
"""Makes an analog layer of a digital one: the same parameter objects, another class."""

CONVERTERS: dict[type[nn.Module], Converter] = {}
"""Converters by the exact class of the digital layer."""


def register_converter(kind: type[nn.Module], converter: Converter) -> None:
    """Tell :func:`to_analog` how to convert layers whose class is exactly ``kind``."""
    CONVERTERS[kind] = converter


def to_analog(model: nn.Module, config: AnalogConfig | None = None) -> nn.Module:
    """Return a copy of ``model`` whose layers are analog where there is a converter.

    Args:
        model: Any module; it is not changed.
        config: The hardware.
    """
    config = config or AnalogConfig()
    result = copy.deepcopy(model)
    if type(result) in CONVERTERS:
        return CONVERTERS[type(result)](result, config)
    for parent in list(result.modules()):
        if isinstance(parent, AnalogLayer):
            continue
        for name, child in list(parent.named_children()):
            if type(child) in CONVERTERS:
                setattr(parent, name, CONVERTERS[type(child)](child, config))
    return result


def adopt(analog: AnalogLayer, digital: nn.Module) -> AnalogLayer:
    """Give a new analog layer the parameters, hooks and training flag of ``digital``; return it.

    Args:
        analog: Made on torch's device ``"meta"``.
        digital: The layer that it replaces.
    """
    analog.to_empty(device=digital._parameters["weight"].device)  # type: ignore[union-attr]
    for name, parameter in digital.named_parameters(recurse=False):
        analog._parameters[name] = parameter
    for name, value in vars(digital).items():
        if name.endswith("_hooks"):
            setattr(analog, name, value)
    analog.reset_analog()
    return analog.train(digital.training)


def _linear(layer: nn.Module, config: AnalogConfig) -> nn.Module:
    assert isinstance(layer, nn.Linear)
    check_weights(type(layer).__name__, layer.weight)
    made = AnalogLinear(
        layer.in_features,
        layer.out_features,
        layer.bias is not None,
        config=config,
        device="meta",
        dtype=layer.weight.dtype,
    )
    return adopt(made, layer)


def _conv(kind: type[Any]) -> Converter:
    def convert(layer: nn.Module, config: AnalogConfig) -> nn.Module:
        given: Any = layer
        check_weights(type(layer).__name__, given.weight)
        made = kind(
            given.in_channels,
            given.out_channels,
            given.kernel_size,
            given.stride,
            given.padding,
            given.dilation,
            given.groups,
            given.bias is not None,
            given.padding_mode,
            config=config,
            device="meta",
            dtype=given.weight.dtype,
        )
        return adopt(made, layer)

    return convert


register_converter(nn.Linear, _linear)
register_converter(nn.Conv1d, _conv(AnalogConv1d))
register_converter(nn.Conv2d, _conv(AnalogConv2d))
register_converter(nn.Conv3d, _conv(AnalogConv3d))
