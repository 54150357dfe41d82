"""Regularized (aging) evolution, vectorised.

Real et al., "Regularized Evolution for Image Classifier Architecture Search", AAAI 2019: a queue of
architectures; a child of the best of a random sample joins, the oldest leaves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import check_int
from ..evaluators import Evaluation
from ..spaces import Population
from .base import Optimizer

_LARGEST_BATCH = 20
_BATCH_SHARE = 20
# Children that were seen before are dropped, so more are drawn than needed.
_OVERDRAW = 3


class RegularizedEvolution(Optimizer):
    """Aging evolution with tournaments, feasibility first.

    The population starts with few random architectures and grows to its size by evolution, which finds good
    cells earlier than a random initial population. Children that were proposed before are mutated again, so no
    architecture is measured twice; where no new child is found, random unseen architectures are proposed.
    Defaults were chosen on seeds 1000 and up of AnalogNAS-Bench (``benchmarks/search_efficiency.py``).

    Args:
        population_size: Size of the population.
        sample_size: Size of a tournament, drawn with replacement.
        n_initial: Number of random architectures at the start.
        batch_size: Children of a batch, each from its own tournament; None: a twentieth of the architectures
            evaluated so far, from 1 to 20.

    Raises:
        InvalidArgumentError: If a size is below 1 (2 for ``population_size``), or ``n_initial`` exceeds
            ``population_size``.

    Example:
        >>> from analognas import Worker
        >>> worker = Worker(optimizer=RegularizedEvolution(), runs=1, budget=20)
        >>> worker.search().runs[0].n_distinct
        20
    """

    name = "regularized_evolution"
    any_order = True
    _size: int
    _next: int

    def __init__(
        self,
        population_size: int = 30,
        sample_size: int = 20,
        *,
        n_initial: int = 10,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(batch_size=_LARGEST_BATCH if batch_size is None else batch_size)
        self._batch_grows = batch_size is None
        self.population_size = check_int("population_size", population_size, minimum=2)
        self.sample_size = check_int("sample_size", sample_size, minimum=1)
        self.n_initial = check_int("n_initial", n_initial, minimum=1, maximum=population_size)

    def hyperparameters(self) -> dict[str, Any]:
        """The four sizes."""
        return {
            "population_size": self.population_size,
            "sample_size": self.sample_size,
            "n_initial": self.n_initial,
            "batch_size": None if self._batch_grows else self.batch_size,
        }

    def start_from(self, population: Population) -> None:
        """Take architectures in place of random initial ones."""
        super().start_from(population)
        self._started += len(population)

    def ask(self) -> Population:
        """Propose random architectures, then children of tournament winners."""
        if self._started < self.n_initial:
            first = min(self.n_initial - self._started, self.batch_size)
            self._started += first
            return self._unseen(first)
        missing = self.batch_size
        if self._batch_grows:
            missing = min(missing, max(1, len(self.seen) // _BATCH_SHARE))
        if not self._size:
            return self._unseen(missing)
        return self._offspring(missing, lambda n: self._brood(_OVERDRAW * n))

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Add the new architectures and remove the oldest."""
        scores = self.problem.scores(evaluation)[:, 0]
        violation = self.problem.violation(evaluation)
        for start in range(0, len(population), self.population_size):
            part = slice(start, start + self.population_size)
            slots = (self._next + np.arange(len(scores[part]))) % self.population_size
            self._rows[slots] = population[part]
            self._score[slots] = scores[part]
            self._violation[slots] = violation[part]
            self._next = int(slots[-1] + 1) % self.population_size
            self._size = min(self._size + len(slots), self.population_size)
        self._order()

    def revise(self, population: Population, evaluation: Evaluation) -> None:
        """Update the values of architectures in the population."""
        scores = self.problem.scores(evaluation)[:, 0]
        violation = self.problem.violation(evaluation)
        rows = {code: row for row, code in enumerate(self.space.codes(population).tolist())}
        for slot, code in enumerate(self.space.codes(self._rows[: self._size]).tolist()):
            if code in rows:
                self._score[slot] = scores[rows[code]]
                self._violation[slot] = violation[rows[code]]
        self._order()

    def _order(self) -> None:
        # Feasible first, then by score: the position in this order is the rank.
        live = slice(0, self._size)
        self._by_rank = np.lexsort((-self._score[live], self._violation[live]))
        self._rank = np.empty_like(self._by_rank)
        self._rank[self._by_rank] = np.arange(self._size)

    def _brood(self, n: int) -> Population:
        """Mutate the winners of ``n`` tournaments."""
        draws = self.generator.random(n * self.sample_size) * self._size
        # Ranks are unique, so the smallest rank of a sample identifies the winner.
        ranks = self._rank.take(draws.astype(np.int64)).reshape(n, self.sample_size).min(axis=1)
        winners = self._rows[self._by_rank.take(ranks)]
        return self.space.mutate(winners, generator=self.generator)

    def _start(self) -> None:
        self._rows = np.zeros((self.population_size, self.space.n_genes), dtype=self.space.dtype)
        self._score = np.zeros(self.population_size)
        self._violation = np.zeros(self.population_size)
        self._rank = np.zeros(0, dtype=np.int64)
        self._by_rank = np.zeros(0, dtype=np.int64)
        self._size = 0
        self._next = 0
        self._started = 0
