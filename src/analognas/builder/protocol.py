"""Protocols of a build: what measures a network, and the messages between coordinator and workers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..core.former_names import former_names

__all__ = ["Answer", "Measurement", "Result", "UnitTask"]


class Result(Protocol):
    """Outcome of one unit: numbers by metric, JSON types.

    Example:
        >>> from analognas.builder import UnitResult
        >>> result = UnitResult({"baseline_accuracy": 90.0}, sems={"baseline_accuracy": 1.5})
        >>> result.values["baseline_accuracy"], result.stds
        (90.0, {})
    """

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
        """Wall-clock time, s, including the time before an interruption."""

    @property
    def cpu_seconds(self) -> float:
        """Processor time, s, likewise."""


class Measurement(Protocol):
    """Measures networks of one space; picklable, and loads its data once in every process.

    A result depends on the architecture, the unit and the seed alone.

    Example:
        >>> from analognas.builder import NetworkMeasurement, find_specification
        >>> settings = find_specification("resnet-cifar10")
        >>> measurement = NetworkMeasurement(settings.make_space(), settings.measurement)
        >>> measurement.units, measurement.requires("hwa")
        (('digital', 'hwa'), ('digital',))
    """

    @property
    def units(self) -> tuple[str, ...]:
        """Conditions, each after those that it requires."""

    def fidelity(self) -> dict[str, Any]:
        """Return the settings that decide the accuracy of results, as plain values by name."""

    def data_facts(self) -> dict[str, Any]:
        """Return the identity of the data, as plain values: ``name``, ``note`` and ``sha256``."""

    def requires(self, unit: str) -> tuple[str, ...]:
        """Return the conditions that must be measured first."""

    def run(self, architecture: Any, unit: str, *, seed: int, folder: Path | None = None) -> Result:
        """Measure one condition of one architecture; files for other units are kept in ``folder``."""


class UnitTask(NamedTuple):
    """A unit that is sent to a worker.

    Attributes:
        unit_id: Its number in the queue.
        genotype: The architecture.
        seed: Seed.
        condition: The condition to measure.
        folder: Where files of this architecture and seed are kept.
    """

    unit_id: int
    genotype: tuple[int, ...]
    seed: int
    condition: str
    folder: str


class Answer(NamedTuple):
    """The answer of a worker to a task.

    Attributes:
        result: ``values``, ``stds`` and ``sems``; empty after an error.
        seconds: Wall-clock time, s.
        cpu_seconds: Processor time, s.
        error: The error on one line; empty if there was none.
        again: Whether another attempt may succeed.
        stop: Whether the build cannot continue, as with a full disk or missing data.
    """

    result: dict[str, dict[str, float]] | None = None
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    error: str = ""
    again: bool = True
    stop: bool = False


__getattr__ = former_names(__name__, {"Task": "UnitTask"})
