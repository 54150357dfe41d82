"""Search problems: objectives with directions, and constraints."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    Constraint,
    InvalidArgumentError,
    Metric,
    UnknownNameError,
    check_choice,
    check_definitions,
    current_metric_name,
    get_metric,
    parse_constraints,
    total_violation,
)
from .base import Evaluation


@dataclass(frozen=True)
class KnownBounds:
    """Bounds on metrics that are known without measuring.

    Attributes:
        constraints: The bounds.
        count: Returns some of the metrics for architectures of shape ``(n, n_genes)``.

    Example:
        >>> from analognas import AnalogNASBench
        >>> from analognas.core import parse_constraints
        >>> from analognas.evaluators import TableEvaluator
        >>> evaluator = TableEvaluator(AnalogNASBench())
        >>> bounds = KnownBounds(parse_constraints("params<=5e5"), evaluator.evaluate_cheaply)
        >>> bounds.met(evaluator.space.population([[2, 2, 0, 4, 2, 1], [0, 1, 1, 1, 1, 1]])).tolist()
        [False, True]
    """

    constraints: tuple[Constraint, ...]
    count: Callable[[NDArray[Any], Sequence[str]], Evaluation]

    def met(self, population: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which architectures meet all bounds, shape ``(n,)``."""
        met = np.ones(len(population), dtype=bool)
        # One metric after the other, since most architectures fail at the first.
        for name in dict.fromkeys(bound.metric for bound in self.constraints):
            left = np.flatnonzero(met)
            if not len(left):
                break
            bounds = [bound for bound in self.constraints if bound.metric == name]
            counted = self.count(population[left], [name])
            met[left] = total_violation(bounds, counted.means, len(left)) == 0
        return met


