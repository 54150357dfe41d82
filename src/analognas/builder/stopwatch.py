"""Time that a unit takes, kept over interruptions, and one thread for all that must not depend on more."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..core import write_json
from ..core.text_files import read_json

__all__ = ["Stopwatch", "one_torch_thread"]

_EVERY = 30.0  # s between saves


class Stopwatch:
    """Wall-clock and processor time since it was made, and what a file says was spent before.

    Args:
        path: The file; None keeps none.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._before = (0.0, 0.0)
        if path is not None and path.exists():
            try:
                wall, cpu = read_json(path)
                self._before = float(wall), float(cpu)
            except (OSError, ValueError, TypeError):
                pass  # times are information: a damaged file of them stops no measurement
        self._started = time.perf_counter(), time.process_time()
        self._saved = self._started[0]

    def read(self) -> tuple[float, float]:
        """Return wall-clock and processor time, s."""
        now = time.perf_counter(), time.process_time()
        wall, cpu = (
            before + at - start
            for before, at, start in zip(self._before, now, self._started, strict=True)
        )
        return wall, cpu

    def tick(self) -> None:
        """Save what was spent so far, now and then; called after every step."""
        now = time.perf_counter()
        if self._path is not None and now - self._saved > _EVERY:
            self._saved = now
            write_json(self._path, list(self.read()))

    def forget(self) -> None:
        """Remove the file: the time is kept elsewhere."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread within a ``with`` block: sums then round alike on any number of cores."""
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n)
