"""Fidelities: an evaluator may measure with less effort than in full, such as after fewer epochs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..core import Constraint, InvalidArgumentError, Metric, check_float

__all__ = ["FIDELITY", "Fidelity", "check_fidelities"]

FIDELITY = "fidelity"
"""Name of the metric that says at which fidelity a trial was measured."""


@dataclass(frozen=True)
class Fidelity:
    """With how much effort an evaluator can measure.

    Attributes:
        unit: What is counted, such as ``"epochs"``.
        maximum: The full fidelity, with which :meth:`.Evaluator.evaluate` measures.
        whole: Whether only whole numbers from 1 are possible; else any positive number.
        remark: What must be said beside results of several fidelities; empty where nothing must.

    Example:
        >>> Fidelity("epochs", 9).text(3)
        '3 epochs'
    """

    unit: str
    maximum: float
    whole: bool = True
    remark: str = ""

    @property
    def metric(self) -> Metric:
        """The metric that says at which fidelity a trial was measured."""
        return Metric(FIDELITY, self.unit, True, f"{self.unit} with which it was measured")

    @property
    def bound(self) -> Constraint:
        """The constraint that lets only trials of the full fidelity win."""
        return Constraint.parse(f"{FIDELITY}>={self.maximum:.17g}")

    def text(self, value: float) -> str:
        """Return one fidelity as people read it."""
        return f"{value:.12g} {self.unit}"

    def check(self, values: Iterable[float]) -> None:
        """Check the fidelities of a search.

        Args:
            values: The fidelities, rising.

        Raises:
            InvalidArgumentError: If one is not possible, or the last is not the full fidelity.
        """
        listed = list(values)
        shown = ", ".join(f"{value:.12g}" for value in listed)
        if self.whole and any(value != int(value) for value in listed):
            raise InvalidArgumentError(
                f"`fidelities` must be whole numbers of {self.unit}, but got {shown}."
            )
        if listed[-1] != self.maximum:
            raise InvalidArgumentError(
                f"`fidelities` must end with {self.text(self.maximum)}, the full fidelity of the evaluator, "
                f"but got {shown}; change the list or the evaluator's setting."
            )


def check_fidelities(values: Any) -> tuple[float, ...]:
    """Return the fidelities of a search: at least two positive numbers, rising.

    Raises:
        InvalidArgumentError: If they are something else.

    Example:
        >>> check_fidelities([1, 3, 9])
        (1.0, 3.0, 9.0)
    """
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidArgumentError(
            f"`fidelities` must be numbers such as 1, 3, 9, but got {values!r}."
        )
    found = tuple(check_float("fidelities", value, minimum=0.0) for value in values)
    if len(found) < 2 or found[0] == 0.0 or any(b <= a for a, b in pairwise(found)):
        raise InvalidArgumentError(
            "`fidelities` must be at least two positive numbers, rising, such as 1, 3, 9, but got "
            f"{', '.join(f'{value:.12g}' for value in found) or 'none'}."
        )
    return found
