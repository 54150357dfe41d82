"""What a work queue holds and says of itself."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["STATES", "Claim", "Counts", "Unit"]

STATES = ("waiting", "running", "done", "failed")
"""States of a unit, in the order of their numbers in the queue."""


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    Attributes:
        position: Place of the architecture in the build.
        seed: Seed of its trainings and chips.
        condition: What is done.
        needs: Conditions of the same architecture and seed that must be done before.
    """

    position: int
    seed: int
    condition: str
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A unit that was given to an owner.

    Attributes:
        unit_id: Its number in the queue.
        position: Place of the architecture in the build.
        genotype: The architecture.
        seed: Seed.
        condition: What is to be done.
    """

    unit_id: int
    position: int
    genotype: tuple[int, ...]
    seed: int
    condition: str


@dataclass(frozen=True)
class Counts:
    """How far a build is.

    Attributes:
        by_condition: For every condition the number of units by state (``waiting``, ``running``, ``done``,
            ``failed``).
        mean_seconds: Mean time of the finished units of a condition, s; absent where none has finished.
        mean_cpu_seconds: Mean processor time of them, s.
    """

    by_condition: dict[str, dict[str, int]]
    mean_seconds: dict[str, float]
    mean_cpu_seconds: dict[str, float]

    def total(self, *states: str) -> int:
        """Number of units in any of ``states``; of all units without one."""
        wanted = states or STATES
        return sum(counts[state] for counts in self.by_condition.values() for state in wanted)

    @property
    def seconds_left(self) -> float | None:
        """Work that is left, s of one worker; None while a condition with open units has no finished one."""
        left = 0.0
        for condition, counts in self.by_condition.items():
            n = counts["waiting"] + counts["running"]
            if n and condition not in self.mean_seconds:
                return None
            left += n * self.mean_seconds.get(condition, 0.0)
        return left
