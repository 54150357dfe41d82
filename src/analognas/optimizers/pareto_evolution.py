"""Multi-objective evolution in small batches that keeps the whole non-dominated set."""

from __future__ import annotations

from typing import Any

import numpy as np

from .crowding import crowding_distances, front_ranks
from .multi_objective import Floats, Ints, MultiObjectiveEvolution

_LARGEST_BATCH = 100
_BATCH_SHARE = 20


class ParetoEvolution(MultiObjectiveEvolution):
    """Evolution that keeps the whole non-dominated set and proposes children in small, growing batches.

    Ranks are non-dominated fronts, and within a front the less crowded architecture is better, as in NSGA-II.
    Unlike NSGA-II, non-dominated architectures are never dropped, and early batches are small, so that each
    result is used soon. With one objective it is an elitist evolution. Defaults were chosen on seeds 1000 and
    up of AnalogNAS-Bench (``benchmarks/multi_objective.py``).

    Args:
        population_size: Size of the population; larger where more architectures are non-dominated.
        sample_size: Size of a tournament, drawn with replacement.
        n_initial: Number of random architectures at the start.
        crossover_prob: Probability that a child has two parents; each child is mutated in one gene.
        batch_size: Children of a batch; None: a twentieth of the architectures evaluated so far, from 1 to 100.

    Raises:
        InvalidArgumentError: If ``population_size`` is below 2, another size is below 1, or a probability is
            outside [0, 1].

    Example:
        >>> from analognas import Worker
        >>> goals = ["analog_accuracy", "params"]
        >>> result = Worker(optimizer=ParetoEvolution(), objectives=goals, runs=1).search()
        >>> sizes = [cell["metrics"]["params"] for cell in result.front]
        >>> sizes == sorted(sizes, reverse=True)
        True
    """

    name = "pareto_evolution"

    def __init__(
        self,
        population_size: int = 30,
        sample_size: int = 5,
        *,
        n_initial: int = 10,
        crossover_prob: float = 0.3,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(
            population_size=population_size,
            n_initial=n_initial,
            sample_size=sample_size,
            crossover_prob=crossover_prob,
            batch_size=_LARGEST_BATCH if batch_size is None else batch_size,
        )
        self._batch_grows = batch_size is None

    def hyperparameters(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {
            **self._sizes(),
            "sample_size": self.sample_size,
            "n_initial": self.n_initial,
            "batch_size": None if self._batch_grows else self.batch_size,
        }

    def _n_children(self) -> int:
        if not self._batch_grows:
            return self.batch_size
        return min(self.batch_size, max(1, len(self.seen) // _BATCH_SHARE))

    def _order(self, costs: Floats) -> Ints:
        ranks = front_ranks(costs)
        distances = crowding_distances(costs, ranks)
        order = np.lexsort((-distances, ranks))
        # Duplicates in all objectives have the distance 0 and do not enlarge the population.
        n_front = int(((ranks == 0) & (distances > 0)).sum())
        return order[: max(self.population_size, n_front)]
