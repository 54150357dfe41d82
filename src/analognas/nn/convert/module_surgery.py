"""Replacement of a module by one of another class with the same parameters, hooks and attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import nn

_SAVED = "_before_analog"
_SWITCHES: tuple[tuple[type[nn.Module], str, object], ...] = (
    (nn.TransformerEncoderLayer, "activation_relu_or_gelu", 0),
    (nn.TransformerEncoder, "use_nested_tensor", False),
)

L = TypeVar("L", bound=nn.Module)

DIGITAL_CLASS = "_digital_class"
"""Attribute of a converted layer: its former class."""
STAYS_DIGITAL = "_stays_digital"
"""Attribute of a layer that was not converted: the reason."""

_COMPILED = (
    "_compiled_call_impl"  # result of nn.Module.compile(), which would call the digital layer
)

OWN_DICTS = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
"""Collections of a module that are copied for its replacement."""


def change_class(digital: nn.Module, kind: type[L]) -> L:
    """Return an object of the class ``kind`` with the attributes of ``digital``, without calling a constructor.

    Parameters and hooks are the same objects, so optimizers and handles of hooks stay valid. The caller adds
    the analog state.

    Example:
        >>> from analognas.nn import AnalogLinear
        >>> layer = nn.Linear(2, 3)
        >>> change_class(layer, AnalogLinear).weight is layer.weight
        True
    """
    made = kind.__new__(kind)
    made.__dict__.update(digital.__dict__)
    for name in OWN_DICTS:
        made.__dict__[name] = made.__dict__[name].copy()
    for name in (STAYS_DIGITAL, _COMPILED):
        made.__dict__.pop(name, None)
    made.__dict__[DIGITAL_CLASS] = type(digital)
    return made


def replace_modules(model: nn.Module, change: Callable[[nn.Module], nn.Module | None]) -> nn.Module:
    """Replace modules wherever they occur in ``model``, children before parents, and return the model.

    Args:
        model: Modified in place, unless it is itself replaced.
        change: Returns the replacement of a module, or None to keep it.
    """
    changed: dict[int, nn.Module] = {}
    for module in _children_first(model, set()):
        for name, child in module._modules.items():
            if child is not None and id(child) in changed:
                module._modules[name] = changed[id(child)]
        made = change(module)
        if made is not None:
            changed[id(module)] = made
    return changed.get(id(model), model)


def _children_first(module: nn.Module, seen: set[int]) -> list[nn.Module]:
    """Return all modules once, each after the modules that it contains."""
    if id(module) in seen:
        return []
    seen.add(id(module))
    inside = [part for child in module.children() for part in _children_first(child, seen)]
    return [*inside, module]


def close_fast_paths(model: nn.Module, layers: type[nn.Module]) -> None:
    """Turn off the fast paths of torch's transformer encoders that contain ``layers``.

    In evaluation these paths read weights directly and would bypass the layers.
    """
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
