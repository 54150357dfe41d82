"""Torch's transformer encoders: their fast paths read weights directly and would pass tiles by."""

from __future__ import annotations

from torch import nn

from ..layers.base import AnalogLayer

_SAVED = "_before_analog"
_SWITCHES: tuple[tuple[type[nn.Module], str, object], ...] = (
    (nn.TransformerEncoderLayer, "activation_relu_or_gelu", 0),
    (nn.TransformerEncoder, "use_nested_tensor", False),
)


def close_fast_paths(model: nn.Module, layers: type[nn.Module] = AnalogLayer) -> None:
    """Make transformer encoders that hold ``layers`` call them, in evaluation too."""
    for module in model.modules():
        for kind, name, value in _SWITCHES:
            if isinstance(module, kind) and any(
                isinstance(part, layers) for part in module.modules()
            ):
                saved = module.__dict__.setdefault(_SAVED, {})
                saved.setdefault(name, getattr(module, name))
                setattr(module, name, value)


def open_fast_paths(model: nn.Module) -> None:
    """Undo :func:`close_fast_paths`."""
    for module in model.modules():
        for name, value in module.__dict__.pop(_SAVED, {}).items():
            setattr(module, name, value)
