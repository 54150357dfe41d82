"""What a search is for: objectives with directions, and constraints."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import (
    METRICS,
    Constraint,
    InvalidArgumentError,
    Metric,
    check_choice,
    check_definitions,
    current_metric_name,
    get_metric,
    parse_constraints,
    total_violation,
)
from .base import Evaluation


@dataclass(frozen=True)
class Problem:
    """Objectives and constraints over the metrics of an evaluator.

    Attributes:
        objectives: Names of the metrics to improve, each in its own direction.
        constraints: Bounds that an architecture must meet; meeting them comes before any objective.
        stochastic: Whether measuring an architecture again is a new measurement, worth its cost.
        definitions: What its metrics are; the vocabulary's entries where a metric is not among them.
        checked_first: Constrained metrics that are known before anything is measured. What breaks a bound on
            them is not measured at all, and its other bounds and objectives are not looked at.
    """

    objectives: tuple[str, ...]
    constraints: tuple[Constraint, ...] = ()
    stochastic: bool = False
    definitions: tuple[Metric, ...] = ()
    checked_first: tuple[str, ...] = ()

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
    ) -> Problem:
        """Read a problem as a person writes it.

        Args:
            objectives: One metric name or several; old names are mapped.
            constraints: Bounds such as ``"params<=1e6"``.
            known_metrics: Names that the evaluator knows.
            stochastic: Whether measuring an architecture again is a new measurement.
            definitions: What the evaluator declares of its metrics.
            checkable: Metrics on which bounds can be checked before anything is measured.

        Raises:
            UnknownNameError: If a metric is not known.
            InvalidArgumentError: If a constraint cannot be read, there is no objective, one is there twice, or
                nothing says in which direction it improves.
        """
        names = [objectives] if isinstance(objectives, str) else list(objectives)
        if not names:
            raise InvalidArgumentError("A search needs at least one objective, but got none.")
        names = [check_choice("metric", current_metric_name(n), known_metrics) for n in names]
        repeated = [name for position, name in enumerate(names) if name in names[:position]]
        if repeated:
            raise InvalidArgumentError(
                f"Each objective must be another metric, but got {repeated[0]!r} twice; leave one away."
            )
        bounds = parse_constraints(constraints)
        for bound in bounds:
            check_choice("metric", bound.metric, known_metrics)
        known = {**METRICS, **check_definitions(definitions)}
        for name in names:
            _check_declared(name, known)
        for bound in bounds:
            # Of a metric that only bounds speak of, the side on which they are met is the better.
            known.setdefault(bound.metric, Metric(bound.metric, "", bound.relation.startswith(">")))
        needed = dict.fromkeys([*names, *(bound.metric for bound in bounds)])
        first = dict.fromkeys(bound.metric for bound in bounds if bound.metric in checkable)
        defined = tuple(known[name] for name in needed)
        return cls(tuple(names), bounds, stochastic, defined, tuple(first))

    @cached_property
    def metrics(self) -> list[str]:
        """Names of all metrics that are needed, objectives first, without repeats."""
        wanted = [*self.objectives, *(constraint.metric for constraint in self.constraints)]
        return list(dict.fromkeys(wanted))

    def metric(self, name: str) -> Metric:
        """What a metric is, by the evaluator's own declaration where there is one.

        Raises:
            UnknownNameError: If neither the problem nor the vocabulary knows it.
        """
        return next((one for one in self.definitions if one.name == name), None) or get_metric(name)

    @property
    def sign(self) -> float:
        """1 if the first objective is maximised, -1 if it is minimised."""
        return self._signs[0]

    @cached_property
    def _signs(self) -> list[float]:
        return [1.0 if self.metric(name).higher_is_better else -1.0 for name in self.objectives]

    def scores(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Objectives turned so that larger is better, shape ``(n, n_objectives)``."""
        scores = np.empty((len(evaluation), len(self.objectives)))
        for column, (name, sign) in enumerate(zip(self.objectives, self._signs, strict=True)):
            np.multiply(evaluation.means[name], sign, out=scores[:, column])
        return scores

    def costs(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Objectives turned so that smaller is better, shape ``(n, n_objectives)``; see :mod:`.pareto`."""
        return -self.scores(evaluation)

    def in_own_units(self, costs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undo :meth:`costs`, or do it: turn objectives around, shape ``(..., n_objectives)``."""
        return -np.array(self._signs) * costs

    def violation(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Total violation of the constraints, shape ``(n,)``; exactly 0 where all are met.

        Infinite where an objective is NaN: what was not measured cannot be chosen. What breaks a bound that is
        checked first has the violation of such bounds alone, because it was not measured.
        """
        total = total_violation(self._later_bounds, evaluation.means, len(evaluation))
        for name in self.objectives:
            total[np.isnan(evaluation.means[name])] = np.inf
        if not self.first_bounds:
            return total
        beforehand = self.violation_beforehand(evaluation)
        return np.where(beforehand > 0, beforehand, total)

    def violation_beforehand(self, evaluation: Evaluation) -> NDArray[np.float64]:
        """Total violation of the bounds that are checked before anything is measured, shape ``(n,)``."""
        return total_violation(self.first_bounds, evaluation.means, len(evaluation))

    @cached_property
    def first_bounds(self) -> tuple[Constraint, ...]:
        """The constraints that are checked before anything is measured."""
        return tuple(one for one in self.constraints if one.metric in self.checked_first)

    @cached_property
    def _later_bounds(self) -> tuple[Constraint, ...]:
        return tuple(one for one in self.constraints if one.metric not in self.checked_first)


def _check_declared(name: str, known: Mapping[str, Metric]) -> None:
    """Refuse an objective without a direction."""
    if name not in known:
        raise InvalidArgumentError(
            f"Nothing says in which direction the metric {name!r} improves; return Metric({name!r}, unit, "
            "higher_is_better) among the evaluator's `metric_definitions`."
        )
