"""Packages that only some functions need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from .errors import InvalidArgumentError

__all__ = ["ArrowView", "arrow_rows", "import_optional"]


def import_optional(name: str, needed_by: str, install: str | None = None) -> Any:
    """Return a package.

    Args:
        name: Name of its module.
        needed_by: What needs it, for the message.
        install: What pip installs; None: ``name``.

    Raises:
        InvalidArgumentError: If it is not installed.

    Example:
        >>> import_optional("json", "this example").loads("[1]")
        [1]
        >>> import_optional("no_such_package", "to_polars()")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        analognas.core.errors.InvalidArgumentError: to_polars() needs no_such_package: pip install no_such_...
    """
    try:
        return import_module(name)
    except ImportError as error:
        if error.name is not None and error.name.partition(".")[0] != name.partition(".")[0]:
            raise  # it is installed, but something in it is broken
        raise InvalidArgumentError(
            f"{needed_by} needs {name}: pip install {install or name}."
        ) from None


def arrow_rows(rows: Sequence[Mapping[str, Any]]) -> Any:
    """Return rows with the same keys as a ``pyarrow.Table``."""
    import pyarrow as pa

    return pa.Table.from_pylist(list(rows))


class ArrowView:
    """Tables for Arrow's PyCapsule interface, as in ``polars.DataFrame(result)``."""

    def to_arrow(self) -> Any:
        """Return the rows as a ``pyarrow.Table``."""
        raise NotImplementedError

    def to_polars(self) -> Any:
        """Return the rows as a ``polars.DataFrame``.

        Raises:
            InvalidArgumentError: If polars is not installed.
        """
        return import_optional("polars", "to_polars()").from_arrow(self.to_arrow())

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Called by packages that read Arrow streams."""
        return self.to_arrow().__arrow_c_stream__(requested_schema)
