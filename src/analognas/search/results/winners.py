"""The winners of a search: the best few, or the non-dominated set for several objectives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...evaluators import (
    FIDELITY,
    CombinedEvaluator,
    Evaluation,
    Evaluator,
    Problem,
    Surrogate,
    non_dominated,
)
from ...spaces import Population, network_labels
from .estimated_values import estimated_values
from .run_result import RunResult
from .standings import Comparison, Standings
from .true_standings import TrueStandings

N_WINNERS = 5
"""Architectures of a search with one objective, and the nearest where nothing is feasible."""

_LISTED = 500
"""Best architectures of which equal networks are told."""


def ranked(
    evaluator: Evaluator, problem: Problem, results: Sequence[RunResult]
) -> tuple[tuple[dict[str, Any], ...], Comparison | None]:
    """Return the best distinct architectures of all runs, and the comparison of the best with its rivals.

    With one objective these are the best five, by the estimates of their true values if readings have label
    noise. Then, and with predicted values, they are different networks. With several objectives, they are the
    whole non-dominated set, sorted by the first.
    If nothing is feasible, they are the five with the smallest violation.

    Args:
        evaluator: What measured.
        problem: What was searched for.
        results: The runs.

    Returns:
        Winners as :class:`.SearchResult` has them, and the comparison with rivals, if values have errors.
    """
    space = evaluator.space
    population = np.concatenate([result.population for result in results])
    evaluation = _joined([result.evaluation for result in results])
    run_of_trial = np.repeat(
        np.arange(len(results)), [len(result.population) for result in results]
    )
    if FIDELITY in evaluation.means:
        reached = evaluation.means[FIDELITY] == evaluation.means[FIDELITY].max(initial=0.0)
        population, evaluation = population[reached], evaluation.take(reached)
        run_of_trial = run_of_trial[reached]
    standings = Standings(
        space,
        problem,
        population,
        evaluation,
        errors_of_measurement=not _is_predicted(evaluator, problem.objectives[0]),
    )
    truth = _true_standings(evaluator, problem, standings, population)
    order = _order(problem, standings, truth)
    if truth is None and len(problem.objectives) == 1:
        if _is_predicted(evaluator, problem.objectives[0]):
            # The best of a surrogate are often one network in many notations, such as widening factors that
            # differ in the fourth decimal.
            order = order[:_LISTED]
            labels = network_labels(space, population[standings.first[order]])
            order = order[np.sort(np.unique(labels, return_index=True)[1])]
        order = order[:N_WINNERS]
    about: Standings | TrueStandings = standings if truth is None else truth
    asked = [name for name in problem.metrics if name != FIDELITY]
    names = [*problem.metrics, *evaluator.free_metrics(asked)]
    winners = []
    for position in order.tolist():
        trial = standings.first[position]
        report = evaluator.report(population[trial])
        known = about.estimate(position)
        winners.append(
            {
                **space.describe(population[trial]),
                "run": int(run_of_trial[trial]),
                "feasible": bool(standings.violation[position] == 0),
                **({} if known is None else {"estimate": asdict(known)}),
                **report,
                "metrics": _metrics(report["metrics"], standings, names, position),
            }
        )

    def describe(position: int) -> Any:
        return space.describe(population[standings.first[position]])["architecture"]

    return tuple(winners), about.comparison(int(order[0]), describe)


def _true_standings(
    evaluator: Evaluator, problem: Problem, standings: Standings, population: Population
) -> TrueStandings | None:
    """True values of all architectures, where the objective has label noise of known size."""
    if len(problem.objectives) > 1 or problem.stochastic:
        return None
    metric = problem.objectives[0]
    readings, eligible = standings.evaluation.means[metric], standings.violation == 0
    measured, values = population[standings.first], None
    if evaluator.reads_once(metric):
        values = estimated_values(evaluator.space, measured, readings, problem.sign)
    if values is None:
        values = evaluator.true_values(measured, metric)
    if values is None:
        return None
    return TrueStandings(values, readings, eligible, problem.sign)


def _is_predicted(evaluator: Evaluator, metric: str) -> bool:
    """Whether a metric's standard errors are those of predictions, which no repeat makes smaller."""
    source = evaluator.source_of(metric) if isinstance(evaluator, CombinedEvaluator) else evaluator
    return isinstance(source, Surrogate)


def _order(
    problem: Problem, standings: Standings, truth: TrueStandings | None
) -> NDArray[np.int64]:
    """Positions of the winners, best first: by estimates of true values where there are any."""
    feasible = standings.violation == 0
    if truth is not None and len(estimated := truth.best_first()):
        return estimated[:N_WINNERS]
    if len(problem.objectives) == 1:
        return standings.best_first()
    if not feasible.any():
        return standings.best_first()[:N_WINNERS]
    costs = np.where(feasible[:, None], problem.costs(standings.evaluation), np.inf)
    # lexsort is stable, so among equals the one found first wins.
    order = np.lexsort(costs.T[::-1])
    return order[non_dominated(costs, feasible)[order]]


def _metrics(
    reported: dict[str, Any], standings: Standings, names: Sequence[str], position: int
) -> dict[str, Any]:
    """What is reported, and what the search measured, whether it is reported or not; unmeasured is None."""
    searched = {
        name: float(standings.evaluation.means[name][position])
        for name in names
        if name not in reported
    }
    return {
        **reported,
        **{name: value if np.isfinite(value) else None for name, value in searched.items()},
    }


def _joined(evaluations: Sequence[Evaluation]) -> Evaluation:
    """Put evaluations of the same metrics one below the other."""
    first = evaluations[0]
    return Evaluation(
        {name: np.concatenate([part.means[name] for part in evaluations]) for name in first.means},
        {name: np.concatenate([part.sems[name] for part in evaluations]) for name in first.sems},
    )
