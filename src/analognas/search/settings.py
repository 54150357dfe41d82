"""What a search is set to: what the user says, what the optimizer brings with it, and the defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..core import (
    METRICS,
    Constraint,
    InvalidArgumentError,
    Metric,
    merge_constraints,
    parse_constraints,
)
from ..evaluators import FIDELITY, Evaluator, Fidelity, Problem, Surrogate, default_evaluator
from ..optimizers import Optimizer
from ..spaces import Space
from .budget import Budget

DEFAULTS = {
    "evaluator": None,
    "objectives": "analog_drift_2592000",
    "budget": 500,
    "cost_metric": None,
}
"""What a search has where neither the user nor the optimizer says anything."""


def check_kind(name: str, value: Any, kind: type) -> None:
    """Refuse a part of a search that is of a wrong kind.

    Raises:
        InvalidArgumentError: If it is.
    """
    if not isinstance(value, kind):
        raise InvalidArgumentError(
            f"`{name}` must be an object of a class derived from {kind.__name__}, or for space and "
            f"optimizer a name, but got {value!r}."
        )


def settle(optimizer: Optimizer, given: dict[str, Any]) -> dict[str, Any]:
    """Return evaluator, objectives, constraints, budget and cost metric of a search.

    What the user says counts first, then what the optimizer is made for, then :data:`DEFAULTS`. Constraints add
    up instead: those of the user and those of the optimizer hold.

    Args:
        optimizer: The optimizer.
        given: What the user says, by name of the worker's argument; None where that is nothing.

    Raises:
        InvalidArgumentError: If a constraint cannot be read or contradicts one of the optimizer.
    """
    said = {name: value for name, value in given.items() if value is not None}
    constraints = with_brought(optimizer, said.get("constraints", ()))
    return {**DEFAULTS, **optimizer.search_defaults(), **said, "constraints": constraints}


def with_brought(optimizer: Optimizer, constraints: Any) -> tuple[Constraint, ...]:
    """Return constraints together with those that the optimizer brings.

    Raises:
        InvalidArgumentError: If one cannot be read, or contradicts one of the optimizer.
    """
    return merge_constraints(constraints, _brought(optimizer), by=type(optimizer).__name__)


def wanted_metrics(chosen: dict[str, Any]) -> list[str]:
    """Return the names of the metrics that a search needs, as they were given.

    Args:
        chosen: What :func:`settle` returned.
    """
    objectives, cost = chosen["objectives"], chosen["cost_metric"]
    names = [objectives] if isinstance(objectives, str) else [*objectives]
    bounds = parse_constraints(chosen["constraints"])
    return [*names, *(bound.metric for bound in bounds), *([] if cost is None else [cost])]


def find_evaluator(
    space: Space,
    optimizer: Optimizer,
    objectives: str | Sequence[str],
    constraints: Any = (),
    *,
    cost_metric: str | None = None,
    **options: Any,
) -> Evaluator:
    """Return what scores the metrics of a search by default, those that the optimizer limits among them.

    Args:
        space: The space.
        optimizer: The optimizer.
        objectives: Names of the objectives.
        constraints: Constraints of the user.
        cost_metric: Metric that is paid with, if any.
        options: Further arguments of :func:`.default_evaluator`.

    Raises:
        InvalidArgumentError: If nothing measures a metric in the space.
    """
    wanted = [objectives] if isinstance(objectives, str) else [*objectives]
    if cost_metric is not None:
        wanted.append(cost_metric)
    # That on the fidelity is not the matter of an evaluator.
    bounds = [one for one in with_brought(optimizer, constraints) if one.metric != FIDELITY]
    try:
        return default_evaluator(space, wanted, bounds, **options)
    except InvalidArgumentError as error:
        # The limits explain a message about a metric that the user may not have named.
        if not any(repr(bound.metric) in str(error) for bound in _brought(optimizer)):
            raise
        raise InvalidArgumentError(f"{error} {_of_the_optimizer(optimizer)}") from None


def metrics_wanted(problem: Problem, budget: Budget, evaluator: Evaluator) -> list[str]:
    """Metrics of every evaluation: those searched by, the one that is paid with, and what comes for free."""
    paid = [] if budget.cost_metric is None else [budget.cost_metric]
    asked = [name for name in problem.metrics if name != FIDELITY]
    free = evaluator.free_metrics(asked)
    return list(dict.fromkeys([*problem.metrics, *paid, *free]))


def definitions_wanted(problem: Problem, budget: Budget, evaluator: Evaluator) -> list[Metric]:
    """What the metrics are that every evaluation needs; an undeclared one that is paid with is a cost."""
    known = {**METRICS, **{metric.name: metric for metric in evaluator.metric_definitions}}
    known.update((metric.name, metric) for metric in problem.definitions)
    names = metrics_wanted(problem, budget, evaluator)
    return [known.get(name) or Metric(name, "", higher_is_better=False) for name in names]


def check_evaluator(evaluator: Evaluator, space: Space, optimizer: Optimizer) -> None:
    """Make sure that an evaluator belongs to a search: fitted, to its space, and to what is limited in it.

    Raises:
        InvalidArgumentError: If it is no evaluator, of another space, or does not know what the optimizer
            limits.
        NotFittedError: If it has learnt nothing yet.
    """
    check_kind("evaluator", evaluator, Evaluator)
    scored = evaluator.space
    if (scored.name, scored.fingerprint()) != (space.name, space.fingerprint()):
        raise InvalidArgumentError(
            f"The evaluator scores the space {scored.name!r}, but the search is over {space.name!r}"
            f"{' of another definition' if scored.name == space.name else ''}{_way_out(evaluator)}."
        )
    if isinstance(evaluator, Surrogate):
        evaluator.check_fitted()
    for bound in _brought(optimizer):
        if bound.metric not in evaluator.metrics:
            raise InvalidArgumentError(
                f"{type(evaluator).__name__} does not know the metric {bound.metric!r}, only "
                f"{', '.join(evaluator.metrics)}. {_of_the_optimizer(optimizer)}"
            )


def check_fidelities(evaluator: Evaluator, optimizer: Optimizer) -> Fidelity | None:
    """Return the fidelities of the evaluator where the optimizer searches at several; None where it does not.

    Raises:
        InvalidArgumentError: If the evaluator cannot measure at these.
    """
    if not optimizer.fidelities:
        return None
    known = evaluator.fidelity
    if known is None:
        raise InvalidArgumentError(
            f"{type(evaluator).__name__} measures at one fidelity, but {optimizer.name} needs several; search "
            "with trainings (--train, TrainedEvaluator), with evaluator_from(..., fidelity='epochs'), or "
            "without `fidelities`."
        )
    if FIDELITY in evaluator.metrics:
        raise InvalidArgumentError(
            f"A metric must not be called {FIDELITY!r} in a search at several fidelities; rename it."
        )
    known.check(optimizer.fidelities)
    return known


def remarks_on(evaluator: Evaluator, optimizer: Optimizer) -> tuple[str, ...]:
    """What must be said beside every result: what the evaluator says, and that of several fidelities."""
    fidelity = check_fidelities(evaluator, optimizer)
    return (*evaluator.remarks, *([fidelity.remark] if fidelity and fidelity.remark else []))


def _way_out(evaluator: Evaluator) -> str:
    """How an evaluator comes to another space, if it can."""
    if not isinstance(evaluator, Surrogate):
        return ""
    return (
        f"; fit it to networks of that space that you measured: {type(evaluator).__name__}(...).fit("
        "architectures, {'analog_drift_86400': accuracies, ...}, space=...)"
    )


def _brought(optimizer: Optimizer) -> tuple[Constraint, ...]:
    return parse_constraints(optimizer.search_defaults().get("constraints", ()))


def _of_the_optimizer(optimizer: Optimizer) -> str:
    bounds = " and ".join(map(str, _brought(optimizer)))
    return (
        f"{type(optimizer).__name__} has the limits {bounds} by itself; from Python, set those to None that "
        "are not wanted."
    )
