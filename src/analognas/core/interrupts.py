"""Ctrl-C in Python says how the work continues."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["resumable"]


@contextmanager
def resumable(call: str, exists: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Give a ``KeyboardInterrupt`` of the block a text that names the call which continues.

    Args:
        call: The Python expression.
        exists: Whether there is something to continue.

    Example:
        >>> try:
        ...     with resumable("Search.resume('found').run()"):
        ...         raise KeyboardInterrupt
        ... except KeyboardInterrupt as error:
        ...     print(error)
        continue with: Search.resume('found').run()
    """
    try:
        yield
    except KeyboardInterrupt as error:
        if not error.args and exists():
            error.args = (f"continue with: {call}",)
        raise
