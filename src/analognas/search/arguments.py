"""Checks of what a worker is given, beside those that the parts do themselves."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from ..core import InvalidArgumentError, check_int


def check_objectives(objectives: Any) -> str | list[str] | None:
    """Return the name of a metric, or names as a list; None is left to the optimizer.

    Raises:
        InvalidArgumentError: If it is something else.

    Example:
        >>> check_objectives(("avm", "params"))
        ['avm', 'params']
    """
    if objectives is None or isinstance(objectives, str):
        return objectives
    names = list(objectives) if isinstance(objectives, Iterable) else [objectives]
    if not all(isinstance(name, str) for name in names):
        raise InvalidArgumentError(
            f"`objectives` must be the name of a metric or names of several, but got {objectives!r}."
        )
    return names


def check_folder(out: Any) -> Path:
    """Return a folder as a path; it need not exist.

    Raises:
        InvalidArgumentError: If it is no path.
    """
    path = os.fspath(out) if isinstance(out, os.PathLike) else out
    if not isinstance(path, str):
        raise InvalidArgumentError(f"`out` must be the path of a folder, but got {out!r}.")
    return Path(path)


def check_observer(on_progress: Any) -> Callable[..., None] | None:
    """Return what is told of progress, if anything is.

    Raises:
        InvalidArgumentError: If it cannot be called.
    """
    if on_progress is not None and not callable(on_progress):
        raise InvalidArgumentError(
            f"`on_progress` must be a function that takes a Progress, but got {on_progress!r}."
        )
    observer: Callable[..., None] | None = on_progress
    return observer


def check_runs(numbers: Sequence[int], n_runs: int, out: Path | None) -> list[int]:
    """Return the numbers of the runs that one of several processes does, rising.

    Args:
        numbers: The numbers.
        n_runs: Number of all runs.
        out: The folder that the processes share.

    Raises:
        InvalidArgumentError: If there is no number or no folder, or a number is out of range.
    """
    if out is None:
        raise InvalidArgumentError("`only_runs` needs `out`, the folder that processes share.")
    given = numbers if isinstance(numbers, Iterable) else [numbers]
    checked = {check_int("only_runs", number, minimum=0, maximum=n_runs - 1) for number in given}
    if not checked:
        raise InvalidArgumentError("`only_runs` must name at least one run, but got none.")
    return sorted(checked)
