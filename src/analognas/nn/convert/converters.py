"""Converters from torch layers to analog layers."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ..config import AnalogConfig
from ..layers.attention import AnalogMultiheadAttention
from ..layers.conv import AnalogConv1d, AnalogConv2d, AnalogConv2dSame, AnalogConv3d
from ..layers.linear import AnalogLinear, AnalogTransposedLinear
from ..layers.recurrent import AnalogGRU, AnalogLSTM
from ..tile.products import LinearProduct
from .module_surgery import change_class

Converter = Callable[[nn.Module, AnalogConfig], nn.Module]
"""Converts a digital layer to an analog one with the same parameter objects."""

CONVERTERS: dict[type[nn.Module] | str, Converter] = {}
"""Converters by the class of the digital layer, or by its full name."""

_METHODS = ("forward", "_conv_forward", "__call__")


def register_converter(kind: type[nn.Module] | str, converter: Converter) -> None:
    """Register a converter for :func:`~analognas.nn.to_analog`.

    It is also used for subclasses that do not override the forward.

    Args:
        kind: The class of the digital layer, or its full name for an optional library.
        converter: Function of the layer and the configuration that returns the analog layer. It usually calls
            :func:`~analognas.nn.change_class` and then adds the analog state.

    Example:
        >>> from analognas.nn import to_analog
        >>> class Scaled(nn.Linear):
        ...     def forward(self, input):
        ...         return super().forward(2 * input)
        >>> def convert(layer, config):
        ...     return nn.Sequential(nn.Identity(), to_analog(nn.Linear(4, 2), config))
        >>> register_converter(Scaled, convert)
    """
    CONVERTERS[kind] = converter


def find_converter(module: nn.Module) -> tuple[Converter | None, type[nn.Module] | None]:
    """Return the converter of a layer and the convertible class from which it inherits; None if there is none.

    A layer that overrides the forward, in its class or as an attribute, has no converter.
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
    made = change_class(layer, AnalogLinear)
    made._make_analog(config, LinearProduct(), channels=made.in_features, outputs=made.out_features)
    return made


def _conv(kind: type[AnalogConv1d] | type[AnalogConv2d] | type[AnalogConv3d]) -> Converter:
    def convert(layer: nn.Module, config: AnalogConfig) -> nn.Module:
        made = change_class(layer, kind)
        made._make_analog_conv(config)
        return made

    return convert


def _recurrent(kind: type[AnalogLSTM] | type[AnalogGRU]) -> Converter:
    def convert(layer: nn.Module, config: AnalogConfig) -> nn.Module:
        made = change_class(layer, kind)
        made._make_recurrent(config)
        return made

    return convert


def _attention(layer: nn.Module, config: AnalogConfig) -> nn.Module:
    made = change_class(layer, AnalogMultiheadAttention)
    made._make_projections(config)
    return made


def _transposed(layer: nn.Module, config: AnalogConfig) -> nn.Module:
    made = change_class(layer, AnalogTransposedLinear)
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
