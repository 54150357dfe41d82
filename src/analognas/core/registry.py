"""Registries: objects by name, imported on first use."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any, Generic, TypeVar, cast

from .checks import check_choice
from .errors import InvalidArgumentError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named objects of one kind.

    An entry is the object itself or a string ``"package.module:attribute"``, which is imported on first use, so
    listing names is cheap.

    Args:
        kind: Kind of the entries, for error messages ("optimizer").
        entries: The first entries by name.

    Example:
        >>> shapes = Registry[type]("shape", {"decimal": "decimal:Decimal"})
        >>> shapes.names()
        ['decimal']
        >>> shapes.get("decimal")
        <class 'decimal.Decimal'>
    """

    def __init__(self, kind: str, entries: dict[str, T | str]) -> None:
        self.kind = kind
        self._entries: dict[str, T | str] = dict(entries)

    def add(self, name: str, entry: T | str) -> None:
        """Register ``entry`` under ``name``.

        Raises:
            InvalidArgumentError: If the name is taken.
        """
        if name in self._entries:
            raise InvalidArgumentError(
                f"{self.kind} {name!r} is already registered; choose another name."
            )
        self._entries[name] = entry

    def get(self, name: str) -> T:
        """Return the object called ``name``.

        Raises:
            UnknownNameError: If there is none; lists the choices and names the nearest.
        """
        entry: Any = self._entries[check_choice(self.kind, name, self._entries)]
        if isinstance(entry, str):
            module, _, attribute = entry.partition(":")
            entry = getattr(import_module(module), attribute)
            self._entries[name] = entry
        return cast(T, entry)

    def names(self) -> list[str]:
        """All names in the order of registration."""
        return list(self._entries)

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)
