"""Bayesian optimization: a Gaussian process with a categorical kernel, in batches."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..evaluators import distinct_rows
from ..evaluators.gp.categorical_kernel import Points
from ..evaluators.gp.categorical_process import CategoricalProcess, ProcessPosterior
from ..evaluators.gp.linear_algebra import signed_roots
from ..evaluators.normal_scores import NormalScores
from ..spaces import Population, encode_features
from .acquisitions import acquire
from .class_choice import BEST_OF_CLASS, best_of_class, most_of_class, top_per_class
from .model_based import Features, ModelBased

Floats = NDArray[np.float64]

N_LIKELY = 1000
"""Number of best candidates, from which a batch is chosen one by one."""

_ROUNDING = 1e-6


class BayesianOptimizer(ModelBased):
    """Bayesian optimization with a Gaussian process on graph features and categorical genes.

    The process models normal scores of the results with the :class:`.CategoricalKernel`; its weights are fitted
    after every batch. By default, classes of equal features are compared by the expected best of their
    remaining readings (:mod:`.class_choice`), and up to half of a batch may come from one class. With ``"ei"``,
    ``"pi"`` and ``"ucb"`` a batch is chosen one by one: each chosen architecture is assumed to have its
    predicted mean ("kriging believer", Ginsbourger et al., "Kriging Is Well-Suited to Parallelize
    Optimization", 2010). With
    ``"thompson"`` a batch holds the best architecture of each draw from the joint posterior. Standard
    deviations are those of a new measurement, with label noise. ``temperature`` was chosen on seeds 1000 to
    1023 of AnalogNAS-Bench (``benchmarks/search_efficiency.py``).

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
        >>> result = Worker(optimizer=optimizer, objectives="baseline_accuracy", runs=1, budget=40).search()
        >>> round(result.finals()[0], 2)
        94.07
    """

    name = "bayesian"

    def _choose(self, pool: Population, features: Features, n: int) -> list[int]:
        scores = self.observations.scores
        known = np.isfinite(scores)
        target = NormalScores.of(scores[known])
        measured = self.observations.population[known]
        learnt = encode_features(self.space, measured, self._encoding)
        scale = _Standardisation.of(learnt)
        process = CategoricalProcess.fit(
            self._points(measured, scale(learnt)),
            target.to_scores(scores[known]),
            generator=self.generator,
        )
        posterior = process.posterior(self._points(pool, scale(features)))
        feasibility = self._feasibility(pool, features)
        if self.acquisition == BEST_OF_CLASS:
            return self._of_classes(posterior, feasibility, features, n)
        best = float(target.to_scores(np.array([self.observations.best_feasible]))[0])
        promise = "ucb" if self.acquisition == "thompson" else self.acquisition
        worth = self._worth(self._acquired(promise, posterior, best), feasibility)
        likely = np.argsort(-worth, kind="stable")[:N_LIKELY]
        posterior, feasibility, features = (
            posterior.take(likely),
            feasibility[likely],
            features[likely],
        )
        if self.acquisition == "thompson":
            chosen = self._drawn(posterior, feasibility, features, n)
        else:
            chosen = self._believed(posterior, feasibility, features, n, best)
        return [int(row) for row in likely[chosen]]

    def _points(self, population: Population, graph: Floats) -> Points:
        space = self.space
        columns = np.where(space.fine, 1, space.n_choices)
        genes = encode_features(space, population, "one_hot").astype(np.float64)
        return Points(graph, genes, np.repeat(np.arange(space.n_genes), columns))

    def _acquired(self, name: str, posterior: ProcessPosterior, best: float) -> Floats:
        return acquire(
            name,
            posterior.means,
            posterior.stds,
            best=best,
            kappa=self.kappa,
            generator=self.generator,
        )

    def _of_classes(
        self, posterior: ProcessPosterior, feasibility: Floats, features: Features, n: int
    ) -> list[int]:
        """Choose by the expected best reading of each candidate's class."""
        _, classes = distinct_rows(features)
        worth = best_of_class(
            posterior.means,
            posterior.stds,
            classes,
            noise_std=posterior.process.noise_std,
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
        self,
        posterior: ProcessPosterior,
        feasibility: Floats,
        features: Features,
        n: int,
        best: float,
    ) -> list[int]:
        """Choose one by one; of candidates with equal features only one."""
        free = np.ones(len(features), dtype=bool)
        chosen: list[int] = []
        while len(chosen) < n and free.any():
            worth = self._worth(self._acquired(self.acquisition, posterior, best), feasibility)
            at = int(np.where(free, worth, -np.inf).argmax())
            chosen.append(at)
            free &= (features != features[at]).any(axis=1)
            posterior = posterior.believing(at)
        return chosen

    def _drawn(
        self, posterior: ProcessPosterior, feasibility: Floats, features: Features, n: int
    ) -> list[int]:
        """Choose the best candidate of each of ``n`` joint draws; of equal features only one."""
        taken: set[bytes] = set()
        chosen: list[int] = []
        for draw in posterior.draws(n, generator=self.generator):
            for at in np.argsort(-self._worth(draw, feasibility)).tolist():
                key = features[at].tobytes()
                if key not in taken:
                    taken.add(key)
                    chosen.append(at)
                    break
        return chosen


@dataclass(frozen=True)
class _Standardisation:
    """Standardisation of features; constant features become 0.

    Attributes:
        centre: Means, shape ``(d,)``.
        inverse: Inverse standard deviations, 0 for constant features, shape ``(d,)``.
    """

    centre: Floats
    inverse: Floats

    @classmethod
    def of(cls, features: Features) -> _Standardisation:
        columns = signed_roots(features)
        spread = columns.std(axis=0)
        varies = spread > _ROUNDING * np.abs(columns).max(axis=0)
        return cls(columns.mean(axis=0), np.where(varies, 1 / np.where(varies, spread, 1.0), 0.0))

    def __call__(self, features: Features) -> Floats:
        return (signed_roots(features) - self.centre) * self.inverse
