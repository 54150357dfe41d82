"""Converters: how a layer of each torch class becomes an analog one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from ..config import AnalogConfig
from ..layers.attention import AnalogMultiheadAttention
from ..layers.conv import AnalogConv1d, AnalogConv2d, AnalogConv3d
from ..layers.linear import AnalogLinear
from ..layers.recurrent import AnalogGRU, AnalogLSTM
from ..layers.same_conv import AnalogConv2dSame
from ..layers.transposed_linear import AnalogTransposedLinear
from ..tile.products import LinearProduct
from .module_surgery import become

Converter = Callable[[nn.Module, AnalogConfig], nn.Module]
"""Makes an analog layer of a digital one: the same parameter objects, another class."""

CONVERTERS: dict[type[nn.Module] | str, Converter] = {}
"""Converters by the class of the digital layer, or its full name."""

_METHODS = ("forward", "_conv_forward", "__call__")


def register_converter(kind: type[nn.Module] | str, converter: Converter) -> None:
    """Tell :func:`~analognas.nn.to_analog` how to convert layers of a class.

    Subclasses that do not change the forward are converted likewise.

    Args:
        kind: The class; or its full name, for a library that need not be installed.
        converter: Called with the layer and the configuration; returns the analog layer, usually
            :func:`~analognas.nn.become` first and then the analog state.
    """
    CONVERTERS[kind] = converter


def find_converter(module: nn.Module) -> tuple[Converter | None, type[nn.Module] | None]:
    """Return a layer's converter, if there is one, and the convertible class that it inherits from.

    There is none for a layer whose class, or which itself, has a forward of its own.
    """
    for kind in type(module).__mro__:
        full_name = f"{kind.__module__}.{kind.__qualname__}"
        key = kind if kind in CONVERTERS else full_name
        if key in CONVERTERS:
            same = all(
                getattr(type(module), name, None) is getattr(kind, name, None)
                and name not in vars(module)
                for name in _METHODS
            )
            return CONVERTERS[key] if same else None, kind
    return None, None


def _linear(layer: nn.Module, config: AnalogConfig) -> nn.Module:
    made = become(layer, AnalogLinear)
    made._make_analog(config, LinearProduct(), channels=made.in_features, outputs=made.out_features)
    return made


def _conv(kind: type[Any]) -> Converter:
    def convert(layer: nn.Module, config: AnalogConfig) -> nn.Module:
        made: nn.Module = become(layer, kind)
        made._make_analog_conv(config)  # type: ignore[operator]
        return made

    return convert


def _recurrent(kind: type[AnalogLSTM] | type[AnalogGRU]) -> Converter:
    def convert(layer: nn.Module, config: AnalogConfig) -> nn.Module:
        made = become(layer, kind)
        made._make_recurrent(config)
        return made

    return convert


def _attention(layer: nn.Module, config: AnalogConfig) -> nn.Module:
    made = become(layer, AnalogMultiheadAttention)
    made._make_projections(config)
    return made


def _transposed(layer: nn.Module, config: AnalogConfig) -> nn.Module:
    made = become(layer, AnalogTransposedLinear)
    made._make_transposed(config)
    return made


register_converter(nn.Linear, _linear)
register_converter(nn.Conv1d, _conv(AnalogConv1d))
register_converter(nn.Conv2d, _conv(AnalogConv2d))
register_converter(nn.Conv3d, _conv(AnalogConv3d))
register_converter(nn.LSTM, _recurrent(AnalogLSTM))
register_converter(nn.GRU, _recurrent(AnalogGRU))
register_converter(nn.MultiheadAttention, _attention)
register_converter("transformers.pytorch_utils.Conv1D", _transposed)
register_converter("timm.layers.linear.Linear", _linear)
register_converter("timm.layers.conv2d_same.Conv2dSame", _conv(AnalogConv2dSame))
