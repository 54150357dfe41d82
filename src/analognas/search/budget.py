"""The budget of a run: evaluations, seconds, or a cost that the evaluator reports."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ..core import InvalidArgumentError, check_float, check_int


@dataclass(frozen=True)
class Budget:
    """Limits of one run; the first one reached ends it.

    The number of evaluations is exact. Time and cost are checked after every batch of the optimizer; the batch
    that reaches a limit is finished and counts.

    Attributes:
        evaluations: Distinct architectures, or readings where a repeat is a new measurement; None: any number.
        seconds: Wall-clock time, s; None: any.
        cost: Sum of ``cost_metric`` over everything evaluated, in its unit; None: any.
        cost_metric: Metric of the evaluator that an evaluation's cost is read from, for example the seconds
            that a training took.

    Raises:
        InvalidArgumentError: If nothing is limited, a limit is out of range, or only one of ``cost`` and
            ``cost_metric`` is given.

    Example:
        >>> budget = Budget(evaluations=500, seconds=3600)
        >>> budget.reached(500, 12.0, 0.0)
        'budget'
    """

    evaluations: int | None = None
    seconds: float | None = None
    cost: float | None = None
    cost_metric: str | None = None

    def __post_init__(self) -> None:
        if self.evaluations is not None:
            check_int("budget", self.evaluations, minimum=1)
        for name, limit in (("max_seconds", self.seconds), ("max_cost", self.cost)):
            if limit is not None and check_float(name, limit, minimum=0.0) == 0:
                raise InvalidArgumentError(f"`{name}` must be positive, but got {limit!r}.")
        if self.cost is not None and self.cost_metric is None:
            raise InvalidArgumentError(
                "`max_cost` needs `cost_metric`, the metric of the evaluator that is summed up."
            )
        if self.evaluations is None and self.seconds is None and self.cost is None:
            raise InvalidArgumentError(
                "A search needs a limit: `budget`, `max_seconds` or `max_cost`."
            )

    @property
    def most(self) -> float:
        """Evaluations at most; infinite where they are not limited."""
        return math.inf if self.evaluations is None else self.evaluations

    def reached(self, evaluations: int, seconds: float, cost: float) -> str | None:
        """Return the limit that a run has reached: ``"budget"``, ``"cost"``, ``"seconds"`` or None.

        Example:
            >>> Budget(evaluations=500, seconds=60).reached(80, 61.5, 0.0)
            'seconds'
        """
        if evaluations >= self.most:
            return "budget"
        if self.cost is not None and cost >= self.cost:
            return "cost"
        if self.seconds is not None and seconds >= self.seconds:
            return "seconds"
        return None

    def fraction(self, evaluations: int, seconds: float, cost: float) -> float:
        """Return the spent fraction of the budget, from 0 to 1, by the nearest limit.

        Example:
            >>> Budget(evaluations=500, seconds=60).fraction(100, 30.0, 0.0)
            0.5
        """
        spent = [evaluations / self.most]
        if self.seconds is not None:
            spent.append(seconds / self.seconds)
        if self.cost is not None:
            spent.append(cost / self.cost)
        return min(1.0, max(spent))
