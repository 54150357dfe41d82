"""Base of multi-objective evolution: variation by the moves of the space, ordered survivors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import check_float, check_int
from ..evaluators import Evaluation
from ..spaces import Population
from .base import Optimizer

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Children that were seen before are dropped, so more are drawn than needed.
_OVERDRAW = 2


class MultiObjectiveEvolution(Optimizer):
    """Base of evolution with several objectives, feasibility first.

    Survivors are ordered: feasible ones by :meth:`_order`, then the others by total violation. Parents are
    winners of tournaments in that order. Children come from the moves of the space: crossover with a
    probability, and always a mutation of one gene. They are valid in spaces with conditions or forbidden
    combinations too.

    Args:
        population_size: Size of the population.
        n_initial: Number of random architectures at the start.
        sample_size: Size of a tournament, drawn with replacement.
        crossover_prob: Probability that a child has two parents.
        batch_size: Children of a batch.

    Raises:
        InvalidArgumentError: If ``population_size`` is below 2, another size is below 1, or a probability is
            outside [0, 1].
    """

    any_order = True
    several_objectives = True
    _rows: Population
    _costs: Floats
    _violation: Floats

    def __init__(
        self,
        *,
        population_size: int,
        n_initial: int,
        sample_size: int,
        crossover_prob: float,
        batch_size: int,
    ) -> None:
        super().__init__(batch_size=batch_size)
        self.population_size = check_int("population_size", population_size, minimum=2)
        self.n_initial = check_int("n_initial", n_initial, minimum=1)
        self.sample_size = check_int("sample_size", sample_size, minimum=1)
        self.crossover_prob = check_float(
            "crossover_prob", crossover_prob, minimum=0.0, maximum=1.0
        )

    def start_from(self, population: Population) -> None:
        """Take architectures in place of random initial ones."""
        super().start_from(population)
        self._proposed += len(population)

    def ask(self) -> Population:
        """Propose random architectures, then children of tournament winners."""
        if self._proposed < self.n_initial:
            first = min(self.batch_size, self.n_initial - self._proposed)
            self._proposed += first
            return self._unseen(first)
        missing = self._n_children()
        if not len(self._rows):
            return self._unseen(missing)
        return self._offspring(missing, self._brood)

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Keep the best of parents and children."""
        rows = np.concatenate([self._rows, population])
        costs = np.concatenate([self._costs, self.problem.costs(evaluation)])
        violation = np.append(self._violation, self.problem.violation(evaluation))
        feasible = np.flatnonzero(violation == 0)
        order = feasible[self._order(costs[feasible])] if len(feasible) else feasible
        if len(order) < self.population_size and len(feasible) < len(rows):
            others = np.flatnonzero(violation > 0)
            nearest = others[np.argsort(violation[others], kind="stable")]
            order = np.append(order, nearest[: self.population_size - len(order)])
        self._rows, self._costs, self._violation = rows[order], costs[order], violation[order]

    @abstractmethod
    def _order(self, costs: Floats) -> Ints:
        """Return positions of survivors, best first.

        Called with the costs of all feasible architectures, parents and children, shape
        ``(m, n_objectives)``.
        """

    def _n_children(self) -> int:
        """Return the number of children of the next batch, up to :attr:`batch_size`; called by :meth:`ask`."""
        return self.batch_size

    def _brood(self, n: int) -> Population:
        """Return children of tournament winners; survivors are ordered, so the first of a sample wins."""
        n *= _OVERDRAW
        draws = self.generator.random((2, n, self.sample_size)) * len(self._rows)
        winners = draws.min(axis=2).astype(np.int64)
        children = self._rows[winners[0]]
        if self.crossover_prob > 0:
            crossed = self.space.crossover(
                children, self._rows[winners[1]], generator=self.generator
            )
            chosen = self.generator.random(n) < self.crossover_prob
            children = np.where(chosen[:, None], crossed, children)
        return self.space.mutate(children, generator=self.generator)

    def _start(self) -> None:
        self._rows = np.empty((0, self.space.n_genes), dtype=self.space.dtype)
        self._costs = np.empty((0, len(self.problem.objectives)))
        self._violation = np.empty(0)
        self._proposed = 0

    def _sizes(self) -> dict[str, Any]:
        """Return the common hyperparameters."""
        return {
            "population_size": self.population_size,
            "crossover_prob": self.crossover_prob,
            "batch_size": self.batch_size,
        }
