"""Selection of layers by name, pattern or class."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

from torch import nn

from ...core import InvalidArgumentError, UnknownNameError

Chosen = str | type[nn.Module]
"""A name or pattern of names (``*``, ``?``, ``[...]`` as in file names), or a class."""


def names_of(model: nn.Module) -> dict[int, list[str]]:
    """Return all names of each module by its ``id``. A shared module has several names."""
    names: dict[int, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(id(module), []).append(name)
    return names


def listed(chosen: Any) -> list[Any]:
    """Return one or several entries as a list. :func:`select` checks their types."""
    one = isinstance(chosen, str | type) or not isinstance(chosen, Iterable)
    return [chosen] if one or isinstance(chosen, nn.Module) else list(chosen)


def select(model: nn.Module, chosen: Chosen | Iterable[Chosen], argument: str) -> set[int]:
    """Return the ``id`` of all selected modules and of the modules inside them.

    Args:
        model: The model.
        chosen: One or several names, patterns or classes. A class includes its subclasses. It does not need to
            occur in the model.
        argument: Name of the argument ``chosen`` in messages.

    Raises:
        UnknownNameError: If a name or pattern matches no module. The message contains the nearest name.
        InvalidArgumentError: If an entry is not a text or a module class.
    """
    selected: set[int] = set()
    for entry in listed(chosen):
        roots = _roots(model, entry, argument)
        selected.update(id(part) for root in roots for part in root.modules())
    return selected


def _roots(model: nn.Module, entry: Any, argument: str) -> list[nn.Module]:
    if isinstance(entry, type) and issubclass(entry, nn.Module):
        return [module for module in model.modules() if isinstance(module, entry)]
    if not isinstance(entry, str):
        raise InvalidArgumentError(
            f"`{argument}` must contain names, patterns or classes of modules, but got {entry!r}."
        )
    named = dict(model.named_modules(remove_duplicate=False))
    if entry in named:
        return [named[entry]]
    found = [module for name, module in named.items() if fnmatchcase(name, entry)]
    if not found:
        near = difflib.get_close_matches(entry, [name for name in named if name], n=1, cutoff=0.0)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise UnknownNameError(f"Unknown layer {entry!r} in `{argument}`.{hint}")
    return found
