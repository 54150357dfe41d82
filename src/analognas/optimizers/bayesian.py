"""Bayesian optimization: a Gaussian process over classes of equal features, updated after every batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Constraint
from ..evaluators import distinct_rows
from ..evaluators.gp.class_model import ClassModel, standardised
from ..evaluators.normal_scores import NormalScores
from ..spaces import Population
from .acquisitions import EI_PER_COST, acquire
from .class_choice import BEST_OF_CLASS, best_of_class, most_of_class, top_per_class
from .model_based import LEAST_MEASURED, Features, ModelBased
from .prior import Prior, PriorModel, prior_weights

Floats = NDArray[np.float64]

N_LIKELY = 1000
"""Number of best candidates, from which joint draws of ``"thompson"`` choose a batch."""


def _normal_scores(values: Floats, classes: NDArray[np.int64]) -> NormalScores:
    return NormalScores.of(values)


class BayesianOptimizer(ModelBased):
    """Bayesian optimization with a Gaussian process over classes of equal features; default for one objective.

    The process models normal scores of the results. Architectures of equal features are one class with one
    true value, and share their readings. The weights of the features are fitted whenever the number of results
    has grown by 40 %; other results only update the posterior.

    By default, classes are compared by the expected best of their remaining readings (:mod:`.class_choice`),
    and up to half of a batch may come from one class. With ``"ei"``, ``"pi"`` and ``"ucb"``, which are about
    true values, a batch is chosen one by one: each chosen class is assumed to read its predicted mean ("kriging
    believer", Ginsbourger et al., "Kriging Is Well-Suited to Parallelize Optimization", 2010). With
    ``"thompson"`` a batch holds the best class of each draw from the joint posterior. Defaults were chosen on
    seeds 1000 and up of AnalogNAS-Bench (``benchmarks/search_efficiency.py``).

    Args:
        n_initial: Number of random architectures before the first model.
        acquisition: ``"best_of_class"``, or ``"ei"``, ``"pi"``, ``"ucb"``, ``"thompson"`` or ``"ei_per_cost"``,
            see :mod:`.acquisitions`. The last one needs the search's cost metric.
        kappa: Factor of the standard deviation in ``"ucb"``.
        temperature: Factor of the standard deviations in ``"best_of_class"``; larger values explore more.
        batch_size: Architectures of a batch; None: the fraction ``batch_share`` of the measured architectures,
            from 1 to 20.
        batch_share: See ``batch_size``.
        encoding: Name of the feature encoding; None: the default encoding of the space.

    Raises:
        UnknownNameError: If there is no such acquisition function, or the space has no such encoding.
        InvalidArgumentError: If a number is out of range.

    Example:
        >>> from analognas import Worker
        >>> optimizer = BayesianOptimizer()
        >>> result = Worker(optimizer=optimizer, objectives="baseline_accuracy", runs=1, budget=60).search()
        >>> round(result.finals()[0], 2)
        94.07
    """

    name = "bayesian"

    def __init__(
        self,
        *,
        n_initial: int = 10,
        acquisition: str = BEST_OF_CLASS,
        kappa: float = 1.0,
        temperature: float = 0.5,
        batch_size: int | None = None,
        batch_share: float = 0.05,
        encoding: str | None = None,
    ) -> None:
        super().__init__(
            n_initial=n_initial,
            acquisition=acquisition,
            kappa=kappa,
            temperature=temperature,
            batch_size=batch_size,
            batch_share=batch_share,
            encoding=encoding,
        )
        self._prior: Prior | None = None

    def _start(self) -> None:
        super()._start()
        self._models: dict[str, ClassModel] = {}
        self._known_before: PriorModel | None = None
        if self._prior is not None:
            self._known_before = self._prior.model(
                self.space, self._features, listed=self._listed is not None
            )

    def use_prior(self, prior: Prior | None) -> None:
        """Learn the objective as a weighted sum of a prior and a process, and begin with its best half."""
        self._prior = prior

    def _initial(self, n: int) -> Population:
        """Draw the initial design; with a prior, half of it are the best of the prior."""
        if self._known_before is None:
            return super()._initial(n)
        best = [code for code in self._known_before.best_first if code not in self.seen][: n // 2]
        first = self._take_new(self.space.from_codes(np.array(best, dtype=np.int64)), n)
        return np.concatenate([first, self._unseen(n - len(first))])

    def _columns(self, population: Population) -> Floats:
        """Return what the prior says of architectures, shape ``(n, 2)``; no columns without one."""
        if self._known_before is None:
            return np.empty((len(population), 0))
        return self._known_before.columns(population)

    def _choose(self, pool: Population, features: Features, n: int) -> list[int]:
        self._classify(pool, features)
        model = self._learnt("", self.observations.scores)
        self._offsets = self._columns(pool) @ model.weights
        feasibility = self._feasibility(pool, features)
        if self.acquisition == BEST_OF_CLASS:
            return self._of_classes(model, feasibility, n)
        if self.acquisition == "thompson":
            return self._drawn(model, feasibility, n)
        return self._believed(model, feasibility, self._log_costs(pool, features), n)

    def _classify(self, pool: Population, features: Features) -> None:
        """Find all classes, and which are measured, which await a result and which are candidates."""
        population, listed = self.observations.population, self._listed
        pending = np.array([*self._pending.values()], dtype=self.space.dtype)
        pending = pending.reshape(-1, self.space.n_genes)
        if listed is not None:
            self._points = listed.points
            parts = [population, pending, pool]
            found = [listed.classes[self.space.codes(part)] for part in parts]
        else:
            parts = [self._features(population), self._features(pending), features]
            distinct, classes = distinct_rows(np.concatenate(parts))
            self._points = standardised(distinct)
            found = np.split(classes, np.cumsum([len(population), len(pending)]))
        self._measured, self._awaited, self._candidates = found

    def _learnt(self, name: str, scores: Floats) -> ClassModel:
        """Return the model of the objective (no name) or of a metric, with all finite scores learnt."""
        weigh = None if name or self._known_before is None else prior_weights
        model = self._models.setdefault(
            name, ClassModel(_normal_scores, generator=self.generator, weigh=weigh)
        )
        known = np.isfinite(scores)
        columns = None if weigh is None else self._columns(self.observations.population[known])
        model.learn(self._points, self._measured[known], scores[known], columns)
        return model

    def _learnt_chance(self, constraint: Constraint, values: Floats, features: Features) -> Floats:
        from scipy.special import ndtr

        known = np.isfinite(values)
        if known.sum() < LEAST_MEASURED or np.ptp(values[known]) == 0:
            return np.ones(len(features))
        sign = -1.0 if constraint.relation.startswith("<") else 1.0
        model = self._learnt(constraint.metric, sign * values)
        posterior = model.posterior
        stds = np.sqrt(posterior.variances + model.noise)
        bound = model.target.to_scores(np.array([sign * constraint.bound]))
        return np.asarray(ndtr((posterior.means - bound) / stds)[self._candidates])

    def _of_classes(self, model: ClassModel, feasibility: Floats, n: int) -> list[int]:
        """Choose by the expected best reading of each candidate's class."""
        posterior, classes = model.posterior, self._candidates
        worth = best_of_class(
            posterior.means[classes] + self._offsets,
            np.sqrt(posterior.variances + model.noise)[classes],
            classes,
            noise_std=float(np.sqrt(model.noise)),
            temperature=self.temperature,
            generator=self.generator,
        )
        return top_per_class(
            self._worth(worth, feasibility),
            classes,
            n,
            per_class=most_of_class(n),
            generator=self.generator,
        )

    def _believed(
        self, model: ClassModel, feasibility: Floats, log_costs: Floats, n: int
    ) -> list[int]:
        """Choose one by one; of candidates with equal features only one."""
        posterior, classes = model.posterior, self._candidates
        n_rows, free = len(posterior), np.ones(len(classes), dtype=bool)
        feasible = self._measured[self.observations.violation == 0]
        offsets = self._columns(self.observations.population) @ model.weights
        offsets = offsets[self.observations.violation == 0]
        best = float((posterior.means[feasible] + offsets).max(initial=-np.inf))
        chosen: list[int] = []
        for awaited in self._awaited.tolist():
            posterior.add_mean(awaited)
        while len(chosen) < n and free.any():
            acquired = acquire(
                "ei" if self.acquisition == EI_PER_COST else self.acquisition,
                posterior.means[classes] + self._offsets,
                np.sqrt(posterior.variances)[classes],
                best=best if np.isfinite(best) else 0.0,
                kappa=self.kappa,
                generator=self.generator,
            )
            worth = self._worth(acquired - log_costs, feasibility)
            chosen.append(int(np.where(free, worth, -np.inf).argmax()))
            free &= classes != classes[chosen[-1]]
            posterior.add_mean(int(classes[chosen[-1]]))
        posterior.forget(n_rows)
        return chosen

    def _drawn(self, model: ClassModel, feasibility: Floats, n: int) -> list[int]:
        """Choose the best candidate of each of ``n`` joint draws; of equal features only one."""
        posterior, classes = model.posterior, self._candidates
        upper = posterior.means + self.kappa * np.sqrt(posterior.variances)
        worth = self._worth(upper[classes] + self._offsets, feasibility)
        distinct, first = np.unique(classes, return_index=True)
        likely = np.argsort(-worth[first], kind="stable")[:N_LIKELY]
        chosen: list[int] = []
        taken: set[int] = set()
        for draw in posterior.draws(distinct[likely], n, generator=self.generator):
            chosen_of = first[likely]
            worth = self._worth(draw + self._offsets[chosen_of], feasibility[chosen_of])
            for place in np.argsort(-worth, kind="stable").tolist():
                if place not in taken:
                    taken.add(place)
                    chosen.append(int(first[likely[place]]))
                    break
        return chosen
