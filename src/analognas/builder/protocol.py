"""What a build asks of whatever measures one network, and what a worker says back."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

__all__ = ["Answer", "Measurement", "Result", "UnitTask"]


class Result(Protocol):
    """Outcome of one unit: numbers by metric, JSON types."""

    @property
    def values(self) -> Mapping[str, float]:
        """Values by metric."""

    @property
    def stds(self) -> Mapping[str, float]:
        """Standard deviations from chip to chip, by metric; only where known."""

    @property
    def sems(self) -> Mapping[str, float]:
        """Standard errors by metric; only where known."""

    @property
    def seconds(self) -> float:
        """Time that it took, s, that before an interruption included."""

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it took, s, likewise."""


class Measurement(Protocol):
    """Measures networks of one space; picklable, and loads what it needs once in every process.

    A result depends on the architecture, the unit and the seed alone.
    """

    @property
    def units(self) -> tuple[str, ...]:
        """Conditions in an order in which they can run."""

    def fidelity(self) -> dict[str, Any]:
        """Return what decides how exact results are, as plain values by name."""

    def data_facts(self) -> dict[str, Any]:
        """Return what identifies the data, as plain values: ``name``, ``note`` and ``sha256``."""

    def requires(self, unit: str) -> tuple[str, ...]:
        """Return the conditions that must be done before."""

    def run(self, architecture: Any, unit: str, *, seed: int, folder: Path | None = None) -> Result:
        """Measure one condition of one architecture; what other units need is kept in ``folder``."""


class UnitTask(NamedTuple):
    """A unit on its way to a worker.

    Attributes:
        unit_id: Its number in the queue.
        genotype: The architecture.
        seed: Seed.
        condition: What is to be done.
        folder: Where files of this architecture and seed are kept.
    """

    unit_id: int
    genotype: tuple[int, ...]
    seed: int
    condition: str
    folder: str


class Answer(NamedTuple):
    """What a worker says of a task.

    Attributes:
        result: ``values``, ``stds`` and ``sems``, if all went well.
        seconds: Time that it took, s.
        cpu_seconds: Processor time that it took, s.
        error: Else what went wrong, on one line.
        again: Whether another attempt may go better.
        stop: Whether the build cannot go on: a disk is full, data are missing.
    """

    result: dict[str, dict[str, float]] | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    error: str = ""
    again: bool = True
    stop: bool = False
