"""Noise-aware search: part of the budget measures contenders again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_float
from ..evaluators import Evaluation, Problem, pooled_evaluation
from ..spaces import Population
from .base import Optimizer
from .posterior import Posterior
from .registry import inner_optimizer

Floats = NDArray[np.float64]

_BATCH_SHARE = 20
_LEAST_READ = 10


class NoiseAware(Optimizer):
    """Wraps any optimizer: contenders are measured again, and the optimizer gets pooled estimates.

    Applies where a repeat is a new measurement (:attr:`.Evaluator.stochastic`) and the objective has a standard
    error. A fraction of all readings then goes to architectures that were measured before, by top-two Thompson
    sampling: an architecture is drawn with its probability of being the best, and half of the time replaced by
    a second draw. The inner optimizer proposes new architectures, and gets better estimates through
    :meth:`.Optimizer.revise`. Elsewhere nothing is measured twice, the inner optimizer searches alone, and the
    search warns of it.

    Source: Russo, "Simple Bayesian Algorithms for Best-Arm Identification", Operations Research 68, 2020. The
    share was chosen on seeds 1000 and up of ``benchmarks/noisy_search.py``.

    Args:
        optimizer: The inner optimizer: an optimizer, its name, or a mapping of ``name`` and hyperparameters.
        share: Fraction of the readings for architectures that were measured before.
        batch_size: Architectures of a batch; None: that of the inner optimizer. Only where ``optimizer`` is not
            an object.

    Raises:
        UnknownNameError: If there is no such optimizer.
        InvalidArgumentError: If a number is out of range, or ``optimizer`` is already noise-aware.

    Example:
        >>> from analognas.evaluators import NoisyTableEvaluator
        >>> from analognas.search import Worker
        >>> worker = Worker(optimizer=NoiseAware(), evaluator=NoisyTableEvaluator(), runs=1, budget=60)
        >>> run = worker.search().runs[0]
        >>> len(run.population), run.n_distinct < 60
        (60, True)
    """

    name = "noise_aware"

    def __init__(
        self,
        optimizer: Optimizer | Mapping[str, Any] | str = "regularized_evolution",
        *,
        share: float = 0.2,
        batch_size: int | None = None,
    ) -> None:
        inner = inner_optimizer(optimizer, batch_size)
        if isinstance(inner, NoiseAware):
            raise InvalidArgumentError(
                "`optimizer` is already noise-aware; give its inner optimizer."
            )
        if inner.fidelities:
            raise InvalidArgumentError(
                f"`optimizer` is {inner.name}, which repeats no measurements; give its inner optimizer."
            )
        super().__init__(batch_size=inner.batch_size)
        self.inner = inner
        self.share = check_float("share", share, minimum=0.0, maximum=1.0)

    def hyperparameters(self) -> dict[str, Any]:
        """The share, and the name and hyperparameters of the inner optimizer."""
        return {
            "optimizer": {"name": self.inner.name, **self.inner.hyperparameters()},
            "share": self.share,
        }

    @property
    def any_order(self) -> bool:  # type: ignore[override]
        """Whether the inner optimizer accepts results in any order."""
        return self.inner.any_order

    def start_from(self, population: Population) -> None:
        """Let the inner optimizer start from architectures."""
        super().start_from(population)
        self.inner.start_from(population)

    def search_defaults(self) -> dict[str, Any]:
        """The defaults of the inner optimizer."""
        return self.inner.search_defaults()

    def check(self, problem: Problem) -> None:
        """Check that there is one objective, and that the inner optimizer supports the problem."""
        super().check(problem)
        self.inner.check(problem)

    def remark(self, problem: Problem) -> str:
        """Return a warning where repeats are not new measurements, and that of the inner optimizer."""
        idle = (
            ""
            if problem.stochastic
            else f"{type(self).__name__} measures nothing again, because a repeat is no new measurement, and "
            f"searches like {self.inner.name} alone; use a stochastic evaluator such as NoisyTableEvaluator "
            "(--noise)."
        )
        return " ".join(filter(None, [idle, self.inner.remark(problem)]))

    def ask(self) -> Population:
        """Propose contenders to measure again while their share is not spent, else new architectures."""
        n = len(self._groups)
        owed = int(self.share * n) - self._n_repeats
        if self._reads_again and owed > 0 and len(self._position) >= _LEAST_READ:
            again = self._contenders(min(owed, self.batch_size, max(1, n // _BATCH_SHARE)))
            if len(again):
                return again
        return self.inner.ask()

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Pool readings; tell the inner optimizer new results and better estimates."""
        if not self.problem.stochastic:
            self.inner.tell(population, evaluation)
            return
        codes = self.space.codes(population).tolist()
        new = np.array([code not in self._position for code in codes], dtype=bool)
        for code, row in zip(codes, population, strict=True):
            if code not in self._position:
                self._position[code] = len(self._rows)
                self._rows.append(row)
            self._groups.append(self._position[code])
        self._told.append(evaluation)
        self._n_repeats += int((~new).sum())
        if new.any():
            self.inner.tell(population[new], evaluation.take(new))
        self._learn()

    def _start(self) -> None:
        self.inner.reset(self.space, self.problem, generator=self.generator)
        self._position: dict[Any, int] = {}
        self._rows: list[NDArray[np.signedinteger[Any]]] = []
        self._groups: list[int] = []
        self._told: list[Evaluation] = []
        self._n_repeats = 0
        self._reads_again = False
        self._candidates: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._chances: Floats = np.empty(0)

    def _learn(self) -> None:
        """Fit the posterior, and pass its means to the inner optimizer."""
        objective = self.problem.objectives[0]
        self._reads_again = objective in self._told[-1].sems
        if not self._reads_again:
            return
        evaluation = pooled_evaluation(self._told, np.array(self._groups), len(self._rows))
        scores = self.problem.scores(evaluation)[:, 0]
        fit = np.flatnonzero(
            (self.problem.violation(evaluation) == 0) & np.isfinite(evaluation.sems[objective])
        )
        if not len(fit):
            self._candidates, self._chances = fit, np.empty(0)
            return
        posterior = Posterior.fit(scores[fit], evaluation.sems[objective][fit])
        self._candidates, self._chances = fit[posterior.contenders], posterior.best()
        evaluation.means[objective][self._candidates] = self.problem.sign * posterior.means()
        self.inner.revise(
            np.array([self._rows[row] for row in self._candidates], dtype=self.space.dtype),
            evaluation.take(self._candidates),
        )

    def _contenders(self, n: int) -> Population:
        """Draw ``n`` architectures to measure again: leaders, and as often challengers."""
        chances = self._chances
        if len(chances) < 2 or np.count_nonzero(chances) < 2:
            return np.empty((0, self.space.n_genes), dtype=self.space.dtype)
        chosen = []
        for leader in self.generator.choice(len(chances), n, p=chances).tolist():
            others = chances.copy()
            others[leader] = 0.0
            challenges = self.generator.random() < 0.5 and others.sum() > 0
            pick = (
                self.generator.choice(len(chances), p=others / others.sum())
                if challenges
                else leader
            )
            chosen.append(self._rows[self._candidates[pick]])
        return np.array(chosen, dtype=self.space.dtype)
