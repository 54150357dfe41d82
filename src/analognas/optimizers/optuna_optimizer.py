"""Any Optuna sampler as an optimizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..core import InvalidArgumentError, check_choice
from ..evaluators import Evaluation
from ..spaces import Population
from .base import Optimizer
from .optuna_space import (
    active_genes,
    constraint_values,
    gene_distributions,
    gene_name,
    import_optuna,
    quiet,
    suggest,
)

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

SAMPLERS = {
    "tpe": "TPESampler",
    "gp": "GPSampler",
    "nsga2": "NSGAIISampler",
    "nsga3": "NSGAIIISampler",
    "cmaes": "CmaEsSampler",
    "qmc": "QMCSampler",
    "random": "RandomSampler",
}
"""Names of samplers, and their classes in ``optuna.samplers``."""

ATTEMPTS = 10
"""Number of times that a sampler is asked for a new architecture, before one is drawn at random."""


class OptunaOptimizer(Optimizer):
    """Searches with a sampler of Optuna (the extra ``optuna``), through its ask and tell.

    Genes are categorical for the sampler, or integers where they are fine grids; it only sees active genes.
    Repeated or forbidden proposals are told as failed, and the sampler is asked again. Samplers that support
    constraints (TPE, GP, NSGA-II, NSGA-III) get them. Several objectives are supported where the sampler
    supports them.

    Args:
        sampler: A name of :data:`SAMPLERS`, or a function with the argument ``seed`` that returns a sampler,
            such as a sampler class; the seed comes from the run's generator.
        options: Keyword arguments of the sampler, for example ``{"multivariate": True}``.
        batch_size: Architectures of a batch; samplers expect one. For more, TPE has the option
            ``{"constant_liar": True}``.

    Raises:
        InvalidArgumentError: If Optuna is not installed, or ``sampler`` is neither a name nor a function.
        UnknownNameError: If there is no such sampler.

    Source: Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization Framework", KDD 2019.

    Example:
        >>> from analognas import Worker
        >>> optimizer = OptunaOptimizer("random", batch_size=10)
        >>> Worker(optimizer=optimizer, runs=1, budget=30).search().runs[0].n_distinct
        30
    """

    name = "optuna"
    any_order = True
    several_objectives = True  # the sampler raises where it does not support them
    _pending: dict[Any, Trial]

    def __init__(
        self,
        sampler: str | Callable[..., BaseSampler] = "tpe",
        *,
        options: Mapping[str, Any] | None = None,
        batch_size: int = 1,
    ) -> None:
        super().__init__(batch_size=batch_size)
        self._optuna = import_optuna()
        if isinstance(sampler, str):
            check_choice("sampler", sampler, tuple(SAMPLERS))
        elif not callable(sampler):
            raise InvalidArgumentError(
                "`sampler` must be a name or a function of a seed, such as the class TPESampler, but got "
                f"{sampler!r}; a sampler object would carry its state from run to run."
            )
        self.sampler = sampler
        self.options = dict(options or {})

    def hyperparameters(self) -> dict[str, Any]:
        """Name of the sampler, its options, and the batch size."""
        named = isinstance(self.sampler, str)
        name = self.sampler if named else getattr(self.sampler, "__qualname__", repr(self.sampler))
        return {"sampler": name, "options": self.options, "batch_size": self.batch_size}

    def ask(self) -> Population:
        """Propose architectures of the sampler, or random unseen ones where it repeats itself."""
        rows = [row for _ in range(self.batch_size) if (row := self._proposed()) is not None]
        return np.array(rows, dtype=self.space.dtype).reshape(len(rows), self.space.n_genes)

    def tell(self, population: Population, evaluation: Evaluation) -> None:
        """Tell the sampler scores, larger is better, and the violation of constraints.

        Architectures that violate a bound that is checked first have no scores; they are told as pruned.
        """
        scores = self.problem.scores(evaluation)
        measured = np.isfinite(self.problem.violation(evaluation)) & np.isfinite(scores).all(axis=1)
        barred = self.problem.violation_beforehand(evaluation) > 0
        bounds = {
            str(bound): constraint_values(bound, evaluation.means[bound.metric])
            for bound in self.problem.constraints
        }
        for row, code in enumerate(self.space.codes(population).tolist()):
            trial = self._pending.pop(code, None) or self._given(population[row])
            if not measured[row] and not barred[row]:
                self._fail(trial)
                continue
            for name, values in bounds.items():
                if np.isfinite(values[row]):
                    trial.set_constraint(name, float(values[row]))
            if measured[row]:
                self._study.tell(trial, scores[row].tolist())
            else:
                self._study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)

    def _start(self) -> None:
        seed = int(self.generator.integers(2**31))
        made = (
            getattr(self._optuna.samplers, SAMPLERS[self.sampler])
            if isinstance(self.sampler, str)
            else self.sampler
        )
        with quiet(self._optuna):
            self._study = self._optuna.create_study(
                directions=["maximize"] * len(self.problem.objectives),
                sampler=made(seed=seed, **self.options),
            )
        self._distributions = gene_distributions(self.space)
        self._pending = {}

    def _proposed(self) -> NDArray[np.signedinteger[Any]] | None:
        """Return the next architecture, or None if no new one is left."""
        for _ in range(ATTEMPTS):
            trial = self._study.ask()
            row = self._suggested(trial)
            if self.space.restriction is not None:
                # Few combinations exist: the sampler is told the nearest existing one.
                self._fail(trial)
                row = self.space.nearest(row)
                if len(self._take_new(row, 1)):
                    self._pending[self.space.codes(row).tolist()[0]] = self._given(row[0])
                    return np.asarray(row[0])
                continue
            if self.space.allowed(row) and len(self._take_new(row, 1)):
                self._pending[self.space.codes(row).tolist()[0]] = trial
                return np.asarray(row[0])
            self._fail(trial)
        row = self._unseen(1)
        if not len(row):
            return None
        self._pending[self.space.codes(row).tolist()[0]] = self._given(row[0])
        return np.asarray(row[0])

    def _suggested(self, trial: Trial) -> Population:
        """Return the genes of a trial, each asked after those that make it active, shape ``(1, n_genes)``."""
        space = self.space
        row = np.zeros((1, space.n_genes), dtype=space.dtype)
        asked = np.zeros(space.n_genes, dtype=bool)
        while (open_genes := np.flatnonzero(space.active(row)[0] & ~asked)).size:
            gene = int(open_genes[0])
            asked[gene] = True
            row[0, gene] = suggest(trial, gene_name(gene), self._distributions[gene])
        return space.canonical(row)

    def _given(self, row: NDArray[np.signedinteger[Any]]) -> Trial:
        """Return a trial of an architecture that the sampler did not choose."""
        self._study.enqueue_trial(active_genes(self.space, row))
        trial: Trial = self._study.ask()
        self._suggested(trial)
        return trial

    def _fail(self, trial: Trial) -> None:
        self._study.tell(trial, state=self._optuna.trial.TrialState.FAIL)
