"""One layer for another of a different class: the same parameter objects, hooks, flags and attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from torch import nn

L = TypeVar("L", bound=nn.Module)

DIGITAL_CLASS = "_digital_class"
"""Attribute of an analog layer that was converted: the class that it had."""
STAYS_DIGITAL = "_stays_digital"
"""Attribute of a layer that was not converted: why."""

_COMPILED = "_compiled_call_impl"  # what nn.Module.compile() made: it would call the digital layer

OWN_DICTS = ("_parameters", "_buffers", "_modules", "_non_persistent_buffers_set")
"""Collections of a module that its exchange must not share with it."""


def become(digital: nn.Module, kind: type[L]) -> L:
    """Return an object of the class ``kind`` with all that ``digital`` has, without its constructor.

    Parameters and hooks are the same objects, so that optimizers and handles of hooks stay valid. Analog
    state is still missing: the caller makes it.

    Example:
        >>> from analognas.nn import AnalogLinear
        >>> layer = nn.Linear(2, 3)
        >>> become(layer, AnalogLinear).weight is layer.weight
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


def substitute(model: nn.Module, change: Callable[[nn.Module], nn.Module | None]) -> nn.Module:
    """Exchange modules wherever they occur in ``model``, children before parents; return the model.

    Args:
        model: Changed in place, unless it is itself exchanged.
        change: Returns what takes a module's place; None to leave it.
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
    """Return all modules, each once and after all that it contains."""
    if id(module) in seen:
        return []
    seen.add(id(module))
    inside = [part for child in module.children() for part in _children_first(child, seen)]
    return [*inside, module]
