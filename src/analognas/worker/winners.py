"""Which architectures a search hands over: the best few, or with several objectives the non-dominated set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..evaluators import Evaluation, Evaluator, Problem, non_dominated
from .results import RunResult

N_WINNERS = 5
"""Architectures of a search with one objective, and the nearest where nothing is feasible."""


def gather_winners(
    results: Sequence[RunResult], problem: Problem, evaluator: Evaluator
) -> tuple[dict[str, Any], ...]:
    """Return the best distinct architectures over all runs, best in the first objective first.

    With one objective these are the best five; with several the non-dominated set, whole. Where nothing is
    feasible, they are the five nearest.

    Args:
        results: One result a run.
        problem: What was searched for.
        evaluator: What tells all that is known of an architecture.
    """
    population = np.concatenate([result.population for result in results])
    evaluation = Evaluation(
        {
            name: np.concatenate([result.evaluation.means[name] for result in results])
            for name in problem.metrics
        }
    )
    violation = np.concatenate([result.violation for result in results])
    runs = np.repeat(np.arange(len(results)), [len(result.population) for result in results])
    order, most = _order(problem, evaluation, violation)
    winners: dict[Any, dict[str, Any]] = {}
    for row in order.tolist():
        code = evaluator.space.codes(population[row : row + 1]).tolist()[0]
        if code not in winners:
            winners[code] = {
                **evaluator.space.describe(population[row]),
                "run": int(runs[row]),
                "feasible": bool(violation[row] == 0),
                **_reported(evaluator, population[row], evaluation, row),
            }
        if len(winners) == most:
            break
    return tuple(winners.values())


def _order(
    problem: Problem, evaluation: Evaluation, violation: NDArray[np.float64]
) -> tuple[NDArray[np.int64], int]:
    """Rows of winners, best first, and how many distinct ones are wanted."""
    feasible = violation == 0
    costs = np.where(feasible[:, None], problem.costs(evaluation), np.inf)
    # lexsort is stable, so among equals the one found first wins.
    order = np.lexsort((*costs.T[::-1], violation))
    if not feasible.any():
        return order, N_WINNERS
    if len(problem.objectives) == 1:
        return order[feasible[order]], N_WINNERS
    front = non_dominated(costs, feasible)
    return order[front[order]], len(order)


def _reported(
    evaluator: Evaluator, row: NDArray[Any], evaluation: Evaluation, number: int
) -> dict[str, Any]:
    """All that is known of one architecture; what the search went by is always there."""
    report = evaluator.report(row)
    searched = {
        name: float(values[number]) if np.isfinite(values[number]) else None
        for name, values in evaluation.means.items()
        if name not in report["metrics"]
    }
    return {**report, "metrics": {**report["metrics"], **searched}}
