"""Progress of a drift evaluation: chip by chip, and batch by batch within a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["DriftProgress", "DriftStep", "StepCounter"]


@dataclass(frozen=True)
class DriftProgress:
    """Progress of an evaluation.

    Attributes:
        chips: Chips done.
        n_chips: Largest number of chips.
        half_width: Largest half-width of an interval so far, in the unit of the metric; NaN for one chip.

    Example:
        >>> DriftProgress(chips=5, n_chips=25, half_width=0.4).half_width
        0.4
    """

    chips: int
    n_chips: int
    half_width: float


@dataclass(frozen=True)
class DriftStep:
    """Progress within a stage of an evaluation.

    Attributes:
        stage: ``"input ranges"`` (of a directly mapped network), ``"digital"`` or ``"chips"``.
        done: Forward passes of one example that are done.
        total: Largest number of forward passes of one example.

    Example:
        >>> step = DriftStep("chips", done=500, total=2000)
        >>> f"{step.stage}: {step.done / step.total:.0%}"
        'chips: 25%'
    """

    stage: str
    done: int
    total: int


class StepCounter:
    """Counts forward passes, and reports them.

    Args:
        tell: Called when a stage begins, and after each batch; None reports nothing.
    """

    def __init__(self, tell: Callable[[DriftStep], None] | None) -> None:
        self._tell = tell
        self._stage, self._done, self._total = "", 0, 0

    def begin(self, stage: str, total: int) -> None:
        """Begin a stage of ``total`` forward passes."""
        self._stage, self._done, self._total = stage, -1, total
        self.add(1)

    def add(self, n: int) -> None:
        """Count ``n`` forward passes."""
        self._done = min(self._done + n, self._total)
        if self._tell is not None:
            self._tell(DriftStep(self._stage, self._done, self._total))
