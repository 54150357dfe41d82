"""Time of a unit, which is kept over interruptions, and a context with one thread."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..core import Metric, write_json
from ..core.foreign_numbers import measured
from ..core.text_files import read_json

__all__ = ["Stopwatch", "one_torch_thread"]

_EVERY = 30.0  # s between saves
_SECONDS = Metric("seconds", "s", False)


class Stopwatch:
    """Wall-clock and processor time, including the time before an interruption, which a file stores.

    Args:
        path: The file; None: no file.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._before = (0.0, 0.0)
        if path is not None and path.exists():
            try:
                wall, cpu = measured(_SECONDS, read_json(path), missing=False, zero=True).tolist()
                self._before = wall, cpu
            except (OSError, ValueError, TypeError):
                pass  # a damaged file of times must not stop a measurement
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
        """Save the time at intervals; called after every step."""
        now = time.perf_counter()
        if self._path is not None and now - self._saved > _EVERY:
            self._saved = now
            write_json(self._path, list(self.read()))

    def forget(self) -> None:
        """Remove the file, after the time was stored with the result."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """Run torch on one thread within a ``with`` block, so that rounding does not depend on the machine."""
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n)
