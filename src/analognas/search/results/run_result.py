"""The result of one run of a search."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...evaluators import FIDELITY, Evaluation, Problem
from ...spaces import Population

__all__ = ["RunResult"]


@dataclass(frozen=True)
class RunResult:
    """One run of a search.

    Attributes:
        population: Every architecture proposed, in order, shape ``(n, n_genes)``.
        new: Whether each was evaluated and new to the run, at its fidelity where there are several, shape
            ``(n,)``.
        evaluation: Their metrics.
        score: First objective turned so that larger is better; minus infinity where a constraint is broken, and
            below the full fidelity.
            Where repeats are new measurements, the estimate from all readings of the architecture.
        violation: Total violation of the constraints; 0 where all are met.
        stopped_by: ``"budget"``, ``"seconds"``, ``"cost"``, ``"exhausted"`` (nothing new left), ``"stalled"``
            or ``"callback"``.
        n_evaluations: What counted against the budget: distinct architectures, each of their fidelities, or all
            readings where repeats are new measurements.
        errors: Why an evaluation failed, by row; its metrics are NaN.
        n_barred: Proposals that broke a bound that is checked first, such as one on ``params``, and were not
            evaluated.

    Example:
        >>> from analognas import Worker
        >>> Worker(optimizer="random_search", runs=1, budget=5).search().runs[0].n_distinct
        5
    """

    population: Population
    new: NDArray[np.bool_]
    evaluation: Evaluation
    score: NDArray[np.float64]
    violation: NDArray[np.float64]
    stopped_by: str
    n_evaluations: int
    errors: dict[int, str] = field(default_factory=dict)
    n_barred: int = 0

    @property
    def n_distinct(self) -> int:
        """Number of distinct architectures evaluated."""
        known = self.evaluation.means.get(FIDELITY)
        if known is None or not len(known):
            return int(self.new.sum())
        # Every architecture is measured at the lowest fidelity first.
        return int((self.new & (known == known.min())).sum())

    @property
    def n_at_fidelity(self) -> dict[float, int]:
        """Number of evaluations at each fidelity; empty where there is one."""
        known = self.evaluation.means.get(FIDELITY)
        if known is None:
            return {}
        values, counts = np.unique(known[self.new], return_counts=True)
        return dict(zip(values.tolist(), counts.tolist(), strict=True))

    @property
    def best(self) -> int:
        """Row of the best architecture: the best score, or the smallest violation if none is feasible."""
        feasible = self.violation == 0
        return int(self.score.argmax() if feasible.any() else self.violation.argmin())

    @property
    def feasible(self) -> bool:
        """Whether any architecture met all constraints."""
        return bool((self.violation == 0).any())

    def best_value(self, problem: Problem) -> float:
        """Best feasible value of the objective, in its own unit; NaN if there is none."""
        if not self.feasible:
            return float("nan")
        return problem.sign * float(self.score[self.best])

    def best_so_far(self) -> NDArray[np.float64]:
        """Best score after each distinct query, at several fidelities after each evaluation, shape ``(n,)``.

        Minus infinity before the first feasible one.
        """
        best: NDArray[np.float64] = np.maximum.accumulate(self.score[self.new])
        return best
