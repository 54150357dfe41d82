"""Fidelities of measurements, such as numbers of epochs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ..core import Constraint, InvalidArgumentError, Metric, check_float

__all__ = ["FIDELITY", "Fidelity", "check_fidelities"]

FIDELITY = "fidelity"
"""Name of the metric with the fidelity of a trial."""


@dataclass(frozen=True)
class Fidelity:
    """Possible fidelities of an evaluator.

    Attributes:
        unit: Unit, such as ``"epochs"``.
        maximum: The full fidelity, that of :meth:`.Evaluator.evaluate`.
        whole: Whether fidelities are integers of at least 1; otherwise any positive numbers.
        remark: Remark to report with results at several fidelities, or "".

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
        """Return the metric with the fidelity of a trial."""
        return Metric(FIDELITY, self.unit, True, f"{self.unit} of the measurement")

    @property
    def bound(self) -> Constraint:
        """Return the constraint that only trials of the full fidelity meet."""
        return Constraint.parse(f"{FIDELITY}>={self.maximum:.17g}")

    def text(self, value: float) -> str:
        """Return a fidelity as text."""
        return f"{value:.12g} {self.unit}"

    def check(self, values: Iterable[float]) -> None:
        """Check the fidelities of a search.

        Args:
            values: The fidelities, ascending.

        Raises:
            InvalidArgumentError: If one is invalid, or the last is not the full fidelity.
        """
        listed = list(values)
        shown = ", ".join(f"{value:.12g}" for value in listed)
        if self.whole and any(value != int(value) for value in listed):
            raise InvalidArgumentError(
                f"`fidelities` must be integer numbers of {self.unit}, but got {shown}."
            )
        if listed[-1] != self.maximum:
            raise InvalidArgumentError(
                f"`fidelities` must end with {self.text(self.maximum)}, the full fidelity of the evaluator, "
                f"but got {shown}; change the list or the evaluator's setting."
            )


def check_fidelities(values: Any) -> tuple[float, ...]:
    """Check the fidelities of a search: at least two positive numbers, ascending.

    Raises:
        InvalidArgumentError: If they are anything else.

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
            "`fidelities` must be at least two positive numbers, ascending, such as 1, 3, 9, but got "
            f"{', '.join(f'{value:.12g}' for value in found) or 'none'}."
        )
    return found
