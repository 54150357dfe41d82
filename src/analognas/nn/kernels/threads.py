"""Compiled passes over long arrays, on as many threads as torch has."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

_Part = TypeVar("_Part")

PART = 1 << 16
"""Numbers of a part: fewer take less time than to wake a thread. Whole blocks of :mod:`.kernels`."""

_pool: ThreadPoolExecutor | None = None


def slices(n: int) -> list[slice]:
    """Cut a range of ``n`` into parts.

    Example:
        >>> slices(100_000)
        [slice(0, 65536, None), slice(65536, 100000, None)]
    """
    return [slice(start, min(start + PART, n)) for start in range(0, n, PART)]


def run_all(run: Callable[[_Part], int], parts: Sequence[_Part], n: int) -> int:
    """Run a pass over independent parts of an array, at the same time where it is long.

    Args:
        run: Takes a part; leaves the interpreter's lock.
        parts: The parts.
        n: Length of the array.

    Returns:
        The sum of what the runs return.
    """
    n_groups = min(torch.get_num_threads(), n // PART, len(parts))
    if n_groups < 2:
        return sum(map(run, parts))
    try:
        others = [
            _threads().submit(lambda group: sum(map(run, group)), parts[i::n_groups])
            for i in range(1, n_groups)
        ]
    except RuntimeError:  # the interpreter is ending and starts no threads
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
    """Of the threads of a process its child has none."""
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
