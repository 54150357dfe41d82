"""Local search: from an architecture to a better neighbour, until there is none; then from another start.

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
"""Whether to look at all neighbours before moving, or to move to the first that is better."""

RESTARTS = ("random", "perturb")
"""Where to start again: anywhere, or some mutations away from the best so far."""

_PERTURBATION_ROUNDS = 20

_Rank = tuple[float, float]


class LocalSearch(Optimizer):
    """Hill climbing over the space's neighbourhoods, with restarts, feasibility first.

    It draws ``n_initial`` random architectures and climbs from the best of them. Neighbours that were
    measured before are remembered, so a query is never spent twice. At a local optimum it starts again from
    a random architecture, or from the best so far after some mutations (iterated local search).

    Args:
        improvement: ``"best"`` measures all neighbours and moves to the best; ``"first"`` measures them in
            random order and moves at once to one that is better.
        restart: ``"random"`` or ``"perturb"``.
        n_initial: Random architectures, of which the best is the first start.
        n_mutations: Mutations of a perturbation.
        batch_size: Neighbours proposed at once. With ``"first"``, all of a batch are measured before moving.

    Raises:
        UnknownNameError: If ``improvement`` or ``restart`` is none of the choices.
        InvalidArgumentError: If a number is below 1.

    Example:
        >>> from analognas import Worker
        >>> result = Worker(optimizer=LocalSearch("first"), runs=1, budget=100).search()
        >>> result.runs[0].n_distinct
        100
    """

    name = "local_search"
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

    def ask(self) -> Population:
        """Propose random architectures first, then neighbours of where it stands, or a new start."""
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
        """Remember the results, and move where they are better."""
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
            # What was measured is the start, be it the first or a restart.
            self._move(population[found] if self._climbed else self._best)
        elif self.improvement == "first" and rank < self._rank_here:
            self._move(population[found])

    def _move(self, row: Population | None) -> None:
        """Stand on a measured architecture, its neighbours waiting in random order."""
        self._here, self._climbed = row, True
        if row is None:
            return
        self._rank_here = self._ranks[self.space.codes(row[None]).tolist()[0]]
        self._waiting = self.generator.permutation(self.space.neighbours(row))

    def _leave(self) -> None:
        """All neighbours are known: move to the best of them if it is better, else stand nowhere."""
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
    """Feasible before infeasible, then the better score; what was not measured comes last."""
    if violation == np.inf:
        return _WORST
    # What breaks a bound that is checked first was not measured.
    return violation, -score if np.isfinite(score) else np.inf
