"""How far the stage of an evaluation is that is at work, batch by batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["DriftStep", "Steps"]


@dataclass(frozen=True)
class DriftStep:
    """How far a stage of an evaluation is.

    Attributes:
        stage: ``"input ranges"`` (of a network that is mapped as it is), ``"digital"`` or ``"chips"``.
        done: Forwards of one example that are done.
        total: Forwards of one example that there will be at most.
    """

    stage: str
    done: int
    total: int


class Steps:
    """Counts forwards, and tells of them.

    Args:
        tell: Called when a stage begins, and after each batch; None: nobody is told.
    """

    def __init__(self, tell: Callable[[DriftStep], None] | None) -> None:
        self._tell = tell
        self._stage, self._done, self._total = "", 0, 0

    def begin(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` forwards."""
        self._stage, self._done, self._total = stage, -1, total
        self.add(1)

    def add(self, n: int) -> None:
        """Count ``n`` forwards."""
        self._done = min(self._done + n, self._total)
        if self._tell is not None:
            self._tell(DriftStep(self._stage, self._done, self._total))
