"""Options of one call of a search that have no influence on its result."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core import InvalidArgumentError, check_int
from .callbacks import Callback, SearchProgress, check_callbacks


@dataclass
class RunOptions:
    """Checked options of :meth:`.Search.run`.

    Raises:
        InvalidArgumentError: If one has the wrong type or is out of range, or they do not fit together.
    """

    out: Any = None
    resume: bool = False
    retry_failed: bool = False
    only_runs: Sequence[int] | None = None
    callbacks: Sequence[Callback] = ()
    on_progress: Callable[[SearchProgress], None] | None = None

    def __post_init__(self) -> None:
        self.out = None if self.out is None else _folder(self.out)
        self.callbacks = check_callbacks(self.callbacks)
        if self.on_progress is not None and not callable(self.on_progress):
            raise InvalidArgumentError(
                "`on_progress` must be a function that takes a SearchProgress, but got "
                f"{self.on_progress!r}."
            )
        if self.resume and self.out is None:
            raise InvalidArgumentError(
                "`resume` needs `out`, the folder of the search to continue."
            )
        if self.retry_failed and not self.resume:
            raise InvalidArgumentError(
                "`retry_failed` needs `resume`: a new search has no failures."
            )

    def numbers(self, n_runs: int) -> list[int]:
        """Return the numbers of the runs that this call does, in ascending order.

        Args:
            n_runs: Number of all runs.

        Raises:
            InvalidArgumentError: If numbers or the folder are missing, or a number is out of range.
        """
        if self.only_runs is None:
            return list(range(n_runs))
        if self.out is None:
            raise InvalidArgumentError("`only_runs` needs `out`, the folder that processes share.")
        given = self.only_runs if isinstance(self.only_runs, Iterable) else [self.only_runs]
        numbers = {check_int("only_runs", n, minimum=0, maximum=n_runs - 1) for n in given}
        if not numbers:
            raise InvalidArgumentError("`only_runs` must name at least one run, but got none.")
        return sorted(numbers)


def _folder(out: Any) -> Path:
    path = os.fspath(out) if isinstance(out, os.PathLike) else out
    if not isinstance(path, str):
        raise InvalidArgumentError(f"`out` must be the path of a folder, but got {out!r}.")
    return Path(path)