@dataclass(frozen=True)
class Problem:
    """Objectives and constraints over the metrics of an evaluator.

    Attributes:
        objectives: Names of the metrics to optimise.
        constraints: Bounds that an architecture must meet; feasibility takes precedence over objectives.
        stochastic: Whether repeated measurements of an architecture differ.
        definitions: Definitions of metrics; for others, those of :data:`.METRICS` are used.
        checked_first: Constrained metrics that are known without measuring. An architecture that violates a
            bound on one of them is not measured.
        cost_metric: Metric that says what an evaluation cost; None where nothing does.
        known_bounds: Bounds that optimizers can check themselves before they propose an architecture, if any.

    Example:
        >>> Problem(("analog_accuracy",)).objectives
        ('analog_accuracy',)
    """

    objectives: tuple[str, ...]
    constraints: tuple[Constraint, ...] = ()
    stochastic: bool = False
    definitions: tuple[Metric, ...] = ()
    checked_first: tuple[str, ...] = ()
    cost_metric: str | None = None
    known_bounds: KnownBounds | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(
        cls,
        objectives: str | Sequence[str],
        constraints: Any,
        known_metrics: Sequence[str],
        *,
        stochastic: bool = False,
        definitions: Iterable[Metric] = (),
        checkable: Container[str] = (),
        cost_metric: str | None = None,
    ) -> Problem:
        """Return the problem of names and constraints as users write them.

        Args:
            objectives: One or several names of metrics; former names are accepted.
            constraints: Bounds such as ``"params<=1e6"``.
            known_metrics: Names of the evaluator's metrics.
            stochastic: Whether repeated measurements of an architecture differ.
            definitions: The evaluator's definitions of its metrics.
            checkable: Metrics that are known without measuring.
            cost_metric: Metric that says what an evaluation cost, if any.

        Raises:
            UnknownNameError: If a metric is not known.
            InvalidArgumentError: If a constraint cannot be parsed, or an objective is missing, repeated, or of
                unknown direction.
        """
        names = [objectives] if isinstance(objectives, str) else list(objectives)
        if not names:
            raise InvalidArgumentError("A search needs at least one objective, but got none.")
        names = [check_choice("metric", current_metric_name(n), known_metrics) for n in names]
        repeated = [name for position, name in enumerate(names) if name in names[:position]]
        if repeated:
            raise InvalidArgumentError(
                f"Objectives must differ, but got {repeated[0]!r} twice; remove one."
            )
        bounds = parse_constraints(constraints)
        for bound in bounds:
            _check_bounded(bound.metric, known_metrics)
        known = {**METRICS, **check_definitions(definitions)}
        for name in names:
            _check_declared(name, known)
        for bound in bounds:
            # For a metric that occurs only in bounds, the better direction is the one that meets them.
            known.setdefault(bound.metric, Metric(bound.metric, "", bound.relation.startswith(">")))
        needed = dict.fromkeys([*names, *(bound.metric for bound in bounds)])
        first = dict.fromkeys(bound.metric for bound in bounds if bound.metric in checkable)
        defined = tuple(known[name] for name in needed)
        return cls(tuple(names), bounds, stochastic, defined, tuple(first), cost_metric)

    @cached_property
    def metrics(self) -> list[str]:
        """Names of all required metrics, objectives first, without repeats."""
        wanted = [*self.objectives, *(constraint.metric for constraint in self.constraints)]
        return list(dict.fromkeys(wanted))

    def metric(self, name: str) -> Metric:
        """Return the definition of a metric; the evaluator's takes precedence.

        Raises:
            UnknownNameError: If the metric is unknown.
        """
        return next((one for one in self.definitions if one.name == name), None) or get_metric(name)

    @property
    def sign(self) -> float:
        """1 if the first objective is maximised, -1 if it is minimised."""
        return self._signs[0]

    @cached_property
    def _signs(self) -> list[float]:
        return [self.metric(name).sign for name in self.objectives]

    def scores(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Return objectives with signs such that larger is better, shape ``(n, n_objectives)``."""
        scores = np.empty((len(evaluation), len(self.objectives)))
        for column, (name, sign) in enumerate(zip(self.objectives, self._signs, strict=True)):
            np.multiply(evaluation.means[name], sign, out=scores[:, column])
        return scores

    def costs(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Return objectives with signs such that smaller is better, see :mod:`.pareto`."""
        return -self.scores(evaluation)

    def in_own_units(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert costs to objective values, shape ``(..., n_objectives)``; the inverse of :meth:`costs`."""
        return -np.array(self._signs) * costs

    def violation(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Return the total violation of the constraints, shape ``(n,)``; exactly 0 where all are met.

        It is infinite where an objective is NaN, as such rows cannot be chosen. Where a bound that is checked
        first is violated, only such bounds count, because nothing was measured.
        """
        total = total_violation(self._later_bounds, evaluation.means, len(evaluation))
        for name in self.objectives:
            total[np.isnan(evaluation.means[name])] = np.inf
        if not self.first_bounds:
            return total
        beforehand = self.violation_beforehand(evaluation)
        return np.where(beforehand > 0, beforehand, total)

    def violation_beforehand(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Return the total violation of the bounds that are checked before measuring, shape ``(n,)``."""
        return total_violation(self.first_bounds, evaluation.means, len(evaluation))

    @cached_property
    def first_bounds(self) -> tuple[Constraint, ...]:
        """Constraints that are checked before measuring."""
        return tuple(one for one in self.constraints if one.metric in self.checked_first)

    @cached_property
    def _later_bounds(self) -> tuple[Constraint, ...]:
        return tuple(one for one in self.constraints if one.metric not in self.checked_first)


def _check_declared(name: str, known: Mapping[str, Metric]) -> None:
    """Raise an error if the direction of an objective is unknown."""
    if name not in known:
        raise InvalidArgumentError(
            f"The direction of the metric {name!r} is unknown; return Metric({name!r}, unit, "
            "higher_is_better) among the evaluator's `metric_definitions`."
        )


def _check_bounded(metric: str, known_metrics: Sequence[str]) -> None:
    """Check that the metric of a bound is known; for counts, the error says what a space needs."""
    try:
        check_choice("metric", metric, known_metrics)
    except UnknownNameError as error:
        if metric not in ("params", "macs"):
            raise
        raise UnknownNameError(
            f"{error} The space does not count {metric!r}: give it a method counts() (docs/measuring.md)."
        ) from None
