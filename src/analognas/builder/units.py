"""Units of a work queue, claims, and counts by state."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STATES", "Claim", "Counts", "Unit"]

STATES = ("waiting", "running", "done", "failed")
"""States of a unit, in the order of their numbers in the queue."""


@dataclass(frozen=True)
class Unit:
    """One condition of one architecture and seed.

    Attributes:
        position: Place of the architecture in the build.
        seed: Seed of its trainings and chips.
        condition: The condition to measure.
        needs: Conditions of the same architecture and seed that must be measured first.
    """

    position: int
    seed: int
    condition: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A unit that an owner has claimed.

    Attributes:
        unit_id: Its number in the queue.
        position: Place of the architecture in the build.
        genotype: The architecture.
        seed: Seed.
        condition: The condition to measure.
    """

    unit_id: int
    position: int
    genotype: tuple[int, ...]
    seed: int
    condition: str


@dataclass(frozen=True)
class Counts:
    """Numbers of units of a build.

    Attributes:
        by_condition: For each condition, the number of units by state (``waiting``, ``running``, ``done``,
            ``failed``).
        mean_seconds: Mean time of a condition's finished units, s; only for conditions with finished units.
        mean_cpu_seconds: Their mean processor time, s.
    """

    by_condition: dict[str, dict[str, int]]
    mean_seconds: dict[str, float]
    mean_cpu_seconds: dict[str, float]

    def total(self, *states: str) -> int:
        """Number of units in any of ``states``; all units by default."""
        wanted = states or STATES
        return sum(counts[state] for counts in self.by_condition.values() for state in wanted)

    @property
    def seconds_left(self) -> float | None:
        """Remaining time of one worker, s; None while a condition with open units has no finished unit."""
        left = 0.0
        for condition, counts in self.by_condition.items():
            n = counts["waiting"] + counts["running"]
            if n and condition not in self.mean_seconds:
                return None
            left += n * self.mean_seconds.get(condition, 0.0)
        return left
