"""Former names of public objects keep working for one release, with a ``DeprecationWarning``."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["former_names"]

REMOVED_IN = "0.3"
"""Version without the former names."""


def former_names(
    package: str, names: Mapping[str, str], *, otherwise: Callable[[str], Any] | None = None
) -> Callable[[str], Any]:
    """Return ``__getattr__`` of a module whose public objects were renamed.

    Args:
        package: The module's ``__name__``.
        names: Present name by former name: a name of the module, or ``"module:attribute"`` relative to it;
            a module beside it begins with a dot, ``".module:attribute"``.
        otherwise: What finds all other names, if the module has such a function already.

    Example:
        >>> get = former_names("analognas.core", {"NameError_": "UnknownNameError"})
        >>> get("other")
        Traceback (most recent call last):
        AttributeError: module 'analognas.core' has no attribute 'other'
    """

    def get(name: str) -> Any:
        if name not in names:
            if otherwise is not None:
                return otherwise(name)
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = names[name].rpartition(":")
        warnings.warn(
            f"`{name}` of {package} is deprecated and will be removed in version {REMOVED_IN}; use "
            f"`{attribute}` instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        found: Any = import_module(f".{module}" if module else package, package)
        for part in attribute.split("."):
            found = getattr(found, part)
        return found

    return get
