"""Local search: move to a better neighbour until there is none, then start again.

White et al., "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021, found it competitive on
NAS-Bench-201.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import check_choice, check_int
from ..evaluators import Evaluation
from ..spaces import Population
from .base import Optimizer

IMPROVEMENTS = ("best", "first")
"""Whether to move to the best of all neighbours, or to the first better one."""

RESTARTS = ("random", "perturb")
"""Where to start again: at random, or some mutations away from the best so far."""

_PERTURBATION_ROUNDS = 20

_Rank = tuple[float, float]


class LocalSearch(Optimizer):
    """Hill climbing on the space's neighbourhoods, with restarts, feasibility first.

    The search draws ``n_initial`` random architectures and starts from the best. It never measures an
    architecture twice. At a local optimum it starts again from a random architecture, or from the best so far
    after some mutations (iterated local search).

    Args:
        improvement: ``"best"`` measures all neighbours and moves to the best; ``"first"`` measures them in
            random order and moves to the first better one.
        restart: ``"random"`` or ``"perturb"``.
        n_initial: Number of random architectures; the best is the first start.
        n_mutations: Number of mutations of a perturbation.
        batch_size: Neighbours of a batch. With ``"first"``, a whole batch is measured before moving.

    Raises:
        UnknownNameError: If ``improvement`` or ``restart`` is unknown.
        InvalidArgumentError: If a number is below 1.

    Example:
        >>> from analognas import Worker
        >>> result = Worker(optimizer=LocalSearch("first"), runs=1, budget=100).search()
        >>> result.runs[0].n_distinct
        100
    """

    name = "local_search"
    any_order = True
    _here: Population | None
    _best: Population | None
    _waiting: Population
    _best_rank: _Rank
    _rank_here: _Rank

    def __init__(
        self,
        improvement: str = "first",
        restart: str = "random",
        *,
        n_initial: int = 10,
        n_mutations: int = 3,
        batch_size: int = 1,
    ) -> None:
        super().__init__(batch_size=batch_size)
        self.improvement = check_choice("improvement", improvement, IMPROVEMENTS)
        self.restart = check_choice("restart", restart, RESTARTS)
        self.n_initial = check_int("n_initial", n_initial, minimum=1)
        self.n_mutations = check_int("n_mutations", n_mutations, minimum=1)

    def hyperparameters(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            "improvement": self.improvement,
            "restart": self.restart,
            "n_initial": self.n_initial,
            "n_mutations": self.n_mutations,
            "batch_size": self.batch_size,
        }

    def start_from(self, population: Population) -> None:
        """Take architectures in place of random initial ones."""
        super().start_from(population)
        self._drawn += len(population)

    def ask(self) -> Population:
        """Propose random architectures, then neighbours of the present architecture, or a new start."""
        if self._drawn < self.n_initial:
            rows = self._unseen(min(self.batch_size, self.n_initial - self._drawn))
            self._drawn += len(rows)
            return rows
        while self._here is not None:
            rows = self._take_new(self._waiting, self.batch_size)
            if len(rows):
                return rows
            self._leave()
        return self._new_start()

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Record the results, and move to a better architecture."""
        scores = self.problem.scores(evaluation)[:, 0]
        violation = self.problem.violation(evaluation)
        codes = self.space.codes(population).tolist()
        for row, code in enumerate(codes):
            rank = _rank(float(violation[row]), float(scores[row]))
            self._ranks[code] = rank
            if rank < self._best_rank:
                self._best_rank, self._best = rank, population[row]
        if self._drawn < self.n_initial:
            return
        found = min(range(len(codes)), key=lambda row: self._ranks[codes[row]])
        rank = self._ranks[codes[found]]
        if self._here is None:
            # The measured architecture is the first start or a restart.
            self._move(population[found] if self._climbed else self._best)
        elif self.improvement == "first" and rank < self._rank_here:
            self._move(population[found])

    def _move(self, row: Population | None) -> None:
        """Move to a measured architecture, and queue its neighbours in random order."""
        self._here, self._climbed = row, True
        if row is None:
            return
        self._rank_here = self._ranks[self.space.codes(row[None]).tolist()[0]]
        self._waiting = self.generator.permutation(self.space.neighbours(row))

    def _leave(self) -> None:
        """Move to the best neighbour if it is better, else end the climb; called when all are known."""
        ranks = [self._ranks.get(code, _WORST) for code in self.space.codes(self._waiting).tolist()]
        found = min(range(len(ranks)), key=ranks.__getitem__, default=None)
        better = found is not None and ranks[found] < self._rank_here
        self._move(self._waiting[found] if better else None)

    def _new_start(self) -> Population:
        if self.restart == "perturb" and self._best is not None:
            for _ in range(_PERTURBATION_ROUNDS):
                rows = self._best[None]
                for _ in range(self.n_mutations):
                    rows = self.space.mutate(rows, generator=self.generator)
                rows = self._take_new(rows, 1)
                if len(rows):
                    return rows
        return self._unseen(1)

    def _start(self) -> None:
        self._ranks: dict[Any, _Rank] = {}
        self._drawn = 0
        self._climbed = False
        self._here = None
        self._best = None
        self._best_rank = self._rank_here = _WORST
        self._waiting = np.empty((0, self.space.n_genes), dtype=self.space.dtype)


_WORST: _Rank = (np.inf, np.inf)


def _rank(violation: float, score: float) -> _Rank:
    """Return a sort key: feasible first, then by score; unmeasured architectures last."""
    if violation == np.inf:
        return _WORST
    # An architecture that violates a bound that is checked first has no score.
    return violation, -score if np.isfinite(score) else np.inf
