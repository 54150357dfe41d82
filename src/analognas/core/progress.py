"""Progress as lines, where the output is not a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from .times import duration

__all__ = ["ProgressLines"]

LINE_SECONDS = 5.0
"""Least time between two lines, s."""
_FIRST_SECONDS = 2.0
_LEAST_DONE = 0.02
"""Share of the work from which the time left is estimated."""


class ProgressLines:
    """Prints a line on stderr after two seconds of work, and then every few seconds, with the time left.

    Args:
        clock: Returns the time, s.
        each_label: Also print a line when a new label begins.

    Example:
        >>> lines = ProgressLines(clock=iter([0.0, 1.0]).__next__)
        >>> lines.show("run 0", 1, 10)  # too early for a line
        >>> lines.text("run 0", 5, 10, "best 90.1", seconds=4.0)
        'run 0: 5 of 10, best 90.1, about 5 s left'
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, each_label: bool = False
    ) -> None:
        self._clock, self._each_label = clock, each_label
        self._start = clock()
        self._label, self._begun, self._first = "", self._start, 0.0
        self._due = self._start + _FIRST_SECONDS

    def show(self, label: str, done: float, total: float, more: str = "", unit: str = "") -> None:
        """Print a line, if it is time for one.

        Args:
            label: What is done now; a new one starts a new estimate of the time left.
            done: Work done.
            total: All of it.
            more: Further facts.
            unit: Unit of the work.
        """
        now = self._clock()
        if label != self._label:
            self._label, self._begun, self._first = label, now, done
            if self._each_label:
                self._due = now
        if now < self._due:
            return
        self._due = now + LINE_SECONDS
        line = self.text(label, done, total, more, unit, seconds=now - self._begun)
        print(line, file=sys.stderr, flush=True)

    def text(
        self,
        label: str,
        done: float,
        total: float,
        more: str = "",
        unit: str = "",
        *,
        seconds: float,
    ) -> str:
        """Return the line of a moment.

        Args:
            label: As for :meth:`show`.
            done: As for :meth:`show`.
            total: As for :meth:`show`.
            more: As for :meth:`show`.
            unit: As for :meth:`show`.
            seconds: Time since the label began, s.
        """
        counted = f"{done:,.0f} of {total:,.0f}{f' {unit}' if unit else ''}"
        parts = [counted, *([more] if more else [])]
        since = done - self._first
        if done < total and since > 0.0 and since >= _LEAST_DONE * (total - self._first):
            parts.append(f"about {duration(seconds * (total - done) / since)} left")
        return f"{label}: {', '.join(parts)}"
