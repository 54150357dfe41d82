"""Compiled passes over long arrays on as many threads as torch uses."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

_Part = TypeVar("_Part")

PART = 1 << 16
"""Elements of a part, a multiple of :data:`.passes.BLOCK`. Waking a thread takes longer than a shorter part."""

_pool: ThreadPoolExecutor | None = None


def slices(n: int) -> list[slice]:
    """Split ``range(n)`` into parts of :data:`PART` elements.

    Example:
        >>> slices(100_000)
        [slice(0, 65536, None), slice(65536, 100000, None)]
    """
    return [slice(start, min(start + PART, n)) for start in range(0, n, PART)]


def run_all(run: Callable[[_Part], int], parts: Sequence[_Part], n: int) -> int:
    """Run a pass over independent parts of an array, in parallel if the array is long.

    Args:
        run: Processes one part; should release the interpreter's lock.
        parts: The parts.
        n: Length of the array.

    Returns:
        The sum of the return values.
    """
    n_groups = min(torch.get_num_threads(), n // PART, len(parts))
    if n_groups < 2:
        return sum(map(run, parts))
    try:
        others = [
            _threads().submit(lambda group: sum(map(run, group)), parts[i::n_groups])
            for i in range(1, n_groups)
        ]
    except RuntimeError:  # the interpreter is shutting down and cannot start threads
        return sum(map(run, parts))
    try:
        total = sum(map(run, parts[::n_groups]))
    finally:
        for other in others:
            other.exception()
    return total + sum(other.result() for other in others)


def _threads() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="analognas")
    return _pool


def _forget() -> None:
    """Drop the thread pool in a forked child, which does not inherit the threads."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
