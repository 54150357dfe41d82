"""Whether an experiment that was made again agrees with a stored one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..core import InvalidArgumentError
from ..core.text_tables import ShownTable, TableView
from ..core.times import time_name
from ..drift import DriftResult, Estimate, difference_of
from ..drift.intervals import t_quantile
from .result import Reproduction, TaskResult

__all__ = ["ReproductionComparison", "compare_reproductions"]

_SHARED = ("name", "tasks", "times", "chips", "seed", "scale")
"""Settings that two experiments must have in common; `root` and texts may differ."""


@dataclass(frozen=True)
class ComparedValue:
    """One number of two experiments.

    Attributes:
        where: Task, and network or variant.
        time: Time since programming, s.
        new: The number that was made again.
        stored: The stored number.
        difference: New minus stored.
        agrees: Whether the interval of the difference, with the joint confidence, holds 0.
    """

    where: str
    time: float
    new: Estimate
    stored: Estimate
    difference: Estimate
    agrees: bool


@dataclass(frozen=True, repr=False)
class ReproductionComparison(TableView):
    """All numbers of two experiments.

    Attributes:
        values: The numbers on chips.
        digital: What differs without chips, as text; nothing if all is equal.
    """

    values: tuple[ComparedValue, ...]
    digital: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        """Whether all numbers on chips agree."""
        return all(value.agrees for value in self.values)

    def shown_table(self) -> ShownTable:
        """Return the numbers that do not agree."""
        wrong = [value for value in self.values if not value.agrees]
        rows = tuple(
            (value.where, time_name(value.time), str(value.new), str(value.stored))
            for value in wrong
        )
        n = len(self.values)
        title = f"{n - len(wrong)} of {n} numbers agree within their intervals"
        heads = ("where", "time", "new", "stored") if rows else ()
        return ShownTable(title, heads, rows, self.digital)


def compare_reproductions(new: Reproduction, stored: Reproduction) -> ReproductionComparison:
    """Compare an experiment with a stored one of the same settings.

    A number agrees if the 95 % interval of its difference holds 0, lengthened such that all intervals together
    hold with 95 % (Bonferroni). Intervals are those of the mean over chips.

    Args:
        new: The experiment that was made again.
        stored: The stored experiment.

    Raises:
        InvalidArgumentError: If their settings differ, so that their numbers must differ too.
    """
    for name in _SHARED:
        mine, theirs = _setting(new, name), _setting(stored, name)
        if mine != theirs:
            shown = "" if name == "tasks" else f" ({mine!r} and {theirs!r})"
            raise InvalidArgumentError(
                f"Experiments are compared in the same size and settings, but their `{name}` differ{shown}; "
                "make the new one as the stored one."
            )
    pairs = list(_pairs(new, stored))
    n = sum(len(one.times) for _, one, _ in pairs)
    values = tuple(
        _compared(where, one, other, t, n) for where, one, other in pairs for t in one.times
    )
    return ReproductionComparison(values, tuple(_digital(new, stored)))


def _setting(of: Reproduction, name: str) -> Any:
    return of.settings.get(name, getattr(of, name) if name in ("name", "scale") else None)


def _pairs(
    new: Reproduction, stored: Reproduction
) -> Iterator[tuple[str, DriftResult, DriftResult]]:
    """Yield networks and variants of both."""
    for task, other in zip(new.tasks, stored.tasks, strict=True):
        for name, curve in task.curves.items():
            yield f"{task.name}, {task.title_of(name)}", curve, other.curves[name]
        for table, theirs in zip(task.tables, other.tables, strict=True):
            for name, (title, curve) in table.rows.items():
                yield f"{task.name}, {table.title}: {title}", curve, theirs.rows[name][1]


def _compared(where: str, one: DriftResult, other: DriftResult, t: float, n: int) -> ComparedValue:
    found = difference_of(one, other, t)
    joint = 1.0 - (1.0 - one.confidence) / n
    reach = t_quantile(joint, found.df) * found.sem if found.sem > 0.0 else 0.0
    agrees = abs(found.value) <= reach + 1e-9
    return ComparedValue(where, t, one.at(t), other.at(t), found, agrees)


def _digital(new: Reproduction, stored: Reproduction) -> Iterator[str]:
    """Yield what differs without chips: equal on one machine, and not on another."""
    for task, other in zip(new.tasks, stored.tasks, strict=True):
        for what, mine, theirs in (
            ("digital", *_references(task, other)),
            ("quantized", task.quantized, other.quantized),
        ):
            if mine != theirs:
                yield (
                    f"{task.name}: {what} {mine:.2f} instead of {theirs:.2f}. Trainings on another machine "
                    "differ in the last digits, and so in what they learn."
                )


def _references(task: TaskResult, other: TaskResult) -> tuple[float, float]:
    return task.first.reference, other.first.reference
