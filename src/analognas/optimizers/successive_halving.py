"""Successive halving: many architectures are measured with little effort, the best of them with more."""

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
    """What was measured at one fidelity.

    Attributes:
        rows: Architectures.
        scores: Objectives turned so that larger is better.
        violations: Total violation of the constraints; infinite where nothing was measured.
        promoted: Whether each was proposed at the next fidelity.
    """

    rows: list[Row] = field(default_factory=list)
    scores: list[Floats] = field(default_factory=list)
    violations: list[float] = field(default_factory=list)
    promoted: list[bool] = field(default_factory=list)


class SuccessiveHalving(Optimizer):
    r"""Any optimizer, with architectures measured at rising fidelities (ASHA).

    The optimizer inside proposes architectures, which are measured at the lowest fidelity. Whenever a rung
    holds :math:`n` results, the best :math:`\lfloor n / \eta \rfloor` of them are measured at the next one.
    Promotions come before new architectures, those to the highest fidelity first. Only trials of the full
    fidelity may win. The optimizer inside learns from the lowest fidelity alone, whose values can be compared.

    Constraints come before objectives. Several objectives are compared by fronts, and within a front by
    crowding.

    Where :math:`\eta` is the ratio of neighbouring fidelities, every rung costs about the same.

    Source: Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, algorithm 2; with
    results told by batches.

    Args:
        optimizer: What proposes architectures: an optimizer, its name, or a mapping of ``name`` and
            hyperparameters.
        fidelities: Fidelities of the rungs, rising, in the unit of the evaluator (:attr:`.Evaluator.fidelity`);
            the last is its full fidelity.
        eta: Reduction factor; by default the mean ratio of neighbouring fidelities.
        batch_size: Architectures proposed at once; by default as the optimizer inside does. Only where
            ``optimizer`` is not an object.

    Raises:
        UnknownNameError: If there is no such optimizer.
        InvalidArgumentError: If a number is out of range, or ``optimizer`` has fidelities itself.

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
        [27, 9, 3]
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
                f"`optimizer` is {self.inner.name}, which has fidelities already; give the one inside it."
            )
        super().__init__(batch_size=self.inner.batch_size)
        self.fidelities = check_fidelities(fidelities)
        self._asked: list[int] = []  # rungs of the last proposal
        if eta is None:
            ratio = (self.fidelities[-1] / self.fidelities[0]) ** (1 / (len(self.fidelities) - 1))
            eta = max(round(ratio, 9), 1.5)
        self.eta = check_float("eta", eta, minimum=1.5)

    def hyperparameters(self) -> dict[str, Any]:
        """Fidelities, reduction factor, and name and hyperparameters of the optimizer inside."""
        return {
            "optimizer": {"name": self.inner.name, **self.inner.hyperparameters()},
            "fidelities": list(self.fidelities),
            "eta": self.eta,
        }

    def search_defaults(self) -> dict[str, Any]:
        """Those of the optimizer inside."""
        return self.inner.search_defaults()

    def check(self, problem: Problem) -> None:
        """Check that nothing is measured anew at every repeat, and what the optimizer inside checks."""
        if problem.stochastic:
            raise InvalidArgumentError(
                f"{type(self).__name__} needs an evaluator that measures an architecture alike each time, but "
                "repeats are new measurements here."
            )
        self.inner.check(at_any_fidelity(problem))

    def remark(self, problem: Problem) -> str:
        """What the optimizer inside says."""
        return self.inner.remark(at_any_fidelity(problem))

    def ask(self) -> Population:
        """Propose what is to be promoted, the highest fidelity first; where nothing is, what is new."""
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
        """Put results on their rungs; tell the optimizer inside those of the lowest."""
        rungs = np.array(self._asked[: len(population)], dtype=np.int64)
        scores = self._any_fidelity.scores(evaluation)
        violations = self._any_fidelity.violation(evaluation)
        # What breaks a bound that is checked first was not measured, and is on no rung.
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
        """Positions of what is to be measured at the next fidelity, best first."""
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
    """Positions, what meets the constraints first; among equals the one that was measured first."""
    measured = violations < np.inf
    ranks = np.zeros(len(costs), dtype=np.int64)
    crowding = np.zeros(len(costs))
    ranks[measured] = front_ranks(costs[measured])
    if costs.shape[1] > 1:
        crowding[measured] = crowding_distances(costs[measured], ranks[measured])
    # lexsort is stable.
    return np.lexsort((-crowding, ranks, violations))
