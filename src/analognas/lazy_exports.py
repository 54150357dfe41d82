"""Public names of a package that are imported from their modules when they are first used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

__all__ = ["lazy_exports"]


def lazy_exports(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package whose public names load on first use.

    Args:
        package: The package's ``__name__``.
        homes: Module of each name, relative to the package. No name may be that of one of these modules: the
            import of a module would replace it.

    Example:
        >>> get, _ = lazy_exports("analognas.core", {"philox_key": "philox"})
        >>> get("unknown")
        Traceback (most recent call last):
        AttributeError: module 'analognas.core' has no attribute 'unknown'
    """
    assert not set(homes) & set(homes.values())

    def get(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(import_module(f".{homes[name]}", package), name)
        setattr(sys.modules[package], name, value)
        return value

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names
