"""Bayesian optimization: a Gaussian process over classes of equal features, updated after every batch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core import Constraint
from ..evaluators import distinct_rows
from ..evaluators.gp.class_model import ClassModel, standardised
from ..evaluators.normal_scores import NormalScores
from ..spaces import Population
from .acquisitions import acquire
from .class_choice import BEST_OF_CLASS, best_of_class, most_of_class, top_per_class
from .model_based import LEAST_MEASURED, Features, ModelBased

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
        acquisition: ``"best_of_class"``, or ``"ei"``, ``"pi"``, ``"ucb"`` or ``"thompson"``, see
            :mod:`.acquisitions`.
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

    def _start(self) -> None:
        super()._start()
        self._models: dict[str, ClassModel] = {}

    def _choose(self, pool: Population, features: Features, n: int) -> list[int]:
        points, measured, candidates = self._classified(pool, features)
        self._points, self._measured, self._candidates = points, measured, candidates
        model = self._learnt("", self.observations.scores)
        feasibility = self._feasibility(pool, features)
        if self.acquisition == BEST_OF_CLASS:
            return self._of_classes(model, feasibility, n)
        if self.acquisition == "thompson":
            return self._drawn(model, feasibility, n)
        return self._believed(model, feasibility, n)

    def _classified(
        self, pool: Population, features: Features
    ) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
        """Return features of all classes, the class of each observation, and the class of each candidate."""
        population, listed = self.observations.population, self._listed
        if listed is not None:
            of_observations = listed.classes[self.space.codes(population)]
            return listed.points, of_observations, listed.classes[self.space.codes(pool)]
        distinct, classes = distinct_rows(np.concatenate([self._features(population), features]))
        return standardised(distinct), classes[: len(population)], classes[len(population) :]

    def _learnt(self, name: str, scores: Floats) -> ClassModel:
        """Return the model of the objective (no name) or of a metric, with all finite scores learnt."""
        model = self._models.setdefault(name, ClassModel(_normal_scores, generator=self.generator))
        known = np.isfinite(scores)
        model.learn(self._points, self._measured[known], scores[known])
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
            posterior.means[classes],
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

    def _believed(self, model: ClassModel, feasibility: Floats, n: int) -> list[int]:
        """Choose one by one; of candidates with equal features only one."""
        posterior, classes = model.posterior, self._candidates
        n_rows, free = len(posterior), np.ones(len(classes), dtype=bool)
        feasible = self._measured[self.observations.violation == 0]
        best = float(posterior.means[feasible].max(initial=-np.inf))
        chosen: list[int] = []
        while len(chosen) < n and free.any():
            acquired = acquire(
                self.acquisition,
                posterior.means,
                np.sqrt(posterior.variances),
                best=best if np.isfinite(best) else 0.0,
                kappa=self.kappa,
                generator=self.generator,
            )
            worth = self._worth(acquired[classes], feasibility)
            chosen.append(int(np.where(free, worth, -np.inf).argmax()))
            free &= classes != classes[chosen[-1]]
            posterior.add_mean(int(classes[chosen[-1]]))
        posterior.forget(n_rows)
        return chosen

    def _drawn(self, model: ClassModel, feasibility: Floats, n: int) -> list[int]:
        """Choose the best candidate of each of ``n`` joint draws; of equal features only one."""
        posterior, classes = model.posterior, self._candidates
        upper = posterior.means + self.kappa * np.sqrt(posterior.variances)
        worth = self._worth(upper[classes], feasibility)
        distinct, first = np.unique(classes, return_index=True)
        likely = np.argsort(-worth[first], kind="stable")[:N_LIKELY]
        chosen: list[int] = []
        taken: set[int] = set()
        for draw in posterior.draws(distinct[likely], n, generator=self.generator):
            worth = self._worth(draw, feasibility[first[likely]])
            for place in np.argsort(-worth, kind="stable").tolist():
                if place not in taken:
                    taken.add(place)
                    chosen.append(int(first[likely[place]]))
                    break
        return chosen
