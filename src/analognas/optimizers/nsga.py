"""NSGA-II and NSGA-III with the selection of pymoo.

Deb et al., "A Fast and Elitist Multiobjective Genetic Algorithm: NSGA-II", IEEE Transactions on Evolutionary
Computation 6, 2002; Deb and Jain, "An Evolutionary Many-Objective Optimization Algorithm Using
Reference-Point-Based Nondominated Sorting Approach, Part I", IEEE Transactions on Evolutionary Computation 18,
2014. pymoo: Blank and Deb, "pymoo: Multi-Objective Optimization in Python", IEEE Access 8, 2020.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..core import InvalidArgumentError, check_int
from ..evaluators import Problem
from .multi_objective import Floats, Ints, MultiObjectiveEvolution

__all__ = ["NSGA2", "NSGA3"]

_TOURNAMENT = 2


class _NSGA(MultiObjectiveEvolution):
    """Evolution in generations of the size of the population."""

    def __init__(
        self, population_size: int, *, crossover_prob: float, batch_size: int | None
    ) -> None:
        check_int("population_size", population_size, minimum=2)
        super().__init__(
            population_size=population_size,
            n_initial=population_size,
            sample_size=_TOURNAMENT,
            crossover_prob=crossover_prob,
            batch_size=population_size if batch_size is None else batch_size,
        )

    def hyperparameters(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return self._sizes()


class NSGA2(_NSGA):
    """NSGA-II: survivors by non-dominated front, in the last front by crowding distance.

    Feasibility comes first. In each tournament of two the better front wins, within a front the less crowded
    architecture. With one objective it is an elitist evolution.

    Args:
        population_size: Size of the population.
        crossover_prob: Probability that a child has two parents; each child is mutated in one gene.
        batch_size: Children of a batch; None: ``population_size``.

    Raises:
        InvalidArgumentError: If ``population_size`` is below 2, ``batch_size`` below 1, or a probability
            outside [0, 1].

    Example:
        >>> NSGA2().name
        'nsga2'
    """

    name = "nsga2"

    def __init__(
        self,
        population_size: int = 40,
        *,
        crossover_prob: float = 0.5,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(population_size, crossover_prob=crossover_prob, batch_size=batch_size)

    def _order(self, costs: Floats) -> Ints:
        from pymoo.operators.survival.rank_and_crowding.metrics import get_crowding_function
        from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting

        crowding = get_crowding_function("cd")
        kept = []
        for front in NonDominatedSorting().do(costs, n_stop_if_ranked=self.population_size):
            distances = crowding.do(costs[front], n_remove=0)
            kept.append(np.asarray(front)[np.argsort(-distances, kind="stable")])
        return np.concatenate(kept)[: self.population_size]


class NSGA3(_NSGA):
    """NSGA-III: survivors by non-dominated front, in the last front evenly along reference directions.

    For three or more objectives, where crowding distances are not informative. Reference directions are those
    of Das and Dennis, as many as fit into the population.

    Args:
        population_size: Size of the population.
        crossover_prob: Probability that a child has two parents; each child is mutated in one gene.
        batch_size: Children of a batch; None: ``population_size``.

    Raises:
        InvalidArgumentError: If ``population_size`` is below 2, ``batch_size`` below 1, or a probability
            outside [0, 1]; from :meth:`check`, if there is only one objective.

    Example:
        >>> NSGA3().name
        'nsga3'
    """

    name = "nsga3"

    def __init__(
        self,
        population_size: int = 40,
        *,
        crossover_prob: float = 0.5,
        batch_size: int | None = None,
    ) -> None:
        super().__init__(population_size, crossover_prob=crossover_prob, batch_size=batch_size)

    def check(self, problem: Problem) -> None:
        """Check that there are at least two objectives.

        Raises:
            InvalidArgumentError: If there is only one objective.
        """
        if len(problem.objectives) < 2:
            raise InvalidArgumentError(
                f"NSGA3 needs at least two objectives, but got only {problem.objectives[0]!r}; use NSGA2 or "
                "RegularizedEvolution."
            )

    def _start(self) -> None:
        from pymoo.algorithms.moo.nsga3 import ReferenceDirectionSurvival

        super()._start()
        directions = _directions(len(self.problem.objectives), self.population_size)
        self._survival = ReferenceDirectionSurvival(directions)

    def _order(self, costs: Floats) -> Ints:
        from pymoo.core.population import Population as Individuals
        from pymoo.core.problem import Problem as Costs

        individuals = Individuals.new(F=costs, X=np.arange(len(costs))[:, None])
        survivors = self._survival.do(
            Costs(n_var=1, n_obj=costs.shape[1]),
            individuals,
            n_survive=min(self.population_size, len(costs)),
            random_state=self.generator,
        )
        positions: Ints = survivors.get("X")[:, 0].astype(np.int64)
        return positions[np.argsort(survivors.get("rank").astype(np.int64), kind="stable")]


def _directions(n_objectives: int, most: int) -> Floats:
    """Return Das and Dennis's directions with the finest division of at most ``most``, or the coarsest."""
    from pymoo.util.ref_dirs import get_reference_directions

    def of(divisions: int) -> Floats:
        found = get_reference_directions("das-dennis", n_objectives, n_partitions=divisions)
        return np.asarray(found, dtype=np.float64)

    divisions = 1
    while len(of(divisions + 1)) <= most:
        divisions += 1
    return of(divisions)
