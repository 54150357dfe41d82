"""Successive halving: many architectures at low fidelity, and the best of them at higher ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_float
from ..evaluators import FIDELITY, Evaluation, Problem, check_fidelities
from ..spaces import Population
from .base import Optimizer
from .crowding import crowding_distances, front_ranks
from .registry import inner_optimizer

Floats = NDArray[np.float64]
Row = NDArray[np.signedinteger[Any]]


@dataclass
class _Rung:
    """Results at one fidelity.

    Attributes:
        rows: Architectures.
        scores: Objectives with signs such that larger is better.
        violations: Total violation of the constraints; infinite if nothing was measured.
        promoted: Whether each one was proposed at the next fidelity.
    """

    rows: list[Row] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    violations: list[float] = field(default_factory=list)
    promoted: list[bool] = field(default_factory=list)


class SuccessiveHalving(Optimizer):
    r"""Asynchronous successive halving (ASHA) around any optimizer.

    The inner optimizer proposes architectures, which are measured at the lowest fidelity. When a rung
    has :math:`n` results, the best :math:`\lfloor n / \eta \rfloor` of them are measured at the next one.
    Promotions take precedence over new architectures, and among them those to the highest fidelity. Only
    trials at the full fidelity can win. The inner optimizer learns from the lowest fidelity only, as values of
    different fidelities are not comparable. Constraints take precedence over objectives. Several objectives are
    compared by fronts, and within a front by crowding.

    If :math:`\eta` is the ratio of adjacent fidelities, all rungs cost about the same.

    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, algorithm 2; with
    results in batches.

    Args:
        optimizer: The inner optimizer: an object, its name, or a mapping of ``name`` and hyperparameters.
        fidelities: Fidelities of the rungs, ascending, in the unit of the evaluator
            (:attr:`.Evaluator.fidelity`); the last is its full fidelity.
        eta: Reduction factor; by default the mean ratio of adjacent fidelities.
        batch_size: Number of architectures per batch; by default that of the inner optimizer. Only if
            ``optimizer`` is not an object.

    Raises:
        UnknownNameError: If there is no such optimizer.
        InvalidArgumentError: If a number is out of range, or ``optimizer`` already has fidelities.

    Example:
        >>> from analognas.evaluators import evaluator_from
        >>> from analognas.search import Worker
        >>> from analognas.spaces import ConfigSpace
        >>> space = ConfigSpace(name="toy")
        >>> space.add_hyperparameter("width", "discrete", 1, 100)
        >>> def loss(arch, epochs=9):
        ...     return abs(arch["width"] - 40) + 30 / epochs
        >>> evaluator = evaluator_from(loss, space, {"loss": "min"}, fidelity="epochs")
        >>> optimizer = SuccessiveHalving("random_search", fidelities=[1, 3, 9], batch_size=1)
        >>> worker = Worker(optimizer=optimizer, evaluator=evaluator, objectives="loss", runs=1, budget=39)
        >>> run = worker.search().runs[0]
        >>> [int((run.evaluation.means["fidelity"] == epochs).sum()) for epochs in (1, 3, 9)]
        [25, 9, 5]
    """

    name = "successive_halving"
    several_objectives = True

    def __init__(
        self,
        optimizer: Optimizer | Mapping[str, Any] | str = "random_search",
        *,
        fidelities: Sequence[float] = (),
        eta: float | None = None,
        batch_size: int | None = None,
    ) -> None:
        self.inner = inner_optimizer(optimizer, batch_size)
        if self.inner.fidelities:
            raise InvalidArgumentError(
                f"`optimizer` is {self.inner.name}, which already has fidelities; give its inner optimizer."
            )
        super().__init__(batch_size=self.inner.batch_size)
        self.fidelities = check_fidelities(fidelities)
        self._asked: list[int] = []  # rungs of the last proposal
        if eta is None:
            ratio = (self.fidelities[-1] / self.fidelities[0]) ** (1 / (len(self.fidelities) - 1))
            eta = max(round(ratio, 9), 1.5)
        self.eta = check_float("eta", eta, minimum=1.5)

    def hyperparameters(self) -> dict[str, Any]:
        """Return fidelities, reduction factor, and name and hyperparameters of the inner optimizer."""
        return {
            "optimizer": {"name": self.inner.name, **self.inner.hyperparameters()},
            "fidelities": list(self.fidelities),
            "eta": self.eta,
        }

    def search_defaults(self) -> dict[str, Any]:
        """Return those of the inner optimizer."""
        return self.inner.search_defaults()

    def check(self, problem: Problem) -> None:
        """Check that the evaluator is deterministic, and the checks of the inner optimizer."""
        if problem.stochastic:
            raise InvalidArgumentError(
                f"{type(self).__name__} needs a deterministic evaluator, but this one is stochastic."
            )
        self.inner.check(at_any_fidelity(problem))

    def remark(self, problem: Problem) -> str:
        """Return the remark of the inner optimizer."""
        return self.inner.remark(at_any_fidelity(problem))

    def start_from(self, population: Population) -> None:
        """Start from architectures, which are measured at the lowest fidelity."""
        super().start_from(population)
        self.inner.start_from(population)
        self._asked = [0] * len(population)

    def ask(self) -> Population:
        """Propose architectures to promote, the highest fidelity first; if there are none, new ones."""
        promotions = [
            (rung, at)
            for rung in reversed(range(len(self.fidelities) - 1))
            for at in self._promotable(self._rungs[rung])
        ][: self.batch_size]
        if not promotions:
            new = self.inner.ask()
            self._asked = [0] * len(new)
            return new
        for rung, at in promotions:
            self._rungs[rung].promoted[at] = True
        self._asked = [rung + 1 for rung, _ in promotions]
        rows = [self._rungs[rung].rows[at] for rung, at in promotions]
        return np.array(rows, dtype=self.space.dtype)

    def asked_fidelities(self) -> Floats:
        """Return the fidelity of each row of the last :meth:`ask`."""
        return np.array([self.fidelities[rung] for rung in self._asked])

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Record results in their rungs, and pass those of the lowest to the inner optimizer."""
        rungs = np.array(self._asked[: len(population)], dtype=np.int64)
        scores = self._any_fidelity.scores(evaluation)
        violations = self._any_fidelity.violation(evaluation)
        # Architectures that violate a bound that is checked first were not measured, and belong to no rung.
        barred = self._any_fidelity.violation_beforehand(evaluation) > 0
        for at in np.flatnonzero(~barred).tolist():
            on = self._rungs[rungs[at]]
            on.rows.append(population[at])
            on.scores.append(scores[at])
            on.violations.append(float(violations[at]))
            on.promoted.append(False)
        lowest = rungs == 0
        if lowest.any():
            self.inner.tell(population[lowest], evaluation.take(lowest))

    def _start(self) -> None:
        self._any_fidelity = at_any_fidelity(self.problem)
        self.inner.reset(self.space, self._any_fidelity, generator=self.generator)
        self._rungs = [_Rung() for _ in self.fidelities]
        self._asked = []

    def _promotable(self, rung: _Rung) -> list[int]:
        """Return the positions of architectures to promote, best first."""
        n = int(len(rung.rows) / self.eta)
        if n == 0:
            return []
        best = _best_first(np.array(rung.violations), -np.stack(rung.scores))[:n].tolist()
        return [at for at in best if not rung.promoted[at] and rung.violations[at] < np.inf]


def at_any_fidelity(problem: Problem) -> Problem:
    """Return a problem without the bound on the fidelity."""
    bounds = tuple(bound for bound in problem.constraints if bound.metric != FIDELITY)
    return replace(problem, constraints=bounds)


def _best_first(violations: Floats, costs: Floats) -> NDArray[np.int64]:
    """Return positions sorted by feasibility and costs; ties are in order of measurement."""
    measured = violations < np.inf
    ranks = np.zeros(len(costs), dtype=np.int64)
    crowding = np.zeros(len(costs))
    ranks[measured] = front_ranks(costs[measured])
    if costs.shape[1] > 1:
        crowding[measured] = crowding_distances(costs[measured], ranks[measured])
    # lexsort is stable.
    return np.lexsort((-crowding, ranks, violations))
