"""Observations of a run, as arrays for fitting models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..evaluators import Evaluation, Problem
from ..spaces import Population, Space
from .crowding import crowding_distances, front_ranks

Floats = NDArray[np.float64]


class Observations:
    """All results of a run, in order.

    Args:
        space: The space.
        problem: Objectives and constraints.

    Attributes:
        population: Architectures, shape ``(n, n_genes)``.
        scores: First objective, turned so that larger is better, shape ``(n,)``.
        costs: All objectives, turned so that smaller is better, shape ``(n, n_objectives)``.
        violation: Total violation of the constraints, shape ``(n,)``.
        values: Metric name to values, shape ``(n,)`` each; also of the cost metric.
    """

    def __init__(self, space: Space, problem: Problem) -> None:
        self._problem = problem
        self._space = space
        self.population: Population = np.empty((0, space.n_genes), dtype=space.dtype)
        self.scores: Floats = np.empty(0)
        self.costs: Floats = np.empty((0, len(problem.objectives)))
        self.violation: Floats = np.empty(0)
        cost = [] if problem.cost_metric is None else [problem.cost_metric]
        self.values: dict[str, Floats] = {name: np.empty(0) for name in [*problem.metrics, *cost]}

    def add(self, population: Population, evaluation: Evaluation) -> None:
        """Append results."""
        problem = self._problem
        self.population = np.concatenate([self.population, population])
        costs = problem.costs(evaluation)
        self.scores = np.append(self.scores, -costs[:, 0])
        self.costs = np.concatenate([self.costs, costs])
        self.violation = np.append(self.violation, problem.violation(evaluation))
        for name, values in self.values.items():
            self.values[name] = np.append(values, evaluation.means[name])

    def revise(self, population: Population, evaluation: Evaluation) -> None:
        """Replace the values of known architectures."""
        problem, space = self._problem, self._space
        scores, violation = problem.scores(evaluation)[:, 0], problem.violation(evaluation)
        places = {code: place for place, code in enumerate(space.codes(self.population).tolist())}
        for row, code in enumerate(space.codes(population).tolist()):
            place = places[code]
            self.scores[place], self.violation[place] = scores[row], violation[row]
            for name, values in self.values.items():
                values[place] = evaluation.means[name][row]

    def best_first(self) -> NDArray[np.int64]:
        """Return positions: feasible first, then by score; of equals the older first.

        With several objectives, by non-dominated front, and within a front the less crowded first.
        """
        if self.costs.shape[1] == 1:
            return np.lexsort((-self.scores, self.violation))
        costs = np.nan_to_num(self.costs, nan=np.finfo(np.float64).max)
        ranks = front_ranks(costs)
        return np.lexsort((-crowding_distances(costs, ranks), ranks, self.violation))

    @property
    def best_feasible(self) -> float:
        """Best score that meets all constraints; minus infinity if there is none."""
        return float(self.scores[self.violation == 0].max(initial=-np.inf))

    def __len__(self) -> int:
        return len(self.population)
